"""The claim on the receptive field under every reading of the area, on made-up areas of the networks of `teaser`."""

from collections.abc import Callable
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.simulations.claims import EMPTY
from camagain.analysis.erf.points import erf_points
from camagain.analysis.erf.readings import MEASURES, READING, UPSTREAM
from camagain.drawing.results import RunResults
from camagain.paper.claims.criteria import receptive_field
from camagain.paper.claims.tables import erf_rows
from camagain.paper.exhibits import erf_readings

SHARES = (0.2, 0.3, 0.5, 0.99)
ABSOLUTE = {**UPSTREAM, "gradients": "absolute"}
LARGER = {**UPSTREAM, "input": "224"}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def run(stub_run: Callable) -> Callable[..., RunResults]:
    """Results whose areas follow MaxBoxAcc in some readings, and the opposite of it in all others."""

    def make(following: list[tuple[dict[str, str], str]]) -> RunResults:
        experiment = stub_run("teaser").experiment
        names = [model.name for model in experiment.models]
        values = {(name, "cam"): (40.0 + place, 50.0) for place, name in enumerate(names)}
        rows = [
            {"model": name, "state": "finetuned", **reading, "t": t, "side_pixels": 9, "images": 50, "input_pixels": 96}
            | {
                measure: 0.01 * (place if (reading, measure) in following else 50 - place) + 0.01 * (t == 0.5)
                for measure in MEASURES
            }
            for place, name in enumerate(names)
            for reading in (UPSTREAM, ABSOLUTE, LARGER)
            for t in SHARES
        ]
        random = pd.DataFrame(rows).assign(state="random", **{measure: 0.5 for measure in MEASURES})
        table = pd.concat([random, pd.DataFrame(rows)], ignore_index=True)
        return stub_run("teaser", values=values, analyses={"erf": table})

    return make


def text_of(results: RunResults):
    return erf_readings.text(results, erf_readings.numbers(results))


def test_the_first_reading_is_that_of_the_claim(run: Callable):
    results = run([(ABSOLUTE, "area_ratio")])
    found = erf_readings.judged(results)
    claimed = erf_rows(results)
    first = found[: len(claimed)]
    assert first[[*READING, "shape", "scale"]].drop_duplicates().to_numpy().tolist() == [
        ["own", "centre", "positive", "square", "log"]
    ]
    pd.testing.assert_frame_equal(first[claimed.columns], claimed)
    assert set(first["verdict"]) == {receptive_field(replace(EMPTY, erf=claimed)).verdict} == {"supported"}


def test_each_reading_has_its_own_verdict_and_the_choice_that_turns_it_is_named(run: Callable):
    results = run([(ABSOLUTE, "area_ratio"), (ABSOLUTE, "linear_area_ratio"), (LARGER, "linear_area_ratio")])
    found = (
        erf_readings.judged(results).drop_duplicates(list(erf_readings.CHOICES)).set_index(list(erf_readings.CHOICES))
    )
    assert len(found) == 3 * 4
    contradicted = found.index[found["verdict"] == "contradicted"].tolist()
    absolute = [("own", "centre", "absolute", "square", scale) for scale in ("log", "linear")]
    assert contradicted == [*absolute, ("224", "centre", "positive", "square", "linear")]
    assert found.loc[("own", "centre", "absolute", "square", "log"), "order"] == pytest.approx(-1)
    table = text_of(results)
    assert len(table.rows) == 12 and table.rows[0][-1] == "supported"
    assert "supported under 9, contradicted under 3; gradients alone changes it." in table.caption
    assert table.rows[4][:5] == ("own", "centre", "absolute", "square", "log")
    assert table.rows[8][0] == "224 px"


def test_correlations_and_order_are_scipys(run: Callable):
    results = run([(LARGER, "free_area_ratio")])
    rng = np.random.default_rng(1)
    table = results.analyses["erf"]
    table["free_area_ratio"] = rng.random(len(table))
    found = erf_readings.judged(results)
    points = erf_points(results)
    points = points[(points["state"] == "finetuned") & (points["t"] == 0.5) & (points["input"] == "224")]
    areas = points[points["measure"] == "free_area_ratio"].set_index("model")["area"]
    own = table[(table["state"] == "finetuned") & (table["t"] == 0.5) & (table["input"] == "own")]
    own = own[own["gradients"] == "positive"].set_index("model")["area_ratio"]
    row = found[(found["input"] == "224") & (found["shape"] == "any pixels") & (found["scale"] == "log")].iloc[0]
    assert row["order"] == pytest.approx(stats.spearmanr(own[areas.index], areas).statistic)


def test_one_verdict_for_all_is_said_so(run: Callable):
    assert "The verdict is supported under all 12 readings." in text_of(run([])).caption


def test_the_figure_has_a_row_for_each_reading_and_a_dot_for_each_network(run: Callable):
    results = run([(ABSOLUTE, "area_ratio")])
    page, data = erf_readings.figure(results)
    left, pooled, within = page.axes
    assert len(left.get_yticks()) == 12 and len(left.lines) == 12 * 38
    assert left.get_yticklabels()[0].get_text() == "own, centre, ReLU, square, log"
    for axes in (pooled, within):
        colors = [line.get_color() for line in axes.lines if line.get_marker() == "o"]
        assert len(colors) == 12 and colors.count(erf_readings.VERDICT_COLORS["contradicted"]) == 1
    assert not data.duplicated(list(erf_readings.FIGURE_KEYS)).any()


def test_a_run_of_few_networks_decides_nothing(stub_run: Callable, run: Callable):
    names = [model.name for model in stub_run("demo").experiment.models]
    table = run([]).analyses["erf"]
    four = table[table["model"].isin(table["model"].unique()[:4])].copy()
    four["model"] = four["model"].map(dict(zip(four["model"].unique(), names, strict=True)))
    results = stub_run("demo", analyses={"erf": four})
    table = text_of(results)
    assert {row[-1] for row in table.rows} == {"undecided"} and table.rows[0][-2] == "–"
    page, _ = erf_readings.figure(results)
    assert "too few architectures" in [text.get_text() for text in page.axes[2].texts]


def test_without_a_receptive_field_there_are_no_rows(stub_run: Callable):
    results = stub_run("demo", analyses={})
    assert erf_readings.numbers(results).empty and not text_of(results).rows
