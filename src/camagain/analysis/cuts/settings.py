"""Settings of the analysis `cuts`, and its stage of a run."""

from pydantic import Field, field_validator

from camagain.config.base import Name, Settings
from camagain.config.declared import AnalysisStage


class Cuts(Settings):
    """What cutting the kernels of a trained network does to its maps."""

    models: tuple[Name, ...] = Field(default=(), description="Models whose kernels are cut, by name.")
    sides: tuple[int, ...] = Field(
        default=(3,), min_length=1, description="Sizes k: taps outside the central k x k are set to zero."
    )
    images: int = Field(
        default=256, ge=2, description="Train images, spread evenly, that BatchNorm takes new statistics from."
    )

    @field_validator("sides")
    @classmethod
    def _odd(cls, sides: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [side for side in sides if side < 1 or side % 2 == 0]
        if wrong:
            raise ValueError(f"found {wrong}; only odd kernels have a central tap")
        return sides


STAGE = AnalysisStage(
    place=10,
    what="What cutting kernels does to maps.",
    settings=Cuts,
    reads=("data", "finetune"),
    may_read=(
        "compute",
        "evaluation",
        "localization.batch_size",
        "localization.precision",
        "model",
        "seed",
        "training_seed",
    ),
    gpu=True,
    models=lambda settings: settings.models,
)
