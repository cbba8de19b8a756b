"""The small results of a run, for git: figures, curves, tables and plots, but no weights, no maps and no photograph."""

import shutil
from pathlib import Path

from camagain.compare.read import read_manifest
from camagain.errors import UserError

PATTERNS = (
    "manifest.json",
    "claims.json",
    "experiment.yaml",
    "evaluation/*/*/metrics.json",
    "models/*/model.json",
    "models/*/history.csv",
    "localization/*/summary.json",
    "analysis/**/table.csv",
    "analysis/**/status.json",
    "tables/*",
    "figures/*.csv",
    "figures/*.png",
)

FREE_DATASETS = ("synthbirds",)
"""Kinds of dataset whose images may be published; pictures that show images of any other stay out."""

PICTURES_WITH_IMAGES = ("heatmaps.png", "heatmaps.pdf")


def write_reference(run: Path, target: Path) -> None:
    """Replaces `target` by the small results of a finished run."""
    kind = read_manifest(run)["experiment"]["dataset"]["kind"]
    if run.resolve() == target.resolve():
        raise UserError(f"{target}: a run cannot be its own reference; give another folder")
    files = sorted({path for pattern in PATTERNS for path in run.glob(pattern)})
    if kind not in FREE_DATASETS:
        files = [path for path in files if path.name not in PICTURES_WITH_IMAGES]
    kept = [path for path in target.glob("*.csv")]  # measured across runs, such as the seed spread
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for path in files:
        (temporary / path.relative_to(run)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, temporary / path.relative_to(run))
    for path in kept:
        shutil.copyfile(path, temporary / path.name)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    print(f"{target}: {len(files)} files of {run}, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
