"""The experiment: one YAML file as frozen, strictly validated settings (read by `camagain.config.file`).

Every key is described here or in the modules beside this one; `config/README.md` is generated from these descriptions.
An unknown key is refused with the nearest valid one, so that a misspelling costs seconds and not a night of training.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from camagain.artifacts import RunPaths
from camagain.config.analysis import Analysis, declared
from camagain.config.base import Name, Positive, Rgb, Settings
from camagain.config.dataset import Dataset, folder_name
from camagain.config.methods import Method
from camagain.config.training import Training
from camagain.errors import UserError, nearest
from camagain.statistics.confidence import CONFIDENCE

BASELINE = "baseline"
"""The model name of the baselines, which never look at the image; no experiment may use it."""

REFERENCES = "reference"
"""The folder of the references among the runs; no run may have its name."""

BASELINE_METHODS = ("whole-image", "centre-gaussian")

WITHOUT_EFFECT = frozenset({"workers", "cache_images", "checkpoint_minutes", "downloads"})
"""Keys of `compute` that change no bit of any result: nothing runs again because of them."""


class Input(Settings):
    """What a network sees: images warped to a square, scaled to [0, 1], normalised."""

    size: int = Field(ge=32, description="Side of the square input, pixels.")
    mean: Rgb = Field(default=(0.5, 0.5, 0.5), description="Subtracted per colour channel (range 0-1).")
    std: tuple[Positive, Positive, Positive] = Field(
        default=(0.5, 0.5, 0.5), description="Divides per colour channel (range 0-1)."
    )
    interpolation: Literal["bilinear", "bicubic"] = Field(
        default="bilinear", description="How images are warped to the square; the authors' script uses bilinear."
    )


class Model(Settings):
    """One network of the experiment."""

    name: Name = Field(description="Name in tables and folder under `models/`.")
    architecture: str = Field(description="Any timm name, including those that camagain registers.")
    options: dict[str, bool | int | float | str | list[int]] = Field(
        default={},
        description="Options of the architecture, such as `kernels: 61` of `slak_tiny`. With `thresholded_pooling: "
        "0.1` any head that averages takes only the cells above that share of a channel's maximum (Bae et al. 2020). "
        "With `gap_head: true` the head is global average pooling and a new linear layer, as VGG and MobileNetV3 need "
        "it (docs/networks.md).",
    )
    weights: Literal["random", "timm", "upstream", "published", "lite-package", "file"] = Field(
        default="random",
        description="Starting weights: `random`; `timm`, those that timm has; `upstream`, the ImageNet weights that "
        "RepLKNet's and SLaK's authors published; `published`, the paper's two fine-tuned checkpoints; "
        "`lite-package`, the ImageNet weights of EfficientNet-Lite0 to 2 in pip packages of their own; "
        "`file`, those of `checkpoint`. See docs/networks.md and docs/weights.md.",
    )
    checkpoint: Path | None = Field(
        default=None,
        description="A file of weights, `.safetensors` or torch's, with the names of the architecture's tensors.",
    )
    classifier: Literal["new", "kept"] = Field(
        default="new",
        description="`kept`: that of the starting weights, for a dataset with the classes that they were trained for, "
        "as ImageNet's 1,000. `published` weights always keep theirs.",
    )
    training: Training = Field(
        description="Overrides of the experiment's `training`, key by key.",
        json_schema_extra={"default_in_words": "the experiment's"},
    )

    @model_validator(mode="after")
    def _has_a_file_where_it_starts_from_one(self) -> "Model":
        if self.weights == "file" and self.checkpoint is None:
            raise ValueError("`weights: file` needs the path of the file: `checkpoint: PATH`")
        if self.weights != "file" and self.checkpoint is not None:
            raise ValueError(f"`checkpoint` with `weights: {self.weights}`; it is read with `weights: file` alone")
        return self

    @model_validator(mode="after")
    def _has_a_classifier_to_keep(self) -> "Model":
        if self.weights == "random" and self.classifier == "kept":
            raise ValueError("classifier: `kept` with `weights: random`; random weights have no trained classifier")
        if self.options.get("gap_head") and self.classifier == "kept" and self.weights != "file":
            raise ValueError(
                "classifier: `kept` with `gap_head`; that classifier is new, and no published weights have it"
            )
        return self


class Localization(Settings):
    """How score maps are made."""

    methods: tuple[Method, ...] = Field(
        default=("cam", "cam-gt", "pc1", "pc1-gt"),
        min_length=1,
        description="`cam` and `pc1`: maps of the predicted class as in the paper's script; with `-gt`, of the true "
        "class as in wsolevaluation. Also the methods of the optional package grad-cam (docs/metrics.md).",
    )
    variant: Literal["published", "described"] = Field(
        default="published",
        description="`published`: as the authors' script computes it, rounding to 8 bits at 384 px included; "
        "`described`: as the paper's text means it.",
    )
    tap: Literal["before-norm", "after-norm"] = Field(
        default="before-norm",
        description="If a norm stands between the last feature maps and the classifier: maps from before it, as in the "
        "paper's script, or from after it, where they add up to the class score exactly.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="`bfloat16`: the backbone in half precision, faster and not exact; tables say so.",
    )
    batch_size: int = Field(default=64, ge=1, description="Images per forward pass.")


class Evaluation(Settings):
    """How score maps become boxes and boxes become numbers."""

    size: int = Field(default=224, ge=16, description="Side to which score maps and boxes are scaled, pixels.")
    interpolation: Literal["linear", "cubic"] = Field(default="linear", description="How score maps are resized to it.")
    threshold_step: float = Field(default=0.001, gt=0, lt=1, description="Step of the threshold grid over [0, 1).")
    bootstrap: int = Field(default=1000, ge=100, description="Bootstrap resamples behind each confidence interval.")
    confidence: float = Field(default=CONFIDENCE, gt=0.5, lt=1, description="Coverage of the confidence intervals.")
    choices: Literal["one-at-a-time", "all-combinations"] = Field(
        default="one-at-a-time",
        description="What the evaluation-choices table scores again: every choice changed alone, or all combinations, "
        "which takes several times as long.",
    )


class Figures(Settings):
    """Settings of the figures that show images."""

    heatmap_images: int = Field(default=6, ge=1, le=24, description="Test images in the heatmap figure.")


class Compute(Settings):
    """Where the work is done. Never changes what is computed, except for rounding."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="`auto` takes a GPU when there is one."
    )
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads of one process. At most so many processes share the search for boxes. Fixed, so that "
        "results do not depend on --cores.",
    )
    portable: bool = Field(
        default=False,
        description="Same digits on every x86 processor with AVX2, Intel or AMD: the command line holds numerical "
        "libraries to one code path. Without effect on GPUs and other processors; shown for one thread. See "
        "docs/workflow.md.",
    )
    processes: int = Field(
        default=1, ge=1, description="Processes that share one training, each on its own GPU or CPU."
    )
    workers: int = Field(default=0, ge=0, description="Extra processes that load images; 0 loads them in the job.")
    cache_images: bool = Field(
        default=False, description="Keep decoded images on disk beside the dataset's index: larger than JPEG, faster."
    )
    checkpoint_minutes: float = Field(
        default=10.0, ge=0, description="A training saves its state at an epoch's end once so many minutes have passed."
    )
    fast_large_kernels: bool = Field(
        default=True, description="Compute large depthwise kernels by the fastest exact route instead of torch's own."
    )
    downloads: Path = Field(
        default=Path("downloads"),
        description="Folder for downloaded weights; a file already there is used, also without internet.",
    )


