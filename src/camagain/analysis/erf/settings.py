"""Settings of the analysis `erf`, and its stage of a run."""

from typing import Literal

from pydantic import Field

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage

State = Literal["random", "start", "finetuned"]
"""Weights of a network: drawn at random, those that fine-tuning began with, or those that it ended with."""


class Erf(Settings):
    """The effective receptive field, by RepLKNet's procedure."""

    images: int = Field(default=50, ge=1, description="Test images, spread evenly over the split; upstream takes 50.")
    size: int | None = Field(
        default=None, ge=32, description="Side of the square input, pixels; upstream takes 1024. Null: `input.size`."
    )
    states: tuple[State, ...] = Field(
        default=("random", "start", "finetuned"),
        min_length=1,
        description="Weights to measure with: random, those that fine-tuning started from, and fine-tuned. `start` "
        "is left out where fine-tuning starts from random weights.",
    )


STAGE = AnalysisStage(
    place=1,
    what="Effective receptive field.",
    settings=Erf,
    reads=("data", "finetune"),
    may_read=("compute", "model", "training_seed"),
    arrays="the contribution map of each state, float64",
    gpu=True,
)
