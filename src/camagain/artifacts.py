"""The files of a run: where each lies, and how to write it so that no half-written file ever has its final name."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camagain.errors import UserError, of_the_system

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class RunPaths:
    """Every path of one run, each named here and nowhere else (docs/artifacts.md says what is in the files).

    `results` and `data` are roots relative to the working folder; `dataset` is the folder below `data`. A `training` is
    the name of a model; where the experiment has several seeds, that and one of them: "resnet", "resnet/seed1".
    """

    run: str
    dataset: str
    results: Path = Path("results")
    data: Path = Path("data")

    @property
    def root(self) -> Path:
        return self.results / self.run

    @property
    def dataset_dir(self) -> Path:
        return self.data / self.dataset

    @property
    def index(self) -> Path:
        return self.dataset_dir / "index.parquet"

    @property
    def description(self) -> Path:
        return self.dataset_dir / "dataset.json"

    @property
    def experiment(self) -> Path:
        return self.root / "experiment.yaml"

    def model(self, training: str) -> Path:
        return self.root / "models" / training

    def weights(self, training: str) -> Path:
        return self.model(training) / "model.safetensors"

    def card(self, training: str) -> Path:
        return self.model(training) / "model.json"

    def history(self, training: str) -> Path:
        return self.model(training) / "history.csv"

    def localization(self, training: str) -> Path:
        return self.root / "localization" / training

    def maps(self, training: str) -> Path:
        return self.localization(training) / "maps.npz"

    def predictions(self, training: str) -> Path:
        return self.localization(training) / "predictions.parquet"

    def channels(self, training: str) -> Path:
        return self.localization(training) / "channels.npz"

    def parts(self, training: str) -> Path:
        return self.localization(training) / "parts.npz"

    def summary(self, training: str) -> Path:
        return self.localization(training) / "summary.json"

    def evaluation(self, training: str, method: str) -> Path:
        return self.root / "evaluation" / training / method

    def curve(self, training: str, method: str) -> Path:
        return self.evaluation(training, method) / "curve.csv"

    def images(self, training: str, method: str) -> Path:
        return self.evaluation(training, method) / "images.parquet"

    def correct(self, training: str, method: str) -> Path:
        return self.evaluation(training, method) / "correct.npz"

    def choices(self, training: str, method: str) -> Path:
        return self.evaluation(training, method) / "choices.csv"

    def metrics(self, training: str, method: str) -> Path:
        return self.evaluation(training, method) / "metrics.json"

    def analysis(self, name: str, training: str, job: str = "") -> Path:
        return self.root / "analysis" / name / training / job

    def findings(self, name: str, training: str, job: str = "") -> Path:
        return self.analysis(name, training, job) / "table.csv"

    def arrays(self, name: str, training: str, job: str = "") -> Path:
        return self.analysis(name, training, job) / "arrays.npz"

    def status(self, name: str, training: str, job: str = "") -> Path:
        return self.analysis(name, training, job) / "status.json"

    def headline(self, model: str) -> Path:
        return self.root / "metrics" / f"{model}.json"

    @property
    def claims(self) -> Path:
        return self.root / "claims.json"

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def explorer(self) -> Path:
        return self.root / "explorer" / "index.html"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"


INSIDE = RunPaths(run="", dataset="", results=Path(), data=Path())
"""The same files by their paths inside a run's folder, as a manifest lists them."""

UNLISTED = (INSIDE.logs.name, INSIDE.explorer.parent.name)
"""Folders of a run that no manifest lists: how it was made, and a view of files that are listed."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it into place when the block ends without an exception."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept because pandas, numpy and matplotlib choose the format by it.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


LEFTOVER = re.compile(r"\..+\.[a-z0-9_]{8}(\.\w+)?")
"""How the temporary files and folders are called that `tempfile` makes for this package."""


def remove_leftovers(folder: Path) -> None:
    """Removes what killed jobs left half-written under temporary names; nobody else may be writing in the folder."""
    for path in sorted(Path(folder).rglob(".*")):
        if LEFTOVER.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON; refuses NaN and infinities, which JSON does not have."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads JSON; UserError for a missing or damaged file."""
    try:
        return json.loads(existing(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}). Delete it and run the step that makes it again.") from None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Writes a tidy table with a header and without an index column; floats in full precision.

    Names of classes and images are other people's. A text that a spreadsheet would run as a formula gets an apostrophe
    in front, and a carriage return, which Python before 3.13 would write without quotes, becomes a space.
    """
    texts = table.select_dtypes(exclude="number").columns
    safe = table.assign(**{column: table[column].map(_safe) for column in texts})
    with atomic(path) as temporary:
        safe.to_csv(temporary, index=False, lineterminator="\n")


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula (OWASP, "CSV Injection")."""


def _safe(value: Any) -> Any:
    """The value itself, or a text with an apostrophe before what would make it a formula; numbers as text stay."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")
    if not value.startswith(FORMULA):
        return text
    try:
        float(value)
    except ValueError:
        return f"'{text}"
    return value


def write_parquet(path: Path, table: "pd.DataFrame") -> None:
    """Writes a table as Parquet, zstd-compressed."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


DAMAGED_NPZ = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, OverflowError, SyntaxError, AttributeError,
    TypeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy, zipfile and zlib raise on reading a damaged npz file, or one that holds objects."""


def write_npz(path: Path, **arrays: "np.ndarray") -> None:
    """Writes named arrays as npz without pickle; the same arrays give the same bytes."""
    import numpy as np

    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{path}: array '{name}' has dtype {array.dtype}, which needs pickle; store numbers or str")
    with atomic(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def existing(path: Path) -> Path:
    """The path itself if a file or folder lies there and can be read, else a UserError that names it."""
    path = readable(path)
    if not path.exists():
        raise UserError(f"{path}: no such file. It is made by an earlier step; run `snakemake --cores all` to make it.")
    return path


def readable(path: Path) -> Path:
    """The path itself; UserError where something lies there that the machine does not let this user read.

    Whatever reads it next would take the same error for damage, and advise to delete the file.
    """
    path = Path(path)
    try:
        if path.is_file():
            path.open("rb").close()
    except OSError as error:
        if (message := of_the_system(error)) is not None:
            raise UserError(message) from None
    return path


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MANIFEST_SCHEMA = 1
"""Increased when a field of manifest.json changes its meaning; comparisons refuse manifests of other schemas."""

SEED_SPREAD = "seed-spread.csv"
"""In a reference: the standard deviation over seeds of its numbers; columns file, row, column, deviation, runs."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Names of runs, datasets and models become folder names: no separators, no leading dot, no spaces."""
