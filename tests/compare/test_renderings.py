"""A comparison as a page, as a comment and as JUnit XML: each says what was planted, and nothing that was not."""

import base64
import io
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.artifacts import INSIDE, write_csv, write_npz, write_parquet
from camagain.compare.judging.comparison import Comparison, compare_runs
from camagain.compare.judging.images import ImageComparison, ImagePair
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import LEVELS, Verdict
from camagain.compare.show.distributions import iou_changes
from camagain.compare.show.explorers import Explorers
from camagain.compare.show.html import page, write_html
from camagain.compare.show.junit import junit
from camagain.compare.show.listing import counts_text, moved_sets, remarkable, unlisted
from camagain.compare.show.markdown import code, markdown, plain
from camagain.compare.show.photographs import Photograph, Photographs, find_photographs
from camagain.compare.show.pictures import SETS, Outcome, draw, shown_sets
from camagain.statistics.paired import McNemar
from tests.conftest import copy_run

MODEL, METHOD = "small-resnet", "cam"
FLIPPED = 3
"""Images of the first run whose box is planted elsewhere."""

EVIL = "<script>alert('x')</script> | `x`"


@pytest.fixture(scope="module")
def planted(tiny_run, tmp_path_factory, seal, edit) -> tuple[Path, Path]:
    """Two runs: the first has another score, boxes, maps, examples, claim, setting and version, and lacks a row and a
    table."""
    a, b = (tmp_path_factory.mktemp("planted") / name for name in ("a", "b"))
    for run in (a, b):
        copy_run(tiny_run[1].root, run)
    folder = a / "evaluation" / MODEL / METHOD
    figures = ("figures", "max_box_acc", "value")
    edit(folder / "metrics.json", *figures, value=10.0)
    edit(b / "evaluation" / MODEL / METHOD / "metrics.json", *figures, value=90.0)
    table = pd.read_parquet(folder / "images.parquet")
    other = table.copy()
    moved = other.index[:FLIPPED]
    other.loc[moved, ["x0", "y0", "x1", "y1"]] = [0.0, 0.0, 48.0, 48.0]
    other.loc[moved, "iou"] = 0.9 - table.loc[moved, "iou"]
    other.loc[moved, "correct"] = ~table.loc[moved, "correct"]
    write_parquet(folder / "images.parquet", other)
    with np.load(a / "localization" / MODEL / "maps.npz") as arrays:
        maps = dict(arrays)
    maps[METHOD] = maps[METHOD][:, ::-1].copy()
    write_npz(a / "localization" / MODEL / "maps.npz", **maps)
    rows = pd.read_csv(a / "tables" / "localization.csv")
    write_csv(a / "tables" / "localization.csv", rows.iloc[1:])
    (a / "tables" / "gap.csv").unlink()
    examples = pd.read_csv(a / "figures" / "heatmaps.csv")
    write_csv(a / "figures" / "heatmaps.csv", examples.assign(iou=examples["iou"] + 1))
    claims = (a / "claims.json").read_text()
    (a / "claims.json").write_text(claims.replace('"undecided"', '"contradicted"', 1))
    seal(a)
    seal(b)
    edit(a / "manifest.json", "experiment", "seed", value=7)
    edit(a / "manifest.json", "packages", "timm", value=EVIL)
    return a, b


@pytest.fixture(scope="module")
def comparison(planted: tuple[Path, Path]) -> Comparison:
    """The planted runs, compared."""
    return compare_runs(*planted, worst_images=4)


@pytest.fixture(scope="module")
def data(tiny_run) -> Path:
    """The folder that holds the tiny run's images."""
    return tiny_run[1].data


@pytest.fixture(scope="module")
def html(comparison: Comparison, data: Path, tmp_path_factory) -> str:
    """The page of the planted runs, with photographs."""
    path = tmp_path_factory.mktemp("page") / "compare.html"
    write_html(comparison, path, data)
    return path.read_text()


