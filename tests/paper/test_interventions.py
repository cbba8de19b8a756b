"""What changes of the kernels did: means, differences and their intervals by hand, and the words for them."""

import dataclasses
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from camagain.analysis.interventions import show
from camagain.analysis.interventions.effects import AREA, effects, sentences, single_seeds
from camagain.analysis.interventions.measure import COLUMNS
from camagain.analysis.interventions.verdict import FELL, NOT_TESTED, ROSE, UNDECIDED, verdict
from camagain.artifacts import write_csv, write_json, write_npz
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.statistics.estimates import Estimate

MODEL = "convnext_narrow"
RESAMPLES = np.linspace(-4, 4, 101)


def text_of(results: RunResults) -> TextTable:
    """The table as people read it, made of the run's files as they are now."""
    fresh = dataclasses.replace(results)
    return show.text(fresh, show.numbers(fresh))


def write(results: RunResults, job: str, rows: list[dict]) -> None:
    """The files of one job: rows of (change, side, area, MaxBoxAcc), for both methods; no rows: it does not apply."""
    folder = results.paths.analysis("interventions", MODEL) / job
    seed = int(job[-1]) if "seed" in job else None
    filled, arrays = [], {}
    for row in rows:
        for method in ("cam", "cam-gt"):
            arrays[f"{row['change']}.{method}"] = np.tile(row.get("spread", 1) * RESAMPLES, (3, 1))
            filled.append(
                dict.fromkeys(COLUMNS, 1.0)
                | {
                    "change": row["change"],
                    "kernel_side": row["side"],
                    "seed": seed,
                    "method": method,
                    AREA: row["area"],
                }
                | {"max_box_acc_percent": row["percent"], "layers_changed": 5, "parameters": 400000}
            )
    write_csv(folder / "table.csv", pd.DataFrame(filled, columns=list(COLUMNS)).astype({"seed": "Int64"}))
    write_npz(folder / "arrays.npz", **arrays)
    write_json(folder / "status.json", {"applies": bool(rows), "reason": None if rows else "nothing here"})


@pytest.fixture
def results(stub_run, synthbirds, tmp_path: Path) -> RunResults:
    """The demo's jobs: own kernels, 13 x 13 and 31 x 31 by two seeds, and cuts to 5 x 5 and 3 x 3."""

    class Results(type(stub_run("demo"))):
        analysis = RunResults.analysis

    demo = stub_run("demo")
    made = Results(demo.experiment, demo.experiment.paths(tmp_path), images=synthbirds)
    values = {"own": (7, 0.16, 80), "K13": (13, 0.20, 79), "K31": (31, 0.32, 81)}
    for kind, (side, area, percent) in values.items():
        for seed in (0, 1):
            more = {"own": 4, "K13": 5, "K31": 12}[kind]
            row = {"change": kind, "side": side, "area": area + seed / 100, "percent": percent + more * seed}
            write(made, f"{kind}-seed{seed}", [row])
    cuts = (("uncut", 7, 0.16, 90), ("k5", 5, 0.12, 85), ("k3", 3, 0.1, 40))
    rows = [dict(zip(("change", "side", "area", "percent"), cut, strict=True)) for cut in cuts]
    write(made, "shrunk", [*rows[:2], rows[2] | {"spread": 3}])
    return made


def test_means_and_differences_are_those_of_the_seeds(results):
    found = effects(results).set_index(["change", "method"])
    assert list(dict.fromkeys(found.index.get_level_values(0))) == ["own", "K13", "K31", "uncut", "k5", "k3"]
    own, k31 = found.loc["own", "cam"], found.loc["K31", "cam"]
    assert (own["max_box_acc_percent"], k31["max_box_acc_percent"]) == (82, 87)
    assert (k31["difference_points"], own["difference_points"]) == (5, 0)
    assert k31[["difference_lowest_seed_points", "difference_highest_seed_points"]].tolist() == [1, 9]
    assert k31["area_percent"] == pytest.approx(32.5)
    assert k31["area_factor"] == pytest.approx(np.sqrt(0.32 / 0.16 * 0.33 / 0.17)), "the geometric mean over seeds"
    assert k31["seeds"] == 2 and found.loc["k3", "cam"]["seeds"] == 1
    assert found.loc["k3", "cam"]["difference_points"] == -50, "cuts are compared with the network before the cut"


