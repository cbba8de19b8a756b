"""Tables, figures, report and manifest of a run: they agree with the artifacts, and say what they stand on."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.artifacts import sha256
from camagain.config.file import parse_experiment
from camagain.drawing.empty import is_empty
from camagain.drawing.render import TextTable
from camagain.drawing.results import read_results
from camagain.drawing.style import model_colors
from camagain.errors import UserError
from camagain.families import FAMILIES
from camagain.paper.parts import PARTS, check_parts, write_part
from camagain.paper.registry import exhibits, figure_names, shown

ALWAYS = {
    part: [
        exhibit.name
        for exhibit in exhibits()
        if exhibit.has(part) and not exhibit.analysis and "SHOWN_IF" not in exhibit.said
    ]
    for part in ("tables", "figures")
}
"""The tables and figures that every run has."""


def metrics(paths, model: str, method: str) -> dict:
    return json.loads((paths.evaluation(model, method) / "metrics.json").read_text())["figures"]


def test_the_table_holds_every_figure_of_every_method(tiny_run):
    _, paths = tiny_run
    table = pd.read_csv(paths.tables / "localization.csv").set_index(["model", "method", "figure"])
    for model, method in (("small-resnet", "cam"), ("small-convnext", "cam-gt"), ("baseline", "whole-image")):
        for figure, entry in metrics(paths, model, method).items():
            if entry is None:
                assert (model, method, figure) not in table.index
                continue
            row = table.loc[(model, method, figure)]
            assert row["value_percent"] == entry["value"]
            assert row["low_percent"] <= row["value_percent"] <= row["high_percent"]
            assert (row["dataset"], row["test_images"], row["classes"], row["seed"]) == ("tiny-birds", 12, 3, 0)


def test_markdown_and_latex_show_the_rounded_figures(tiny_run):
    _, paths = tiny_run
    entry = metrics(paths, "small-resnet", "cam")["max_box_acc"]
    value, interval = f"{entry['value']:.1f}", f"[{entry['low']:.1f}, {entry['high']:.1f}]"
    for kind in ("md", "tex"):
        text = (paths.tables / f"localization.{kind}").read_text()
        assert (f"{value} {interval}" if kind == "md" else f"{{{value}}} \\\\ {{{interval}}}") in text
        assert "12 test images of 3 classes" in text
        assert "centred Gaussian" in text


@pytest.mark.parametrize("name", ALWAYS["tables"])
def test_every_table_comes_in_three_kinds(tiny_run, name: str):
    _, paths = tiny_run
    assert len(pd.read_csv(paths.tables / f"{name}.csv"))
    markdown, latex = ((paths.tables / f"{name}.{kind}").read_text() for kind in ("md", "tex"))
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(lines) > 2 and len({line.count("|") for line in lines}) == 1
    bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule", latex, re.DOTALL)
    assert sum(line.endswith(" \\\\") for body in bodies for line in body.splitlines()) == len(lines) - 2
    assert "12 test images of 3 classes" in markdown


def test_every_threshold_stands_beside_the_one_from_val(tiny_run):
    _, paths = tiny_run
    table = pd.read_csv(paths.tables / "localization.csv").set_index(["model", "method", "figure"])
    for key in table.index:
        figure = key[2]
        if figure in ("top1", "top5", "pxap") or figure.endswith("_val_threshold"):
            continue
        assert table.loc[key, "threshold_chosen_on"] == "test"
        assert table.loc[(*key[:2], f"{figure}_val_threshold"), "threshold_chosen_on"] == "val"
        assert table.loc[(*key[:2], f"{figure}_val_threshold"), "value_percent"] <= table.loc[key, "value_percent"]


def test_synthbirds_have_masks_and_so_every_map_has_pxap(tiny_run):
    _, paths = tiny_run
    assert 0 < metrics(paths, "small-resnet", "pc1")["pxap"]["value"] < 100
    area = metrics(paths, "baseline", "whole-image")["pxap"]["value"]
    assert 3 < area < 40, "of a constant map it is the birds' share of the pixels"


def test_paired_tests_hold_every_pair_once(tiny_run):
    _, paths = tiny_run
    table = pd.read_csv(paths.tables / "paired-tests.csv")
    assert table["kind"].value_counts().to_dict() == {"methods": 2 * 3, "models": 3, "chance": 2 * 3}
    for row in table.itertuples():
        first, second = (
            pd.read_parquet(paths.evaluation(model, method) / "images.parquet")["correct"]
            for model, method in ((row.model_a, row.method_a), (row.model_b, row.method_b))
        )
        assert row.only_a_right == (first & ~second).sum() and row.only_b_right == (second & ~first).sum()
        assert row.difference_points == pytest.approx(100 * (first.mean() - second.mean()))
        assert row.low_points <= row.difference_points <= row.high_points
        assert (row.low_points > 0 or row.high_points < 0) == (row.p_value < 0.05), "one decision"
        assert row.p_value <= row.p_holm <= 1 or (np.isnan(row.p_value) and row.low_points == row.high_points == 0)


def test_the_choices_table_has_a_column_for_every_choice(tiny_run):
    _, paths = tiny_run
    header, _, *rows = (paths.tables / "evaluation-choices.md").read_text().splitlines()
    for option in ("224 px", "384 px", "true class", "described maps", "cubic", "step 0.001", "other contours"):
        assert f" {option} |" in header
    assert header.split("|")[5].strip() == "τ 0.2", "what moves scores most is on the screen"
    pc1 = next(row for row in rows if "small-resnet" in row and "PC1" in row)
    columns = [cell.strip() for cell in header.split("|")]
    assert pc1.split("|")[columns.index("true class")].strip() == "–", "no pc1-gt maps were asked for"


def test_a_few_scores_of_each_model_are_repeated_for_dvc(tiny_run):
    _, paths = tiny_run
    values = {file.stem: json.loads(file.read_text()) for file in (paths.root / "metrics").iterdir()}
    assert set(values) == {"small-resnet", "small-convnext", "baseline"}
    own = metrics(paths, "small-resnet", "cam-gt")
    assert values["small-resnet"]["top1"] == own["top1"]["value"]
    assert values["small-resnet"]["max_box_acc"]["cam-gt"] == own["max_box_acc"]["value"]
    assert set(values["small-resnet"]["max_box_acc"]) == {"cam", "cam-gt", "pc1"}
    assert set(values["baseline"]) == {"max_box_acc"}


@pytest.mark.parametrize("name", ALWAYS["figures"])
def test_every_figure_comes_with_the_data_it_draws(tiny_run, name: str):
    _, paths = tiny_run
    assert len(pd.read_csv(paths.figures / f"{name}.csv"))
    assert (paths.figures / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(paths.figures / f"{name}.png") as image:
        assert image.width > 900, "too small to print at 300 dpi"
        colors = image.convert("RGB").getcolors(maxcolors=2**24)
        assert len(colors) > 20, "an empty picture"


@pytest.mark.long
def test_drawing_again_gives_the_same_bytes(tiny_copy):
    experiment, paths = tiny_copy
    files = sorted(paths.figures.iterdir())
    before = [sha256(path) for path in files]
    write_part("figures", experiment, paths)
    assert [sha256(path) for path in files] == before


def test_the_heatmap_figure_shows_the_scored_boxes(tiny_run):
    _, paths = tiny_run
    drawn = pd.read_csv(paths.figures / "heatmaps.csv", dtype={"image_id": str})
    assert drawn["image_id"].nunique() == 3
    for row in drawn.itertuples():
        scored = pd.read_parquet(paths.evaluation(row.model, "cam") / "images.parquet").set_index("image_id")
        assert scored.loc[row.image_id, "iou"] == pytest.approx(row.iou)


class Page(HTMLParser):
    """Collects what a page points to and which places it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [values["href"] or ""] if "href" in values else []
        self.sources += [values["src"] or ""] if "src" in values else []
        self.places |= {values["id"] or ""} if "id" in values else set()


