"""A map that an earlier method has, too, is not searched again, and what is kept of it is the same as if it were."""

from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest

from camagain.config import Evaluation
from camagain.evaluation import evaluate
from camagain.evaluation.evaluate import Method, search
from camagain.evaluation.inputs import Truth
from camagain.evaluation.scored import sweep
from camagain.evaluation.swept import Swept

SETTINGS = Evaluation(size=32, threshold_step=0.05)
COUNTS = {"val": 4, "test": 9}


@pytest.fixture(params=[False, True], ids=["boxes", "boxes and masks"])
def truths(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Truth]:
    generator = np.random.default_rng(1)
    found = {}
    for split, count in COUNTS.items():
        masks = []
        for i in range(count):
            path = tmp_path / f"{split}{i}.png"
            cv2.imwrite(str(path), np.where(generator.random((32, 32)) > 0.5, 255, 0).astype(np.uint8))
            masks.append((path, None))
        boxes = [np.array([[2, 3, 9 + i, 12 + i]]) for i in range(count)]
        side, label = np.full(count, 32), np.zeros(count, dtype=np.int64)
        ids = [f"{split}{i}" for i in range(count)]
        found[split] = Truth(1, ids, label, side, side, boxes, masks if request.param else None)
    return found


def method(name: str, changed: tuple[int, ...] = (), variant: str = "described") -> Method:
    """Maps that are the same for every name, but for some images; the second is of one value."""
    generator, other, maps = np.random.default_rng(2), np.random.default_rng(3), {}
    for split, count in COUNTS.items():
        maps[split] = generator.random((count, 6, 6), dtype=np.float32)
        maps[split][1] = 0
        for row in changed:
            maps[split][row] = maps[split][row][::-1] + other.random((6, 6), dtype=np.float32)
    return Method("net", name, maps, variant, None)


def assert_same(found: Swept, expected: Swept) -> None:
    for step, tables in expected.by_step.items():
        for key, table in tables.items():
            np.testing.assert_array_equal(found.by_step[step][key].bits, table.bits)
    np.testing.assert_array_equal(found.constant, expected.constant)
    assert (found.pixels is None) == (expected.pixels is None)
    if expected.pixels is not None and found.pixels is not None:
        np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert (found.largest is None) == (expected.largest is None)
    if expected.largest is not None and found.largest is not None:
        for threshold in (0.0, 0.3, 0.9):
            np.testing.assert_array_equal(found.largest.at(threshold), expected.largest.at(threshold))


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images of every search from now on."""
    counted: list[int] = []
    monkeypatch.setattr(
        evaluate, "sweep", lambda maps, boxes, *rest: counted.append(len(boxes)) or sweep(maps, boxes, *rest)
    )
    return counted


@pytest.mark.parametrize("changed", [(), (0,), (1, 3), (0, 1, 2, 3)])
def test_what_is_kept_is_that_of_every_map_searched(truths, sweeps: list[int], changed: tuple[int, ...]):
    first = search(SETTINGS, method("first"), truths)
    alone = search(SETTINGS, method("second", changed), truths)
    before = deepcopy(first)
    sweeps.clear()
    found = search(SETTINGS, method("second", changed), truths, before=first)
    assert sweeps == [count for count in [len(changed)] * 2 if count]
    for split in COUNTS:
        assert_same(found.swept[split], alone.swept[split])
        assert_same(first.swept[split], before.swept[split])


def test_maps_that_are_finished_otherwise_or_have_another_grid_are_searched(truths, sweeps: list[int]):
    larger = method("first")
    larger = Method("net", "first", {s: m.repeat(2, axis=1) for s, m in larger.maps.items()}, "described", None)
    for other in (method("first", variant="published"), larger):
        before = search(SETTINGS, other, truths)
        sweeps.clear()
        search(SETTINGS, method("second"), truths, before=before)
        assert sweeps == [*COUNTS.values()]
