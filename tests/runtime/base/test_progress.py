"""The progress line: plain in a log, rewritten in place on a terminal, never wider than it."""

from __future__ import annotations

import io

import pytest

from runtime.base.progress import Progress, clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_per_tenth() -> None:
    log = io.StringIO()
    with Progress("corpus", 1000, log) as progress:
        for done in range(1, 1001):
            progress.update(done, "some file")
    lines = log.getvalue().splitlines()
    assert [line.split("%")[0].split()[-1] for line in lines] == [str(10 * tenth) for tenth in range(1, 11)]
    assert all(line.endswith("left") for line in lines[:-1])


def test_a_terminal_gets_one_line_that_fits_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Terminal()
    with Progress("corpus", 2, screen) as progress:
        progress.say("skipped x")
        progress.update(2, "a very long file name" * 9)
    *said, last, end = screen.getvalue().replace("\033[K", "").split("\n")
    assert said[0].endswith("skipped x")
    assert "100 %" in last
    assert max(map(len, last.split("\r"))) < 40
    assert end == ""


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