def test_the_report_is_one_file_whose_links_work(tiny_run):
    experiment, paths = tiny_run
    text = paths.report.read_text(encoding="utf-8")
    page = Page(text)
    empty = [name for name in figure_names(experiment) if is_empty(pd.read_csv(paths.figures / f"{name}.csv"))]
    assert len(page.sources) == len(figure_names(experiment)) - len(empty)
    assert text.count("<p>Nothing to draw.") == len(empty)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert page.links
    assert set(page.links) == {"explorer/index.html"} and paths.explorer.is_file()
    assert not re.search(r"https?://", text), "the page would ask the network for something"
    assert "A test." in text
    entry = metrics(paths, "small-resnet", "cam")["max_box_acc"]
    assert f"{entry['value']:.1f} [{entry['low']:.1f}, {entry['high']:.1f}]" in text


def test_text_from_the_experiment_is_escaped(tiny_copy):
    experiment, paths = tiny_copy
    values = {**experiment.model_dump(mode="json"), "purpose": "<script>alert(1)"}
    write_part("report", parse_experiment(values, "x"), paths)
    assert "<script>alert" not in paths.report.read_text(encoding="utf-8")


def test_the_manifest_lists_every_file_with_its_digest(tiny_copy):
    experiment, paths = tiny_copy
    write_part("manifest", experiment, paths)
    manifest = json.loads(paths.manifest.read_text())
    files = {path.relative_to(paths.root).as_posix() for path in paths.root.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == files - {"manifest.json", "explorer/index.html"}
    for name, entry in manifest["files"].items():
        assert entry == {"sha256": sha256(paths.root / name), "bytes": (paths.root / name).stat().st_size}
    assert manifest["packages"]["torch"]
    assert manifest["dataset"]["splits"]["test"] == 12
    card = json.loads((paths.model("small-resnet") / "model.json").read_text())
    assert manifest["models"]["small-resnet"]["sha256"] == card["sha256"]
    assert parse_experiment(manifest["experiment"], "manifest") == experiment


def test_an_unknown_part_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown part 'tabels'.*Did you mean 'tables'"):
        check_parts(["tabels"])


def test_markdown_and_latex_by_hand():
    table = TextTable("Share_1 of 50 %.", ("Model", "Acc"), (("a_b", "9.5"), ("c", "10.0")))
    assert table.markdown().splitlines() == [
        "| Model |  Acc |",
        "| ----- | ---: |",
        "| a_b   |  9.5 |",
        "| c     | 10.0 |",
        "",
        "Share_1 of 50 %.",
    ]
    latex = table.latex("x")
    assert r"a\_b & 9.5 \\" in latex
    assert r"\caption{Share\_1 of 50 \%.}" in latex
    assert r"\begin{tabular}{@{}lr@{}}" in latex


def test_a_family_has_one_colour_and_others_differ():
    colors = model_colors({"a": "resnet50.a1_in1k", "b": "convnext_tiny", "c": "tf_efficientnet_lite0", "d": "vgg16"})
    assert colors["a"] == FAMILIES["resnet"].color
    assert colors["b"] == FAMILIES["convnext"].color
    assert len(set(colors.values())) == 4


def test_a_model_that_failed_is_named_and_the_rest_is_written(tiny_copy):
    experiment, partial = tiny_copy
    for folder in ("models", "localization", "evaluation"):
        shutil.rmtree(partial.root / folder / "small-resnet")
    shutil.rmtree(partial.analysis("erf", "small-convnext"))
    for part in (part for part in PARTS if part != "figures"):
        write_part(part, experiment, partial)
    table = pd.read_csv(partial.tables / "localization.csv")
    assert set(table["model"]) == {"small-convnext", "baseline"}
    page = partial.report.read_text()
    assert "Missing from every table and figure" in page and "small-resnet/model.json is not there" in page
    assert json.loads(partial.manifest.read_text())["missing_models"].keys() == {"small-resnet"}
    results = read_results(experiment, partial)
    for exhibit in shown(experiment, "figures"):
        figure, table = exhibit.load().figure(results)
        assert len(table), exhibit.name
        plt.close(figure)


@pytest.mark.parametrize("method", ["cam", "cam-gt", "pc1"])
def test_one_method_is_enough_for_every_table_and_figure(tiny_run, method: str):
    """Maps of the true class alone once had no figure of the choices, hours after their training."""
    experiment, paths = tiny_run
    values = experiment.model_dump(mode="json")
    values["localization"]["methods"] = [method]
    results = read_results(parse_experiment(values, method), paths)
    for exhibit in shown(results.experiment, "tables"):
        module = exhibit.load()
        assert module.text(results, module.numbers(results)).markdown(), exhibit.name
    for exhibit in shown(results.experiment, "figures"):
        figure, table = exhibit.load().figure(results)
        assert len(table), exhibit.name
        plt.close(figure)


def test_a_run_without_any_result_is_refused(tiny_run, tmp_path: Path):
    experiment, paths = tiny_run
    with pytest.raises(UserError, match="no model of the experiment has results"):
        write_part("tables", experiment, experiment.paths(tmp_path, paths.data))
