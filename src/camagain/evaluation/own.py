"""Scores of anybody's maps against boxes, by the same evaluation as a run's: no experiment, no network, no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from camagain.artifacts import write_csv, write_json
from camagain.config import Evaluation
from camagain.errors import UserError
from camagain.evaluation.evaluate import Method, scored_of, search
from camagain.evaluation.inputs import Truth
from camagain.evaluation.own_files import read_own_boxes, read_own_maps
from camagain.evaluation.results import images
from camagain.evaluation.score_maps import scale_boxes
from camagain.evaluation.scores import Score, scores
from camagain.evaluation.workers import processes
from camagain.statistics.bootstrap import Sampling

TITLES = {"max_box_acc": "MaxBoxAcc", "max_box_acc_v2": "MaxBoxAccV2", "pxap": "PxAP"}
BESIDE_VAL = {f"{name}_val_threshold": f"{title}, τ of val" for name, title in TITLES.items() if name != "pxap"}
NO_CLASS = ("label", "predicted", "class_correct")
"""Columns of a run's images.parquet that need a classifier."""


@dataclass(frozen=True)
class OwnScores:
    """What `score` and `score_file` find of one kind of maps."""

    scores: Mapping[str, Score]  # max_box_acc, max_box_acc_v2, with val images both at their thresholds, pxap
    images: pd.DataFrame  # a row for each test image: its box at the best threshold, and the IoU of that box


def score(
    maps: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int]] | np.ndarray | None = None,
    *,
    masks: Sequence[Path] | None = None,
    settings: Evaluation | None = None,
) -> OwnScores:
    """MaxBoxAcc and MaxBoxAccV2 of score maps against boxes, and PxAP where there are masks, in percent.

    `maps`: N arrays (h, w) of any range and size. `boxes`: N arrays (k, 4) of x0 y0 x1 y1 in pixels of the images, both
    corners part of the box. `sizes`: width and height of each image; without it images have the size of their maps.
    `masks`: a file for each image, of the image's size, above 127 where the object is. `settings`: size of the maps to
    which all is scaled, interpolation, thresholds, intervals; by default those of an experiment.

    Every score has `value`, `low` and `high`, and where it depends on a threshold that, chosen on the same images. To
    the bit the boxes and scores of wsolevaluation (docs/metrics.md). ValueError, with its position, for a map or box
    that is none.

    >>> import numpy as np
    >>> maps = np.zeros((2, 8, 8))
    >>> maps[:, 2:6, 2:6] = 1
    >>> found = score(maps, [np.array([[2, 2, 6, 6]]), np.array([[0, 0, 3, 3]])], settings=Evaluation(size=16))
    >>> found.scores["max_box_acc"]["value"]
    50.0
    >>> found.images["iou"].round(2).tolist()
    [0.67, 0.1]
    """
    settings = settings or Evaluation()
    count = len(maps)
    if sizes is None:
        sizes = [(np.asarray(score_map).shape[1], np.asarray(score_map).shape[0]) for score_map in maps]
    for name, given in (("boxes", boxes), ("sizes", sizes), ("masks", masks)):
        if given is not None and len(given) != count:
            raise ValueError(f"{name}: found {len(given)}, expected {count}, one for each map")
    if not count:
        raise ValueError("score maps: found none, expected at least one")
    extent = np.asarray(sizes, dtype=np.int64).reshape(count, 2)
    truth = Truth(
        classes=1,
        image_id=[str(i) for i in range(count)],
        label=np.zeros(count, np.int64),
        width=extent[:, 0],
        height=extent[:, 1],
        boxes=[scale_boxes(own, w, h, settings.size) for own, (w, h) in zip(boxes, extent.tolist(), strict=True)],
        masks=None if masks is None else [(Path(mask), None) for mask in masks],
    )
    return _scored("maps", {"test": maps}, {"test": truth}, settings, 1)


def score_file(
    maps: str | Path, boxes: str | Path, settings: Evaluation | None = None, threads: int = 1
) -> dict[str, OwnScores]:
    """`score` of every kind of maps in an npz, by its name, against a table of boxes: `camagain score` from Python.

    `own_files` says what the files hold. `threads` processes share the search for boxes. UserError for what does not
    fit.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "maps.npz", image_id=["a", "b"], mine=np.eye(8)[None].repeat(2, axis=0))
    >>> table = "image_id,x0,y0,x1,y1,width,height\\na,0,0,99,99,100,100\\nb,0,0,9,9,100,100\\n"
    >>> _ = (folder / "boxes.csv").write_text(table)
    >>> score_file(folder / "maps.npz", folder / "boxes.csv")["mine"].scores["max_box_acc"]["value"]
    50.0
    """
    settings = settings or Evaluation()
    truths = read_own_boxes(Path(boxes), settings.size)
    stored = read_own_maps(Path(maps), truths)
    return {name: _scored(name, own, truths, settings, threads) for name, own in stored.items()}


def _scored(
    name: str,
    maps: Mapping[str, Sequence[np.ndarray]],
    truths: Mapping[str, Truth],
    settings: Evaluation,
    threads: int,
) -> OwnScores:
    method = Method("maps", name, maps, "described", None)
    with processes(threads, sum(map(len, maps.values())) * settings.size**2) as executor:
        scored = scored_of(settings, search(settings, method, truths, executor), truths)
    found = scores(scored, False, Sampling(settings.bootstrap, settings.confidence))
    table = images(scored, settings.size)
    return OwnScores({key: value for key, value in found.items() if value}, table.drop(columns=list(NO_CLASS)))


def in_words(found: Mapping[str, OwnScores], settings: Evaluation) -> str:
    """A few lines: every score with its interval and threshold."""
    count = len(next(iter(found.values())).images)
    lines = [
        f"{count} test images, maps of {settings.size} x {settings.size} px ({settings.interpolation}), thresholds in "
        f"steps of {settings.threshold_step}; in percent, with {round(100 * settings.confidence)} % intervals"
    ]
    width = max(map(len, found))
    for name, own in found.items():
        for key, title in {**TITLES, **BESIDE_VAL}.items():
            if key in own.scores:
                value = own.scores[key]
                at = "" if value.get("threshold") is None else f"  τ {value['threshold']:.3f}"
                lines.append(
                    f"{name:<{width}}  {title:<21} {value['value']:5.1f} [{value['low']:.1f}, {value['high']:.1f}]{at}"
                )
        if "pxap" not in own.scores:
            lines.append(f"{name:<{width}}  PxAP                  not measured: not every test image has a mask")
    return "\n".join(lines)


def settings_of(size: int, interpolation: str, step: float) -> Evaluation:
    """The settings of an evaluation from options of a command; UserError for values that it does not take."""
    try:
        return Evaluation.model_validate({"size": size, "interpolation": interpolation, "threshold_step": step})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{first['loc'][0]}: found {first['input']!r}. {first['msg']}.") from None


def write_scores(found: Mapping[str, OwnScores], scores_file: Path | None, images_file: Path | None) -> None:
    """Writes scores as JSON and images as one CSV with a column `maps`, where they are wanted."""
    if scores_file is not None:
        write_json(scores_file, {name: own.scores for name, own in found.items()})
    if images_file is not None:
        write_csv(images_file, pd.concat([own.images.assign(maps=name) for name, own in found.items()]))