def test_intervals_hold_the_error_of_seeds_and_draw_the_same_images_for_both(results):
    found = effects(results).set_index(["change", "method"])
    k31, k3 = found.loc["K31", "cam"], found.loc["k3", "cam"]
    assert (k31["max_box_acc_low_percent"], k31["max_box_acc_high_percent"]) == pytest.approx((81.73, 90.92), abs=0.01)
    # What images change alike in both cancels; what is left is Student's interval of the two differences 1 and 9.
    low, high = 5 - 12.7062 * 4, 5 + 12.7062 * 4
    assert (k31["difference_low_points"], k31["difference_high_points"]) == pytest.approx((low, high), abs=1e-3)
    # A cut is not trained. Where it varies three times as much over images as the control, twice of it is left.
    assert (k3["difference_low_points"], k3["difference_high_points"]) == pytest.approx((-59.15, -40.85), abs=0.01)


def test_both_errors_add_in_quadrature(results):
    for seed in (0, 1):
        write(results, f"K31-seed{seed}", [{"change": "K31", "side": 31, "area": 0.3, "percent": 85, "spread": 2}])
    found = effects(results).set_index(["change", "method"]).loc["K31", "cam"]
    # Differences 5 and 1 (mean 3), and over images the errors RESAMPLES, with half an image for each side.
    half = np.hypot(12.7062 * 2, 1.96 * np.sqrt(RESAMPLES.var() + 0.25**2))
    assert (found["difference_low_points"], found["difference_high_points"]) == pytest.approx(
        (3 - half, 3 + half), abs=1e-3
    )


def test_the_interval_of_the_area_holds_the_step_of_its_square(results):
    size = results.experiment.input.size
    areas = {"own": (0.16, 0.16), "K13": (0.2, 0.2), "K31": (0.17, 0.17)}
    for kind, pair in areas.items():
        for seed, area in enumerate(pair):
            write(results, f"{kind}-seed{seed}", [{"change": kind, "side": 13, "area": area, "percent": 80}])
    found = effects(results).set_index(["change", "method"])
    step = (0.4 * size / (0.4 * size - 2)) ** 2  # the smaller square has a side of 0.4 of the image
    for kind, factor, what in (("K13", 1.25, UNDECIDED), ("K31", 17 / 16, NOT_TESTED)):
        row = found.loc[kind, "cam"]
        assert (row["area_factor_low"], row["area_factor_high"]) == pytest.approx((factor / step, factor * step))
        assert row["verdict"] == what


@pytest.mark.parametrize(
    ("factor", "difference", "expected"),
    [
        ((1.5, 1.1, 1.9), (3, 1, 5), ROSE),
        ((1.5, 1.1, 1.9), (-3, -5, -1), FELL),
        ((1.5, 1.1, 1.9), (3, -1, 7), UNDECIDED),
        ((1.5, 0.9, 2.1), (-3, -5, -1), NOT_TESTED),
        ((0.9, 0.8, 0.95), (-3, -5, -1), NOT_TESTED),
        ((1.5, np.nan, np.nan), (-3, np.nan, np.nan), NOT_TESTED),
        ((1.5, 1.1, 1.9), (-3, np.nan, np.nan), UNDECIDED),
    ],
)
def test_what_did_not_move_its_cause_did_not_test_it(factor, difference, expected: str):
    assert verdict(Estimate(*factor), Estimate(*difference)) == expected


def test_seeds_of_opposite_sign_and_a_field_that_shrank_show_nothing(results):
    """As measured once on photographs: +0.4 and -4.9 points, and a field of 0.94 times the control's area."""
    for seed, (own, larger) in enumerate(((47.9, 43.0), (42.6, 43.0))):
        write(results, f"own-seed{seed}", [{"change": "own", "side": 5, "area": 0.385, "percent": own}])
        write(results, f"K13-seed{seed}", [{"change": "K13", "side": 13, "area": 0.32, "percent": larger}])
    assert sentences(effects(results))[0].startswith(
        "convnext_narrow, 13 x 13: this did not test it, since the receptive field shrank (0.83 ["
    )
    row = effects(results).set_index(["change", "method"]).loc["K13", "cam"]
    assert row["difference_low_points"] < -30 and row["difference_high_points"] > 30


def test_sentences_say_whether_boxes_followed(results):
    for seed in (0, 1):
        write(results, f"K31-seed{seed}", [{"change": "K31", "side": 31, "area": 0.64, "percent": 85 + 4 * seed}])
        write(results, f"K13-seed{seed}", [{"change": "K13", "side": 13, "area": 0.16, "percent": 84 + 4 * seed}])
    first, second = sentences(effects(results))
    assert first.startswith("convnext_narrow, 13 x 13: this did not test it, since the receptive field did not ")
    assert second.startswith("convnext_narrow, 31 x 31: the receptive field grew to 3.88 [")
    assert second.endswith("] times its area and MaxBoxAcc rose (+5.0 [+5.0, +5.0] points).")
    write(results, "K31-seed1", [{"change": "K31", "side": 31, "area": 0.64, "percent": 90}])
    assert "and MaxBoxAcc shows no certain change (+5.5 [" in sentences(effects(dataclasses.replace(results)))[1]


