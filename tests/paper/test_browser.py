"""The report as a reader's browser shows it: headless Chromium (Debian's chromium and chromium-driver)."""

import json
import shutil

import pytest

PHONE = (390, 844)
"""Width and height of a phone's screen, CSS pixels."""

BROKEN_IMAGES = "return [...document.images].filter(i => !(i.complete && i.naturalWidth > 1)).map(i => i.alt)"
DEAD_LINKS = (
    "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    ".filter(h => h.startsWith('#') ? !document.getElementById(h.slice(1)) : !/^https:/.test(h))"
)


@pytest.fixture(scope="module")
def page(browser, tiny_run, tmp_path_factory: pytest.TempPathFactory):
    """The browser with the report of the tiny run open, from a folder that holds nothing else."""
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    shutil.copy(tiny_run[1].report, alone)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(alone.as_uri())
    return browser


@pytest.fixture(scope="module")
def requested(page) -> list[str]:
    """Addresses that the page asked for."""
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def test_the_page_asks_for_nothing_but_itself(page, requested: list[str]):
    assert any(url.endswith("report.html") for url in requested)
    assert [url for url in requested if not url.startswith(("data:", page.current_url))] == []


def test_the_console_stays_silent(page):
    assert page.get_log("browser") == []


def test_every_image_shows(page):
    assert page.execute_script("return document.images.length") > 0
    assert page.execute_script(BROKEN_IMAGES) == []


def test_every_link_leads_somewhere(page):
    assert page.execute_script("return document.querySelectorAll('a').length") > 0
    assert page.execute_script(DEAD_LINKS) == []


def test_every_heading_is_in_the_contents(page):
    listed = page.execute_script("return [...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    headings = page.execute_script("return [...document.querySelectorAll('h2')].map(h => '#' + h.id)")
    assert listed == headings


def test_on_a_phone_nothing_reaches_beyond_the_screen(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True},
    )
    width = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= PHONE[0], f"the page is {width} pixels wide on a screen of {PHONE[0]}"


def test_it_prints(page):
    printed = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert len(printed) > 10_000
