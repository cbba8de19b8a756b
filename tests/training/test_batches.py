"""Batches: every image once, the same whatever the number of processes and workers, and refusals in a sentence."""

import pandas as pd
import pytest
import torch
from torch.utils.data import BatchSampler, RandomSampler

from camagain.config import Augmentation, Input, Training
from camagain.training.augment import transform_of_size
from camagain.training.batches import Shares, cut_images
from camagain.training.loop import Loop


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


@pytest.mark.parametrize(
    ("first", "epochs", "last", "sizes"),
    [
        (32, 5, 96, (32, 48, 64, 80, 96)),
        (32, 3, 100, (32, 64, 100)),
        (40, 4, 90, (40, 64, 80, 90)),
        (90, 3, 94, (90, 94, 94)),
        (32, 2, 224, (32, 224)),
        (32, 1, 96, (96,)),
        (32, 0, 96, ()),
        (None, 3, 96, (96, 96, 96)),
    ],
)
def test_training_images_grow_evenly_to_the_inputs_size(first: int | None, epochs: int, last: int, sizes: tuple):
    recipe = Training(epochs=epochs, learning_rate=1.0, first_size=first)
    assert recipe.sizes(last) == sizes
    assert recipe.pixels(last) == pytest.approx(sum(size**2 for size in sizes) / last**2)


def test_the_network_sees_the_sizes_epoch_by_epoch_and_validates_at_the_last(trained, monkeypatch, capsys):
    seen, validated, step = [], [], Loop.step

    def noted(self, number, pixels, *rest):
        seen.append(tuple(pixels.shape[2:]))
        validated.extend(tuple(images.shape[2:]) for images, _, _ in self.batches.val)
        return step(self, number, pixels, *rest)

    monkeypatch.setattr(Loop, "step", noted)
    trained("growing", epochs=3, first_size=32)
    steps = len(seen) // 3
    assert seen == [(32, 32)] * 2 * steps + [(48, 48)] * steps and set(validated) == {(48, 48)}
    said = [line.rpartition(" of ")[2] for line in capsys.readouterr().out.splitlines() if "images/s" in line]
    assert said == ["32 px", "32 px", "48 px"]


def test_what_images_are_cut_from_shrinks_with_them():
    cut = Augmentation(flip=0.0, crop_scale=None, crop_from=128)
    place = transform_of_size(32, Input(size=64), cut).transforms[0].keywords
    assert (place["side"], place["settings"].size) == (64, 32)


def test_workers_and_cached_images_change_no_bit(trained):
    recipe = {"augmentation": {"auto_augment": "rand-m9-mstd0.5-inc1", "mixup": 0.8, "random_erasing": 0.5}}
    recipe |= {"drop_path": 0.3, "first_size": 32}
    expected, history = trained("plain", **recipe)
    for name, compute in (("workers", {"workers": 2}), ("cached", {"cache_images": True, "workers": 1})):
        weights, found = trained(name, compute=compute, **recipe)
        assert found.equals(history), name
        assert all(torch.equal(weights[key], expected[key]) for key in expected), name
