"""One entry for every kind of dataset: where the images come from, what is written, and what a failure leaves."""

import io
import re
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from camagain.artifacts import read_json, sha256
from camagain.config.dataset import folder_name
from camagain.datasets.index import fingerprints, image_path, read_index, write_index
from camagain.datasets.kinds.cub import CUB_200_2011, Cub
from camagain.datasets.kinds.cub_folder import CubFolder
from camagain.datasets.kinds.synthbirds import SynthBirds
from camagain.datasets.kinds.wsol_metadata import WsolMetadata
from camagain.datasets.prepare import prepare_dataset, replace_lost_images
from camagain.errors import UserError


def pack(folder: Path, target: Path) -> str:
    """Packs a stand-in for the official archive, with a stray text file beside the folder; returns its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as tar:
        tar.add(folder, arcname="CUB_200_2011")
        info = tarfile.TarInfo("attributes.txt")
        tar.addfile(info, io.BytesIO(b""))
    return sha256(target)


@pytest.fixture
def site(tmp_path: Path, serve: Callable[[Any], str]) -> Any:
    """A web server for the folder `folder`, at `url`, that keeps the paths it was asked for in `asked`."""
    state = SimpleNamespace(folder=tmp_path / "site", asked=[])
    state.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            state.asked.append(self.path)

    state.url = f"{serve(partial(Handler, directory=str(state.folder)))}/CUB_200_2011.tgz?download=1"
    return state


def cub(site: Any, tmp_path: Path, **others: Any) -> Cub:
    places = {"url": site.url, "downloads": tmp_path / "downloads"}
    return Cub.model_validate({"kind": "cub", "val_per_class": 1, **places, **others})


def check_written(dataset_dir: Path, kind: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The index and the summary in `dataset_dir`, after checking what holds for every kind."""
    index, summary = read_index(dataset_dir / "index.parquet"), read_json(dataset_dir / "dataset.json")
    assert all(image_path(dataset_dir / "index.parquet", path).is_file() for path in index["path"])
    assert summary["kind"] == kind
    assert summary["images"] == 6
    assert summary["splits"] == {"train": 2, "val": 2, "test": 2}
    assert summary["classes"] == ["003.Tern", "007.Wren"]
    digests = fingerprints(dataset_dir / "index.parquet")
    assert summary["fingerprint"] == digests.pop("all")
    assert summary["split_fingerprints"] == digests
    assert index["parts"].tolist() == [None] * 6, "the folder has no parts/"
    return index, summary


def test_cub_folder_is_read_in_place_and_left_untouched(cub_folder: Path, tmp_path: Path) -> None:
    mask = cub_folder / "segmentations/003.Tern/bird 1.png"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"")
    before = {path: path.stat().st_mtime_ns for path in sorted(cub_folder.rglob("*"))}
    out = tmp_path / "data" / "mine"
    prepare_dataset(CubFolder(kind="cub-folder", name="mine", path=cub_folder, val_per_class=1), out)
    index, summary = check_written(out, "cub-folder")
    assert {path: path.stat().st_mtime_ns for path in sorted(cub_folder.rglob("*"))} == before
    assert all(Path(path).is_absolute() for path in index["path"])
    assert [image_path(out / "index.parquet", path) for path in index["mask_path"].dropna()] == [mask]
    assert summary["source"] == "birds" and summary["archive"] is None
    assert str(tmp_path) not in (out / "dataset.json").read_text()


