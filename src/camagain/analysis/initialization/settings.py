"""Settings of the analysis `initialization`, and its stage of a run."""

from pydantic import Field

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage


class Initialization(Settings):
    """GAP value and activated area before, along and after training."""

    seeds: int = Field(default=3, ge=1, description="Random initializations of each architecture.")
    images: int = Field(default=64, ge=1, description="Test images, spread evenly, and as many of noise.")


STAGE = AnalysisStage(
    place=4,
    what="Before and along training.",
    settings=Initialization,
    reads=("data", "finetune"),
    may_read=("compute", "evaluation", "model", "seed", "training_seed"),
    gpu=True,
)
