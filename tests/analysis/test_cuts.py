"""What cutting kernels does to maps: against the same cuts of the interventions, and on maps that are known."""

import numpy as np
import pandas as pd
import pytest

from camagain.analysis.cuts import measure, show
from camagain.config.file import parse_experiment
from camagain.drawing.results import MeanResults, RunResults
from camagain.errors import NotApplicable
from camagain.models.checkpoint import load_network

KEY = ["kernels", "batchnorm", "quantity"]


@pytest.fixture(scope="module")
def cutting(tiny_run, tiny_values: dict):
    """(experiment, paths) of the tiny run, asked for cuts of its ConvNeXt."""
    cuts = {"models": ["small-convnext"], "sides": [3, 7], "images": 4}
    values = {**tiny_values, "analysis": {**tiny_values["analysis"], "cuts": cuts}}
    return parse_experiment(values, "tiny"), tiny_run[1]


def test_rows_are_those_of_the_interventions_and_a_cut_that_takes_nothing_changes_nothing(cutting):
    experiment, paths = cutting
    found = measure.analyze(experiment, "small-convnext", paths)
    table = found.table.set_index(KEY)["value"].unstack()
    other = pd.read_csv(paths.findings("interventions", "small-convnext", "shrunk"))
    other = other[other["method"] == "cam"].set_index("change")
    for kernels, change in (("own", "uncut"), ("3 x 3", "k3")):
        row = table.loc[(kernels, "own")]
        assert row["top1"] == pytest.approx(other.loc[change, "top1_percent"])
        assert row["max_box_acc"] == pytest.approx(other.loc[change, "max_box_acc_percent"])
    for batchnorm in ("own", "anew"):
        np.testing.assert_allclose(table.loc[("7 x 7", batchnorm)], table.loc[("own", batchnorm)], rtol=1e-6)
    assert found.about["changed"]["7 x 7"] == [] and len(found.about["changed"]["3 x 3"]) == 5
    assert (table["activated_area"].diff().abs() > 0).any()


def test_new_statistics_are_those_of_train_images_and_leave_the_stored_network_alone(cutting):
    experiment, paths = cutting
    before = load_network(paths.model("small-convnext"))[0].state_dict()
    table = measure.analyze(experiment, "small-convnext", paths).table.set_index(KEY)["value"]
    # The tiny network saw a few steps, so that its running statistics are far from those of its images.
    assert table["own", "anew", "activated_area"] != table["own", "own", "activated_area"]
    after = load_network(paths.model("small-convnext"))[0].state_dict()
    assert all((before[key] == after[key]).all() for key in before)


def test_an_even_map_has_no_preference(cutting, monkeypatch: pytest.MonkeyPatch):
    experiment, paths = cutting
    images = 12
    even = (np.ones(images, dtype=bool), np.full(images, 0.25), np.ones((images, 6, 6), dtype=np.float32))
    monkeypatch.setattr(measure, "classify", lambda *_: even)
    rows = {row["quantity"]: row["value"] for row in measure.measure(None, None, experiment, paths, "even")}
    expected = {"top1": 100, "activated_area": 25, "map_area": 100, "concentration": 1, "max_box_acc": 0}
    assert rows == pytest.approx(expected)


def test_a_map_of_one_hot_cell_has_the_area_of_a_cell(cutting, monkeypatch: pytest.MonkeyPatch):
    found = []
    for against in (0.0, -3.0):  # what speaks against the class is cut off
        maps = np.zeros((12, 6, 6), dtype=np.float32)
        maps[:, 3, 3], maps[:, 0, 0], maps[:, 5, 5] = 1.0, 0.4, against
        monkeypatch.setattr(measure, "classify", lambda *_, maps=maps: (np.zeros(12, dtype=bool), np.zeros(12), maps))
        rows = measure.measure(None, None, *cutting, "one cell")
        found.append({row["quantity"]: row["value"] for row in rows if row["quantity"] != "max_box_acc"})
    assert found[0] == found[1]
    assert (found[0]["map_area"], found[0]["top1"]) == pytest.approx((100 / 36, 0))


def test_a_network_without_depthwise_kernels_is_left_out(cutting):
    with pytest.raises(NotApplicable, match="has no depthwise kernel to shrink"):
        measure.analyze(cutting[0], "small-resnet", cutting[1])


class Stub(RunResults):
    """Every quantity is 10 in the network as it was trained and 10 + seed after every change."""

    @property
    def missing(self) -> dict[str, str]:  # type: ignore[override]
        return {}

    def analysis(self, name: str) -> pd.DataFrame:
        rows = [
            ("small-convnext", *network, quantity, 10.0 + self.seeds[0] * (network != ("own", "own")))
            for network in (("own", "own"), ("own", "anew"), ("3 x 3", "own"), ("3 x 3", "anew"))
            for quantity in show.QUANTITIES
        ]
        return pd.DataFrame(rows, columns=["model", *KEY, "value"])


def test_differences_are_paired_by_training(cutting):
    experiment = cutting[0].model_copy(update={"seeds": (1, 2, 3)})
    parts = {seed: Stub(experiment, cutting[1], None, seed) for seed in experiment.seeds}
    results = type("Several", (MeanResults,), {"parts": parts, "missing": {}})(experiment, cutting[1])
    rows = {(row[1], i): row for i, row in enumerate(show.text(results, pd.DataFrame()).rows)}
    assert [name for name, _ in rows] == [
        "own", "own, BN anew", "− uncut", "cut to 3 x 3", "− uncut", "cut to 3 x 3, BN anew", "− uncut"
    ]  # fmt: skip
    assert rows["own", 0][2] == "10.0 [10.0, 10.0]"
    assert rows["− uncut", 4][2] == "+2.0 [-0.5, +4.5]"  # Student's quantile 4.303 divided by sqrt(3)
    page, drawn = show.figure(results)
    assert len(drawn) == 3 * 4 * 5 and len(page.axes) == 5
    assert [len(axes.lines) for axes in page.axes] == [2 * (3 + 1)] * 5
