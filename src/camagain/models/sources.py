"""Where published weights come from (the table in `sources.csv`), and how they get into the downloads folder.

Rows with the same `name` are copies of the same weights in the order in which they are tried. A `sha256` of eight
digits is the head of the digest, which mmpretrain puts in its file names; nobody publishes more of it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from camagain.downloads import LONGEST_PAUSE, Patience, Unreachable, fetch, google_drive
from camagain.errors import UserError, nearest

TORCH_FILE_STARTS = (b"PK\x03\x04", b"\x80")
"""First bytes of files that torch writes: a zip archive since version 1.6, a pickle before."""

FIRST_ATTEMPTS = 3
"""So often each of several copies is asked for before one of them is waited for."""

DOCS = "docs/weights.md says how weights are put there by hand."


@dataclass(frozen=True)
class Source:
    """One published file of weights."""

    weights: str  # "upstream" or "published", as in an experiment
    name: str  # of the weights: architecture.tag, or the architecture alone
    file: str  # name in the downloads folder
    url: str  # of the file, or of its page on Google Drive
    sha256: str  # whole, its head, or "" where nobody publishes it
    layout: str  # whose key names: "authors" or "mmpretrain"
    kernels: int | None  # of SLaK
    normalisation: str  # "imagenet": mean and deviation of ImageNet; "half": 0.5 each
    top1_percent: float | None  # on ImageNet-1K, as published; of one crop at the tag's resolution
    licence: str

    @property
    def architecture(self) -> str:
        return self.name.partition(".")[0]


def all_sources() -> tuple[Source, ...]:
    """The whole table."""
    table = (files("camagain.models") / "sources.csv").read_text(encoding="utf-8")
    return tuple(_source(row) for row in csv.DictReader(table.splitlines()))


def _source(row: dict[str, Any]) -> Source:
    kernels = int(row["kernels"]) if row["kernels"] else None
    top1 = float(row["top1_percent"]) if row["top1_percent"] else None
    return Source(**{**row, "kernels": kernels, "top1_percent": top1})


def choose(weights: str, architecture: str, options: Mapping[str, Any]) -> tuple[Source, ...]:
    """The copies of the weights that an architecture starts from, those to be tried first in front.

    `architecture` carries the tag of the weights, as in timm; without one its first weights in the table are meant.
    """
    base = architecture.partition(".")[0]
    table = [source for source in all_sources() if source.weights == weights]
    if base not in {source.architecture for source in table}:
        known = sorted({source.architecture for source in table})
        raise UserError(
            f"there are no {weights} weights for '{base}', only for {', '.join(known)}.{nearest(base, known)} "
            "Choose one of these or other `weights`."
        )
    names = list(dict.fromkeys(source.name for source in table if source.architecture == base))
    name = architecture if "." in architecture else names[0]
    if name not in names:
        raise UserError(f"unknown {weights} weights '{name}'; there are {', '.join(names)}.{nearest(name, names)}")
    chosen = tuple(source for source in table if source.name == name)
    _check_kernels(chosen[0], options.get("kernels"), table)
    return chosen


def _check_kernels(source: Source, kernels: Any, table: list[Source]) -> None:
    """Raises UserError where SLaK's kernels are of another size than those that the weights were trained with."""
    kernels = kernels[0] if isinstance(kernels, list) else kernels  # of the first stage, the largest
    if kernels is None or source.kernels in (None, kernels):  # where options do not say, SLaK goes by the tag as well
        return
    same = [other for other in table if other.architecture == source.architecture and other.kernels == kernels]
    fitting = f" or take {', '.join(dict.fromkeys(other.name for other in same))}" if same else ""
    raise UserError(
        f"the weights {source.name} have kernels of {source.kernels}, but `options` has {kernels}; "
        f"drop that option{fitting}."
    )


@dataclass(frozen=True)
class Obtained:
    """A checked file of weights on this machine."""

    source: Source
    path: Path
    sha256: str


def obtain(
    sources: tuple[Source, ...],
    downloads: Path,
    drive: str = google_drive.HOST,
    patience: Patience = Patience(),  # noqa: B008  # frozen
) -> Obtained:
    """The first of the copies that is in the downloads folder, or else the first that can be downloaded, checked.

    In place of a file one of the same stem that ends in .safetensors is taken. A wrong file is refused and no other
    copy tried. Of several copies each is asked for a few times, so that the second does not wait for a first that is
    dead or asks to come back later; where none answers, each is asked for with all the patience.
    """
    for source in sources:
        for path in places(source, downloads):
            if path.exists():
                return _obtain(source, path, drive, patience)
    brief = replace(patience, attempts=FIRST_ATTEMPTS, asked=LONGEST_PAUSE)
    failures: list[str] = []
    for granted in (brief, patience) if len(sources) > 1 and patience.attempts > FIRST_ATTEMPTS else (patience,):
        failures = []
        for source in sources:
            try:
                return _obtain(source, places(source, downloads)[0], drive, granted)
            except Unreachable as error:
                failures.append(f"\n  {error}")
    raise Unreachable(f"{sources[0].name}: its weights could not be downloaded.{''.join(failures)}\n{DOCS}")


def present(downloads: Path) -> list[tuple[Source, Path]]:
    """Every file of the table that lies in the downloads folder."""
    found = [(source, path) for source in all_sources() for path in places(source, downloads)]
    return [(source, path) for source, path in found if path.is_file()]


def places(source: Source, downloads: Path) -> tuple[Path, Path]:
    """Where a file of weights may lie, and where it may lie after somebody has converted it."""
    place = Path(downloads) / source.file
    return place, place.with_suffix(".safetensors")


def _obtain(source: Source, path: Path, drive: str, patience: Patience) -> Obtained:
    if path.name != source.file:  # converted by hand: published digests do not apply
        return Obtained(source, path, fetch(source.url, path, patience=patience))
    locate = partial(google_drive.locate, host=drive) if google_drive.file_id(source.url) else None
    digest = fetch(
        source.url,
        path,
        sha256=source.sha256 or None,
        begins=TORCH_FILE_STARTS,
        locate=locate,
        patience=patience,
    )
    return Obtained(source, path, digest)
