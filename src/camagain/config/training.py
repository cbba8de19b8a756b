"""The fine-tuning recipe: optimiser, schedule, regularisation, augmentation."""

from typing import Literal

from pydantic import Field, model_validator

from camagain.config.base import Settings, Share

GRAIN = 16
"""Sides of growing training images are multiples of it, pixels: few sizes, for each of which code is compiled once."""


class Augmentation(Settings):
    """Random changes of training images. The first seven are made image by image, mixup and CutMix batch by batch."""

    flip: Share = Field(default=0.5, description="Probability of a horizontal flip.")
    crop_scale: tuple[Share, Share] | None = Field(
        default=(0.5, 1.0),
        description="Smallest and largest area of the random crop, share of the image; null for no crop: the whole "
        "image is warped to the square, as in evaluation.",
    )
    crop_from: int | None = Field(
        default=None,
        ge=1,
        description="In place of `crop_scale` (then null): the image is warped to a square of so many pixels a side, "
        "and a square of the input size is cut from a random place of it, as wsolevaluation trains.",
    )
    crop_ratio: tuple[float, float] = Field(
        default=(0.75, 1.3333),
        description="Smallest and largest aspect ratio of the random crop, width divided by height. An image beyond "
        "them is never seen whole; the training says how many are.",
    )
    color_jitter: float = Field(
        default=0.0, ge=0, description="Strength of brightness, contrast and saturation changes."
    )
    auto_augment: str | None = Field(default=None, description="A timm policy such as `rand-m9-mstd0.5-inc1`, or null.")
    random_erasing: Share = Field(default=0.0, description="Probability of erasing random rectangles.")
    random_erasing_mode: Literal["const", "rand", "pixel"] = Field(
        default="pixel", description="What fills them: black, one random colour, or random pixels."
    )
    random_erasing_count: int = Field(default=1, ge=1, description="Largest number of erased rectangles per image.")
    mixup: float = Field(default=0.0, ge=0, description="Alpha of mixup; 0 is off.")
    cutmix: float = Field(default=0.0, ge=0, description="Alpha of CutMix; 0 is off.")
    mixing_probability: Share = Field(default=1.0, description="Share of batches that mixup or CutMix is applied to.")
    mixing_switch: Share = Field(default=0.5, description="If both are on: the share of mixed batches that get CutMix.")

    @property
    def mixes(self) -> bool:
        """Whether images of a batch are mixed, in pairs."""
        return bool(self.mixup or self.cutmix)

    def largest_crop(self, width: int, height: int) -> float:
        """The share of an image of this size that its largest possible `crop_scale` shows; 1 where it is seen whole.

        Aspect ratios and areas are drawn within the bounds; a crop of another shape than the image leaves a part out.
        """
        if self.crop_scale is None:
            return 1.0
        (narrowest, widest), ratio = self.crop_ratio, width / height
        fits = min(1.0, widest / ratio, ratio / narrowest)  # of the image, the largest crop of an allowed shape
        seen = min(fits, self.crop_scale[1])
        return 1.0 if seen > 1 - 1 / max(width, height) else seen  # timm rounds sides to whole pixels

    @model_validator(mode="after")
    def _crops_can_be_drawn(self) -> "Augmentation":
        for name, bounds in (("crop_scale", self.crop_scale), ("crop_ratio", self.crop_ratio)):
            if bounds is not None and not 0 < bounds[0] <= bounds[1]:
                raise ValueError(f"{name} is {list(bounds)}; expected two numbers above 0, the smaller one first")
        if self.crop_from is not None and self.crop_scale is not None:
            raise ValueError(f"crop_from is {self.crop_from} beside crop_scale; set crop_scale to null, or crop_from")
        if self.crop_scale == (1.0, 1.0):
            raise ValueError(
                "crop_scale is [1, 1]: a crop of the whole area exists only for images of the drawn aspect ratio, and "
                "all others would be cut; for no crop set it to null"
            )
        return self