class Experiment(Settings):
    """One experiment is one file. Everything that a run depends on."""

    run: Name = Field(description="Outputs go to `results/<run>`.")
    seed: int = Field(
        default=0,
        ge=0,
        description="Seed of everything that is drawn besides training: bootstrap, corruptions, noise.",
    )
    seeds: tuple[int, ...] = Field(
        min_length=1,
        description="Seeds of training (initialisation, shuffling, augmentation): every model is trained once with "
        "each. With several, tables show the mean and the deviation over them.",
        json_schema_extra={"default_in_words": "`seed` alone"},
    )
    purpose: str = Field(
        default="", description="One sentence on what this experiment can and cannot show; printed in its report."
    )
    dataset: Dataset = Field(description="Where images come from.")
    input: Input = Field(description="What a network sees.")
    training: Training = Field(description="Default recipe.")
    models: tuple[Model, ...] = Field(min_length=1, description="The networks to compare.")
    localization: Localization = Field(default=Localization(), description="How score maps are made.")
    evaluation: Evaluation = Field(default=Evaluation(), description="How they are scored.")
    analysis: Analysis = Field(default=Analysis(), description="What is measured to explain the scores.")
    figures: Figures = Field(default=Figures(), description="What pictures show.")
    compute: Compute = Field(default=Compute(), description="Where the work is done.")

    @field_validator("run")
    @classmethod
    def _not_among_the_references(cls, run: str) -> str:
        if run.lower() == REFERENCES:
            raise ValueError(f"is kept for results/{REFERENCES}, the folder of the references; choose another")
        return run

    @model_validator(mode="before")
    @classmethod
    def _fill_seeds(cls, values: Any) -> Any:
        """One training, with the seed of everything else, where no seeds are named."""
        return {"seeds": [values.get("seed", 0)], **values} if isinstance(values, dict) else values

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [seed for seed in seeds if seed < 0 or seeds.count(seed) > 1]
        if wrong:
            raise ValueError(f"found {wrong[0]}; seeds are 0 or more, and each is named once")
        return seeds

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

    @model_validator(mode="after")
    def _batches_can_be_shared(self) -> "Experiment":
        """Every process gets equal parts of each batch, and both images of each pair that mixup and CutMix mix."""
        for model in self.models:
            recipe, processes = model.training, self.compute.processes
            size, parts = recipe.batch_size, processes * recipe.accumulation
            if size % parts:
                raise ValueError(
                    f"training.batch_size of '{model.name}' is {size}, which does not split evenly over "
                    f"compute.processes = {processes} times training.accumulation = {recipe.accumulation}; choose a "
                    f"multiple of {parts}"
                )
            if recipe.augmentation.mixes and size // processes % 2:
                raise ValueError(
                    f"training.batch_size of '{model.name}' is {size}, {size // processes} per process, but mixup and "
                    "CutMix work on pairs; choose an even number per process"
                )
        return self

    @model_validator(mode="after")
    def _crops_fit(self) -> "Experiment":
        for model in self.models:
            side = model.training.augmentation.crop_from
            if side is not None and side < self.input.size:
                raise ValueError(
                    f"training.augmentation.crop_from of '{model.name}' is {side}, less than input.size = "
                    f"{self.input.size}, which is cut out of it"
                )
        return self

    @model_validator(mode="after")
    def _sizes_grow(self) -> "Experiment":
        for model in self.models:
            first = model.training.first_size
            if first is not None and first > self.input.size:
                raise ValueError(
                    f"training.first_size of '{model.name}' is {first}, more than input.size = {self.input.size}, to "
                    "which training images grow"
                )
        return self

    @model_validator(mode="after")
    def _known_models(self) -> "Experiment":
        names = [model.name for model in self.models]
        for analysis, stage in declared().items():
            for name in stage.models(self.analysis.of(analysis)) if stage.models else ():
                if name not in names:
                    raise ValueError(f"analysis.{analysis}.models: no model '{name}'; the experiment has {names}")
        return self

    @property
    def trainings(self) -> tuple[str, ...]:
        """Every training: by the name of its model, and with several seeds by its own as well, as "resnet/seed1"."""
        return tuple(self.training_of(model.name, seed) for model in self.models for seed in self.seeds)

    def training_of(self, model: str, seed: int) -> str:
        """The training of a model with one of the seeds."""
        return training_name(model, seed, self.seeds)

    @property
    def training_seed(self) -> int:
        """The seed of training where there is only one, as in the view of a stage of one training."""
        (seed,) = self.seeds
        return seed

    def jobs(self, analysis: str) -> list[tuple[str, str]]:
        """(training, job) for every job of an analysis; the job is "" for an analysis of one job."""
        if analysis not in self.analysis.names:
            return []
        stage, settings = declared()[analysis], self.analysis.of(analysis)
        models = stage.models(settings) if stage.models else tuple(model.name for model in self.models)
        trainings = [self.training_of(model, seed) for model in models for seed in self.seeds]
        return list(product(trainings, stage.jobs(settings) if stage.jobs else ("",)))

    def one_training(self, training: str) -> "Experiment":
        """The experiment with one model and one seed: those of a training; UserError for one that it does not have."""
        for model in self.models:
            for seed in self.seeds:
                if self.training_of(model.name, seed) == training:
                    return self.model_copy(update={"models": (model,), "seeds": (seed,)})
        raise UserError(
            f"no model '{training}' in experiment '{self.run}'; it has {list(self.trainings)}."
            f"{nearest(training, list(self.trainings))}"
        )

    def model(self, name: str) -> Model:
        """The entry of a model, by its name or by that of one of its trainings."""
        for model in self.models:
            if model.name == name.partition("/")[0]:
                return model
        names = [model.name for model in self.models]
        raise UserError(f"no model '{name}' in experiment '{self.run}'; it has {names}.{nearest(name, names)}")

    def paths(self, results: Path = Path("results"), data: Path = Path("data")) -> RunPaths:
        """Where this experiment's files lie."""
        return RunPaths(self.run, folder_name(self.dataset), Path(results), Path(data))


def training_name(model: str, seed: int, seeds: Sequence[int]) -> str:
    """The name of a model's training with one of several seeds; with a single seed the model's name."""
    return f"{model}/seed{seed}" if len(seeds) > 1 else model


def model_name(training: str) -> str:
    """The name of a training's model."""
    return training.partition("/seed")[0]


def training_shape(seeds: Sequence[int]) -> str:
    """A regular expression that the name of every training fits, and other names, too."""
    return r"[\w.-]+" + (r"/seed\d+" if len(seeds) > 1 else "")


def trainings(values: Mapping[str, Any]) -> list[str]:
    """`Experiment.trainings` of an experiment given as plain values, as an old manifest has them."""
    seeds = values.get("seeds", [values.get("seed", 0)])
    return [training_name(model["name"], seed, seeds) for model in values["models"] for seed in seeds]


def _merge(base: Any, override: Any) -> Any:
    """A deep merge of plain mappings; anything else is replaced."""
    if not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return {**base, **{key: _merge(base.get(key), value) for key, value in override.items()}}
