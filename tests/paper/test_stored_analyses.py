"""Tables and figures of gap, pca, cues and parts: of the tiny run, of many networks, of one, and where none applies."""

from dataclasses import dataclass
from importlib import import_module

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from camagain.drawing.cells import NONE
from camagain.drawing.dots import draw_dots, height_of, offsets_of
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults

NAMES = ("gap", "pca", "cues", "parts")
MODEL = "small-convnext"


@dataclass(frozen=True)
class Copies(RunResults):
    """The tiny run as if it had `count` networks, all with the numbers of one."""

    count: int = 1

    @property
    def models(self) -> list[str]:
        return [f"net_{k}" for k in range(self.count)]

    @property
    def architectures(self) -> dict[str, str]:
        return {name: "convnext_tiny" if k % 2 else "resnet50" for k, name in enumerate(self.models)}

    def analysis(self, name: str) -> pd.DataFrame:  # type: ignore[override]
        table = RunResults(self.experiment, self.paths).analysis(name)
        own = table[table["model"] == MODEL]
        return pd.concat([own.assign(model=model) for model in self.models], ignore_index=True)

    def not_applicable(self, name: str) -> dict[str, str]:  # type: ignore[override]
        return {}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def shown(name: str):
    """What shows an analysis."""
    return import_module(f"camagain.analysis.{name}.show")


def text_of(name: str, results: RunResults) -> TextTable:
    """The table of an analysis as people read it."""
    return shown(name).text(results, shown(name).numbers(results))


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_says_what_its_numbers_stand_on(tiny_run, name: str):
    experiment, paths = tiny_run
    table = pd.read_csv(paths.tables / f"{name}.csv")
    assert table["model"].unique().tolist() == ["small-resnet", "small-convnext"]
    assert set(table["dataset"]) == {"tiny-birds"} and set(table["test_images"]) == {12}
    assert set(table["classes"]) == {3} and set(table["seed"]) == {experiment.seed}
    assert table["unit"].notna().all() and table["value"].notna().any()


@pytest.mark.parametrize(
    ("name", "of", "column", "digits"),
    [
        ("gap", {"quantity": "spearman_weight_gap_value"}, "weight, GAP", 2),
        ("gap", {"quantity": "max_box_acc", "map": "negative"}, "MaxBoxAcc w < 0", 1),
        ("gap", {"quantity": "concentration", "map": "negative", "region": "box"}, "in box w < 0", 2),
        ("pca", {"quantity": "variance_share", "component": 1}, "PC1, % of variance", 1),
        ("pca", {"quantity": "max_box_acc", "map": "PC2"}, "PC2", 1),
        ("pca", {"quantity": "only_pc1_right"}, "only PC1, %", 1),
        ("cues", {"quantity": "mass_share", "region": "cues", "method": "pc1"}, "mass on cues, %", 1),
        ("cues", {"quantity": "preference", "method": "pc1"}, "cues to rest", 2),
        ("parts", {"quantity": "density", "part": "head parts", "method": "pc1"}, "head", 2),
        ("parts", {"quantity": "head_to_body", "method": "pc1"}, "head to body", 2),
    ],
)
def test_printed_cells_are_rounded_rows_of_the_csv(tiny_run, name: str, of: dict, column: str, digits: int):
    _, paths = tiny_run
    rows = pd.read_csv(paths.tables / f"{name}.csv")
    for key, entry in {"model": MODEL, **of}.items():
        rows = rows[rows[key] == entry]
    row = rows.iloc[0]
    header, _, *lines = (paths.tables / f"{name}.md").read_text().splitlines()
    columns = [cell.strip() for cell in header.split("|")]
    line = next(line for line in lines if MODEL in line and ("PC1" in line or name in ("gap", "pca")))
    cell = line.split("|")[columns.index(column)].strip()
    assert cell == "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(row["value"], row["low"], row["high"], d=digits)
    assert "12 test images of 3 classes" in (paths.tables / f"{name}.md").read_text()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 12])
def test_figures_hold_one_network_or_twelve(tiny_run, name: str, count: int):
    results = Copies(*tiny_run, count=count)
    figure, drawn = shown(name).figure(results)
    figure.canvas.draw()
    assert drawn["model"].nunique() == count
    assert figure.get_figheight() < 10, "taller than a page"
    legends = [text.get_text() for text in figure.legends[0].get_texts()]
    assert ("net_0" if count == 1 else "ResNet, 6 models") in legends
    rows = {"gap": count, "pca": count, "cues": 3 * count, "parts": 3 * count + 1}  # and the centred Gaussian once
    assert len(text_of(name, results).rows) == rows[name]


@pytest.mark.parametrize("name", NAMES)
def test_models_to_which_it_does_not_apply_are_left_out(tiny_run, monkeypatch: pytest.MonkeyPatch, name: str):
    results = RunResults(*tiny_run)
    table = results.analysis(name)
    monkeypatch.setattr(RunResults, "analysis", lambda self, _: table[table["model"] == MODEL])
    figure, drawn = shown(name).figure(results)
    assert set(drawn["model"]) == {MODEL}
    assert next(text.get_text() for text in figure.legends[0].get_texts()) == MODEL
    assert {row[0] for row in text_of(name, results).rows} - {NONE} == {MODEL}


@pytest.mark.parametrize("name", NAMES)
def test_where_it_applies_to_none_the_figure_says_why(tiny_run, monkeypatch: pytest.MonkeyPatch, name: str):
    results = RunResults(*tiny_run)
    empty = results.analysis(name).iloc[:0]
    monkeypatch.setattr(RunResults, "analysis", lambda self, _: empty)
    monkeypatch.setattr(RunResults, "not_applicable", lambda self, _: {MODEL: "it has a single cell"})
    figure, drawn = shown(name).figure(results)
    assert "it has a single cell" in figure.axes[0].texts[0].get_text()
    assert drawn["reason"].tolist() == ["it has a single cell"]
    text = text_of(name, results)
    assert text.rows == () and text.markdown() and text.latex(name)
    assert shown(name).numbers(results).empty


def test_dots_stand_where_their_values_are():
    table = pd.DataFrame(
        {
            "model": ["a", "b", "a", "b"],
            "key": ["x", "x", "y", "other"],
            "value": [1.0, 2.0, float("nan"), 9.0],
            "low": [0.5, 2.0, 0.0, 9.0],
            "high": [3.0, 2.5, 0.0, 9.0],
        }
    )
    _, axes = plt.subplots()
    draw_dots(axes, table, "key", {"x": "first", "y": "second"}, {"a": "red", "b": "blue"})
    places = [tuple(container.lines[0].get_xydata()[0]) for container in axes.containers]
    low, high = offsets_of(2)
    assert places == [(1, low), (2, high)], "no dot for what is not defined, or not asked for"
    bars = [container.lines[2][0].get_segments()[0][:, 0].tolist() for container in axes.containers]
    assert bars == [[0.5, 3.0], [2.0, 2.5]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert axes.get_ylim() == (1.5, -0.5), "the first row is on top"
    assert height_of(3, 1) < height_of(3, 8) < height_of(3, 1000) <= 3
