"""Which analyses are made, and of what: the settings behind the paper's explanations and our interventions."""

from typing import Literal, get_args

from pydantic import Field, field_validator

from camagain.config.base import Name, Settings, Share

AnalysisName = Literal["erf", "gap", "pca", "initialization", "remedies", "texture", "cues", "interventions"]
"""Every analysis, in the order of the report; docs/analyses.md describes each."""

ANALYSES: tuple[AnalysisName, ...] = get_args(AnalysisName)

WITH_ARRAYS: tuple[AnalysisName, ...] = ("erf", "interventions")
"""Analyses that store arrays beside their table: pictures, or the resamples behind intervals of differences."""

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
        description="Weights it is measured with: random, those that fine-tuning started from, and fine-tuned. `start` "
        "is left out where fine-tuning starts from random weights.",
    )


class Initialization(Settings):
    """GAP value and activated area before, along and after training."""

    seeds: int = Field(default=3, ge=1, description="Random initializations of each architecture.")
    images: int = Field(default=64, ge=1, description="Test images, spread evenly, and as many of noise.")


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


class Interventions(Settings):
    """One thing changed at a time: the size of depthwise kernels of a trained network."""

    models: tuple[Name, ...] = Field(
        default=(), description="Models whose kernels are changed, by name; each costs many further trainings."
    )
    enlarge: tuple[int, ...] = Field(
        default=(7, 13, 31),
        description="Kernel sizes K: smaller kernels are padded with zeros to K x K and trained further. The network "
        "with its own kernels is trained further, too, as the control.",
    )
    shrink: tuple[int, ...] = Field(
        default=(3, 5, 7, 13), description="Sizes k: taps outside the central k x k are set to zero, without training."
    )
    seeds: int = Field(default=3, ge=1, description="Further trainings of each size, which differ in their seed.")
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="Epochs of further training; null: as many as the model's own recipe has. Fewer shorten its "
        "warm-up in proportion.",
    )
    learning_rate_factor: float = Field(
        default=1.0,
        gt=0,
        description="Factor on all learning rates of the recipe, for every size alike. Adam moves each tap by the "
        "learning rate, however small its gradient: 31 x 31 taps together move 38 times as far as 5 x 5.",
    )

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of the jobs of one model: further trainings by kernel size and seed, and `shrunk`, which is one job."""
        sizes = ("own", *(f"K{side}" for side in self.enlarge))
        return (*(f"{size}-seed{seed}" for size in sizes for seed in range(self.seeds)), "shrunk")

    @field_validator("enlarge", "shrink")
    @classmethod
    def _odd(cls, sides: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [side for side in sides if side < 1 or side % 2 == 0]
        if wrong:
            raise ValueError(f"found {wrong}; only odd kernels have a central tap")
        return sides


class Analysis(Settings):
    """What the networks look at, measured."""

    names: tuple[AnalysisName, ...] = Field(default=ANALYSES, description="Analyses to make (docs/analyses.md).")
    erf: Erf = Field(default=Erf(), description="Effective receptive field.")
    initialization: Initialization = Field(default=Initialization(), description="Before and along training.")
    remedies: Remedies = Field(default=Remedies(), description="Remedies against local maps.")
    texture: Texture = Field(default=Texture(), description="Shape and texture.")
    interventions: Interventions = Field(default=Interventions(), description="Kernel size as the one change.")