class Words(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.parts.append("" if tag == "wbr" else " ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def words(html: str) -> str:
    """What a reader sees of a page, without line breaks."""
    parser = Words()
    parser.feed(html)
    return " ".join("".join(parser.parts).split())


def headings(html: str) -> list[str]:
    return re.findall(r'<h2 id="(\w+)"', html)


def pictures(html: str) -> list[Image.Image]:
    """The JPEG pictures of a page."""
    found = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


# The page


def test_a_page_on_equal_runs_is_short_and_says_so(runs, tmp_path: Path):
    path = tmp_path / "compare.html"
    write_html(compare_runs(*runs), path)
    html = path.read_text()
    assert headings(html) == ["counts", "again"]
    assert "All of it is the same in both runs, to the last digit." in html
    assert "<img" not in html
    assert path.stat().st_size < 10_000


def test_the_page_has_its_sections_in_order(html: str):
    assert headings(html) == ["counts", "why", "scores", "claims", "ranks", "images", "tables", "tolerances", "again"]


def test_the_page_says_what_was_planted(html: str):
    text = words(html)
    assert "DIFFER:" in text
    score = f"{MODEL} / {METHOD} / max_box_acc 10 90 −80 same weights differs"
    assert score in text
    assert "settings seed 7 0" in text
    assert f"{MODEL}: localization/{MODEL}/maps.npz, made by localize: packages: timm: {EVIL} against" in text
    assert "tables/gap.csv: missing" in text
    assert "not in the first run" in text, "a row is missing"
    assert re.search(r"contradicted.*undecided", text), "the claim"


def test_what_runs_contain_stays_text(html: str):
    parser = Words()
    parser.feed(html)
    assert "script" not in parser.tags
    assert EVIL.split("|")[0].strip() in "".join(parser.parts)


def test_the_command_is_the_one_that_makes_the_page(comparison: Comparison, data: Path, tmp_path: Path):
    write_html(comparison, tmp_path / "the page.html", data, ("--worst", "4"))
    command = words((tmp_path / "the page.html").read_text()).rpartition("Run it again ")[2]
    assert command == (
        f"camagain compare {comparison.a} {comparison.b} --worst 4 --data {data} --html '{tmp_path}/the page.html'"
    )


def test_the_same_comparison_gives_the_same_page(comparison: Comparison, data: Path):
    pages = [page(comparison, find_photographs(comparison, data), Explorers({}), "command") for _ in range(2)]
    assert pages[0] == pages[1]
    assert "explorer" not in pages[0]


def test_images_that_flipped_are_linked_to_the_explorers_of_both_runs(
    comparison: Comparison, data: Path, tmp_path: Path
):
    write_html(comparison, tmp_path / "page.html", data)
    links = re.findall(r'<a href="([^"#]+)#([^"]+)">[AB]</a>', (tmp_path / "page.html").read_text())
    flipped = [(images, pair) for images in moved_sets(comparison) for pair in images.flipped]
    assert len(links) == 2 * len(flipped) >= 2 * FLIPPED
    for (address, place), (images, pair) in zip(links[::2], flipped, strict=True):
        assert (tmp_path / unquote(address)).resolve() == (comparison.a.root / INSIDE.explorer).resolve()
        assert parse_qs(unescape(place)) == {
            "image": [pair.image_id], "model": [images.model], "method": [images.method],
        }  # fmt: skip
    (comparison.a.root / INSIDE.explorer).rename(tmp_path / "away")
    try:
        write_html(comparison, tmp_path / "page.html", data)
    finally:
        (tmp_path / "away").rename(comparison.a.root / INSIDE.explorer)
    assert re.findall(r'<a href="[^"]+">([AB])</a>', (tmp_path / "page.html").read_text()) == ["B"] * len(flipped)


# The pictures


def test_flipped_images_are_drawn_and_named(html: str, comparison: Comparison):
    found = next(images for images in comparison.images if (images.model, images.method) == (MODEL, METHOD))
    assert len(found.flipped) == len(found.worst) == FLIPPED
    assert html.count('<span class="flipped">flipped</span>') == FLIPPED
    assert [picture.size for picture in pictures(html)] == [(608, 200)] * FLIPPED
    for pair in found.worst:
        assert f"Image {pair.image_id}: IoU {pair.iou_a:.2f} in A, {pair.iou_b:.2f} in B" in html


def test_photographs_are_used_only_where_the_test_images_are_those_of_the_runs(
    comparison: Comparison, data: Path, tmp_path: Path, edit
):
    assert find_photographs(comparison, data).reason == ""
    assert "is not there" in find_photographs(comparison, tmp_path / "nowhere").reason
    (folder,) = data.glob("tiny-birds-*")
    shutil.copytree(folder, tmp_path / folder.name)
    description = tmp_path / folder.name / "dataset.json"
    edit(description, "fingerprint", value="0" * 64)
    assert find_photographs(comparison, tmp_path).reason == "", "the test images are the same, others may differ"
    edit(description, "split_fingerprints", "test", value="0" * 64)
    found = find_photographs(comparison, tmp_path)
    assert found.index is None
    assert found.reason == f"{tmp_path}/{folder.name} holds other test images than those of the runs"


def test_without_data_maps_lie_on_grey_and_the_page_says_why(comparison: Comparison, tmp_path: Path):
    write_html(comparison, tmp_path / "compare.html", tmp_path / "nowhere")
    html = (tmp_path / "compare.html").read_text()
    assert "Grey instead of photographs, and no true boxes:" in words(html)
    assert f"{tmp_path}/nowhere/tiny-birds-*/index.parquet is not there" in words(html)
    corner = np.asarray(pictures(html)[0])[20:180, 20:180]  # the first tile, without the boxes along its edge
    assert np.median(corner) == pytest.approx(128, abs=2)


def test_boxes_are_left_out_where_their_scale_is_unknown():
    photographs = Photographs(None, "no data", size=None)
    assert photographs.of("1").scale is None
    assert Photographs(None, "no data", size=112).of("1").scale == pytest.approx([2, 2, 2, 2])


def test_an_image_that_cannot_be_read_is_grey_with_its_true_boxes(tiny_run, tmp_path: Path):
    shutil.copytree(tiny_run[1].dataset_dir, tmp_path / "data")
    photographs = Photographs(tmp_path / "data" / "index.parquet")
    image_id, row = photographs.rows.index[0], photographs.rows.iloc[0]
    (tmp_path / "data" / row["path"]).write_bytes(b"no image")
    found = photographs.of(image_id)
    assert found.image.getcolors() == [(224 * 224, (128, 128, 128))]
    assert found.boxes.tolist() == row["boxes"].tolist()


def test_a_picture_shows_each_box_in_its_colour_where_it_lies():
    """A grey square: A's box is its left half, B's its lower half, the true one a square in its middle."""
    grey = Photograph(Image.new("RGB", (224, 224), (128, 128, 128)), np.ones(4), np.array([[80.0, 80.0, 144.0, 144.0]]))
    outcomes = {
        "a": Outcome({"1": np.array([0.0, 0.0, 112.0, 223.0])}, {}),
        "b": Outcome({"1": np.array([0.0, 112.0, 223.0, 223.0])}, {"1": np.ones((3, 3))}),
    }
    pixels = np.asarray(Image.open(io.BytesIO(draw("1", grey, outcomes, ("photograph", "a", "b"))))).astype(int)
    assert pixels.shape == (200, 608, 3)
    tiles = {name: pixels[:, start : start + 200] for name, start in (("photograph", 0), ("a", 204), ("b", 408))}
    blue, yellow, white = (86, 180, 233), (255, 212, 0), (255, 255, 255)

    def has(tile: str, color: tuple[int, int, int], rows: slice, columns: slice) -> bool:
        """Whether any pixel there is nearly of that colour, as a line of a JPEG is."""
        return bool((np.abs(tiles[tile][rows, columns] - color).max(axis=-1) < 60).any())

    upper_middle = slice(20, 60), slice(95, 106)  # A's right edge lies at half the width
    right_middle = slice(95, 106), slice(150, 190)  # B's upper edge at half the height
    assert (
        has("photograph", blue, *upper_middle) and has("a", blue, *upper_middle) and not has("b", blue, *upper_middle)
    )
    assert has("photograph", yellow, *right_middle) and not has("a", yellow, *right_middle)
    for tile in tiles:
        assert has(tile, white, slice(66, 77), slice(75, 125)), "the true box is on every tile"
    assert np.abs(tiles["photograph"][20:60, 120:190] - 128).max() < 12, "nothing else is drawn"
    assert np.abs(tiles["a"][20:60, 120:190] - 128).max() < 12, "a side that keeps no maps shows the photograph"
    assert (tiles["b"][20:60, 120:190] != 128).all(), "the other shows its map"


def images_of(model: str, method: str, verdict: Verdict, moved: dict[str, float]) -> ImageComparison:
    """A set of images whose IoU was 0 and is what `moved` says."""
    worst = tuple(ImagePair(name, iou, 0.0, iou > 0.5, False) for name, iou in moved.items())
    flipped = tuple(pair for pair in worst if pair.flipped)
    return ImageComparison(model, method, verdict, 9, len(worst), McNemar(0, 0, 1.0), flipped=flipped, worst=worst)


def test_the_worst_set_of_every_model_is_drawn_before_the_second_worst_of_any():
    sets = (
        images_of("one", "cam", Verdict.WITHIN_TOLERANCE, {"1": 0.2, "2": 0.2}),
        images_of("one", "pc1", Verdict.DIFFERS, {"3": 0.9, "4": 0.9}),
        images_of("one", "cam-gt", Verdict.DIFFERS, {"3": 0.9, "4": 0.1}),  # half of it as under pc1: not more
        images_of("two", "cam", Verdict.WITHIN_TOLERANCE, {"1": 0.9}),
        images_of("two", "cam-gt", Verdict.WITHIN_TOLERANCE, {"1": 0.9}),  # the same images moved in the same way
        images_of("three", "cam", Verdict.IDENTICAL_VALUES, {}),
    )
    assert [(found.model, found.method) for found in shown_sets(sets)] == [
        ("one", "pc1"), ("two", "cam"), ("one", "cam-gt"), ("one", "cam")
    ]  # fmt: skip


def test_no_more_sets_are_drawn_than_a_page_can_hold():
    sets = tuple(images_of(f"model {n}", "cam", Verdict.DIFFERS, {str(n): 0.9}) for n in range(SETS + 3))
    assert len(shown_sets(sets)) == SETS


def test_the_change_of_iou_is_that_of_the_moved_images(comparison: Comparison):
    found = next(images for images in comparison.images if (images.model, images.method) == (MODEL, METHOD))
    expected = sorted(pair.iou_a - pair.iou_b for pair in found.worst)
    assert sorted(iou_changes(comparison.a, comparison.b, found)) == pytest.approx(expected)


# What is listed


def row(name: str, verdict: Verdict) -> Row:
    return Row({"name": name}, verdict, "value", 1.0, 2.0)


def test_scores_fill_half_of_a_short_list_and_every_table_has_its_worst_row():
    scores = TableComparison(
        "scores", "scores", {Verdict.DIFFERS: 9}, tuple(row(f"s{n}", Verdict.DIFFERS) for n in range(9))
    )
    one = TableComparison("one", "tables", {Verdict.DIFFERS: 2}, (row("a", Verdict.DIFFERS), row("b", Verdict.DIFFERS)))
    gone = TableComparison("gone", "tables", {Verdict.MISSING: 1}, note="never made")
    two = TableComparison(
        "two", "tables", {Verdict.SAME_CONCLUSION: 1, Verdict.WITHIN_TOLERANCE: 1},
        (row("c", Verdict.SAME_CONCLUSION), row("d", Verdict.WITHIN_TOLERANCE)),
    )  # fmt: skip
    whole = SimpleNamespace(scores=scores, tables=(scores, one, gone, two))
    listed = [(table.file, row.name if row else "") for table, row in remarkable(whole, 6)]
    assert listed == [("scores", "s0"), ("scores", "s1"), ("scores", "s2"), ("one", "a"), ("gone", ""), ("two", "c")]
    assert len(remarkable(whole, 100)) == 9 + 2 + 1 + 1


def test_rows_that_a_table_does_not_keep_are_counted():
    counts = {Verdict.IDENTICAL_VALUES: 5, Verdict.WITHIN_TOLERANCE: 1, Verdict.DIFFERS: 3}
    table = TableComparison("t", "tables", counts, (row("a", Verdict.DIFFERS), row("b", Verdict.WITHIN_TOLERANCE)))
    assert unlisted(table) == {Verdict.IDENTICAL_VALUES: 5, Verdict.DIFFERS: 2}
    assert counts_text(counts) == "3 differ, 1 within tolerance, 5 identical values"


# Markdown


def cells(line: str) -> list[str]:
    """The cells of a line of a table, as GitHub splits them: at bars that are not escaped."""
    return re.split(r"(?<!\\)\|", line)[1:-1]


def test_the_comment_says_what_was_planted_and_its_tables_are_whole(comparison: Comparison):
    text = markdown(comparison)
    assert text.startswith("### Two runs differ\n\nDIFFER: ")
    assert f"| `scores` | `{MODEL} / {METHOD} / max_box_acc` | 10 | 90 | −80 |" in text
    assert "| `tables/gap.csv` |  |  |  |  | never made in" in text
    assert f"| `{MODEL} / {METHOD}` | 12 | {FLIPPED} |" in text
    assert f"- {MODEL}: first localization/{MODEL}/maps.npz (localize) differs: timm: {plain(EVIL)} against" in text
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) == 3, "sections, rows and images"
    for table in tables:
        assert len({len(cells(line)) for line in table.splitlines()}) == 1, table


def test_at_most_twenty_rows_are_listed_and_all_are_counted(comparison: Comparison):
    rows = tuple(row(f"s{n}", Verdict.DIFFERS) for n in range(60))
    scores = TableComparison("scores", "scores", {Verdict.DIFFERS: 75}, rows)
    many = Comparison(comparison.a, comparison.b, (), (scores,), (), (), (), (), ())
    text = markdown(many)
    assert text.count("| `scores` |") == 20
    assert "(the worst 20 of 75)" in text


def test_a_comment_on_equal_runs_has_one_table(runs):
    text = markdown(compare_runs(*runs))
    assert text.startswith("### Two runs agree\n\nagree: ")
    assert len(re.findall(r"^\| ---", text, flags=re.MULTILINE)) == 1
    assert "**" not in text


def test_text_means_nothing_to_markdown():
    assert plain("a_b *c* <d> | `e`\nf") == r"a\_b \*c\* \<d\> \| \`e\` f"
    assert code("a|b `c`\nd") == r"`a\|b 'c' d`"
    assert code("") == ""


# JUnit


@pytest.mark.parametrize("fail_on", LEVELS)
def test_tests_fail_exactly_where_the_exit_status_says(comparison: Comparison, fail_on: Verdict):
    root = ElementTree.fromstring(junit(comparison, fail_on))
    failures = root.findall("testsuite/testcase/failure")
    assert bool(failures) == bool(comparison.exit_code(fail_on))
    assert {failure.get("type") for failure in failures} <= {v.option for v in LEVELS[fail_on.level :]}


def test_counts_of_tests_are_those_of_the_cases(comparison: Comparison):
    root = ElementTree.fromstring(junit(comparison, Verdict.DIFFERS))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites][:3] == ["scores", "claims", "sets of images"]
    assert len(suites) == len(comparison.counts)
    for element, inside in [(root, "testsuite/"), *((suite, "") for suite in suites)]:
        for name, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
            assert int(element.get(name)) == len(element.findall(inside + path))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names), "a CI system knows a test by its names"
    assert int(root.get("skipped")) > 0, "figures/heatmaps.csv shows examples and cannot be compared"


