"""What each artifact was made from: a note beside it, held against the files when a stage reads them.

Every job leaves one hidden file in the folder of what it wrote, `.<stage>.json`: size and SHA-256 of the files that it
wrote, and the SHA-256 of those that it read, except files that only record how others were made. So a damaged file is
told from a whole one, and maps of one training from those of another, also by somebody who calls the stages by hand. A
file without a note is taken as it is: it was made by an earlier version, or through the library.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from camagain.artifacts import RunPaths, read_json, sha256, write_json
from camagain.config import ANALYSES, BASELINE, Experiment
from camagain.errors import UserError
from camagain.paper.parts import PARTS
from camagain.stages import jobs, patterns, stages

REMEDY = "Delete it and run `make results` (or `snakemake --cores all`) again."


@dataclass(frozen=True)
class Work:
    """One job: a stage, and of which training and which job of an analysis; both empty where it has none."""

    stage: str
    training: str = ""
    job: str = ""

    def __str__(self) -> str:
        return f"`{self.stage}`" + (f" of '{self.training}'" if self.training else "")

    @property
    def command(self) -> str:
        """The subcommand that does it."""
        if self.stage in PARTS:
            return f"camagain paper EXPERIMENT --part {self.stage}"
        if self.stage in ANALYSES:
            job = f" --job {self.job}" if self.job else ""
            return f"camagain analyze EXPERIMENT {self.stage} {self.training}{job}"
        if self.stage == "evaluate_baseline":
            return f"camagain evaluate EXPERIMENT {BASELINE}"
        return f"camagain {self.stage} EXPERIMENT {self.training}".rstrip()

    @property
    def log(self) -> str:
        """Its log below `logs/`, without a suffix: "localize/resnet", "analysis/cuts/resnet/K13"."""
        if self.stage in ANALYSES:
            return "/".join(filter(None, ("analysis", self.stage, self.training, self.job)))
        if self.stage == "evaluate_baseline":
            return f"evaluate/{BASELINE}"
        return {"data": "dataset"}.get(self.stage, f"{self.stage}/{self.training}".rstrip("/"))


@dataclass(frozen=True)
class Damaged:
    """A file that has not the size with which it was made."""

    file: str  # as the registry of stages calls it
    size: int
    expected: int

    def __str__(self) -> str:
        return f"{self.file} is damaged: it has {self.size:,} bytes and was made with {self.expected:,}"


@dataclass(frozen=True)
class Lineage:
    """The notes of a run."""

    experiment: Experiment
    paths: RunPaths

    @cached_property
    def _patterns(self) -> Callable[[str], list[str]]:
        return cache(lambda stage: patterns(self.experiment, stage))

    def files(self, work: Work) -> dict[str, Path]:
        """What a job writes: where each file lies, by its path as the registry of stages has it."""
        found = {}
        for pattern in self._patterns(work.stage):
            file = pattern.format(training=work.training, job=work.job)
            root, _, inside = file.split("/", 2)  # results/<run>/..., data/<dataset>/...
            found[file] = (self.paths.dataset_dir if root == "data" else self.paths.root) / inside
        return found

    def note(self, work: Work) -> Path | None:
        """Where a job's note lies: the folder that its files have in common; None where no stage reads them."""
        folders = {path.parent for path in self.files(work).values()} - {self.paths.root}
        return Path(os.path.commonpath(folders)) / f".{work.stage}.json" if folders else None

    def read_note(self, work: Work) -> Mapping[str, Any]:
        """A job's note; empty where there is none, or none that can be read: then nothing is known."""
        path = self.note(work)
        try:
            found = read_json(path) if path is not None and path.is_file() else {}
        except UserError:
            found = {}
        return found if isinstance(found, dict) else {}

    def sources(self, work: Work) -> Iterator[Work]:
        """The jobs whose files a job reads."""
        for stage in stages()[work.stage].reads:
            for training, job in jobs(self.experiment, stage):
                if not work.training or training in ("", work.training):
                    yield Work(stage, training, job)

    @contextmanager
    def noted(self, work: Work) -> Iterator[None]:
        """Checks what a job is going to read, and notes what it has read and written when the block ends well."""
        read, note = self.checked(work), self.note(work)
        recorded = {Path(entry.path).name for stage in stages().values() for entry in stage.writes if entry.record}
        read = {name: digest for name, digest in read.items() if Path(name).name not in recorded}
        if note is not None:
            note.unlink(missing_ok=True)
        yield
        if note is not None:
            written = {_name(file): path for file, path in self.files(work).items() if path.is_file()}
            about = {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in written.items()}
            write_json(note, {"made_from": read, "files": about})

    def checked(self, work: Work) -> dict[str, str]:
        """The SHA-256 of every file that a job reads; UserError where one is damaged, or was made from other files.

        Files that are not there are left out: the stage itself says what it needs.
        """
        digests: dict[str, str] = {}
        notes = {source: self.read_note(source) for source in self.sources(work)}
        for source, note in notes.items():
            for file, path in self.files(source).items():
                if not path.is_file():
                    continue
                found = digests[_name(file)] = sha256(path)
                made = note.get("files", {}).get(_name(file), {"sha256": found})
                if made["sha256"] != found:
                    raise UserError(
                        f"{path}: its {path.stat().st_size:,} bytes have the SHA-256 {found[:12]}, but it was made "
                        f"with {made['bytes']:,} and {made['sha256'][:12]}: it is damaged, or was replaced. {REMEDY}"
                    )
        for source, note in notes.items():
            for name, digest in note.get("made_from", {}).items():
                if digests.get(name, digest) != digest:
                    raise UserError(
                        f"{source} of run '{self.paths.run}' was made from another {name} than the one that is here "
                        f"(SHA-256 {digest[:12]}, here {digests[name][:12]}): they do not belong together. Run "
                        f"`make results` (or `snakemake --cores all`) again, or `{source.command}` before this step."
                    )
        return digests

    def damaged(self) -> Iterator[Damaged]:
        """The files of a run whose size is not that of their note.

        Only sizes are compared, so that it can be asked at every start; whatever reads a file compares every byte.
        """
        for stage in stages():
            folder = self.paths.dataset_dir if stage == "data" else self.paths.root
            for training, job in jobs(self.experiment, stage) if folder.is_dir() else ():
                work = Work(stage, training, job)
                noted = self.read_note(work).get("files", {})
                for file, path in self.files(work).items() if noted else ():
                    made = noted.get(_name(file))
                    if made and path.is_file() and path.stat().st_size != made["bytes"]:
                        yield Damaged(file, path.stat().st_size, made["bytes"])


def _name(file: str) -> str:
    """A file in notes: its path inside the run's folder, or inside that of the dataset."""
    return file.split("/", 2)[2]
