"""Table and figure of networks before and along training, for runs of a few networks and of many."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from camagain.analysis.initialization import show
from camagain.analysis.initialization.measure import COLUMNS
from camagain.analysis.initialization.quantities import QUANTITIES
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults

SEEDS = 3


def text_of(results: RunResults) -> TextTable:
    """The table as people read it, made of the run's files as they are now."""
    fresh = dataclasses.replace(results)
    return show.text(fresh, show.numbers(fresh))


def made_up(models: list[str], epochs: tuple[int, ...], from_random: bool) -> pd.DataFrame:
    """Values that tell where they come from: hundreds the state, tens the seed or epoch, ones the quantity."""
    rows = []
    for model in models:
        states = [("random", seed, 0 if from_random and seed == 0 else np.nan) for seed in range(SEEDS)]
        states += [] if from_random else [("start", 0, 0)]
        states += [("along" if epoch < epochs[-1] else "finetuned", 0, epoch) for epoch in epochs]
        for state, seed, epoch in states:
            for kind in ("images", "noise"):
                for k, (measure, theta, unit) in enumerate(QUANTITIES):
                    known = {"random": 100 + 10 * seed, "start": 200}.get(state, 300 + 10 * epoch)
                    value = known + k + (0.5 if kind == "noise" else 0)
                    rows.append((model, state, seed, epoch, kind, measure, theta, value, value - 2, value + 1, unit, 4))
    return pd.DataFrame(rows, columns=["model", *COLUMNS]).astype({"epoch": float, "theta": float})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def demo(stub_run, synthbirds, **settings) -> RunResults:
    names = [f"{family}_narrow" for family in ("resnet", "convnext", "replknet", "slak")]
    return stub_run("demo", images=synthbirds, analyses={"initialization": made_up(names, **settings)})


def test_random_networks_are_one_row_with_lowest_and_highest(stub_run, synthbirds):
    text = text_of(demo(stub_run, synthbirds, epochs=(1, 2, 5), from_random=True))
    assert [row[:3] for row in text.rows[:4]] == [
        ("resnet_narrow", "random", "images"),
        ("resnet_narrow", "random", "noise"),
        ("resnet_narrow", "fine-tuned", "images"),
        ("convnext_narrow", "random", "images"),
    ]
    assert len(text.rows) == 12
    assert text.rows[0][3] == "110.000 [100.000, 120.000]"  # of three seeds
    assert text.rows[1][3] == "110.500 [100.500, 120.500]"
    assert text.rows[2][3:6] == ("350.000 [348.000, 351.000]", "351.000 [349.000, 352.000]", "352.0 [350.0, 353.0]")
    for part in ("4 images", "3 random networks", "95 % intervals", "synthbirds, 400 test images of 8 classes"):
        assert part in text.caption
    assert not set("|_") & set(text.caption.replace("initialization.csv", "")), "signs that LaTeX reads otherwise"


def test_weights_that_training_began_with_have_a_row_where_they_are_not_random(stub_run, synthbirds):
    text = text_of(demo(stub_run, synthbirds, epochs=(4,), from_random=False))
    assert [row[1] for row in text.rows[:4]] == ["random", "random", "start", "fine-tuned"]


def test_the_table_behind_keeps_the_seed_of_the_weights_beside_that_of_the_run(stub_run, synthbirds):
    table = show.numbers(demo(stub_run, synthbirds, epochs=(5,), from_random=True))
    assert set(table["seed"]) == {0}
    assert set(table["weights_seed"]) == set(range(SEEDS))
    assert {"dataset", "test_images", "classes", "architecture"} <= set(table.columns)


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie over each other, as drawn."""
    figure.draw_without_rendering()
    texts = [text for axes in figure.axes for text in (axes.title, axes.xaxis.label, axes.yaxis.label)]
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    return [(a, b) for i, (a, one) in enumerate(boxes) for b, other in boxes[:i] if one.overlaps(other)]


def test_lines_run_from_the_random_weights_of_the_training_to_its_end(stub_run, synthbirds):
    figure, drawn = show.figure(demo(stub_run, synthbirds, epochs=(1, 2, 5), from_random=True))
    assert [axes.get_title() for axes in figure.axes[:4]] == ["ResNet", "ConvNeXt", "RepLKNet", "SLaK"]
    area = figure.axes[0]
    images = next(line for line in area.lines if line.get_marker() == ".")
    assert images.get_xdata().tolist() == [0, 1, 2, 5]
    assert images.get_ydata().tolist() == [103, 313, 323, 353]  # quantity 3 is the area above 0.2
    seeds = [np.asarray(dots.get_offsets())[:, 1] for dots in area.collections if len(dots.get_offsets()) == SEEDS]
    dots = np.concatenate(seeds)
    assert sorted(dots.tolist()) == [103, 103.5, 113, 113.5, 123, 123.5]
    assert any(line.get_linestyle() == ":" for line in area.lines)
    assert set(drawn["measure"]) == {"activated_area", "gap_over_rms"}
    assert set(drawn["theta"].dropna()) == {0.2}
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low == 0 and high > 353, "nothing is cut off"
    assert overlaps(figure) == []


def test_many_networks_of_a_family_share_a_panel_without_lines_of_noise(stub_run):
    results = stub_run("teaser")
    results.analyses["initialization"] = made_up(results.models, (10, 20), from_random=False)
    figure, _ = show.figure(results)
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(panels) == ["ResNet", "ConvNeXt", "RepLKNet", "SLaK"]
    counts = {name: sum(line.get_marker() == "." for line in axes.lines) for name, axes in panels.items()}
    assert counts == {"ResNet": 2, "ConvNeXt": 14, "RepLKNet": 12, "SLaK": 10}
    assert not any(line.get_linestyle() == ":" for axes in figure.axes for line in axes.lines)
    assert overlaps(figure) == []
    assert len(text_of(results).rows) == 38 * 4


@pytest.mark.parametrize("name", ["zoo", "imagenet300"])
def test_networks_that_were_never_trained_are_drawn_beside_each_other(stub_run, name: str):
    """And named in the legend where their panel is no family's, whose colour would tell."""
    results = stub_run(name)
    rows = made_up(results.models, (7,), from_random=False)
    results.analyses["initialization"] = rows[rows["state"].isin(["random", "start"])]
    figure, _ = show.figure(results)
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["random", "as they come"]
    dots = [drawn.get_offsets()[:, 0] for drawn in panel.collections if isinstance(drawn, PathCollection)]
    networks = len(results.models) if name == "imagenet300" else 1
    assert len(set(np.concatenate(dots))) == networks * 4, "random and as they come, images and noise"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*(results.models if name == "imagenet300" else []), "images; one dot a seed", "noise"]
    assert overlaps(figure) == []


def test_a_run_without_any_such_network_says_why(stub_run, monkeypatch):
    monkeypatch.setattr(RunResults, "not_applicable", lambda self, name: {"vgg": "a single cell"})
    results = stub_run("demo", analyses={"initialization": pd.DataFrame(columns=["model", *COLUMNS])})
    _, drawn = show.figure(results)
    assert drawn.to_dict("list") == {"model": ["vgg"], "reason": ["a single cell"]}
    assert text_of(results).rows == ()
