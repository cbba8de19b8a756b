"""The folders that a run writes to, and a lock that a killed run may have left."""

import tempfile
from pathlib import Path

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.readiness.line import Line

SNAKEMAKE = Path(".snakemake")


def folder_lines(experiment: Experiment, paths: RunPaths) -> list[Line]:
    """A line for each folder that has to be written to."""
    folders = (paths.results, paths.data, experiment.compute.downloads, SNAKEMAKE)
    return [_line(Path(folder)) for folder in dict.fromkeys(folders)]


def existing_above(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _line(folder: Path) -> Line:
    place = existing_above(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return Line("ok", "folder", f"{folder} can be written")
    except OSError as error:
        says = f"{folder} cannot be written ({error.strerror}: {place})"
        return Line("MISSING", "folder", says, "Give yourself the right to write there, or work in another folder.")


def lock_lines() -> list[Line]:
    """A line where Snakemake has locked this folder."""
    locks = sorted((SNAKEMAKE / "locks").glob("*.lock"))
    if not locks:
        return []
    says = f"{SNAKEMAKE / 'locks'} holds {len(locks)} locks: a run is alive here, or one was killed"
    return [Line("MISSING", "lock", says, "Where no other run is alive: snakemake --unlock")]
