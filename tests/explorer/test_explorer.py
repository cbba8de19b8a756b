"""The explorer in headless Chromium: boxes as the library finds them, addresses, keys and filters."""

import base64
import json

import numpy as np
import pytest

from camagain.evaluation.box_sweep.contours import quantise
from camagain.evaluation.boxes import best_ious, boxes_at
from camagain.evaluation.inputs import read_maps, read_truths
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import threshold_grid
from tests.explorer.conftest import CLASSES, IMAGES, Run

ARROWS = {"left": "\ue012", "up": "\ue013", "right": "\ue014", "down": "\ue015"}
ESCAPE = "\ue00c"
BOXES = "return arguments[2].map(number => Explorer.boxAt(arguments[0], arguments[1], number))"
PIXELS = (
    "const pixels = Explorer.scoreMap(arguments[0], arguments[1]).pixels;"
    "return btoa(Array.from(pixels, value => String.fromCharCode(value)).join(''))"
)
BOX = "return document.querySelector('.panel.a p').dataset.box"
TILES = "return [...document.querySelectorAll('#grid .tile .words > span:first-child')].map(e => e.textContent)"


@pytest.fixture(scope="module")
def run(explored) -> Run:
    return explored()


@pytest.fixture(scope="module")
def page(browser, run: Run):
    """The browser with the page of the first run opened once."""
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(run.paths.explorer.as_uri())
    return browser


@pytest.fixture
def show(page, run: Run):
    """Opens the page anew at an address: show("image=...")."""

    def show(place: str = ""):
        page.get("about:blank")
        page.get(f"{run.paths.explorer.as_uri()}#{place}")
        return page

    return show


def press(page, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(page).send_keys(key).perform()


def text(page, selector: str) -> str:
    return page.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def wait(page, condition) -> None:
    """The address is written, and the curve drawn, a moment later."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(page, 20).until(condition)


def choose(page, name: str, value: str) -> None:
    """Chooses a value as a reader does, by the control's own event."""
    page.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))",
        name,
        value,
    )


def test_it_opens_from_a_file_and_asks_for_pictures_of_the_data_alone(page, run: Run):
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert run.paths.explorer.as_uri() in asked
    data = run.paths.dataset_dir.as_uri()
    assert all(url.startswith((data, "data:")) for url in asked - {run.paths.explorer.as_uri()})
    widths = page.execute_script("return [...document.images].filter(i => i.complete).map(i => i.naturalWidth)")
    assert set(widths) == {80}  # those below the screen come when they are scrolled to


@pytest.mark.parametrize(
    ("variant", "size", "interpolation", "images"),
    [
        ("published", 224, "linear", 50),
        ("published", 384, "linear", 12),
        ("published", 96, "cubic", 12),
        ("described", 224, "linear", 12),
        ("described", 64, "cubic", 12),
    ],
)
def test_boxes_are_those_of_the_library(browser, explored, variant, size, interpolation, images: int):
    run = explored(variant, size, interpolation)
    browser.get(run.paths.explorer.as_uri())
    truth = read_truths(run.paths.index, size)["test"]
    grid = threshold_grid(run.experiment.evaluation.threshold_step)
    for number, (model, method) in enumerate(run.sets):
        stored = read_maps(run.paths.maps(model), method, {"test": truth})["test"][:images]
        for i, scores in enumerate(score_maps(stored, size, interpolation, variant)):
            chosen = np.random.default_rng(i).choice(len(grid), 20, replace=False)
            expected = [boxes[0].tolist() for boxes in boxes_at(scores, grid[chosen])]
            assert browser.execute_script(BOXES, number, i, chosen.tolist()) == expected, (model, method, i)
            if i < 6:  # one of each kind
                pixels = base64.b64decode(browser.execute_script(PIXELS, number, i))
                np.testing.assert_array_equal(np.frombuffer(pixels, np.uint8), quantise(scores).ravel())
    assert browser.get_log("browser") == []


def test_the_address_chooses_image_maps_and_thresholds(show, run: Run):
    truth = read_truths(run.paths.index, 224)["test"]
    page = show("image=a+b%2F07+%23%26%C3%BC.png&model=second&method=cam-gt&tau=35")
    assert text(page, "#name") == f"a b/07 #&ü.png: {CLASSES[7 % 3]}"
    assert text(page, ".panel.a h3").startswith("second, ")
    stored = read_maps(run.paths.maps("second"), "cam-gt", {"test": truth})["test"][7]
    scores = list(score_maps([stored], 224, "linear", "published"))
    grid = threshold_grid(0.01)[[35]]
    assert page.execute_script(BOX) == " ".join(map(str, boxes_at(scores[0], grid)[0][0]))
    iou = best_ious(scores, [truth.boxes[7]], grid)[0, 0]
    assert f"threshold 0.350: IoU {iou:.3f}" in text(page, ".panel.a p")
    assert page.get_log("browser") == []


