"""Batches: every image once, the same whatever the number of processes and workers, and refusals in a sentence."""

import pandas as pd
import pytest
import torch
from torch.utils.data import BatchSampler, RandomSampler

from camagain.config import Augmentation
from camagain.training.batches import Shares, cut_images


def epochs(processes: int, size: int, images: int = 50, count: int = 2) -> list[list[list[list[int]]]]:
    """Rows by epoch, step and process."""
    found = []
    samplers = []
    for process in range(processes):
        order = RandomSampler(range(images), generator=torch.Generator().manual_seed(0))
        samplers.append(Shares(BatchSampler(order, size, drop_last=True), process, processes))
    for _ in range(count):
        shares = [list(sampler) for sampler in samplers]
        found.append([[share[step] for share in shares] for step in range(len(samplers[0]))])
    return found


@pytest.mark.parametrize("processes, size", [(1, 8), (2, 8), (4, 8), (3, 9), (2, 2)])
def test_shares_are_the_batch_and_an_epoch_has_every_image_once(processes: int, size: int):
    whole = epochs(1, size)
    shared = epochs(processes, size)
    for one, many in zip(whole, shared, strict=True):
        assert len(one) == 50 // size
        for batch, shares in zip(one, many, strict=True):
            assert {len(share) for share in shares} == {size // processes}
            assert sorted(row for share in shares for row in share) == sorted(batch[0])
        rows = [row for shares in many for share in shares for row in share]
        assert len(set(rows)) == len(rows) == 50 // size * size
    assert shared[0] != shared[1]


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_an_image_keeps_its_partner_in_mixing(processes: int):
    def partners(shares: list[list[int]]) -> dict[int, int]:
        return {row: other for share in shares for row, other in zip(share, reversed(share), strict=True)}

    for one, many in zip(epochs(1, 8)[0], epochs(processes, 8)[0], strict=True):
        assert partners(one) == partners(many)


def test_images_that_no_crop_shows_whole_are_said():
    train = pd.DataFrame({"width": [500, 500, 400], "height": [375, 250, 400]})
    said = cut_images(Augmentation(crop_scale=(0.5, 1.0), crop_ratio=(0.75, 1.3333)), train)
    assert said.startswith("1 of 3 training images are never seen whole, of one never more than 67 %")
    assert cut_images(Augmentation(crop_scale=None), train) == ""


def test_workers_and_cached_images_change_no_bit(trained):
    recipe = {"augmentation": {"auto_augment": "rand-m9-mstd0.5-inc1", "mixup": 0.8, "random_erasing": 0.5}}
    recipe["drop_path"] = 0.3
    expected, history = trained("plain", **recipe)
    for name, compute in (("workers", {"workers": 2}), ("cached", {"cache_images": True, "workers": 1})):
        weights, found = trained(name, compute=compute, **recipe)
        assert found.equals(history), name
        assert all(torch.equal(weights[key], expected[key]) for key in expected), name
