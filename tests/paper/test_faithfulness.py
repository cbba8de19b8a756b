"""Table and figure of faithfulness, and the order of networks by boxes and by it, on made-up scores."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from camagain.analysis.faithfulness import show
from camagain.analysis.faithfulness.agreement import WITHIN, agreements, points
from camagain.analysis.faithfulness.measure import COLUMNS
from camagain.analysis.faithfulness.names import MEASURES, REFERENCE
from camagain.drawing.results import RunResults

NAMES = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")
BOXES = {"cam": (80.0, 87.5, 81.5, 56.5), "pc1": (76.0, 71.0, 73.5, 61.0)}
FOUND = {"cam": (30.0, 40.0, 35.0, 10.0), "pc1": (25.0, 45.0, 20.0, 15.0)}
"""By method, of each network; deletion and average drop are 100 less."""


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def results(stub_run: Callable) -> RunResults:
    rows = []
    for method, found in {**FOUND, REFERENCE: (20.0,) * 4}.items():
        for name, value in zip(NAMES, found, strict=True):
            for measure, (_, unit, better) in MEASURES.items():
                own = value if better > 0 else 100 - value
                bounds = (value - 20, value - 22, value - 18)
                rows.append((name, method, measure, own, own - 3, own + 3, unit, *bounds, 50))
    table = pd.DataFrame(rows, columns=["model", *COLUMNS])
    values = {
        (name, method): (score, 50.0) for method, of in BOXES.items() for name, score in zip(NAMES, of, strict=True)
    }
    return stub_run("demo", values=values, analyses={"faithfulness": table})


def test_each_map_stands_beside_its_boxes_and_the_reference_has_none(results):
    found = points(results)
    assert set(found["method"]) == {"cam", "pc1"} and len(found) == 4 * 2 * 5
    row = found[(found["model"] == "slak_narrow") & (found["method"] == "pc1")].iloc[0]
    assert row["max_box_acc_percent"] == 61 and row["max_box_acc_low_percent"] == 60


def test_a_low_deletion_is_a_high_rank(results):
    found = agreements(results).set_index(["over", "quantity", "measure"])
    for method in ("cam", "pc1"):
        expected = stats.spearmanr(BOXES[method], FOUND[method]).statistic
        for measure in MEASURES:
            for quantity in ("value", "gain"):
                assert found.loc[(method, quantity, measure), "value"] == pytest.approx(expected)
    row = found.loc[("pc1", "value", "road")]
    assert row["low"] < row["value"] < row["high"] and row["units"] == 4


def test_over_methods_networks_count_by_their_differences_alone(results):
    found = agreements(results).set_index(["over", "quantity", "measure"]).loc[(WITHIN, "value", "insertion")]
    boxes, faithful = (stats.rankdata([*of["cam"], *of["pc1"]]) for of in (BOXES, FOUND))
    x, y = (ranks.reshape(2, 4) - ranks.reshape(2, 4).mean(axis=0) for ranks in (boxes, faithful))
    assert found["value"] == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert found["units"] == 8


def test_the_table_has_every_map_and_the_orders_below(results):
    text = show.text(results, show.numbers(results))
    assert text.columns[3:] == ("Insertion ↑", "Deletion ↓", "Average drop ↓", "Increase ↑", "ROAD ↑")
    assert len(text.rows) == 4 * 3 + 2 * 2 + 1
    assert text.rows[0][:4] == ("resnet_narrow", "CAM, predicted class", "80.0", "30.0 [27.0, 33.0]")
    assert [row[2] for row in text.rows if row[1] == "centred Gaussian"] == ["–"] * 4
    assert text.rows[-1][1] == "methods, within networks" and text.rows[-1][3].startswith(("+", "-"))
    assert "50 test images" in text.caption and "20, 40, 60, 80 %" in text.caption


def test_the_figure_has_a_dot_for_each_network_and_method_and_the_gaussian_as_zero(results):
    page, data = show.figure(results)
    assert len(page.axes) == 5
    for axes in page.axes:
        assert len(axes.containers) == 8
    assert "methods: ρ" in page.axes[0].get_title() and page.axes[0].get_title().startswith("Insertion\nCAM: ρ")
    assert set(data["kind"]) == {"point", "correlation"} and not data.duplicated(list(show.FIGURE_KEYS)).any()


def test_two_networks_have_no_order(results, stub_run):
    table = results.analyses["faithfulness"]
    few = stub_run("demo", analyses={"faithfulness": table[table["model"].isin(NAMES[:2])]})
    assert agreements(few).set_index("over").loc["cam", "value"].isna().all()
    text = show.text(few, show.numbers(few))
    assert text.rows[-2][3] == "–"
    show.figure(few)


def test_without_any_there_are_no_rows(stub_run):
    results = stub_run("demo", analyses={})
    assert not show.text(results, show.numbers(results)).rows
