"""Table and figure of the remedies, for a run as large as the paper's first figure and for one network of a family."""

import dataclasses
import re
import shutil
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from camagain.analysis.remedies import show
from camagain.analysis.remedies.gains_table import GAINS, family_gains, mean_gains, remedies_table
from camagain.artifacts import write_csv, write_json
from camagain.config.file import load_experiment
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.statistics.paired import holm

BOUNDS = ("", "_low", "_high")
FEW = ("resnet50-plain", "convnext_tiny.fb_in1k-plain", "replknet_31b.in1k_384-plain", "slak_tiny.in1k_300ep-plain")
"""One network of each family."""


def text_of(results: RunResults) -> TextTable:
    """The table as people read it, made of the run's files as they are now."""
    fresh = dataclasses.replace(results)
    return show.text(fresh, show.numbers(fresh))


@pytest.fixture(scope="module")
def many(root: Path, tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    """The 38 networks of `teaser` with made-up numbers; the analysis does not apply to those named 31l."""
    experiment = load_experiment(root / "config/experiments/teaser.yaml")
    folder = tmp_path_factory.mktemp("teaser")
    paths = experiment.paths(folder / "results", folder / "data")
    write_json(paths.dataset_dir / "dataset.json", {"name": "cub", "splits": {"test": 5794}, "classes": ["x"] * 200})
    rng = np.random.default_rng(0)
    for model in experiment.models:
        applies = "31l" not in model.name
        table = pd.DataFrame(made_up(rng))
        write_csv(paths.analysis("remedies", model.name) / "table.csv", table if applies else table[:0])
        status = {"applies": applies, "reason": None if applies else "the feature grid has a single cell"}
        write_json(paths.analysis("remedies", model.name) / "status.json", status)
        scored = [paths.evaluation(model.name, method) / "metrics.json" for method in experiment.localization.methods]
        for file in (paths.model(model.name) / "model.json", paths.localization(model.name) / "summary.json", *scored):
            write_json(file, {})  # only that the model has results
    return RunResults(experiment, paths)


def made_up(rng: np.random.Generator) -> list[dict]:
    """Rows as the analysis writes them."""
    rows = []
    for head, nwc, pas in product(("own", "gap", "tap"), (False, True), (False, True)):
        value, change = rng.uniform(50, 90), rng.uniform(-5, 5)
        row = {"quantity": "max_box_acc", "head": head, "nwc": nwc, "pas": pas, "top1_percent": rng.uniform(60, 90)}
        row |= dict(
            zip((f"max_box_acc{bound}_percent" for bound in BOUNDS), (value, value - 2, value + 1), strict=True)
        )
        if head == "tap" or nwc or pas:
            row |= differences(change) | {"p_value": rng.uniform(0, 0.2)}
        rows.append(row)
    return rows + [
        {"quantity": "mean_gain", "head": head, "remedy": remedy} | differences(rng.uniform(-5, 5))
        for head, remedy in GAINS
    ]


def differences(value: float) -> dict[str, float]:
    return dict(zip((f"difference{bound}_points" for bound in BOUNDS), (value, value - 1, value + 2), strict=True))


@pytest.fixture
def few(many: RunResults, tmp_path: Path) -> RunResults:
    """A run of one network of each family, on a copy of the files."""
    shutil.copytree(many.paths.results, tmp_path, dirs_exist_ok=True)
    experiment = many.experiment.model_copy(update={"models": tuple(map(many.experiment.model, FEW))})
    return RunResults(experiment, dataclasses.replace(many.paths, results=tmp_path))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_p_values_are_adjusted_for_every_comparison_of_every_model(many: RunResults):
    table = remedies_table(many)
    tested = table["p_value"].notna()
    assert tested.sum() == 36 * (3 + 7)
    np.testing.assert_allclose(table.loc[tested, "p_holm"], holm(table.loc[tested, "p_value"].to_numpy()))
    assert table.loc[~tested, "p_holm"].isna().all()
    assert (table["dataset"] == "cub").all() and (table["test_images"] == 5794).all()


def test_the_mean_of_a_family_is_that_of_its_models(many: RunResults):
    gains = mean_gains(remedies_table(many))
    assert len(gains) == 36 * len(GAINS) and set(gains["gain"]) == set(GAINS.values())
    families = family_gains(gains).set_index(["family", "gain"])
    for gain in GAINS.values():
        slak = gains[gains["model"].str.startswith("slak") & (gains["gain"] == gain)]["value"]
        row = families.loc[("slak", gain)]
        assert row["models"] == len(slak) > 1
        assert row[["value", "low", "high"]].tolist() == pytest.approx([slak.mean(), slak.min(), slak.max()])


def test_a_row_shows_the_numbers_of_its_model_and_classifier(few: RunResults):
    text, numbers = text_of(few), remedies_table(few)
    assert len(text.rows) == 2 * len(FEW) and {len(row) for row in text.rows} == {len(text.columns)}
    own = numbers[numbers["model"] == FEW[0]]
    row = own[(own["head"] == "fitted") & (own["remedy"] == "nwc")].iloc[0]
    off = own[(own["head"] == "gap")].iloc[0]
    fitted = dict(zip(text.columns, text.rows[1], strict=True))
    value, low, high = row[[f"difference{bound}_points" for bound in BOUNDS]]
    assert fitted["NWC"] == f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
    assert fitted["all off"].startswith(f"{off['max_box_acc_percent']:.1f} [")
    own_row = dict(zip(text.columns, text.rows[0], strict=True))
    assert own_row["Model"] == FEW[0] and own_row["TAP"] == "–"
    assert "5,794 test images of 200 classes" in text.caption and "Families" not in text.caption


def test_families_with_several_models_have_a_row(many: RunResults):
    text = text_of(many)
    assert len(text.rows) == 2 * 36 + 4
    assert text.rows[-1][0].startswith("SLaK, mean of ") and "Families" in text.caption
    bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule", text.latex("remedies"), re.DOTALL)
    assert sum(line.endswith(" \\\\") for body in bodies for line in body.splitlines()) == len(text.rows)


def test_few_models_show_gains_and_every_combination(few: RunResults):
    page, table = show.figure(few)
    gains, values = page.axes
    assert [label.get_text() for label in gains.get_yticklabels()] == list(GAINS.values())
    assert len(values.get_yticklabels()) == 12 and values.get_yticklabels()[-1].get_text() == "fitted + TAP + NWC + PaS"
    assert len(gains.containers) == len(values.containers) == len(FEW)
    shown = table[(table["model"] == FEW[2]) & (table["quantity"] == "mean_gain")]["difference_points"]
    assert sorted(gains.containers[2].lines[0].get_xdata()) == pytest.approx(sorted(shown))
    assert not [line for line in gains.lines if line.get_marker() == "*"]


def test_many_models_show_gains_alone_with_the_mean_of_each_family(many: RunResults):
    page, _ = show.figure(many)
    (gains,) = page.axes
    stars = [line for line in gains.lines if line.get_marker() == "*"]
    assert len(stars) == 4 * len(GAINS) and page.get_figheight() <= show.MOST_INCHES


def test_where_it_applies_to_no_model_the_reasons_are_drawn(few: RunResults):
    for model in FEW:
        folder = few.paths.analysis("remedies", model)
        write_csv(folder / "table.csv", pd.read_csv(folder / "table.csv")[:0])
        write_json(folder / "status.json", {"applies": False, "reason": "a single class"})
    page, drawn = show.figure(few)
    assert (
        drawn["reason"].tolist() == ["a single class"] * len(FEW)
        and "a single class" in page.axes[0].texts[0].get_text()
    )
    text = text_of(few)
    assert not text.rows and "apply to no model" in text.caption
