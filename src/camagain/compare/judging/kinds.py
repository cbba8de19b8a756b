"""The tables of a run that a comparison judges: what identifies a row of each, and which columns say what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from camagain.paper.names import TIMINGS

Section = Literal["scores", "tables", "figure data", "analyses", "curves", "training"]
SECTIONS: tuple[Section, ...] = ("scores", "tables", "analyses", "figure data", "curves", "training")
"""In the order of the report."""

Images = Literal["train", "val", "test", "split"]
"""The images that a share is of: those of a split, or of the one that the row's column `split` names."""


@dataclass(frozen=True)
class Kind:
    """One kind of table: where it lies, the columns that identify a row, and columns that are shares of images.

    `unjudged`: why a difference means nothing, for tables that show examples or the machine; empty for all others.
    """

    pattern: str
    section: Section
    keys: tuple[str, ...]
    shares: Mapping[str, Images] = field(default_factory=dict)
    unjudged: str = ""


SCORES = Kind("evaluation/*/*/metrics.json", "scores", ("model", "method", "figure"), {"value": "test"})
"""The figures of all maps as one table; each is a share of the test images, or a mean of three."""

# fmt: off
ABOUT = frozenset({
    "architecture", "family", "dataset", "own_dataset", "test_images", "own_test_images", "train_images", "classes",
    "seed", "precision", "device", "sha256", "source", "starting_weights",
})
# fmt: on
"""Columns that say what a row is about, and not what was found: they differ where the runs do (see `causes`)."""

EXAMPLES = "it shows examples, chosen by rank"
MACHINE = "wall times are those of a machine"

ANALYSES: Mapping[str, tuple[str, ...]] = {
    "cues": ("method", "quantity", "region"),
    "erf": ("state", "t"),
    "gap": ("quantity", "bin", "theta", "map", "region"),
    "pca": ("quantity", "component", "map"),
    "initialization": ("state", "weights_seed", "epoch", "input", "measure", "theta"),
    "remedies": ("quantity", "remedy", "head", "nwc", "pas"),
    "texture": ("corruption", "loses", "patches_per_side", "window_px"),
    "interventions": ("change", "kernel_side", "seed", "method"),
}
"""What identifies a row of each analysis within one model."""

CHOICE = ("model", "method", "figure", "changed")
SCORE = ("model", "method", "variant", "figure")

TABLES = (
    SCORES,
    *(Kind(f"tables/{name}.csv", "tables", ("model",), unjudged=MACHINE) for name in TIMINGS),
    Kind("tables/localization.csv", "tables", SCORE),
    Kind("tables/top-loc.csv", "tables", SCORE),
    Kind("tables/paired-tests.csv", "tables", ("kind", "model_a", "method_a", "model_b", "method_b")),
    Kind("tables/evaluation-choices.csv", "tables", CHOICE),
    Kind("tables/model-zoo.csv", "tables", ("network", "map", "figure", "model", "method")),
    Kind("tables/wsol-methods.csv", "tables", ("method", "network", "figure", "whose")),
    Kind("tables/models.csv", "tables", ("model",)),
    Kind("tables/augmentation.csv", "tables", ("model", "reference", "changed", "method")),
    *(Kind(f"tables/{name}.csv", "tables", ("model", *keys)) for name, keys in ANALYSES.items()),
    *(Kind(f"analysis/{name}/*/table.csv", "analyses", keys) for name, keys in ANALYSES.items()),
    Kind("figures/families.csv", "figure data", ("whose", "family", "network")),
    Kind("figures/erf-localization.csv", "figure data", ("model", "state", "measure", "t", "kind", "group")),
    Kind("figures/evaluation-choices.csv", "figure data", CHOICE),
    Kind("figures/threshold-curves.csv", "figure data", ("model", "method", "threshold"), {"box_acc_percent": "test"}),
    Kind(
        "figures/training.csv",
        "figure data",
        ("model", "epoch"),
        {"train_top1_percent": "train", "val_top1_percent": "val"},
    ),
    Kind("figures/interventions.csv", "figure data", ("model", "kind", "change", "kernel_side", "seed", "method")),
    Kind("figures/heatmaps.csv", "figure data", ("image_id", "model", "method"), unjudged=EXAMPLES),
    Kind("figures/cam-diagram.csv", "figure data", ("channel",), unjudged=EXAMPLES),
    *(Kind(f"figures/{name}.csv", "figure data", ("model", *keys)) for name, keys in ANALYSES.items()),
    Kind(
        "evaluation/*/*/curve.csv", "curves", ("split", "contours", "delta", "threshold"), {"box_acc_percent": "split"}
    ),
    Kind("evaluation/*/*/choices.csv", "curves", CHOICE),
    Kind("models/*/history.csv", "training", ("epoch",), {"train_top1_percent": "train", "val_top1_percent": "val"}),
)
"""The first pattern that fits a file counts."""


def kind_of(file: str) -> Kind | None:
    """The kind of a table of a run, by its path inside it; None for everything that is not compared row by row."""
    return next((kind for kind in TABLES if fnmatchcase(file, kind.pattern)), None)
