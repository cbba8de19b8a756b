"""The figure of families and the diagram: their data, and circles that do not cover each other."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from camagain.paper.exhibits import cam_diagram, families
from camagain.paper.exhibits.cam_diagram import BIAS, WEIGHTS, feature_maps
from camagain.paper.exhibits.families import families_of, means, own_points, published_points, side_by_side


def test_the_published_panel_has_the_papers_points_and_means():
    points = published_points()
    assert points["family"].value_counts().to_dict() == {"ResNet": 1, "ConvNeXt": 14, "RepLKNet": 12, "SLaK": 10}
    assert set(points["dataset"]) == {"CUB-200-2011"} and set(points["certainty"]) == {"digitised"}
    stars = means(points).set_index("family")["max_box_acc_percent"].round(1)
    assert stars.to_dict() == {"ResNet": 44.1, "ConvNeXt": 60.1, "RepLKNet": 70.2, "SLaK": 58.3}


def test_own_points_are_the_runs_figures(stub_run, monkeypatch: pytest.MonkeyPatch, synthbirds: dict):
    monkeypatch.setattr(families, "kernel_of", lambda results, model: 31)
    values = {("replknet_narrow", "cam"): (83.8, 66.0)}
    points = own_points(stub_run("demo", values=values, images=synthbirds), "cam").set_index("network")
    assert list(points["family"]) == ["ResNet", "ConvNeXt", "RepLKNet", "SLaK"]
    assert set(points["dataset"]) == {"synthbirds"}
    row = points.loc["replknet_narrow"]
    assert (row["max_box_acc_percent"], row["low_percent"], row["high_percent"]) == (83.8, 82.8, 84.8)


def test_another_family_stands_behind_the_papers():
    points = pd.DataFrame({"family": ["tf_efficientnet_lite0", "SLaK", "ResNet"]})
    assert families_of(points) == ["ResNet", "SLaK", "tf_efficientnet_lite0"]


@pytest.mark.parametrize("experiment", ["teaser", "cub27"])
def test_any_number_of_networks_can_be_drawn(stub_run, monkeypatch: pytest.MonkeyPatch, experiment: str):
    """37 runs on the paper's images, and a single one that belongs to none of its families."""
    monkeypatch.setattr(families, "kernel_of", lambda results, model: 51 if "slak" in model else 7)
    results = stub_run(experiment)
    spread = {(name, "cam"): (40.0 + 1.6 * i, 50.0) for i, name in enumerate(results.models)}
    figure, data = families.figure(stub_run(experiment, values=spread))
    own = data[(data["whose"] == "this run") & data["largest_kernel_cells"].notna()]
    assert list(own["max_box_acc_percent"]) == [value for value, _ in spread.values()]
    left, right = figure.axes
    assert left.get_title() == "This run: cub, 5,794 test images"
    assert right.get_title() == "Published, digitised: CUB-200-2011, 5,794 test images"
    low, high = left.get_ylim()
    assert (low, high) == right.get_ylim(), "one axis"
    assert low < 40 and high > max(value for value, _ in spread.values()) and high > 87.5
    plt.close(figure)


def test_both_panels_have_one_axis_and_a_line_for_boxes_that_look_at_nothing(stub_run, monkeypatch, synthbirds: dict):
    monkeypatch.setattr(families, "kernel_of", lambda results, model: 3)
    figure, _ = families.figure(stub_run("demo", images=synthbirds))
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert right.lines[0].get_ydata()[0] == 59.6 != left.lines[0].get_ydata()[0]
    assert "synthbirds" in left.get_title()
    plt.close(figure)


def test_circles_do_not_cover_each_other():
    figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
    axes.set(xlim=(-0.5, 3.5), ylim=(30, 90))
    figure.draw_without_rendering()
    values, diameters = np.array([70.0, 69.5, 69.0, 50.0, 40.0]), np.full(5, 10.0)
    offsets = side_by_side(axes, values, diameters)
    assert offsets[0] == offsets[3] == offsets[4] == 0, "what is free stays on its line"
    assert offsets[1] > 0 > offsets[2]
    points = axes.transData.transform(np.stack([offsets, values], axis=1)) * 72 / figure.dpi
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) + 100 * np.eye(5)
    assert apart.min() > 10 - 2
    plt.close(figure)


def test_the_diagram_adds_up(stub_run):
    figure, data = cam_diagram.figure(stub_run("zoo"))
    table = data.set_index("channel")
    signed = np.tensordot(np.array(WEIGHTS), feature_maps(), 1)  # the map before the cut at zero
    assert table.loc["class score", "contribution"] == pytest.approx(signed.mean() + BIAS)
    assert table.loc[[1, 2, 3, 4], "contribution"].sum() == pytest.approx(signed.mean())
    assert any("0.23" in text.get_text() for text in figure.axes[0].texts)
    plt.close(figure)
