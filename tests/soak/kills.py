"""Kills a run in every stage, in three ways, at random moments, and compares it with one that nobody killed."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tests.conftest import ROOT, TINY
from tests.workflow.conftest import copy_of, environment_of, runner
from tests.workflow.faults import KINDS, killed, values

EXPERIMENT = {**TINY, "models": TINY["models"][1:], "analysis": {"names": ["gap", "pca"]}}

STAGES = {
    "data": "dataset",
    "finetune": "finetune/*",
    "localize": "localize/*",
    "evaluate": "evaluate/*",
    "analyze": "analysis/*/*",
    "tables": "tables",
    "figures": "figures",
    "report": "report",
}
"""What the command line of a stage's job has in it, and where below `logs/` it is noted how long one took."""


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
        took = {stage: longest(logs, pattern) for stage, pattern in STAGES.items()}
        environment = environment_of(hit, tools)
        tried: dict[tuple[str, str], int] = {}
        for stage in STAGES:
            for kind in KINDS * rounds:
                said = killed(hit, environment, stage, kind, moments.uniform(0, took[stage]))
                tried[stage, kind] = tried.get((stage, kind), 0) + bool(said)
                print(f"{stage}: {kind} killed", flush=True)
        runner(hit, tools)("snakemake", "--cores", "2")
        same = values(hit / "results" / "tiny") == values(whole / "results" / "tiny")
    for (stage, kind), count in tried.items():
        yield {"stage": stage, "killed": kind, "tried": count, "survived": count * same, "n": count}


def longest(logs: Path, pattern: str) -> float:
    """The seconds of the longest job of a stage."""
    return max(float(pd.read_csv(path, sep="\t")["s"].iloc[0]) for path in logs.glob(f"{pattern}.tsv"))
