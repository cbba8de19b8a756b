"""What `compute.portable` costs: CPU seconds of whole jobs of the demo, start of Python included, with and without."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import yaml

from benchmarks.harness import ratio_rows
from camagain.artifacts import write_text

ROUNDS = 3
EPOCHS = 2
NETWORKS = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")
MEASURED = ("resnet_narrow", "slak_narrow")
"""The networks whose other stages are measured."""

DEMO = Path(__file__).parents[1] / "config" / "config.yaml"


def rows(peer: Path | None) -> Iterator[dict]:
    """Jobs in turn with and without, in a folder that is deleted afterwards; the demo with fewer epochs."""
    del peer
    jobs = {f"finetune {network}, {EPOCHS} epochs": ("finetune", network) for network in NETWORKS}
    jobs |= {
        f"{stage} {network}": (stage, network) for stage in ("localize", "evaluate", "erf") for network in MEASURED
    }
    with tempfile.TemporaryDirectory() as folder:
        files = {name: experiment(Path(folder), name, held) for name, held in (("any", False), ("one", True))}
        for file in files.values():
            seconds_of(folder, "data", file)
        for case, (stage, network) in jobs.items():
            seconds: dict[str, list[float]] = {name: [] for name in files}
            for _ in range(ROUNDS):
                for name, file in files.items():
                    seconds[name].append(seconds_of(folder, stage, file, network))
            medians = {name: median(values) for name, values in seconds.items()}
            named = {"portable: false": medians["any"], "portable: true": medians["one"]}
            yield from ratio_rows("portable", case, named, "portable: true", ROUNDS)


def experiment(folder: Path, name: str, held: bool) -> str:
    """The file of the demo with or without the setting."""
    values = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    values["run"] = name
    values["training"]["epochs"] = EPOCHS
    values["compute"]["portable"] = held
    write_text(folder / f"{name}.yaml", yaml.safe_dump(values))
    return f"{name}.yaml"


def seconds_of(folder: str, *arguments: str) -> float:
    """CPU seconds, user and system, of one call of the command `camagain`; CalledProcessError where it fails."""
    command = [sys.executable, "-m", "camagain", *arguments]
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
