"""Kills a run in every stage, in three ways, at random moments, and compares it with one that nobody killed."""

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd

from tests.conftest import ROOT, TINY
from tests.workflow.conftest import copy_of, environment_of, runner
from tests.workflow.faults import KINDS, killed, values

EXPERIMENT = {**TINY, "models": TINY["models"][1:], "analysis": {"names": ["gap", "pca"]}}

STAGES = {
    "data": ("dataset", "data/*/dataset.json"),
    "finetune": ("finetune/*", "results/tiny/models/*/model.safetensors"),
    "localize": ("localize/*", "results/tiny/localization/*/maps.npz"),
    "evaluate": ("evaluate/*", "results/tiny/evaluation/*/*/metrics.json"),
    "analyze": ("analysis/*/*", "results/tiny/analysis/*/*/status.json"),
    "tables": ("tables", "results/tiny/claims.json"),
    "figures": ("figures", "results/tiny/figures/heatmaps.png"),
    "report": ("report", "results/tiny/report.html"),
}
"""What the command line of a stage's job has in it; where below `logs/` it is noted how long one took; and files of it,
without which it has to be done again."""

TRIALS = 5
"""A job may have ended before its moment comes. It is done again, so often at most, and each time killed earlier."""


def rows(rounds: int, seed: int) -> Iterator[dict]:
    """A row for each stage and kind: how many kills, and after how many the next plain start went on.

    They count only if the run is in the end, value for value, the one that nobody killed.
    """
    moments, tools = random.Random(seed), Path(shutil.which("snakemake") or "").parent
    with tempfile.TemporaryDirectory() as place:
        whole, hit = Path(place) / "whole", Path(place) / "hit"
        for folder in (whole, hit):
            copy_of(ROOT, folder, EXPERIMENT)
        runner(whole, tools)("snakemake", "--cores", "2")
        logs = whole / "results" / "tiny" / "logs"
        environment = environment_of(hit, tools)
        tried = dict.fromkeys(product(STAGES, KINDS), 0)
        for stage, (noted, made) in STAGES.items():
            took = longest(logs, noted)
            for kind in KINDS * rounds:
                for trial in range(TRIALS):
                    for file in hit.glob(made):
                        file.unlink()
                    moment = partial(time.sleep, moments.uniform(0, took / 2**trial))
                    if killed(hit, environment, stage, kind, moment):
                        tried[stage, kind] += 1
                        break
                print(f"{stage}: {tried[stage, kind]} {kind} killed", flush=True)
        runner(hit, tools)("snakemake", "--cores", "2")
        same = values(hit / "results" / "tiny") == values(whole / "results" / "tiny")
    for (stage, kind), count in tried.items():
        yield {"stage": stage, "killed": kind, "tried": count, "survived": count * same, "n": count}


def longest(logs: Path, pattern: str) -> float:
    """The seconds of the longest job of a stage."""
    return max(float(pd.read_csv(path, sep="\t")["s"].iloc[0]) for path in logs.glob(f"{pattern}.tsv"))
