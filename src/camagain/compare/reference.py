"""The small results of a run, for git: scores, boxes, curves, tables and plots, but no weights, maps or photograph."""

import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from camagain.artifacts import INSIDE, SEED_SPREAD, write_csv, write_json
from camagain.compare.runs.folder import RunFolder
from camagain.config.dataset import may_be_published
from camagain.errors import UserError
from camagain.paper.registry import exhibits
from camagain.stages import File, inside, stages

RUN_ONLY = (INSIDE.weights("").name, INSIDE.maps("").name)
"""Files of a run that no reference has: a folder with one of them is never replaced."""

REFERENCE_FILES = (str(INSIDE.manifest), SEED_SPREAD)
"""A folder with one of these is taken for a reference."""


def write_reference(run: Path, target: Path, seeds: Sequence[Path] = ()) -> None:
    """Replaces `target` by the small results of a finished run.

    Its manifest lists what is kept as `files`, and the checksum and size of all else as `files_left_out`. With `seeds`,
    runs that differ from `run` in their seed alone, the spread over all of them is written beside it; without, one that
    lies in `target` stays. UserError where a file has changed since its manifest was written, the runs differ in more
    than the seed, or `target` holds something other than a reference; then nothing is written.
    """
    source = RunFolder.open(run)
    check_target([Path(run), *map(Path, seeds)], target)
    kept = kept_files(source)
    place = target.resolve()
    temporary = place.with_name(f".{place.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for file in kept:
            (temporary / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path(file), temporary / file)
        write_json(temporary / INSIDE.manifest, reference_manifest(source, kept))
        write_spread(source, [RunFolder.open(seed) for seed in seeds], place, temporary)
        shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    print(f"{target}: {len(kept)} files of {source}, {size / 1e6:.1f} MB")


def kept_files(run: RunFolder) -> list[str]:
    """The files that a reference keeps, sorted; those that the manifest lists and the run should have."""
    return chosen(run, [entry for stage in stages().values() for entry in stage.writes if entry.kept])


def publishable(run: RunFolder) -> list[str]:
    """What can be given to others, sorted: what a reference keeps, the report, figures for print, headline scores.

    The report shows pictures of the images, so it stays behind where these may not be published.
    """
    paper = [entry for name in ("tables", "figures", "report") for entry in stages()[name].writes]
    report = set() if may_be_published(run.values["dataset"]["kind"]) else {str(INSIDE.report)}
    return sorted({*kept_files(run), *chosen(run, paper)} - report)


def chosen(run: RunFolder, entries: Sequence[File]) -> list[str]:
    """The experiment and the listed files of some kinds, sorted, without pictures that may not be published."""
    patterns = [str(INSIDE.experiment), *map(inside, entries)]
    free = may_be_published(run.values["dataset"]["kind"])
    safe = {exhibit.name for exhibit in exhibits() if not exhibit.has_photographs}
    return sorted(
        file
        for file in run.manifest["files"]
        if any(fnmatchcase(file, pattern) for pattern in patterns)
        and (free or not is_picture(file) or Path(file).stem in safe)
    )


def is_picture(file: str) -> bool:
    """Whether a file of a run is a figure and not its numbers."""
    return Path(file).parts[0] == INSIDE.figures.name and Path(file).suffix != ".csv"


def reference_manifest(run: RunFolder, kept: Sequence[str]) -> dict:
    """The manifest of a reference: that of the run, with what is not kept under a key of its own."""
    return {
        **run.manifest,
        "files": {file: run.listed[file] for file in kept},
        "files_left_out": {file: entry for file, entry in sorted(run.listed.items()) if file not in kept},
    }


def write_spread(run: RunFolder, seeds: Sequence[RunFolder], old: Path, new: Path) -> None:
    """Writes the spread over seeds into the new reference, or takes over the old one's."""
    if seeds:
        from camagain.compare.judging.spread import seed_spread

        write_csv(new / SEED_SPREAD, seed_spread([run, *seeds]))
    elif (old / SEED_SPREAD).is_file():
        shutil.copyfile(old / SEED_SPREAD, new / SEED_SPREAD)


def check_target(runs: Sequence[Path], target: Path) -> None:
    """UserError where replacing `target` would delete a run or something that is no reference."""
    place = target.resolve()
    for run in runs:
        if run.resolve() == place:
            raise UserError(f"{target}: a run cannot be its own reference; give another folder.")
        if run.resolve().is_relative_to(place) or place.is_relative_to(run.resolve()):
            raise UserError(f"{target}: one of {run} and {target} lies in the other; give another folder.")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target}: a file; expected a folder for the reference, or a new name.")
    large = next((path for name in RUN_ONLY for path in target.rglob(name)), None)
    if large:
        raise UserError(
            f"{target}: it would be replaced, and {large.relative_to(target)} says that it is a run and no reference. "
            "Give the run first and the folder of its reference second, or delete it yourself."
        )
    if target.is_dir() and any(target.iterdir()) and not any((target / name).is_file() for name in REFERENCE_FILES):
        raise UserError(
            f"{target}: it would be replaced, and it is no reference (no {' and no '.join(REFERENCE_FILES)}). "
            "Give a new or empty folder."
        )
