"""The data set behind a run as Croissant 1.0 describes data sets, in JSON-LD (https://docs.mlcommons.org/croissant)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from camagain.compare.runs.folder import RunFolder
from camagain.config.dataset import KINDS, licence
from camagain.export.images import Images

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of the specification."""

MEANING: Mapping[str, str] = {
    "image_id": "Name of the image in every file of the run.",
    "split": "train, val or test.",
    "label": "Number of the class, from 0.",
    "class_name": "Name of the class.",
    "path": "Where the image lies below the folder of all images.",
    "width": "Pixels of the original image.",
    "height": "Pixels of the original image.",
    "sha256": "SHA-256 of the image file.",
    "x0": "Left edge of the true box, pixels of the original image.",
    "y0": "Upper edge of the true box, pixels of the original image.",
    "x1": "Right edge of the true box, pixels of the original image.",
    "y1": "Lower edge of the true box, pixels of the original image.",
}
"""Columns of the tables of images and of boxes."""

REFERENCES = {"images/split": "splits/name", "images/label": "classes/label"}
"""Columns that name rows of another record set. Boxes name images, too, but mlcroissant 1.1 cannot join two CSV files.
"""


def croissant(run: RunFolder, images: Images, files: Mapping[str, Mapping[str, Any]], date: str) -> dict[str, Any]:
    """The description; `files`: digest and size of images.csv, and of boxes.csv where boxes are known."""
    dataset = run.dataset
    tables = {"images": images.rows} | ({} if images.boxes is None else {"boxes": images.boxes})
    splits = [{"splits/name": name, "splits/images": count} for name, count in dataset["splits"].items()]
    classes = [{"classes/label": label, "classes/name": name} for label, name in enumerate(dataset["classes"])]
    description = {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": dataset["name"],
        "description": in_words(run, images),
        "license": licence(dataset["kind"]),
        "datePublished": date,
        "keywords": ["weakly supervised object localization", "image classification", "bounding boxes"],
        "distribution": [*archive_of(dataset), *(csv_file(file, about) for file, about in files.items())],
        "recordSet": [
            inline("splits", "Number of images in each split.", {"name": "sc:Text", "images": "sc:Integer"}, splits),
            inline("classes", "The classes, by label.", {"label": "sc:Integer", "name": "sc:Text"}, classes),
            *(record_set(name, table) for name, table in tables.items()),
        ],
    }
    return {**description, "url": dataset["source"]} if is_address(dataset.get("source")) else description


def in_words(run: RunFolder, images: Images) -> str:
    """What the images are, where they come from, how they were split, and what is not known here."""
    dataset = run.dataset
    kind = KINDS[dataset["kind"]][1].__doc__ if dataset["kind"] in KINDS else f"Images of the kind {dataset['kind']}."
    division = (
        f"val was taken out of the training part, {dataset['val_per_class']} images of each class by seed "
        f"{dataset['split_seed']}"
        if dataset.get("val_per_class") is not None
        else "the splits are given with the images"
    )
    known = (
        "Every image is listed with its SHA-256 and its boxes."
        if images.at_hand
        else "The images were not at hand when this was written: the test images are listed by name and class, without "
        "digests and boxes."
    )
    return (
        f"{(kind or '').strip().splitlines()[0]} {dataset['images']:,} images of {len(dataset['classes'])} classes; "
        f"{division}. Source: {dataset.get('source') or 'not recorded'}. Boxes: {dataset.get('boxes', 'given')}. "
        f"{known} No image is part of this crate. A digest over the index and all images: SHA-256 "
        f"{dataset['fingerprint']}."
    )


def archive_of(dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The archive that the images are published in, and the images inside it; none where there is no archive."""
    archive = dataset.get("archive")
    if not archive or not is_address(dataset.get("source")):
        return []
    return [
        {
            "@type": "cr:FileObject",
            "@id": archive["name"],
            "name": archive["name"],
            "description": "The images and annotations as they are published. Not part of this crate.",
            "contentUrl": dataset["source"],
            "contentSize": f"{archive['size']} B",
            "encodingFormat": "application/x-tar",
            "sha256": archive["sha256"],
        },
        {
            "@type": "cr:FileSet",
            "@id": "image-files",
            "name": "image-files",
            "description": "The images in the archive.",
            "containedIn": {"@id": archive["name"]},
            "encodingFormat": "image/jpeg",
            "includes": "*/images/*/*.jpg",
        },
    ]


def is_address(source: Any) -> bool:
    return isinstance(source, str) and source.startswith(("https://", "http://"))


def csv_file(name: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": f"One row for each {'image' if name.startswith('images') else 'box'}.",
        "contentUrl": name,
        "contentSize": f"{about['bytes']} B",
        "encodingFormat": "text/csv",
        "sha256": about["sha256"],
    }


def inline(name: str, text: str, fields: Mapping[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A record set whose rows stand in the description itself; the first field is its key."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": text,
        "key": {"@id": f"{name}/{next(iter(fields))}"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": f"{name}/{field}", "dataType": kind}
            for field, kind in fields.items()
        ],
        "data": rows,
    }


def record_set(name: str, table: pd.DataFrame) -> dict[str, Any]:
    """A record set whose rows are those of a CSV file."""
    fields = []
    for column in table:
        field: dict[str, Any] = {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": f"{name}/{column}",
            "description": MEANING[column],
            "dataType": data_type(table[column]),
            "source": {"fileObject": {"@id": f"{name}.csv"}, "extract": {"column": column}},
        }
        if f"{name}/{column}" in REFERENCES:
            field["references"] = {"field": {"@id": REFERENCES[f"{name}/{column}"]}}
        fields.append(field)
    text = {"images": "The images.", "boxes": "The true boxes, one row for each."}[name]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": text, "field": fields}


def data_type(column: pd.Series) -> str:
    if pd.api.types.is_integer_dtype(column):
        return "sc:Integer"
    return "sc:Float" if pd.api.types.is_float_dtype(column) else "sc:Text"
