"""Settings of the analysis `remedies`, and its stage of a run."""

from pydantic import Field

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage


class Remedies(Settings):
    """The remedies of Bae et al. (2020) for maps that are too local, each on and off."""

    theta: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Thresholded average pooling averages cells above this share of a channel's maximum.",
    )
    percentile: float = Field(
        default=90.0, gt=0, lt=100, description="Thresholds are shares of this percentile of a map, not of its maximum."
    )
    head_weight_decay: float = Field(
        default=1.0e-3, gt=0, description="Weight decay of the classifiers that are fitted anew on pooled features."
    )


STAGE = AnalysisStage(
    place=5,
    what="Remedies against local maps.",
    settings=Remedies,
    reads=("data", "finetune", "localize"),
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
