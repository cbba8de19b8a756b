"""The folders that a run writes to, and whether somebody is making the same run."""

import os
import tempfile
from pathlib import Path

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.locks import Held, hold
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


def lock_lines(paths: RunPaths) -> list[Line]:
    """A line where somebody is making the same run. The system frees locks, so a killed run leaves none behind."""
    lock = paths.root / ".lock"
    if not lock.is_file():
        return []
    try:
        os.close(hold(lock))
    except Held as holder:
        remedy = "Wait until it has finished, or choose another `run`."
        return [Line("MISSING", "lock", f"the run '{paths.run}' is being made by {holder}", remedy)]
    return []
