"""Settings of the analysis `erf`, and its stage of a run."""

from typing import Literal

from pydantic import Field, field_validator

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage

State = Literal["random", "start", "finetuned"]
"""Weights of a network: drawn at random, those that fine-tuning began with, or those that it ended with."""


SMALLEST = 32
"""Pixels that the side of an input has at least."""


class Erf(Settings):
    """The effective receptive field, by RepLKNet's procedure."""

    images: int = Field(default=50, ge=1, description="Test images, spread evenly over the split; upstream takes 50.")
    size: int | None = Field(
        default=None,
        ge=SMALLEST,
        description="Side of the square input, pixels; upstream takes 1024. Null: `input.size`.",
    )
    states: tuple[State, ...] = Field(
        default=("random", "start", "finetuned"),
        min_length=1,
        description="Weights to measure with: random, those that fine-tuning started from, and fine-tuned. `start` "
        "is left out where fine-tuning starts from random weights.",
    )
    other_sizes: tuple[int, ...] = Field(
        default=(),
        description="Other sides of the input, pixels, at which fine-tuned networks are measured for the table "
        "`erf-readings`; the literature takes 224, 384 and 1024. The time grows with the square of the side.",
    )
    grid: int = Field(
        default=3,
        ge=1,
        description="Fine-tuned networks are also measured at cells in the middles of grid x grid parts of their "
        "feature maps, for the mean over cells in the table `erf-readings`.",
    )

    @field_validator("other_sizes")
    @classmethod
    def _each_once_and_large_enough(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if sizes and min(sizes) < SMALLEST:
            raise ValueError(f"found {min(sizes)}; a side has at least {SMALLEST} pixels")
        if len(set(sizes)) < len(sizes):
            raise ValueError("a side is named twice")
        return sizes


STAGE = AnalysisStage(
    place=1,
    what="Effective receptive field.",
    settings=Erf,
    reads=("data", "finetune"),
    may_read=("compute", "model", "training_seed"),
    arrays="the contribution map of each state, float64",
    gpu=True,
)
