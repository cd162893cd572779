"""A real `play` with its page, on which the tests of this folder speak as a browser does."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

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
