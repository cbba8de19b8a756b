"""Random changes of training images: timm's transforms per image, timm's mixup and CutMix per batch."""

from functools import partial
from typing import Any

import torch
from PIL import Image
from timm.data import Mixup, create_transform
from timm.data.auto_augment import posterize as timm_posterize

from camagain.compute import derived_seed, generators_kept, seed_cpu
from camagain.config import Augmentation, Input
from camagain.datasets.images import ImageTable, Item, Transform
from camagain.datasets.pixels import warped
from camagain.errors import UserError


class AugmentedTable(ImageTable):
    """An image table whose augmentation of a row depends on (seed, epoch, row) alone; set `epoch` before each pass.

    So an image looks the same whichever process or loader draws it, and in whatever order.
    """

    seed: int = 0
    epoch: int = 0

    def __getitem__(self, row: int) -> Item:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: list[int]) -> list[Item]:
        """The rows of a batch, as a data loader asks for them: generators are put aside once and not per image."""
        with generators_kept():
            return [self._drawn(row) for row in rows]

    def _drawn(self, row: int) -> Item:
        seed_cpu(derived_seed(self.seed, self.epoch, row))
        return super().__getitem__(row)


def training_transform(settings: Input, augmentation: Augmentation) -> Transform:
    """timm's training transform: a PIL image -> a normalised tensor (3, S, S).

    Without a crop the whole image is warped to the square, as in evaluation. timm has no such setting: its crop of the
    whole area is the largest one of the given aspect ratio. As in timm, an `auto_augment` policy replaces colour
    jitter, unless its name contains "3a".
    """
    color_jitter: Any = augmentation.color_jitter or None  # of strength 0 it would change nothing and take its time
    try:
        transform = create_transform(
            settings.size,
            is_training=True,
            scale=augmentation.crop_scale or (1, 1),
            ratio=augmentation.crop_ratio,
            hflip=augmentation.flip,
            color_jitter=color_jitter,
            auto_augment=augmentation.auto_augment,
            re_prob=augmentation.random_erasing,
            re_mode=augmentation.random_erasing_mode,
            re_count=augmentation.random_erasing_count,
            interpolation=settings.interpolation,
            mean=settings.mean,
            std=settings.std,
        )
    except (AssertionError, KeyError, ValueError) as error:
        raise UserError(
            f"training.augmentation.auto_augment: timm has no policy '{augmentation.auto_augment}' ({error}). "
            "Examples: 'rand-m9-mstd0.5-inc1', 'augmix-m3-w3', 'original', '3a', or null."
        ) from None
    if augmentation.crop_from is not None:
        transform.transforms[0] = partial(cut, settings=settings, side=augmentation.crop_from)
    elif augmentation.crop_scale is None:
        transform.transforms[0] = partial(warped, settings=settings)
    for step in transform.transforms:
        operations = [*getattr(step, "ops", []), *(op for policy in getattr(step, "policy", []) for op in policy)]
        for operation in operations:
            if operation.aug_fn is timm_posterize:
                operation.aug_fn = posterize
    return transform


def transform_of_size(size: int, settings: Input, augmentation: Augmentation) -> Transform:
    """The training transform to images of `size` pixels a side; what these are cut from shrinks in proportion."""
    larger = augmentation.crop_from
    scaled = None if larger is None else max(size, round(larger * size / settings.size))
    return training_transform(
        settings.model_copy(update={"size": size}), augmentation.model_copy(update={"crop_from": scaled})
    )


def cut(image: Image.Image, settings: Input, side: int) -> Image.Image:
    """A square of the input size from a random place of the image, which is first warped to `side` pixels a side."""
    whole = warped(image, settings.model_copy(update={"size": side}))
    left, top = torch.randint(side - settings.size + 1, (2,)).tolist()
    return whole.crop((left, top, left + settings.size, top + settings.size))


def posterize(image: Image.Image, bits_to_keep: int, **_: Any) -> Image.Image:
    """timm's operation, also for 0 bits, which leave a black image.

    timm's policies draw 0 bits now and then (RandAugment at magnitude 9 with deviation 0.5: once in 700 images);
    Pillow up to 12 made the image black, and Pillow 13 raises ValueError.
    """
    return timm_posterize(image, bits_to_keep) if bits_to_keep > 0 else Image.new(image.mode, image.size)


def batch_mixing(augmentation: Augmentation, num_classes: int, label_smoothing: float) -> Mixup | None:
    """timm's mixup and CutMix, or None where both are off. It turns labels (B,) into targets (B, num_classes).

    It draws from NumPy's global generator and mixes image i of a batch with image B - 1 - i.
    """
    if not augmentation.mixes:
        return None
    return Mixup(
        mixup_alpha=augmentation.mixup,
        cutmix_alpha=augmentation.cutmix,
        prob=augmentation.mixing_probability,
        switch_prob=augmentation.mixing_switch,
        label_smoothing=label_smoothing,
        num_classes=num_classes,
    )
