"""Settings of the analysis `interventions`, and its stage of a run."""

from pydantic import Field, field_validator

from camagain.config.base import Name, Settings
from camagain.config.declared import AnalysisStage


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


STAGE = AnalysisStage(
    place=8,
    what="Kernel size as the one change.",
    settings=Interventions,
    reads=("data", "finetune"),
    may_read=(
        "analysis.erf",
        "compute",
        "dataset.name",
        "evaluation",
        "input",
        "localization.batch_size",
        "localization.precision",
        "localization.tap",
        "model",
        "seed",
        "training_seed",
    ),
    arrays="errors of MaxBoxAcc in bootstrap resamples, for paired intervals",
    gpu=True,
    trains=True,
    models=lambda settings: settings.models,
    jobs=lambda settings: settings.changes,
)
