"""In a log, progress is plain lines. On a terminal, it is one line that is redrawn."""

from __future__ import annotations

import io
import sys

import pytest

from runtime.base.progress import PLAIN_AFTER_S, Progress, clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    now = Clock()
    monkeypatch.setattr("runtime.base.progress.time", now)
    return now


def test_a_log_gets_a_line_per_tenth_with_the_time_left(now: Clock) -> None:
    log = io.StringIO()
    with Progress("corpus", 1000, log) as progress:
        for done in range(1, 1001):
            now.now_s += 0.5
            progress.update(done, "some file")
    lines = log.getvalue().splitlines()
    assert [line.split("%")[0].split()[-1] for line in lines] == [str(10 * tenth) for tenth in range(1, 11)]
    assert lines[0] == "corpus:  10 %, 0:50, 7:30 left"
    assert lines[-1] == "corpus: 100 %, 8:20"


def test_a_log_gets_nothing_from_short_work_and_only_the_later_lines_of_longer_work(now: Clock) -> None:
    log = io.StringIO()
    with Progress("render", 1000, log) as progress:
        for done in range(1, 1001):
            now.now_s += 0.99 * PLAIN_AFTER_S / 1000
            progress.update(done)
    assert log.getvalue() == ""
    with Progress("render", 4, log) as progress:
        for done in range(1, 5):
            now.now_s += 0.45 * PLAIN_AFTER_S
            progress.update(done)
    assert [line.split(",")[0] for line in log.getvalue().splitlines()] == ["render:  75 %", "render: 100 %"]


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


def test_a_terminal_gets_no_empty_line_after_a_line_that_was_said() -> None:
    screen = Terminal()
    with Progress("training", 2, screen) as progress:
        progress.update(2)
        progress.say("epoch 2/2")
    assert screen.getvalue().endswith("\r\033[Kepoch 2/2\n")


@pytest.mark.parametrize("stream", [FullDisk(), closed(), None], ids=["full", "closed", "none"])
def test_the_work_goes_on_where_nothing_can_be_shown(
    stream: io.StringIO | None, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress("render", 2) as progress:
        now.now_s += 2 * PLAIN_AFTER_S
        progress.update(1)
        progress.say("skipped x")


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
