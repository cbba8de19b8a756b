"""A results folder that is opened for comparison: every file that is read must still be the one its manifest lists."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from camagain.artifacts import INSIDE, MANIFEST_SCHEMA, NAME, read_json, sha256
from camagain.errors import UserError

if TYPE_CHECKING:
    from camagain.config import Experiment

State = Literal["there", "left out", "gone", "never made"]
"""Of a file of a run: on disk; not kept by design, as in a reference; listed and not there; not listed."""


@dataclass(frozen=True)
class RunFolder:
    """A finished run, or a reference made of one."""

    root: Path
    manifest: dict[str, Any]
    _checked: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def open(cls, root: Path) -> "RunFolder":
        """Reads the manifest; UserError where the folder is no finished run or is one of another version."""
        root = Path(root)
        path = root / INSIDE.manifest
        if root.suffix == ".zip" and root.is_file():
            raise UserError(
                f"{root}: is packed. Unpack it first: `python -m zipfile -e {root} {root.with_suffix('')}`."
            )
        if not root.is_dir():
            raise UserError(f"{root}: no such folder. Expected a finished run such as results/demo.")
        if not path.is_file():
            begun = (root / INSIDE.experiment).is_file()
            hint = (
                "it was begun and not finished; run `snakemake --cores all`, or `camagain paper` for what is there"
                if begun
                else "expected a folder such as results/demo"
            )
            raise UserError(f"{root}: not a finished run (no manifest.json): {hint}.")
        manifest = read_json(path)
        if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
            found = manifest.get("schema") if isinstance(manifest, dict) else type(manifest).__name__
            raise UserError(
                f"{path}: its schema is {found!r}, not {MANIFEST_SCHEMA}; make the run again with this version of "
                "camagain, or compare with the version that made it."
            )
        missing = [key for key in ("experiment", "packages", "dataset", "files") if key not in manifest]
        if missing:
            raise UserError(f"{path}: {', '.join(missing)} missing; expected the manifest of a finished run.")
        name = manifest["dataset"].get("name") if isinstance(manifest["dataset"], dict) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(f"{path}: the name of its dataset is {name!r}; expected letters, digits, dot, dash and _.")
        for key in ("files", "files_left_out"):
            check_entries(path, manifest.get(key, {}))
        return cls(root, manifest)

    def __str__(self) -> str:
        return self.root.as_posix()

    @cached_property
    def _real(self) -> Path:
        return self.root.resolve()

    @cached_property
    def values(self) -> dict[str, Any]:
        """The experiment as plain values; settings that are newer than the run have their defaults."""
        try:
            return self.experiment.model_dump(mode="json")
        except UserError:  # this version knows it no longer; its values can still be compared
            return self.manifest["experiment"]

    @property
    def seeds(self) -> list[int]:
        """The seeds of training; of a run made before there could be several, its one seed."""
        return self.values.get("seeds") or [self.values["seed"]]

    @cached_property
    def experiment(self) -> "Experiment":
        """The experiment as settings; UserError where this version does not know one of its keys."""
        from camagain.config.file import parse_experiment

        return parse_experiment(self.manifest["experiment"], f"{self.root}/{INSIDE.manifest}")

    @property
    def dataset(self) -> dict[str, Any]:
        """The dataset's description: kind, name, images per split, classes, fingerprints."""
        return self.manifest["dataset"]

    @cached_property
    def left_out(self) -> dict[str, dict[str, Any]]:
        """Checksum and size of what the run had and this folder does not keep."""
        return self.manifest.get("files_left_out", {})

    @cached_property
    def listed(self) -> dict[str, dict[str, Any]]:
        """Checksum and size of every file the run had, kept or not."""
        return {**self.left_out, **self.manifest["files"]}

    def digest(self, file: str) -> str | None:
        """The SHA-256 of a file by the manifest, also of one that is not kept; None where the run had none."""
        entry = self.listed.get(file)
        return entry["sha256"] if entry else None

    def state(self, file: str) -> State:
        """Whether a file is there, and if not, why; UserError where it is a link that leads out of the folder."""
        if file not in self.manifest["files"]:
            return "left out" if file in self.left_out else "never made"
        return "there" if self.place(file).is_file() else "gone"

    def place(self, file: str) -> Path:
        """Where a file of this name belongs; UserError where that is not inside the folder.

        A results folder may come from a stranger. Neither a name in its manifest nor a link in it may lead elsewhere.
        """
        path = self.root / file
        if not path.resolve().is_relative_to(self._real):
            raise UserError(
                f"{path}: it leads out of {self.root}, to {path.resolve()}; expected a file inside the run. Do not use "
                "this folder unless you know who made it; put a copy of the file in the link's place."
            )
        return path

    def has(self, file: str) -> bool:
        """Whether a file can be read."""
        return self.state(file) == "there"

    def path(self, file: str) -> Path:
        """Where a file lies; UserError where it is not the one that the manifest lists."""
        path = self.place(file)
        if file not in self._checked:
            if not self.has(file):
                raise UserError(f"{path}: {self.state(file)}; expected a file that {self.root}/manifest.json lists.")
            if sha256(path) != self.digest(file):
                raise UserError(
                    f"{path}: changed since its manifest was written. Run `camagain verify {self.root}` to list every "
                    "such file, then make the run again, or take it from where it was published."
                )
            self._checked.add(file)
        return path

    def json(self, file: str) -> Any:
        """The content of a JSON file."""
        return read_json(self.path(file))

    def csv(self, file: str) -> pd.DataFrame:
        """A CSV file as a table; UserError where it is none."""
        path = self.path(file)
        try:
            return pd.read_csv(path)
        except (ValueError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a readable CSV table ({error}).") from None

    def parquet(self, file: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A Parquet file as a table, or some of its columns; UserError where it is truncated or none."""
        path = self.path(file)
        try:
            return pd.read_parquet(io.BytesIO(path.read_bytes()), columns=columns)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: not a readable Parquet table ({error}).") from None

    def arrays(self, file: str, *names: str) -> dict[str, np.ndarray]:
        """Those of these arrays that an npz file has, by name; UserError where it is truncated or none."""
        path = self.path(file)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in names if name in arrays}
        except Exception as error:  # numpy, zipfile and zlib each raise their own for a damaged file
            raise UserError(f"{path}: not a readable npz file ({error}).") from None


def check_entries(manifest: Path, files: Any) -> None:
    """UserError where a list of files is damaged, or names a file outside the run.

    Each entry is a path relative to the run, parts joined by "/", with the file's `sha256` and `bytes`.
    """
    if not isinstance(files, dict):
        raise UserError(f"{manifest}: its list of files is damaged; make the run again, or restore it.")
    for file, entry in files.items():
        if not is_inside(file):
            raise UserError(
                f"{manifest}: it lists {file!r}, which is no path inside the run. Such a list can reach files "
                "elsewhere; do not use this folder."
            )
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str) or not is_size(entry):
            raise UserError(
                f"{manifest}: the entry of {file} is {entry!r}; expected its sha256 and bytes. Make the run again, or "
                "restore its manifest."
            )


def is_inside(file: str) -> bool:
    """Whether a path stays in the folder that it is relative to, on every system: no drive, no backslash, no `..`."""
    return not set("\\:\0") & set(file) and all(part not in ("", ".", "..") for part in file.split("/"))


def is_size(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("bytes"), int) and entry["bytes"] >= 0
