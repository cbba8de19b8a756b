"""Random changes of training images: timm's transforms per image, timm's mixup and CutMix per batch."""

import torch
from timm.data import Mixup, create_transform

from camagain.compute import seeded
from camagain.config import Augmentation, Input
from camagain.datasets.images import ImageTable, Transform


class AugmentedTable(ImageTable):
    """An image table whose augmentation of a row depends on (seed, epoch, row) alone; set `epoch` before each pass."""

    seed: int = 0
    epoch: int = 0

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int, int]:
        with seeded(self.seed, self.epoch, row):
            return super().__getitem__(row)


def training_transform(settings: Input, augmentation: Augmentation) -> Transform:
    """timm's training transform: a PIL image -> a normalised tensor (3, S, S)."""
    return create_transform(
        settings.size,
        is_training=True,
        scale=augmentation.crop_scale,
        ratio=augmentation.crop_ratio,
        hflip=augmentation.flip,
        color_jitter=augmentation.color_jitter,
        auto_augment=augmentation.auto_augment,
        re_prob=augmentation.random_erasing,
        re_mode="pixel",
        interpolation=settings.interpolation,
        mean=settings.mean,
        std=settings.std,
    )


def batch_mixing(augmentation: Augmentation, num_classes: int, label_smoothing: float) -> Mixup | None:
    """timm's mixup and CutMix, or None where both are off. It turns labels (B,) into targets (B, num_classes)."""
    if not augmentation.mixup and not augmentation.cutmix:
        return None
    return Mixup(
        mixup_alpha=augmentation.mixup,
        cutmix_alpha=augmentation.cutmix,
        label_smoothing=label_smoothing,
        num_classes=num_classes,
    )
