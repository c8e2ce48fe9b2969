"""The admin's own scripts, in a browser: charts are drawn, and a rehearsal streams what was said as text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.api import Api
from tests.databases import ADMIN
from tests.serving import Server

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=document.title='ran'> How do I begin?"
INKED = """
return [...document.querySelectorAll(".uplot canvas")].map(
    canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))
"""
SCRIPT = {"openers": [], "replies": {"other": ["You said {about}"]}, "closers": []}


@pytest.fixture(scope="module")
def browser(coach: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Logged in as the operator."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
    for flag in (*flags.split(), "window-size=1400,1000", f"user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.get(f"{coach.url}/admin/")
    for name, value in zip(("username", "password"), ADMIN, strict=True):
        driver.find_element(By.NAME, name).send_keys(value)
    driver.find_element(By.NAME, "password").send_keys(Keys.ENTER)
    WebDriverWait(driver, 20).until(lambda page: page.find_elements(By.ID, "figures"))
    yield driver
    driver.quit()


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser has logged, but for the icon that is not there."""
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries if "favicon" not in entry["message"]]


def test_the_charts_are_drawn_and_can_be_read(coach: Server, browser: webdriver.Chrome) -> None:
    api = Api(coach.url, user="charted")
    api.stream(api.start(), "Hello")
    browser.get(f"{coach.url}/admin/?range=1h")
    WebDriverWait(browser, 20).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".uplot canvas")) == 5)
    assert browser.execute_script(INKED) == [True] * 5
    browser.find_element(By.CSS_SELECTOR, ".numbers summary").click()
    WebDriverWait(browser, 20).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".numbers tbody tr")) == 60)
    addresses = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert addresses
    assert all(address.startswith(coach.url) for address in addresses)
    assert complaints(browser) == []


def test_a_rehearsal_streams_into_the_page_as_text(coach: Server, browser: webdriver.Chrome) -> None:
    browser.get(f"{coach.url}/admin/personas/persona/calm_coach/change/")
    browser.execute_script(
        "document.getElementById('persona_form').elements.script.value = arguments[0]", json.dumps(SCRIPT)
    )
    browser.find_element(By.CSS_SELECTOR, ".rehearsal [name=message]").send_keys(EVIL, Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".rehearsal .note"))
    said = [line.text for line in browser.find_elements(By.CSS_SELECTOR, ".rehearsal li")]
    assert said[0] == EVIL
    assert "You said <img src=x" in said[1]
    assert said[2].startswith("config · scripted · ")
    assert browser.title != "ran"
    assert browser.find_elements(By.CSS_SELECTOR, ".rehearsal img") == []
    browser.find_element(By.CSS_SELECTOR, ".rehearsal [data-do=clear]").click()
    assert browser.find_elements(By.CSS_SELECTOR, ".rehearsal li") == []
    assert complaints(browser) == []
