"""The room that an experiment needs on disk, against what is free."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import shutil
from collections.abc import Iterable
from pathlib import Path

import timm
from huggingface_hub import constants

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.cost.disk import FLOAT, decoded_bytes, run_bytes
from camagain.cost.shape import shape_of
from camagain.datasets.needed import needed_files
from camagain.datasets.sizes import Sizes
from camagain.models.sources import choose, places
from camagain.readiness.folders import existing_above
from camagain.readiness.line import Line
from camagain.readiness.weights import in_cache

GB = 1e9


def disk_lines(experiment: Experiment, sizes: Sizes, paths: RunPaths) -> list[Line]:
    """A line for each disk that is written to: what is still to come there, and what is free."""
    coming = [
        (paths.root, "models, maps", run_bytes(experiment, sizes) - _size(paths.root)),
        (paths.data, "images", _images(experiment, sizes, paths)),
        (experiment.compute.downloads, "downloads", _downloads(experiment, paths.data)),
        (Path(constants.HF_HUB_CACHE), "timm's weights", _of_timm(experiment)),
    ]
    disks: dict[int, list[tuple[Path, str, float]]] = {}
    for folder, what, size in coming:
        place = existing_above(Path(folder))
        disks.setdefault(place.stat().st_dev, []).append((place, what, max(0.0, size)))
    return [_line(entries) for entries in disks.values()]


def _line(entries: Iterable[tuple[Path, str, float]]) -> Line:
    entries = list(entries)
    needed, free = sum(size for *_, size in entries), float(shutil.disk_usage(entries[0][0]).free)
    parts = ", ".join(f"{what} {size / GB:.1f}" for _, what, size in entries)
    says = f"{needed / GB:.1f} GB to come ({parts}), {free / GB:.1f} GB free; tables and pictures are not counted"
    return Line("ok", "disk", says) if needed <= free else Line("MISSING", "disk", says, "Make room.")


def _size(folder: Path) -> int:
    """What a run has written so far: it is not written again."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _images(experiment: Experiment, sizes: Sizes, paths: RunPaths) -> float:
    """An archive is unpacked into as many bytes, as photographs do not shrink; then the cache of decoded images."""
    archives = sum(file.bytes for file in needed_files(experiment.dataset, paths.data))
    cached = (paths.dataset_dir / "decoded").is_dir()
    return archives + (0 if cached else decoded_bytes(experiment, sizes))


def _downloads(experiment: Experiment, data: Path) -> float:
    """Files that are not there yet; of weights as much as the parameters of their networks take."""
    archives = sum(file.bytes for file in needed_files(experiment.dataset, data) if not file.is_there())
    files = {}
    for model in experiment.models:
        if model.weights in ("upstream", "published"):
            copies = choose(model.weights, model.architecture, model.options)
            there = any(path.is_file() for copy in copies for path in places(copy, experiment.compute.downloads))
            files[copies[0].file] = (
                0 if there else FLOAT * shape_of(model.architecture, experiment.input.size).parameters
            )
    return archives + sum(files.values())


def _of_timm(experiment: Experiment) -> float:
    """Files that are not in the cache of Hugging Face."""
    files = {}
    for model in experiment.models:
        config = timm.get_pretrained_cfg(model.architecture) if model.weights == "timm" else None
        if config is not None and not in_cache(config.hf_hub_id or ""):
            files[model.architecture] = FLOAT * shape_of(model.architecture, experiment.input.size).parameters
    return float(sum(files.values()))
