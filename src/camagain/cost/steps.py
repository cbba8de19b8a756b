"""Training steps that were measured on a GPU (steps.csv, written by `make docs` from benchmarks/results/gpu.csv)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Step:
    """The training step of one network at one input size: forward, backward and AdamW, without loading images."""

    architecture: str
    size: int  # pixels
    precision: str  # fp32 or bf16
    images_per_second: float
    batch: int  # images of the step
    gib: float  # peak memory of the device
    device: str


@cache
def measured_steps() -> tuple[Step, ...]:
    """Every measured step."""
    return tuple(Step(*row) for row in pd.read_csv(Path(__file__).with_name("steps.csv")).itertuples(index=False))
