"""Table and figures of the effective receptive field, for a run as large as the paper's first figure."""

import dataclasses
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from scipy import stats

from camagain.analysis.erf import show, show_localization
from camagain.analysis.erf.measure import COLUMNS, rows_of
from camagain.analysis.erf.points import erf_correlations, erf_points
from camagain.analysis.erf.readings import UPSTREAM, as_upstream
from camagain.artifacts import write_csv, write_json, write_npz
from camagain.config.file import load_experiment
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults

SIDE = 32
SHARES = (0.1, 0.2, 0.3, 0.5, 0.8, 0.99)
STATES = ("random", "start", "finetuned")


def text_of(results: RunResults) -> TextTable:
    """The table as people read it, made of the run's files as they are now."""
    fresh = dataclasses.replace(results)
    return show.text(fresh, show.numbers(fresh))


@pytest.fixture(scope="module")
def teaser(root: Path, tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    """The 38 networks of `teaser`, with made-up receptive fields and scores; the 31L networks have none."""
    experiment = load_experiment(root / "config/experiments/teaser.yaml")
    folder = tmp_path_factory.mktemp("teaser")
    paths = experiment.paths(folder / "results", folder / "data")
    write_json(paths.dataset_dir / "dataset.json", {"name": "cub", "splits": {"test": 5794}, "classes": ["x"] * 200})
    rng = np.random.default_rng(0)
    distance = np.hypot(*np.mgrid[:SIDE, :SIDE] - SIDE // 2)
    for model in experiment.models:
        applies = "31l" not in model.name
        maps = {state: np.exp(-distance / rng.uniform(2, 9)) * rng.uniform(1, 50) for state in STATES * applies}
        write_analysis(paths.analysis("erf", model.name), maps)
        value = rng.uniform(40, 90)
        score = {"max_box_acc": {"value": value, "low": value - 2, "high": value + 1}}
        for method in experiment.localization.methods:
            write_json(paths.evaluation(model.name, method) / "metrics.json", {"figures": score})
        for path in (paths.model(model.name) / "model.json", paths.localization(model.name) / "summary.json"):
            write_json(path, {})  # without them the model counts as missing
    return RunResults(experiment, paths)


def write_analysis(folder: Path, maps: dict[str, np.ndarray], **about) -> None:
    found = [
        rows_of(state, values, reading, SIDE, SHARES)
        for state, values in maps.items()
        for reading in (UPSTREAM, {**UPSTREAM, "gradients": "absolute"}, {**UPSTREAM, "input": "64"})
    ]
    table = pd.concat(found).assign(images=50, input_pixels=SIDE) if found else pd.DataFrame(columns=list(COLUMNS))
    write_csv(folder / "table.csv", table)
    write_npz(folder / "arrays.npz", **maps)
    reason = None if maps else "its gradients are not finite"
    write_json(folder / "status.json", {"applies": bool(maps), "reason": reason, **about})


@pytest.fixture
def few(teaser: RunResults, tmp_path: Path) -> RunResults:
    """A run of one network of each family, on a copy of the files."""
    names = (
        "resnet50-plain",
        "convnext_tiny.fb_in1k-plain",
        "replknet_31b.in1k_384-plain",
        "slak_tiny.in1k_300ep-plain",
    )
    shutil.copytree(teaser.paths.results, tmp_path, dirs_exist_ok=True)
    experiment = teaser.experiment.model_copy(update={"models": tuple(map(teaser.experiment.model, names))})
    return RunResults(experiment, dataclasses.replace(teaser.paths, results=tmp_path))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_points_join_area_and_score(teaser: RunResults):
    points = erf_points(teaser)
    assert len(points) == 36 * 3 * 3 * 4 * 4, "models with an area, states, readings, measures, t of the literature"
    row = points[(points["model"] == "slak_base.in1k_300ep-plain") & (points["state"] == "start")].iloc[0]
    table = as_upstream(teaser.analysis("erf")).set_index(["model", "state", "t"])
    assert row["area"] == table.loc[(row["model"], "start", row["t"]), "area_ratio"]
    assert row["family"] == "slak" and row["method"] == "cam"
    assert row["max_box_acc_percent"] == teaser.metrics(row["model"], "cam")["figures"]["max_box_acc"]["value"]


def test_correlations_are_scipys_over_the_points(teaser: RunResults):
    points = as_upstream(erf_points(teaser))
    found = erf_correlations(teaser).set_index(["state", "measure", "t", "group", "kind"])
    here = points[(points["state"] == "finetuned") & (points["measure"] == "area_ratio") & (points["t"] == 0.5)]
    for group, rows in (("all", here), ("replknet", here[here["family"] == "replknet"])):
        expected = stats.spearmanr(rows["area"], rows["max_box_acc_percent"]).statistic
        assert found.loc[("finetuned", "area_ratio", 0.5, group, "spearman"), "value"] == pytest.approx(expected)
    assert found.loc[("finetuned", "area_ratio", 0.5, "replknet", "pearson"), "models"] == 10
    assert "too few" in found.loc[("finetuned", "area_ratio", 0.5, "resnet", "pearson"), "reason"]


def test_the_table_shows_areas_and_below_them_correlations(teaser: RunResults):
    text = text_of(teaser)
    assert len(text.rows) == 36 * 3 + 3 * 2 * 4, "models x states, then states x kinds x (all and three families)"
    model, state, *cells = text.rows[2]
    areas = as_upstream(teaser.analysis("erf"))
    row = areas[(areas["model"] == model) & (areas["state"] == "finetuned")].set_index("t")
    assert state == "fine-tuned" and cells[2] == f"{100 * row.loc[0.5, 'area_ratio']:.1f}"
    assert cells[4] == f"{100 * row.loc[0.5, 'linear_area_ratio']:.1f}"
    assert text.rows[108][0] == "all, 36 models: Pearson" and "[" in text.rows[108][4]
    assert "ResNet (2)" in text.caption and "50 test images at 32 px" in text.caption
    assert "cub, 5,794 test images of 200 classes" in text.caption
    numbers = show.numbers(teaser)
    assert len(numbers) == 36 * 3 * 4 and set(numbers["dataset"]) == {"cub"}
    assert "nan" not in text.markdown() + numbers.to_csv()


def test_what_was_left_out_is_said(few: RunResults):
    folder = few.paths.analysis("erf", "resnet50-plain")
    with np.load(folder / "arrays.npz") as arrays:
        maps = {"finetuned": arrays["finetuned"]}
    write_analysis(folder, maps, skipped_images={"finetuned": 2}, without={"random": "no square holds a share"})
    text = text_of(few)
    assert "Images skipped, since gradients are not finite: 2 of resnet50-plain, fine-tuned." in text.caption
    assert "Not measurable: resnet50-plain, random (no square holds a share)." in text.caption
    assert [row[1] for row in text.rows if row[0] == "resnet50-plain"] == ["fine-tuned"]
    page, _ = show.figure(few)
    dashes = [axes for axes in page.axes if [text.get_text() for text in axes.texts] == ["–"]]
    assert len(dashes) == 2, "no picture of the random network, nor of the start"


def test_few_models_show_every_state_with_its_square(few: RunResults):
    page, table = show.figure(few)
    pictures = [axes for axes in page.axes if axes.images]
    assert len(pictures) == 4 * 3
    assert [axes.get_title() for axes in pictures[:2]] == ["resnet50-plain", "convnext_tiny.fb_\nin1k-plain"]
    assert [axes.get_ylabel() for axes in pictures if axes.get_ylabel()] == ["random", "start", "fine-tuned"]
    for axes, state in zip((pictures[0], pictures[8]), ("random", "finetuned"), strict=True):
        row = table[(table["model"] == "resnet50-plain") & (table["state"] == state) & (table["t"] == 0.5)].iloc[0]
        (square,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
        assert square.get_width() == row["side_pixels"]
        assert square.get_center() == pytest.approx((SIDE // 2, SIDE // 2)), "the centre pixel, whose middle is there"
        assert axes.get_xlabel() == f"{100 * row['area_ratio']:.1f} %"
        drawn = axes.images[0]
        assert drawn.get_array().max() == 1 and drawn.get_clim() == (-1, 1), "upstream's colours have 0 in their middle"
    (curves,) = (axes for axes in page.axes if axes.lines)
    assert len(curves.lines) == 4 * 3 + 1


def test_many_models_show_the_last_state_and_a_curve_panel_for_each(teaser: RunResults):
    page, _ = show.figure(teaser)
    assert len([axes for axes in page.axes if axes.images]) == 36
    assert {axes.get_ylabel() for axes in page.axes if axes.images} == {"", "fine-tuned"}
    assert sum(axes.axison for axes in page.axes) == 36 + 3, "places without a picture are empty"
    panels = [axes for axes in page.axes if axes.lines]
    assert [axes.get_title() for axes in panels] == ["random", "start", "fine-tuned"]
    assert [len(axes.lines) for axes in panels] == [37] * 3
    assert page.get_figheight() < 10, "higher than a page"
    labels = [text.get_text() for text in page.subfigs[1].legends[0].get_texts()]
    assert labels == ["ResNet, 2 models", "ConvNeXt, 14 models", "RepLKNet, 10 models", "SLaK, 10 models"]


def test_localization_has_a_point_for_each_model_and_its_correlations(teaser: RunResults):
    page, data = show_localization.figure(teaser)
    found = erf_correlations(teaser).set_index(["state", "measure", "t", "group", "kind"])["value"]
    for axes, t in zip(page.axes, (0.2, 0.5, 0.99), strict=True):
        known = data[(data["kind"] == "point") & (data["state"] == "finetuned") & (data["t"] == t)]
        known = known[known["measure"] == "area_ratio"].dropna(subset="area")
        assert len(axes.containers) == len(known) and f"{len(known)} models" in axes.get_title()
        assert f"Pearson {found[('finetuned', 'area_ratio', t, 'all', 'pearson')]:+.2f}" in axes.get_title()
    words = page.legends[0].get_title().get_text()
    assert "ResNet (2): too few models" in words and "RepLKNet (10): Pearson " in words
    assert set(data["kind"]) == {"point", "pearson", "spearman"}


def test_few_models_bear_their_names(few: RunResults):
    page, _ = show_localization.figure(few)
    assert len(page.axes[1].texts) == 4 and not page.axes[0].texts
    assert "ResNet (1), ConvNeXt (1), RepLKNet (1), SLaK (1): too few models" in page.legends[0].get_title().get_text()
    two = dataclasses.replace(few, experiment=few.experiment.model_copy(update={"models": few.experiment.models[:2]}))
    page, _ = show_localization.figure(two)
    assert all("too few models" in axes.get_title() for axes in page.axes)
    assert "all (2)" in text_of(two).caption


def test_names_of_points_at_one_height_do_not_touch():
    page, axes = plt.subplots(figsize=(2.4, 3.1))
    columns = ["model", "seed", "area", *(f"max_box_acc{bound}_percent" for bound in ("", "_low", "_high"))]
    points = [
        ("resnet_narrow", 0, 0.068, 90.5, 86.0, 92.0),
        ("convnext_narrow", 0, 0.165, 79.75, 75.0, 83.0),
        ("replknet_narrow", 0, 0.305, 79.5, 75.0, 83.0),
    ]
    rows = pd.DataFrame(points, columns=columns)
    show_localization.draw_points(axes, rows, dict.fromkeys(rows["model"], "k"), names=True)
    page.canvas.draw()
    _, first, second = (text.get_window_extent() for text in axes.texts)
    plt.close(page)
    assert not first.overlaps(second)


def test_where_it_applies_to_no_model_the_reasons_are_drawn(few: RunResults):
    for model in few.models:
        write_analysis(few.paths.analysis("erf", model), {})
    for draw in (show.figure, show_localization.figure):
        page, data = draw(few)
        assert "its gradients are not finite" in page.axes[0].texts[0].get_text() and len(data) == 4
    assert not text_of(few).rows and show.numbers(few).empty
