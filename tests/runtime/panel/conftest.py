"""A real `play`, its page, and a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser, missing_browser
from tests.support.panel import Page, Playing


@pytest.fixture(scope="module")
def playing() -> Iterator[Playing]:
    """A running `play`, with an instrument of which the page can draw a map."""
    with Playing(["--audio", "null", "--instrument", "strings"], dict(os.environ)) as playing:
        yield playing


@pytest.fixture
def page(playing: Playing) -> Iterator[Page]:
    with playing.page() as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. If there is none, the test is skipped; if TIMBREBOX_BROWSER is set, as on CI, it fails instead."""
    missing = missing_browser()
    if missing:
        (pytest.fail if os.environ.get("TIMBREBOX_BROWSER") else pytest.skip)(missing)
    with Browser() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, playing: Playing) -> Iterator[Browser]:
    """The page, just opened. The test fails if the page writes an error to the console."""
    with browser.at(playing.url, "play"):
        yield browser


@pytest.fixture
def link(playing: Playing) -> Iterator[Link]:
    """A link to `play`. A panic has just ended all notes."""
    with playing.link() as link:
        link.ask("action", name="panic")
        yield link
