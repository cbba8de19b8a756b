"""Several sets of maps of the same images, scored together: as if each were scored alone, with fewer searches."""

import numpy as np
import pytest

from camagain.analysis.kit import localizer
from camagain.analysis.kit.localizer import localize_by, localize_each
from camagain.config.file import parse_experiment
from camagain.evaluation.inputs import Truth


def test_maps_that_sets_share_are_searched_once(monkeypatch: pytest.MonkeyPatch, tiny_values: dict):
    experiment = parse_experiment(tiny_values, "tiny")
    generator, count = np.random.default_rng(0), 12
    boxes = [np.array([[5, 5, 30 + 2 * i, 40 + i]]) for i in range(count)]
    zeros = np.zeros(count, dtype=np.int64)
    truth = Truth(1, [str(i) for i in range(count)], zeros, zeros + 48, zeros + 48, boxes, None)
    first = generator.random((count, 6, 6), dtype=np.float32)
    part = first.copy()
    part[[2, 7]] = generator.random((2, 6, 6), dtype=np.float32)
    maps = {"first": first, "same": first.copy(), "part": part, "again": part.copy(), "grid": first[:, :5]}
    expected = {name: localize_by(own, truth, experiment) for name, own in maps.items()}
    searched: list[int] = []
    search = localizer.best_ious
    monkeypatch.setattr(
        localizer, "best_ious", lambda maps, boxes, *rest: searched.append(len(boxes)) or search(maps, boxes, *rest)
    )
    found = localize_each(maps, truth, experiment)
    assert searched == [12, 0, 2, 0, 12]
    assert [*found] == [*maps]
    for name, alone in expected.items():
        np.testing.assert_array_equal(found[name].correct.bits, alone.correct.bits)
        assert found[name].columns() == alone.columns()
    assert len({one.percent for one in expected.values()}) > 1  # otherwise nothing was tested