def test_with_several_trainings_the_first_level_is_the_training(results):
    """Two trainings, two further trainings of each: the interval is Student's of the two means."""
    experiment = results.experiment.model_copy(update={"seeds": (0, 1)})
    found = {}
    for seed, more in ((0, 1.0), (1, 5.0)):
        here = type(results)(results.experiment, results.experiment.paths(results.paths.results / str(seed)))
        write(here, "shrunk", [])
        for kind, percent in (("own", 80.0), ("K13", 80.0 + more), ("K31", 80.0)):
            for further in (0, 1):
                row = {"change": kind, "side": 13, "area": 0.2 + 0.1 * (kind == "K13"), "percent": percent + further}
                write(here, f"{kind}-seed{further}", [row])
        found[seed] = here

    class Both(type(results)):
        parts = found

    row = effects(Both(experiment, results.paths)).set_index(["change", "method"]).loc["K13", "cam"]
    assert row["seeds"] == 4 and row["difference_points"] == pytest.approx(3)
    assert row["difference_high_points"] == pytest.approx(3 + 12.7062 * 2, abs=1e-3)


def test_the_table_shows_every_change_with_its_control(results):
    text = text_of(results)
    rows = {row[1]: row for row in text.rows}
    assert list(rows) == [
        "own, trained further",
        "13 x 13, trained further",
        "31 x 31, trained further",
        "uncut",
        "cut to 5 x 5",
        "cut to 3 x 3",
    ]
    assert rows["31 x 31, trained further"][6:] == (
        "32.5", "100.0", "1.97 [1.43, 2.71]", "87.0 [81.7, 90.9]", "+5.0 [-45.8, +55.8]", "+1.0 to +9.0",
        "no certain change", "+5.0 [-45.8, +55.8]"
    )  # fmt: skip
    assert rows["uncut"][10:] == ("–", "–", "–", "–") and rows["cut to 3 x 3"][12] == "–"
    assert "reaches 6.4 times their distance" in text.caption
    assert "400 test images of 8 classes" in text.caption and "for one epoch" in text.caption
    assert len(show.numbers(results)) == 18


def test_single_seeds_are_compared_with_the_control_of_the_same_seed(results):
    found = single_seeds(results).set_index(["change", "seed"])
    assert found["difference_points"].to_dict() == {("K13", 0): -1, ("K13", 1): 0, ("K31", 0): 1, ("K31", 1): 9}
    assert found.loc[("K31", 1), "area_factor"] == pytest.approx(0.33 / 0.17)


def test_the_figure_draws_means_with_their_intervals_and_single_seeds(results):
    drawn, data = show.figure(results)
    pd.testing.assert_frame_equal(data, pd.concat([effects(results), single_seeds(results)], ignore_index=True))
    left = drawn.axes[0]
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in left.lines]
    for row in effects(results).query("method == 'cam' and change in ('K13', 'K31')").itertuples():
        assert ([row.area_factor], [row.difference_points]) in lines
        assert ([row.area_factor] * 2, [row.difference_low_points, row.difference_high_points]) in lines
    assert any(len(x) == 4 and sorted(y) == [-1, 0, 1, 9] for x, y in lines)
    assert {"13 × 13", "31 × 31"} <= {text.get_text() for text in left.texts}
    plt.close(drawn)


def test_a_change_that_does_not_apply_is_left_out(results):
    for seed in (0, 1):
        write(results, f"K31-seed{seed}", [])
    assert set(effects(results)["change"]) == {"own", "K13", "uncut", "k5", "k3"}
    plt.close(show.figure(results)[0])


def test_without_any_job_that_applies_reasons_are_drawn(results):
    for change in results.experiment.analysis.interventions.changes:
        write(results, change, [])
    drawn, data = show.figure(results)
    assert data["reason"].tolist() == ["nothing here"]
    assert text_of(results).rows == ()
    assert sentences(effects(results)) == []
    plt.close(drawn)


@pytest.mark.parametrize("job", ["shrunk", "own-seed0", "K31-seed0"])
def test_what_has_no_receptive_field_or_does_not_apply_does_not_stop_the_figure(results, job: str):
    if job == "shrunk":
        write(results, job, [])
    else:
        for seed in (0, 1):
            row = {"change": job.partition("-")[0], "side": 9, "area": np.nan, "percent": 80}
            write(results, f"{row['change']}-seed{seed}", [row])
    drawn, _ = show.figure(results)
    drawn.canvas.draw()
    plt.close(drawn)
    assert "nan" not in text_of(results).markdown()
    assert len(sentences(effects(results))) == {"shrunk": 2, "own-seed0": 0, "K31-seed0": 1}[job]
