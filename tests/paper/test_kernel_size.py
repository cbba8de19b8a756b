"""The exhibits of kernel size: from made-up responses, and from a tiny run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.config.file import parse_experiment
from camagain.drawing.results import read_results
from camagain.paper.exhibits import kernel_size, kernel_trend
from camagain.paper.registry import figure_names, table_names
from camagain.paper.tables import means_of, numbers_of
from tests.conftest import run_all
from tests.paper.kernel_stub import kernel_results, scatter_of

SEEDS = (0, 1, 2, 3, 4)


def along(k: int) -> float:
    """0 at K = 3, 1 at K = 51."""
    return float(np.log(k / 3) / np.log(17))


def test_each_number_is_read_from_its_own_row(root: Path):
    results = kernel_results(
        root,
        seeds=(3,),
        erf_random=lambda series, k, seed: 0.01 * k,
        erf_finetuned=lambda series, k, seed: 0.005 * k,
        gap_over_rms=lambda series, k, seed: 0.4,
        activated_area=lambda series, k, seed: 30.0,
        pxap=lambda series, k, seed: 60.0 + seed,
    )
    table = kernel_size.numbers(results)
    assert table["kernel"].tolist() == [3, 5, 7, 13, 21, 31, 51] * 2
    row = table[table["model"] == "replknet-21"].iloc[0]
    assert (row["series"], row["parameters"]) == ("RepLKNet", 100_000)
    areas = row[["erf_untrained_percent", "erf_percent", "linear_erf_percent"]].tolist()
    assert areas == pytest.approx([21, 10.5, 5.25])
    # The area above 0.1 of the maximum, and rows of noise, are other numbers of the stub.
    assert (row["gap_value"], row["area_percent"], row["pxap_percent"]) == (0.4, 30, 63)


def test_a_field_that_no_square_reaches_counts_as_the_whole_input(root: Path):
    table = kernel_size.numbers(
        kernel_results(root, seeds=(0,), erf_finetuned=lambda s, k, seed: np.nan if k == 51 else 0.1)
    )
    assert table.loc[table["kernel"] == 51, "erf_percent"].tolist() == [100, 100]


def test_the_table_prints_means_with_students_intervals_over_seeds(root: Path):
    results = kernel_results(root, max_box_acc=lambda series, k, seed: 50.0 + k + seed)
    text = kernel_size.text(results, means_of(results, kernel_size.numbers, kernel_size.KEYS))
    cells = dict(zip(text.columns, text.rows[2], strict=True))
    assert (cells["Networks"], cells["K"], cells["Params, M"]) == ("ConvNeXt", "7", "0.10")
    assert cells["MaxBoxAcc"] == "59.0 [57.0, 61.0]"  # 2.776 times the deviation 1.58 of 0 to 4, divided by sqrt(5)
    assert numbers_of(results, kernel_size.numbers)["training_seed"].nunique() == 5


def test_the_figure_draws_means_intervals_and_every_training(root: Path):
    page, drawn = kernel_size.figure(kernel_results(root, max_box_acc=lambda series, k, seed: 50.0 + k + seed))
    row = drawn[(drawn["measure"] == "max_box_acc_percent") & (drawn["kernel"] == 7)].iloc[0]
    assert row[[f"value_seed{seed}" for seed in SEEDS]].tolist() == [57, 58, 59, 60, 61]
    assert (row["value"], row["low"]) == (59, pytest.approx(57.04, abs=0.01))
    assert not drawn.duplicated(list(kernel_size.FIGURE_KEYS)).any()
    titles = [axes.get_title() for axes in page.subfigs[1].axes]
    assert titles == [kernel_size.MEASURES[name].label for name in kernel_size.PANELS]
    assert len(page.subfigs[0].subfigs) == 2 and len(page.subfigs[0].subfigs[0].axes) == 2 * 7


def test_a_known_change_is_found_with_its_verdict(root: Path):
    results = kernel_results(
        root,
        top1=lambda series, k, seed: 90 + 20 * along(k) * (series == "RepLKNet") + 0.1 * seed,
        pxap=lambda series, k, seed: 50 + (seed - 2) * along(k),
        max_box_acc_v2=lambda series, k, seed: 50 - 2 * along(k) + 0.1 * seed * along(k),
    )
    found = kernel_trend.findings(results).set_index(["series", "quantity", "measure"])
    changes = found.xs("change", level="quantity")
    assert changes.loc[("RepLKNet", "top1_percent"), "value"] == pytest.approx(20)
    assert changes.loc[("RepLKNet", "top1_percent"), "verdict"] == "rises"
    assert changes.loc[("ConvNeXt", "top1_percent"), "verdict"] == "no trend"
    assert changes.loc[("ConvNeXt", "pxap_percent"), "verdict"] == "no trend"
    assert changes.loc[("ConvNeXt", "max_box_acc_v2_percent"), "verdict"] == "falls slightly"
    assert changes.loc[("ConvNeXt", "erf_percent"), "verdict"] == "rises"  # without a bound
    per_seed = numbers_of(results, kernel_trend.numbers)
    own = per_seed[(per_seed["series"] == "ConvNeXt") & (per_seed["measure"] == "pxap_percent")]
    assert own["change"].tolist() == pytest.approx([-2, -1, 0, 1, 2])


def test_the_effect_on_boxes_through_the_receptive_field_is_told_from_that_beside_it(root: Path):
    left = scatter_of(SEEDS)

    def field(series: str, k: int, seed: int) -> float:
        return 0.1 + 0.2 * along(k) + 0.02 * left[series, k, seed]

    results = kernel_results(
        root,
        erf_finetuned=field,
        max_box_acc=lambda series, k, seed: 40 + 50 * field(series, k, seed) - 10 * along(k) * (series == "RepLKNet"),
    )
    found = kernel_trend.findings(results)
    beside = found[found["quantity"] == "beside"].set_index(["series", "mediator"])["value"]
    assert beside.loc["ConvNeXt"].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert beside.loc["RepLKNet"].tolist() == pytest.approx([-10, -10])  # linear: the stub's is half of the other
    text = kernel_trend.text(results, means_of(results, kernel_trend.numbers, kernel_trend.KEYS)).markdown()
    assert "MaxBoxAcc, through ERF" in text and "−" not in text
    page, drawn = kernel_trend.figure(results)
    assert not drawn.duplicated(list(kernel_trend.FIGURE_KEYS)).any()
    assert [axes.get_title() for axes in page.axes] == ["change with K", "how K acts on boxes"]


def test_with_one_seed_nothing_is_certain(root: Path):
    results = kernel_results(root, seeds=(0,))
    found = kernel_trend.findings(results)
    assert set(found.loc[found["quantity"] == "change", "verdict"]) == {"undecided"}
    for exhibit in (kernel_size, kernel_trend):
        exhibit.text(results, means_of(results, exhibit.numbers, exhibit.KEYS)).latex(exhibit.NAME)
        exhibit.figure(results)


@pytest.fixture(scope="module")
def tiny_kernels(tiny_values: dict, tmp_path_factory: pytest.TempPathFactory):
    """(experiment, paths) of a finished run of three kernel sizes and two seeds."""
    models = [
        {"name": f"c{side}", "architecture": "convnext_narrow", "options": {"kernel_sizes": side, "dims": [8, 8, 8, 8]}}
        for side in (3, 5, 7)
    ]
    values = {
        **tiny_values,
        "seeds": [0, 1],
        "models": models,
        "training": {"epochs": 1, "batch_size": 6, "learning_rate": 1.0e-3},
        "localization": {"methods": ["cam"]},
        "analysis": {"names": ["erf"], "erf": {"images": 2}},
    }
    experiment = parse_experiment(values, "tiny kernels")
    folder = tmp_path_factory.mktemp("kernels")
    paths = experiment.paths(folder / "results", folder / "data")
    run_all(experiment, paths)
    return experiment, paths


@pytest.mark.long
def test_a_tiny_run_has_both_exhibits_in_its_report(tiny_kernels):
    experiment, paths = tiny_kernels
    for names in (table_names(experiment), figure_names(experiment)):
        assert {"kernel-size", "kernel-trend"} <= set(names)
    table = pd.read_csv(paths.tables / "kernel-size.csv")
    assert table[["training_seed", "kernel"]].to_numpy().tolist() == [[s, k] for s in (0, 1) for k in (3, 5, 7)]
    assert table["parameters"].is_monotonic_increasing or table["parameters"].iloc[0] < table["parameters"].iloc[2]
    assert table["erf_percent"].between(0, 100).all() and table["gap_value"].isna().all()  # not measured here
    result = read_results(experiment, paths).scores("c5", "cam")["max_box_acc"]
    assert table.loc[table["kernel"] == 5, "max_box_acc_percent"].tolist() == result["seeds"]
    page = paths.report.read_text()
    assert "Kernel size and nothing else" in page and "Dose and response: kernel size" in page
