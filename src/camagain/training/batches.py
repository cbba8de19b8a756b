"""Which images make up each step, which of them this process takes, and the loaders that read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from accelerate import Accelerator
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler

from camagain.artifacts import RunPaths
from camagain.config import Augmentation, Experiment, Training
from camagain.datasets.decoded import decoded_images
from camagain.datasets.images import ImageTable, Transform, warp
from camagain.training.augment import AugmentedTable, training_transform, transform_of_size


@dataclass(frozen=True)
class Batches:
    """The images of a training as one process of it sees them."""

    table: AugmentedTable
    train: DataLoader  # its share of each step's batch
    val: DataLoader  # its share of the split
    shuffle: torch.Generator  # decides the order of the images; the same in all processes
    sizes: tuple[int, ...]  # of the training images in each epoch, pixels a side
    transforms: dict[int, Transform]  # by size

    @property
    def steps(self) -> int:
        """Optimisation steps per epoch."""
        return len(self.train)

    def epoch(self, number: int) -> DataLoader:
        """The training images in the order, size and augmentation of an epoch; epochs must be asked for in turn."""
        self.table.epoch = number
        self.table.transform = self.transforms[self.sizes[number - 1]]
        return self.train


class Shares(Sampler[list[int]]):
    """One process's part of each batch; the parts of all processes together are the batch.

    It takes as many rows from the batch's front as from its end, in pairs i and B - 1 - i, which mixup and CutMix mix
    with each other: the mixed images of a step do not depend on the number of processes.
    """

    def __init__(self, batches: BatchSampler, process: int, processes: int) -> None:
        self.batches, self.process, self.processes = batches, process, processes

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        for rows in self.batches:
            share = len(rows) // self.processes
            front, back = share - share // 2, share // 2
            start, end = self.process * front, len(rows) - self.process * back
            yield rows[start : start + front] + rows[end - back : end]


def make_batches(
    experiment: Experiment, recipe: Training, paths: RunPaths, index: pd.DataFrame, accelerator: Accelerator
) -> Batches:
    """The loaders of one process. The images of a step do not depend on the number of processes or workers."""
    compute, process, processes = experiment.compute, accelerator.process_index, accelerator.num_processes
    train, val = (index[index["split"] == split].reset_index(drop=True) for split in ("train", "val"))
    decoded = decoded_images(paths.index) if compute.cache_images else None
    sizes = recipe.sizes(experiment.input.size)
    transforms = {size: transform_of_size(size, experiment.input, recipe.augmentation) for size in sizes}
    table = AugmentedTable(train, paths.index, training_transform(experiment.input, recipe.augmentation), decoded)
    table.seed = experiment.training_seed
    shuffle = torch.Generator().manual_seed(experiment.training_seed)
    order = RandomSampler(table, generator=shuffle) if len(table) else SequentialSampler(table)
    whole = BatchSampler(order, recipe.batch_size, drop_last=True)
    own = val[process::processes].reset_index(drop=True)
    val_table = ImageTable(own, paths.index, partial(warp, settings=experiment.input), decoded)
    loader = partial(DataLoader, num_workers=compute.workers, pin_memory=accelerator.device.type == "cuda")
    return Batches(
        table=table,
        train=loader(table, batch_sampler=Shares(whole, process, processes), generator=shuffle),
        val=loader(val_table, batch_size=max(1, recipe.batch_size // processes)),
        shuffle=shuffle,
        sizes=sizes,
        transforms=transforms,
    )


def cut_images(augmentation: Augmentation, train: pd.DataFrame) -> str:
    """A sentence on the training images that no crop shows whole, by their width and height; empty where all can be."""
    shares = [augmentation.largest_crop(*size) for size in zip(train["width"], train["height"], strict=True)]
    cut = [share for share in shares if share < 1]
    if not cut:
        return ""
    return (
        f"{len(cut):,} of {len(shares):,} training images are never seen whole, of one never more than "
        f"{100 * min(cut):.0f} %, because of their shape (augmentation.crop_ratio) or of the largest area "
        "(augmentation.crop_scale)"
    )