class Training(Settings):
    """The fine-tuning recipe: linear warm-up, then cosine decay to zero, or steps down."""

    epochs: int = Field(ge=0, description="Passes over the training split; 0 keeps the starting weights.")
    optimizer: str = Field(default="adamw", description="Any optimiser of timm, by name.")
    batch_size: int = Field(default=32, ge=1, description="Images per optimisation step, over all processes.")
    accumulation: int = Field(
        default=1, ge=1, description="Forward passes that one step's batch is split into, to save memory."
    )
    learning_rate: float = Field(gt=0, description="Peak learning rate.")
    head_learning_rate: float | None = Field(
        default=None, gt=0, description="Peak learning rate of the classifier alone; null means `learning_rate`."
    )
    head_layers: tuple[str, ...] = Field(
        default=(), description="Layers that learn at the classifier's rate, by their names in the network: `[layer4]`."
    )
    head_only: bool = Field(
        default=False,
        description="Train the classifier and `head_layers` alone; all else stays as it started, with BatchNorm's "
        "statistics.",
    )
    layer_decay: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Factor on the learning rate for each layer further from the classifier, or null for none.",
    )
    first_size: int | None = Field(
        default=None,
        ge=32,
        description="Side of the training images in the first epoch, pixels. It grows evenly, in multiples of 16, to "
        "`input.size` in the last epoch; small images cost less. Null for `input.size` in all epochs.",
    )
    step_epochs: int | float | None = Field(
        default=None,
        gt=0,
        description="Divide the learning rate by 10 after every so many epochs; null for a cosine to zero.",
    )
    weight_decay: float = Field(default=5.0e-4, ge=0, description="Weight decay; biases and norms are exempt.")
    decay_all: bool = Field(default=False, description="Weight decay of biases and norms, too.")
    warmup_epochs: int | float = Field(
        default=0, ge=0, description="Epochs of linear warm-up from a hundredth of the peak; fractions are allowed."
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target spread over all classes.")
    drop_path: Share = Field(default=0.0, description="Stochastic depth rate, for architectures that have it.")
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share that the moving average of the weights keeps at each step; 0 is off. If it is on, the "
        "average is validated and kept.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32", description="`bf16`: forward and backward pass under autocast; the weights stay in fp32."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Compute activations twice instead of keeping them: less memory, same result."
    )
    freeze_norm_statistics: bool = Field(
        default=False,
        description="Keep BatchNorm's running statistics of the starting weights; for small batches, or weights whose "
        "statistics do not fit the new images.",
    )
    clip_gradient: float | None = Field(
        default=None, gt=0, description="Largest gradient norm, or null for no clipping."
    )
    snapshot_every: int = Field(
        default=0,
        ge=0,
        description="Keep the weights of the start and of every so many epochs under `snapshots/`, for analyses along "
        "training; 0 keeps none.",
    )
    augmentation: Augmentation = Field(default=Augmentation(), description="Random changes of training images.")

    def sizes(self, last: int) -> tuple[int, ...]:
        """The side of the training images in each epoch, pixels; `last` is that of the last one (`input.size`)."""
        if self.first_size is None or self.epochs < 2:
            return (last,) * self.epochs
        step = (last - self.first_size) / (self.epochs - 1)
        between = (GRAIN * round((self.first_size + step * number) / GRAIN) for number in range(1, self.epochs - 1))
        return (self.first_size, *(min(max(side, self.first_size), last) for side in between), last)

    def pixels(self, last: int) -> float:
        """The pixels of all epochs' training images, in epochs of `last` pixels a side: at most `epochs`."""
        return sum((side / last) ** 2 for side in self.sizes(last))

    @property
    def snapshot_epochs(self) -> tuple[int, ...]:
        """The epochs after which weights are kept: 0, which is the start, every `snapshot_every`-th, and the last."""
        if not self.snapshot_every:
            return ()
        return tuple(sorted({*range(0, self.epochs + 1, self.snapshot_every), self.epochs}))