def test_a_relative_cub_folder_is_found_from_elsewhere(
    cub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_dataset(CubFolder(kind="cub-folder", name="mine", path=Path("birds"), val_per_class=1), Path("data/mine"))
    monkeypatch.chdir(cub_folder)
    check_written(tmp_path / "data" / "mine", "cub-folder")


def test_cub_is_downloaded_once_and_unpacked_for_all_splits(cub_folder: Path, tmp_path: Path, site: Any) -> None:
    archive = site.folder / "CUB_200_2011.tgz"
    digest = pack(cub_folder, archive)
    shutil.rmtree(cub_folder)
    out, dataset = tmp_path / "data" / "cub", cub(site, tmp_path, sha256=digest)
    prepare_dataset(dataset, out)
    index, summary = check_written(out, "cub")
    assert index["path"].str.startswith("../CUB_200_2011-unpacked/CUB_200_2011/images/").all()
    assert summary["source"] == site.url
    assert summary["archive"] == {"name": "CUB_200_2011.tgz", "size": archive.stat().st_size, "sha256": digest}

    shutil.rmtree(dataset.downloads)  # the archive is no longer needed
    prepare_dataset(dataset, out)
    assert read_index(out / "index.parquet").drop(columns="boxes").equals(index.drop(columns="boxes"))
    check_written(tmp_path / "data" / "cub", "cub")
    other_split = tmp_path / "data" / "other"
    prepare_dataset(cub(site, tmp_path, sha256=digest, split_seed=1), other_split)
    check_written(other_split, "cub")
    assert len(site.asked) == 1

    with pytest.raises(UserError, match="Delete the folder to have it unpacked again"):
        prepare_dataset(cub(site, tmp_path), out)  # the published archive


def test_an_archive_in_the_downloads_folder_is_taken(cub_folder: Path, tmp_path: Path, site: Any) -> None:
    digest = pack(cub_folder, tmp_path / "downloads" / "CUB_200_2011.tgz")
    prepare_dataset(cub(site, tmp_path, sha256=digest), tmp_path / "data")
    check_written(tmp_path / "data", "cub")
    assert site.asked == []


def test_another_archive_in_the_downloads_folder_is_refused(cub_folder: Path, tmp_path: Path, site: Any) -> None:
    pack(cub_folder, tmp_path / "downloads" / "CUB_200_2011.tgz")
    dataset = cub(site, tmp_path)
    with pytest.raises(UserError, match=rf"expected {CUB_200_2011.size}\. Delete it"):
        prepare_dataset(dataset, tmp_path / "data")
    assert site.asked == []


def test_a_failure_leaves_no_older_index(cub_folder: Path, tmp_path: Path) -> None:
    dataset = CubFolder(kind="cub-folder", name="mine", path=cub_folder, val_per_class=1)
    prepare_dataset(dataset, tmp_path / "data")
    (cub_folder / "classes.txt").unlink()
    with pytest.raises(UserError, match="classes"):
        prepare_dataset(dataset, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def described(dataset_dir: Path) -> list[tuple[bytes, int]]:
    """Content and date of the index and of the description."""
    files = [dataset_dir / "index.parquet", dataset_dir / "dataset.json"]
    return [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]


@pytest.mark.parametrize("kind", ["cub", "synthbirds"])
def test_lost_images_come_back_and_their_index_stays_as_old_as_it_was(
    cub_folder: Path, tmp_path: Path, site: Any, kind: str
) -> None:
    archive = cub(site, tmp_path, sha256=pack(cub_folder, site.folder / "CUB_200_2011.tgz"))
    two = {"classes": 2, "train_per_class": 2, "val_per_class": 1, "test_per_class": 1}
    dataset = archive if kind == "cub" else SynthBirds.model_validate({"kind": "synthbirds", **two})
    out = tmp_path / "data" / "birds"
    prepare_dataset(dataset, out)
    before = described(out)
    image = image_path(out / "index.parquet", read_index(out / "index.parquet")["path"].iloc[0])
    whole = sha256(image)
    shutil.rmtree(out / "images" if kind == "synthbirds" else out.parent / "CUB_200_2011-unpacked")
    replace_lost_images(dataset, out)
    assert sha256(image) == whole
    assert described(out) == before


def test_images_that_only_their_owner_has_are_not_replaced(cub_folder: Path, tmp_path: Path) -> None:
    dataset, out = CubFolder(kind="cub-folder", name="mine", path=cub_folder, val_per_class=1), tmp_path / "data"
    prepare_dataset(dataset, out)
    before = described(out)
    first, second = map(Path, read_index(out / "index.parquet")["path"].iloc[:2])
    replace_lost_images(dataset, out)  # nothing is lost
    assert described(out) == before

    away = first.rename(tmp_path / "away")
    with pytest.raises(UserError, match=first.name):
        replace_lost_images(dataset, out)
    assert described(out) == before, "so that nothing is made again once the image is back"

    shutil.copy(second, first)  # another in its place, and a further one lost
    index = read_index(out / "index.parquet")
    write_index(out / "index.parquet", index.assign(path=["gone.jpg", *index["path"].iloc[1:]]))
    with pytest.raises(UserError, match="in their place are others"):
        replace_lost_images(dataset, out)
    assert list(out.iterdir()) == [], "the next run makes it anew"
    assert away.exists()


def test_the_split_seed_chooses_val(cub_folder: Path, tmp_path: Path) -> None:
    chosen = set()
    for seed in range(8):
        dataset = CubFolder(kind="cub-folder", name="mine", path=cub_folder, val_per_class=1, split_seed=seed)
        prepare_dataset(dataset, tmp_path / "data")
        chosen.add(tuple(read_index(tmp_path / "data" / "index.parquet", "val")["image_id"]))
        assert read_json(tmp_path / "data" / "dataset.json")["split_seed"] == seed
    assert len(chosen) > 1


DATASETS = {
    "synthbirds": (SynthBirds, {"kind": "synthbirds"}, {"seed": 1}),
    "cub": (Cub, {"kind": "cub"}, {"val_per_class": 6}),
    "cub-folder": (CubFolder, {"kind": "cub-folder", "name": "x", "path": "birds"}, {"path": "other"}),
    "wsol-metadata": (
        WsolMetadata,
        {"kind": "wsol-metadata", "name": "x", "path": "a", "metadata": "b"},
        {"metadata": "c"},
    ),
}


@pytest.mark.parametrize("name", DATASETS)
def test_the_folder_depends_on_what_is_in_it(name: str) -> None:
    settings, values, other = DATASETS[name]
    dataset = settings.model_validate(values)
    folder = folder_name(dataset)
    assert re.fullmatch(rf"{dataset.name}-[0-9a-f]{{8}}", folder)
    assert folder_name(settings.model_validate(values)) == folder
    assert folder_name(settings.model_validate({**values, **other})) != folder
    assert folder_name(settings.model_validate({**values, "name": "y"})) != folder
    if "split_seed" in settings.model_fields:
        assert folder_name(settings.model_validate({**values, "split_seed": 1})) != folder


def test_the_folder_does_not_depend_on_where_an_archive_comes_from() -> None:
    moved = {"kind": "cub", "url": "http://mirror/x.tgz", "downloads": "elsewhere"}
    assert folder_name(Cub.model_validate(moved)) == folder_name(Cub.model_validate({"kind": "cub"}))


def test_synthbirds_are_drawn_into_the_dataset_folder(tmp_path: Path) -> None:
    settings = SynthBirds.model_validate(
        {"kind": "synthbirds", "classes": 2, "train_per_class": 2, "val_per_class": 1, "test_per_class": 1}
    )
    prepare_dataset(settings, tmp_path / "data")
    index, summary = read_index(tmp_path / "data" / "index.parquet"), read_json(tmp_path / "data" / "dataset.json")
    assert summary["splits"] == {"train": 2, "val": 2, "test": 2}
    assert index["path"].str.startswith("images/").all()
    assert index["mask_path"].str.startswith("segmentations/").all()
    assert summary["source"] == "drawn by camagain"
    drawn = {line.split()[0]: [] for line in (tmp_path / "data/images.txt").read_text().splitlines()}
    for line in (tmp_path / "data/parts/part_boxes.txt").read_text().splitlines():
        image_id, part, x, y, width, height, visible = line.split()
        if part in ("3", "7") and visible == "1":  # crown and wing patch
            drawn[image_id].append((float(x), float(y), float(x) + float(width), float(y) + float(height)))
    deciding = {
        row.image_id: [part.box for part in row.parts if part.name in settings.deciding_parts]
        for row in index.itertuples()
    }
    assert deciding == drawn
    assert sum(map(len, drawn.values())) > len(drawn), "hardly any bird shows both"
    for part in (part for parts in index["parts"] for part in parts):
        x0, y0, x1, y1 = part.box
        assert x0 < part.x < x1 and y0 < part.y < y1, "the centre of a part's pixels lies in the box around them"