def test_each_score_that_moved_is_a_test_and_the_others_are_one(comparison: Comparison):
    root = ElementTree.fromstring(junit(comparison, Verdict.DIFFERS))
    scores = {case.get("name"): case for case in root.find("testsuite").findall("testcase")}
    identical = sum(comparison.scores.counts.values()) - 1
    assert list(scores) == [f"{MODEL} / {METHOD} / max_box_acc", f"{identical} scores the same in both runs"]
    failure = scores[f"{MODEL} / {METHOD} / max_box_acc"].find("failure")
    assert failure.get("type") == "differs"
    assert "10 against 90" in failure.get("message")


def test_equal_runs_pass_and_give_the_same_text_twice(runs):
    comparison = compare_runs(*runs)
    text = junit(comparison, Verdict.WITHIN_TOLERANCE)
    assert text == junit(compare_runs(*runs), Verdict.WITHIN_TOLERANCE)
    root = ElementTree.fromstring(text)
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "0")
    assert int(root.get("tests")) > 0


def test_scores_that_are_not_kept_one_by_one_fail_together(comparison: Comparison):
    counts = {Verdict.IDENTICAL_VALUES: 5, Verdict.WITHIN_TOLERANCE: 1, Verdict.DIFFERS: 3}
    scores = TableComparison("scores", "scores", counts, (row("a", Verdict.DIFFERS),))
    whole = Comparison(comparison.a, comparison.b, (), (scores,), (), (), (), (), ())
    root = ElementTree.fromstring(junit(whole, Verdict.DIFFERS))
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == ["a", "3 scores not listed one by one", "5 scores the same in both runs"]
    assert root.get("failures") == "2"