def test_a_foreign_address_shows_the_grid(show):
    page = show("image=nobody&model=none&show=toString&sort=constructor&tau=x&class=77&low=a&high=b&foreign=1")
    assert len(page.execute_script(TILES)) == IMAGES
    assert not page.execute_script("return document.getElementById('grid').hidden")
    assert page.get_log("browser") == []


def test_the_slider_moves_box_and_address(show):
    page = show("image=a+b%2F01+%23%26%C3%BC.png")
    before = page.execute_script(BOX)
    page.execute_script(
        "const s = document.querySelector('.panel.a input'); s.value = 90; s.dispatchEvent(new Event('input'))"
    )
    assert page.execute_script(BOX) != before
    wait(page, lambda page: page.current_url.endswith("&tau=90"))
    page.execute_script("document.querySelector('.panel.a button').click()")
    assert page.execute_script(BOX) == before
    wait(page, lambda page: "tau=" not in page.current_url)


def test_the_curve_holds_the_iou_of_every_threshold(show):
    page = show("image=a+b%2F01+%23%26%C3%BC.png&tau=40")
    wait(page, lambda page: page.execute_script("return document.querySelector('.panel.a polyline')"))
    points = page.execute_script("return document.querySelector('.panel.a polyline').getAttribute('points')").split()
    assert len(points) == 100
    assert f"IoU {1 - float(points[40].split(',')[1]):.3f}" in text(page, ".panel.a p")


def test_keys_lead_from_the_grid_to_images_and_back(show):
    page = show()
    press(page, ARROWS["right"], ARROWS["right"], " ")
    assert text(page, "#place") == f"2 of {IMAGES}"
    press(page, ARROWS["right"], ARROWS["right"], ARROWS["left"])
    assert text(page, "#place") == f"3 of {IMAGES}"
    number = page.execute_script("return Number(document.querySelector('.panel.a input').value)")
    press(page, ARROWS["down"])
    moved = page.execute_script("return Number(document.querySelector('.panel.a input').value)")
    assert moved == max(0, number - 1)
    hidden = "return getComputedStyle(document.querySelector('.panel.a canvas')).visibility"
    press(page, " ")
    assert page.execute_script(hidden) == "hidden"
    press(page, " ")
    assert page.execute_script(hidden) == "visible"
    press(page, ESCAPE)
    assert not page.execute_script("return document.getElementById('grid').hidden")
    assert page.execute_script("return document.activeElement.textContent").startswith("a b/02 #&ü.png")
    assert page.get_log("browser") == []


def test_filters_and_orders_are_those_of_the_table(show, run: Run):
    page = show()
    a, b = run.images("first", "cam"), run.images("second", "cam")
    choose(page, "show", "right")
    assert page.execute_script(TILES) == a["image_id"][a["correct"]].tolist()
    choose(page, "show", "left")
    assert page.execute_script(TILES) == a["image_id"][a["correct"] & ~b["correct"]].tolist()
    choose(page, "show", "class-wrong")
    assert page.execute_script(TILES) == a["image_id"][a["predicted"] != a["label"]].tolist()
    choose(page, "show", "all")
    choose(page, "class", "1")
    assert page.execute_script(TILES) == a["image_id"][a["label"] == 1].tolist()
    choose(page, "class", "")
    choose(page, "low", "0.1")
    choose(page, "high", "0.4")
    iou = a["iou"].round(4)
    assert page.execute_script(TILES) == a["image_id"][(iou >= 0.1) & (iou <= 0.4)].tolist()
    choose(page, "low", "0")
    choose(page, "high", "1")
    choose(page, "model", "second")
    choose(page, "sort", "high")
    assert page.execute_script(TILES) == b["image_id"][np.argsort(-b["iou"].round(4), kind="stable")].tolist()
    choose(page, "model2", "first")
    choose(page, "sort", "disagreement")
    change = -(b["iou"].round(4) - iou).abs().round(12)
    assert page.execute_script(TILES)[0] == a["image_id"][change.argmin()]
    wait(page, lambda page: "sort=disagreement" in page.current_url)


def test_the_way_back_leads_from_an_image_to_the_grid(show):
    page = show("show=wrong")
    page.execute_script("document.querySelector('.tile').click()")
    wait(page, lambda page: page.execute_script("return document.getElementById('grid').hidden"))
    page.back()
    wait(page, lambda page: not page.execute_script("return document.getElementById('grid').hidden"))
    assert page.current_url.endswith("#show=wrong")


def test_names_are_text_and_nothing_runs(show):
    page = show("image=a+b%2F01+%23%26%C3%BC.png")
    assert CLASSES[1] in text(page, "#name")
    assert page.execute_script("return document.querySelectorAll('main img[src=x], h2 script').length") == 0
    assert page.get_log("browser") == []


@pytest.mark.parametrize("place", ["", "image=a+b%2F01+%23%26%C3%BC.png"])
def test_on_a_phone_nothing_reaches_beyond_the_screen(show, place: str):
    page = show(place)
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    width = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390
