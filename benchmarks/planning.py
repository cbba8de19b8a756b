"""How long Snakemake plans: `snakemake -n` of large experiments, printed as a user sees it.

The experiments are `teaser`, and its models again and again under other names, on birds that are drawn. The CPU time of
the whole command is taken, with the start of Python, and its peak memory. There is no peer: the "peer" is the bound
that has to be kept.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from benchmarks.harness import bound_row, measured_command
from camagain.config.file import read_yaml

ROOT = Path(__file__).parents[1]
BOUND_MB = 2000.0
CASES = (("teaser", None, 1, 10.0, 3), ("300 models", 300, 1, 25.0, 1))
"""Name, models (None: those of `teaser`), seeds, bound in CPU seconds, rounds."""


def rows(peer: Path | None, cases: Sequence[tuple] = CASES) -> Iterator[dict]:
    """One row for each size: the median CPU time over the rounds, and the peak memory."""
    for case, models, seeds, bound, rounds in cases:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "experiment.yaml"
            values = experiment(models, seeds)
            file.write_text(yaml.safe_dump(values))
            measured = [run_once(Path(folder), file) for _ in range(rounds)]
        seconds = [found[0] for found in measured]
        row = bound_row("planning", f"{case}, {measured[0][2]:,} jobs", bound, BOUND_MB, "snakemake -n", seconds)
        yield {**row, "peak_mb": round(max(found[1] for found in measured))}


def experiment(models: int | None, seeds: int) -> dict:
    """The values of `teaser`, with so many models and seeds."""
    values = read_yaml(ROOT / "config" / "experiments" / "teaser.yaml")
    values["run"] = "planning"
    values["dataset"] = {"kind": "synthbirds", "name": "planning", "classes": 8, "train_per_class": 100}
    if models is not None:
        own = values["models"]
        values["models"] = [{**own[i % len(own)], "name": f"model{i:04}"} for i in range(models)]
        for settings in values["analysis"].values():
            if isinstance(settings, dict) and "models" in settings:
                settings["models"] = ["model0000"]
    if seeds > 1:
        values["seeds"] = list(range(seeds))
    return values


def run_once(folder: Path, file: Path) -> tuple[float, float, int]:
    """CPU seconds and peak megabytes of the command, and how many jobs it plans."""
    command = ["snakemake", "-n", "--directory", str(folder), "--configfile", str(file)]
    seconds, megabytes, said = measured_command(command, ROOT)
    return seconds, megabytes, int(re.findall(r"^total +(\d+)$", said, flags=re.MULTILINE)[-1])