def test_characters_that_xml_lacks_are_replaced(comparison: Comparison):
    scores = TableComparison(
        "scores", "scores", {Verdict.DIFFERS: 1}, (row("a\x00\x1b\ud800\U0001f426", Verdict.DIFFERS),)
    )
    whole = Comparison(comparison.a, comparison.b, (), (scores,), (), (), (), (), ())
    root = ElementTree.fromstring(junit(whole, Verdict.DIFFERS))
    assert root.find("testsuite/testcase").get("name") == "a???\U0001f426"


# In a browser


DESKTOP, PHONE = (1200, 900), (390, 844)
"""Width and height of screens, CSS pixels."""

BROKEN_IMAGES = "return [...document.images].filter(i => !(i.complete && i.naturalWidth > 1)).map(i => i.alt)"
DEAD_LINKS = (
    "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    ".filter(h => !(h.startsWith('#') && document.getElementById(h.slice(1))))"
    ".filter(h => !h.includes('/explorer/index.html#'))"  # those lead to the runs, and have a test of their own
)
BESIDE_THE_SCREEN = (
    "return [...document.querySelectorAll('body *')]"
    ".filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > window.innerWidth + 1)"
    ".map(e => e.tagName + ': ' + e.textContent.slice(0, 60))"
)


@pytest.fixture(scope="module")
def opened(browser, html: str, tmp_path_factory):
    """The browser with the page open, from a folder that holds nothing else."""
    alone = tmp_path_factory.mktemp("alone") / "compare.html"
    alone.write_text(html)
    browser.get(alone.as_uri())
    return browser


def test_the_page_shows_offline_without_a_complaint(opened):
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert opened.current_url in asked
    assert [url for url in asked if not url.startswith(("data:", opened.current_url))] == []
    assert opened.get_log("browser") == []
    assert opened.execute_script("return document.images.length") == FLIPPED + 1, "the pictures and the histograms"
    assert opened.execute_script(BROKEN_IMAGES) == []


def test_every_section_is_in_the_contents(opened):
    assert opened.execute_script(DEAD_LINKS) == []
    listed = opened.execute_script("return [...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    assert listed == opened.execute_script("return [...document.querySelectorAll('h2')].map(h => '#' + h.id)")


@pytest.mark.parametrize("screen", (DESKTOP, PHONE), ids=("desktop", "phone"))
def test_nothing_reaches_beyond_the_screen(opened, screen: tuple[int, int]):
    """Tables may be wider: they scroll by themselves."""
    size = {"width": screen[0], "height": screen[1], "deviceScaleFactor": 1, "mobile": screen is PHONE}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    width = opened.execute_script("return document.documentElement.scrollWidth")
    beside = opened.execute_script(BESIDE_THE_SCREEN)
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= screen[0]
    assert beside == []


def test_it_prints(opened):
    assert len(opened.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]) > 10_000
