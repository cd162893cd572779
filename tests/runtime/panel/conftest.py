"""A real `play` with its page, on which the tests of this folder speak as a browser does."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser, missing_browser
from tests.support.panel import Page, Playing


@pytest.fixture(scope="module")
def playing() -> Iterator[Playing]:
    """A running `play` without a sound card, with an instrument that has a map."""
    with Playing(["--audio", "null", "--instrument", "strings"], dict(os.environ)) as playing:
        yield playing


@pytest.fixture
def page(playing: Playing) -> Iterator[Page]:
    """An open page of that `play`, which shows what plays."""
    with playing.page() as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; without one the test is skipped, and fails only where CI says that it has installed one."""
    missing = missing_browser()
    if missing:
        (pytest.fail if os.environ.get("TIMBREBOX_BROWSER") else pytest.skip)(missing)
    with Browser() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, playing: Playing) -> Iterator[Browser]:
    """The page, just opened; at the end it must have written no error to the console."""
    browser.look(1280, 900)
    browser.open(f"{playing.url}#play")
    browser.click("#tab-play")
    browser.complaints.clear()
    yield browser
    assert browser.complaints == []
    browser.command("Page.navigate", url="about:blank")


@pytest.fixture
def link(playing: Playing) -> Iterator[Link]:
    """A connection to what plays."""
    with playing.link() as link:
        link.ask("action", name="panic")
        yield link
