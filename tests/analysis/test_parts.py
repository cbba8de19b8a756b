"""Mass around parts: discs by hand, a slow second route pixel by pixel, and the numbers that follow."""

import math

import numpy as np
import pytest

from camagain.analysis.kit.mass import box_regions
from camagain.analysis.parts.measure import BODY, HEAD, bird_size, by_name, neighbourhoods, rows_of
from camagain.analysis.parts.settings import Parts
from camagain.datasets.parts import Part
from camagain.evaluation.inputs import Truth
from camagain.statistics.bootstrap import Sampling

GROUPS = Parts()


def test_a_disc_by_hand():
    """In an image of 8 x 4 pixels, whose map has 4 x 4: a pixel of the map is 2 wide and 1 high."""
    found = neighbourhoods((Part("tail", 3.0, 1.5),), (4, 4), 8, 4, radius=2.0, groups=GROUPS)
    assert list(found) == ["tail"], "without head and body there is nothing to compare"
    assert found["tail"].astype(int).tolist() == [
        [0, 1, 0, 0],
        [1, 1, 1, 0],
        [0, 1, 0, 0],
        [0, 1, 0, 0],
    ], "centres are at x 1, 3, 5, 7 and y 0.5, 1.5, 2.5, 3.5; on the circle is inside"


def test_left_and_right_are_one_part():
    parts = (Part("left eye", 1.0, 1.0), Part("right eye", 6.0, 1.0), Part("left-handed", 0.0, 0.0))
    assert {name: len(own) for name, own in by_name(parts).items()} == {"eye": 2, "left-handed": 1}
    both = neighbourhoods(parts[:2], (8, 8), 8, 8, 1.0, GROUPS)["eye"]
    single = [neighbourhoods((part,), (8, 8), 8, 8, 1.0, GROUPS)["eye"] for part in parts[:2]]
    assert np.array_equal(both, single[0] | single[1]) and both.sum() == 8


def test_the_size_of_a_bird_is_in_pixels_of_the_image():
    truth = Truth(2, ["0"], np.zeros(1, int), np.array([20]), np.array([80]), [np.array([[0, 0, 3, 1]])], None)
    assert bird_size(next(box_regions(truth, 8)), 20, 80) == pytest.approx(math.sqrt(4 * 2.5 * 2 * 10))


def test_discs_agree_with_a_route_that_knows_no_arrays():
    """Each pixel by itself: its distance to every point, its part, and whether head or body is nearer."""
    random = np.random.default_rng(0)
    names = ["left eye", "right eye", "crown", "belly", "left wing", "tail", "right leg"]
    for _ in range(20):
        width, height, side = *random.integers(20, 60, 2).tolist(), 9
        shown = [name for name in names if random.random() < 0.8]
        parts = [Part(name, random.uniform(0, width), random.uniform(0, height)) for name in shown]
        radius = random.uniform(3, 15)
        found = neighbourhoods(parts, (side, side), width, height, radius, GROUPS)
        for row in range(side):
            for column in range(side):
                x, y = (column + 0.5) * width / side, (row + 0.5) * height / side
                far = {part.name: math.hypot(part.x - x, part.y - y) for part in parts}
                for name in {name.split()[-1] for name in shown}:
                    near = any(far[own] <= radius for own in shown if own.split()[-1] == name)
                    assert found[name][row, column] == near
                of = {HEAD: ("eye", "crown"), BODY: ("belly", "wing")}
                best = {
                    group: min((far[own] for own in shown if own.split()[-1] in members), default=None)
                    for group, members in of.items()
                }
                if None in best.values():
                    assert HEAD not in found and BODY not in found
                    continue
                nearest = min(best, key=best.__getitem__)
                for group in of:
                    assert found[group][row, column] == (group == nearest and best[group] <= radius)


def test_density_is_a_ratio_of_means_over_the_images_that_show_a_part():
    mass = np.array([[0.4, 0.4, 0.2], [np.nan, 0.1, 0.3], [0.1, np.nan, np.nan]])
    area = np.array([[0.1, 0.2, 0.2], [np.nan, 0.2, 0.1], [0.4, np.nan, np.nan]])
    rows = list(rows_of(mass, area, ["eye", HEAD, BODY], Sampling(resamples=50)))
    found = {(row["quantity"], row.get("part")): row for row in rows}
    assert found["mass_share", "eye"]["value"] == pytest.approx(25) and found["mass_share", "eye"]["images"] == 2
    assert found["area_share", "eye"]["value"] == pytest.approx(25)
    assert found["density", "eye"]["value"] == pytest.approx(1), "the mean of the ratios would be 2.125"
    assert found["density", HEAD]["value"] == pytest.approx(0.5 / 0.4)
    assert found["head_to_body", None]["value"] == pytest.approx((0.5 / 0.4) / (0.5 / 0.3))
    assert found["head_to_body", None]["images"] == 2
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_a_part_that_is_never_seen_has_no_row():
    never = np.full((2, 3), np.nan)
    assert list(rows_of(never, never, ["eye", HEAD, BODY], Sampling(resamples=50))) == []
