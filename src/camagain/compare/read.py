"""What a comparison reads of a run: its figures, its seed spread where measured, and what makes two runs comparable."""

import csv
import math
from pathlib import Path

from camagain.artifacts import MANIFEST_SCHEMA, existing, read_json
from camagain.errors import UserError

Key = tuple[str, str, str]
"""(model, method, figure)."""

SPREAD_FILE = "seed-spread.csv"
"""In a reference: the standard deviation over seeds of each figure, where it was measured."""


def read_manifest(run: Path) -> dict:
    """A run's manifest; UserError where the folder is no finished run or is one of another version."""
    path = run / "manifest.json"
    if not path.is_file():
        raise UserError(f"{run}: not a finished run (no manifest.json). Expected a folder such as results/demo.")
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
        raise UserError(
            f"{path}: its schema is not {MANIFEST_SCHEMA}; make the run again with this version of camagain."
        )
    return manifest


def read_figures(run: Path) -> dict[Key, float]:
    """Every figure of a run in percent, by (model, method, figure); figures that do not apply (null) are left out."""
    found: dict[Key, float] = {}
    for path in sorted(existing(run / "evaluation").glob("*/*/metrics.json")):
        metrics = read_json(path)
        for figure, entry in metrics["figures"].items():
            if entry is None:
                continue
            value = entry["value"]
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise UserError(f"{path}: the figure '{figure}' is {value!r}; expected a number in percent.")
            found[metrics["model"], metrics["method"], figure] = float(value)
    if not found:
        raise UserError(f"{run}: no evaluation/<model>/<method>/metrics.json in it; expected a finished run.")
    return found


def read_spread(run: Path) -> dict[Key, float]:
    """Standard deviations over seeds in percentage points; empty where they were not measured."""
    path = run / SPREAD_FILE
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {(row["model"], row["method"], row["figure"]): float(row["deviation_points"]) for row in rows}


def shared_test_images(a: Path, b: Path) -> int:
    """The number of test images that both runs share; UserError when they were measured on different images."""
    one, other = (read_manifest(run)["dataset"] for run in (a, b))
    if one["fingerprint"] != other["fingerprint"]:
        raise UserError(
            f"{a} and {b} cannot be compared: they were measured on different images "
            f"({describe_dataset(one)} against {describe_dataset(other)})."
        )
    return int(one["splits"]["test"])


def describe_dataset(dataset: dict) -> str:
    """A dataset in a few words."""
    return f"'{dataset['name']}', {dataset['splits']['test']} test images, fingerprint {dataset['fingerprint'][:12]}"


def warnings(a: Path, b: Path) -> list[str]:
    """What differs between two runs and can explain different figures."""
    one, other = read_manifest(a), read_manifest(b)
    found = []
    if one["experiment"] != other["experiment"]:
        sections = [key for key in one["experiment"] if one["experiment"][key] != other["experiment"].get(key)]
        found.append(f"the experiments differ in: {', '.join(sections)}")
    for name, version in one["packages"].items():
        if version != other["packages"].get(name):
            found.append(f"{name} is {version} against {other['packages'].get(name)}")
    return found
