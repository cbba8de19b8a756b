"""Where two runs begin to differ: for each chain of files the first that is not the same, and which inputs differ.

Nothing here says that an input is the cause: only the runs' records are at hand, and no step is run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from camagain.compare.runs.differences import SOURCES, TRAINED, Difference, not_recorded, setting_differences
from camagain.compare.runs.folder import RunFolder
from camagain.config import BASELINE
from camagain.config.experiment import trainings
from camagain.stages import Stage, above, inside, stage_settings, stages

INFLUENCES = {
    "data": ("settings", "data", "code", "packages"),
    "finetune": ("settings", "weights", "code", "packages", "machine"),
}
"""What can change the outcome of a stage."""

OTHERWISE = ("settings", "code", "packages", "machine")
"""The same of all other stages."""

Changed = Callable[[str], bool]
"""Whether a file of a run is not the same in both, bytes or, where they were compared, values."""


@dataclass(frozen=True)
class Cause:
    """The first file of a chain that differs, the stage that made it, and what of its inputs differs."""

    subjects: tuple[str, ...]  # models, or what else the chain belongs to
    file: str
    stage: str
    inputs: tuple[Difference, ...]
    unrecorded: tuple[str, ...] = ()  # what could matter as well, and of which a run has no record

    def __str__(self) -> str:
        who = ", ".join(self.subjects)
        why = "; ".join(str(found) for found in self.inputs)
        return f"{who}: first {self.file} ({self.stage}) differs: {why or self.unexplained}"

    @property
    def unexplained(self) -> str:
        """What the records say where no input differs: what is equal in them, what they lack, and no cause."""
        matters = INFLUENCES.get(self.stage, OTHERWISE)
        said = f"the cause is not known; {', '.join(matters[:-1])} and {matters[-1]} are the same as far as recorded"
        return f"{said}; not recorded in both runs: {', '.join(self.unrecorded)}" if self.unrecorded else said


WITHOUT_INFLUENCE = frozenset(
    {"snakemake", "dvc", "matplotlib", "seaborn", "grad-cam", "cores", "memory_gib", "system"}
)
"""Packages and traits of a machine that change no number of a stage that computes."""

GIT_STATE = ("git commit", "uncommitted changes")


def causes(a: RunFolder, b: RunFolder, changed: Changed, known: Sequence[Difference]) -> tuple[Cause, ...]:
    """One cause for each chain of files that differs; chains with the same cause stand together.

    `known`: everything recorded of both runs that differs.
    """
    found: dict[tuple[str, tuple[Difference, ...]], list[tuple[str, str]]] = {}
    for subject, file, stage in first_changes(a, b, changed):
        inputs = inputs_of(a, b, stage, subject, known)
        found.setdefault((stage, inputs), []).append((subject, file))
    unrecorded = not_recorded(a, b)
    return tuple(
        Cause(
            tuple(dict.fromkeys(subject for subject, _ in places)),
            pattern([file for _, file in places]),
            *key,
            unrecorded if "machine" in INFLUENCES.get(key[0], OTHERWISE) else (),
        )
        for key, places in found.items()
    )


def first_changes(a: RunFolder, b: RunFolder, changed: Changed) -> Iterator[tuple[str, str, str]]:
    """(subject, file, stage) of the first difference of each chain, from the images to the tables.

    A stage is named where its files differ and those of no stage before it do. The subject is a training, the
    baselines, a table or a figure.
    """
    if a.dataset["fingerprint"] != b.dataset["fingerprint"]:
        yield "all", "index.parquet", "data"
        return  # everything behind it may differ because of it
    clean = True
    for training in trainings_of(a, b):
        differing: set[str] = set()
        for name, stage in stages().items():
            found = first_of(a, b, stage, training, changed) if stage.of_training else None
            if found and not above(name) & differing:
                clean = False
                yield training, found, name
            if found:
                differing.add(name)
    baseline = first_of(a, b, stages()["evaluate_baseline"], "*", changed)
    if baseline:
        clean = False
        yield BASELINE, baseline, "evaluate_baseline"
    for name in ("tables", "figures") if clean else ():
        for file in (file for entry in stages()[name].writes for file in both(a, b, inside(entry))):
            if file.startswith(f"{name}/") and file.endswith(".csv") and changed(file):
                yield Path(file).stem, file, name


def first_of(a: RunFolder, b: RunFolder, stage: Stage, training: str, changed: Changed) -> str | None:
    """The first file of a stage that differs, in the order in which it declares them; None where none does."""
    found = (file for entry in stage.writes if not entry.record for file in both(a, b, inside(entry, training)))
    return next((file for file in found if changed(file)), None)


def both(a: RunFolder, b: RunFolder, pattern: str) -> list[str]:
    """The files that both runs had and that a pattern fits, sorted."""
    if "*" not in pattern:
        return [pattern] if pattern in a.listed and pattern in b.listed else []
    before = pattern.partition("*")[0]
    return sorted(
        file for file in a.listed if file.startswith(before) and file in b.listed and fnmatchcase(file, pattern)
    )


def trainings_of(a: RunFolder, b: RunFolder) -> list[str]:
    """The trainings that both runs have, in the order of the second."""
    ours, theirs = (trainings(run.values) for run in (a, b))
    return [training for training in theirs if training in ours]


def inputs_of(
    a: RunFolder, b: RunFolder, stage: str, model: str, known: Sequence[Difference]
) -> tuple[Difference, ...]:
    """What differs of the settings that a stage reads, of its code, and of what it runs on."""
    settings = (stage_settings(run.values, stage, model) for run in (a, b))
    matters = INFLUENCES.get(stage, OTHERWISE)
    others = [found for found in known if found.matter in matters and touches(found, stage, model)]
    if "code" in a.manifest and "code" in b.manifest:  # the digest of the stage's own sources says more than a commit
        others = [found for found in others if found.name not in GIT_STATE]
    return (*setting_differences(*settings), *others)


def touches(found: Difference, stage: str, model: str) -> bool:
    """Whether a difference can reach a stage of a model: neither other stages' code nor other models' weights do."""
    if found.matter in ("settings", "data"):
        return False  # settings are taken key by key; the images differ in a chain of their own
    if found.name in WITHOUT_INFLUENCE and stage != "figures":
        return False
    if found.name.startswith(TRAINED):
        return stage == "finetune"
    if found.name.startswith(SOURCES):
        return found.name == f"{SOURCES}{stage}"
    return found.matter != "weights" or found.name.startswith(f"{model.partition('/')[0]}:")


def pattern(files: list[str]) -> str:
    """One file as it is; of several the first, and how many more."""
    unique = list(dict.fromkeys(files))
    return unique[0] if len(unique) == 1 else f"{unique[0]} and {len(unique) - 1} more"
