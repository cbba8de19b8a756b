"""Settings of the analysis `texture`, and its stage of a run."""

from pydantic import Field, field_validator

from camagain.config.base import Settings, Share
from camagain.config.declared import AnalysisStage


class Texture(Settings):
    """Accuracy and localization on images whose shape, or whose texture, is destroyed."""

    images: int = Field(default=400, ge=1, description="Test images, spread evenly over the split.")
    grids: tuple[int, ...] = Field(
        default=(2, 4, 8),
        min_length=1,
        description="Images are cut into g x g patches that change places. A grid that does not divide `input.size` is "
        "left out, and the table says so.",
    )
    smoothing: tuple[Share, ...] = Field(
        default=(0.03, 0.08, 0.13),
        description="Windows of a median filter, as shares of the image's side: shapes stay, texture goes. By default "
        "the largest is as wide as a patch of the finest grid.",
    )

    @field_validator("grids")
    @classmethod
    def _at_least_two(cls, grids: tuple[int, ...]) -> tuple[int, ...]:
        if min(grids) < 2:
            raise ValueError(f"found {min(grids)}; a grid has at least 2 x 2 patches")
        return grids


STAGE = AnalysisStage(
    place=6,
    what="Shape and texture.",
    settings=Texture,
    reads=("data", "finetune"),
    may_read=(
        "compute",
        "dataset.name",
        "evaluation",
        "localization.batch_size",
        "localization.precision",
        "localization.tap",
        "seed",
        "training_seed",
    ),
    gpu=True,
)
