"""The report as a reader's browser shows it: headless Chromium (Debian's chromium and chromium-driver)."""

import json
import shutil

import pytest

PHONE = (390, 844)
"""Width and height of a phone's screen, CSS pixels."""

BROKEN_IMAGES = "return [...document.images].filter(i => !(i.complete && i.naturalWidth > 1)).map(i => i.alt)"
HIDDEN = "return [...document.querySelectorAll('details.part > :not(summary)')].every(e => !e.checkVisibility())"


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


def test_the_first_page_is_at_most_three_screens(page):
    """Of a laptop: what is read before anything is unfolded; a line for each folded part follows."""
    assert page.execute_script(HIDDEN)
    first = "return document.getElementById('contents').getBoundingClientRect().top + scrollY"
    assert page.execute_script(first) < 3 * 800
    order = page.execute_script("return [...document.querySelectorAll('h2')].map(h => h.id || h.closest('details').id)")
    assert order[:5] == ["claims", "heatmaps", "results", "contents", "localization"]
    assert len(set(order)) == len(order)


def wait_until(page, script: str) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(page, 20).until(lambda page: page.execute_script(f"return {script}"))


def test_a_link_to_a_part_unfolds_it(page):
    page.execute_script("location.hash = '#analysis-erf'")
    wait_until(page, "document.getElementById('analysis-erf').open")
    assert page.execute_script("return document.querySelectorAll('details.part[open]').length") == 1


@pytest.fixture
def phone(page):
    """The page on a phone, everything unfolded."""
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True},
    )
    page.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true })")
    yield page
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_a_phone_nothing_reaches_beyond_the_screen(phone):
    width = phone.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE[0], f"the page is {width} pixels wide on a screen of {PHONE[0]}"


def test_on_a_phone_a_wide_table_says_that_it_scrolls_and_its_keys_stay(phone):
    table = "const box = document.querySelector('#localization .scroll'), key = box.querySelector('td.key');"
    wait_until(phone, "document.querySelector('#localization .scroll').classList.contains('cut')")
    assert phone.execute_script(f"{table} return box.nextElementSibling.checkVisibility()")
    assert "CAM, predicted class" in phone.execute_script(f"{table} return key.innerText")
    place = phone.execute_script(
        f"{table} box.scrollLeft = 300; return [box.scrollLeft, key.getBoundingClientRect().x]"
    )
    assert place[0] > 0 and 0 <= place[1] < 40


def test_it_prints(page):
    printed = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert len(printed) > 10_000
