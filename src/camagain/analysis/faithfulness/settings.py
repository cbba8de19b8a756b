"""Settings of the analysis `faithfulness`, and its stage of a run."""

from pydantic import Field

from camagain.config.base import Settings, Share
from camagain.config.declared import AnalysisStage


class Faithfulness(Settings):
    """Whether the network needs the pixels that a score map calls important."""

    images: int = Field(
        default=50, ge=2, description="Test images, spread evenly over the split; ROAD takes most of the time."
    )
    steps: int = Field(
        default=50,
        ge=1,
        description="Steps in which insertion and deletion bring and take all pixels; Petsiuk et al. take 224.",
    )
    shares: tuple[Share, ...] = Field(
        default=(0.2, 0.4, 0.6, 0.8),
        min_length=1,
        description="Shares of the pixels that ROAD removes, the most and the least important ones.",
    )


STAGE = AnalysisStage(
    place=8,
    what="Whether the network needs the pixels that a score map calls important.",
    settings=Faithfulness,
    reads=("data", "finetune", "localize"),
    may_read=("compute", "evaluation", "localization", "seed"),
    gpu=True,
    package="grad-cam",
)
