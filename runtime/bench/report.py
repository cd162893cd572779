"""Prints the figures of `bench`, line by line, and a progress line."""

from __future__ import annotations

import sys
from typing import Self

from runtime.base.progress import Progress


class Report:
    """Prints lines on stdout. On a terminal, a progress line stands below them.

    about_s: approximately how long the whole of `bench` takes, in seconds.
    """

    def __init__(self, about_s: float):
        self._about_s, self._done_s = about_s, 0.0
        # On a terminal, each line must replace the progress line. Elsewhere stdout must not receive the progress line.
        self._shares_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._progress = Progress("bench", about_s, sys.stdout if self._shares_terminal else sys.stderr)

    def say(self, line: str) -> None:
        """Print a line."""
        if self._shares_terminal:
            self._progress.say(line)
        else:
            print(line, flush=True)

    def advance(self, about_s: float) -> None:
        """Show on the progress line that more work is done.

        about_s: approximately how long this work took, in seconds.
        """
        self._done_s += about_s
        self._progress.update(self._done_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._progress.update(self._about_s)
        self._progress.close()


def machine_line(figures: dict) -> str:
    """The line for the machine, the priority and the instrument."""
    machine = figures["machine"]
    how = "at the audio thread's priority" if figures["real_time_priority"] else "without real-time priority"
    return f"{machine['processor']}, {machine['cores']} cores, {how}; instrument {figures['instrument']}"


def row_line(row: dict) -> str:
    """The line for one row from `blocks.measure`."""
    voices = f"{row['voices']:2d} voice{'s' if row['voices'] > 1 else ' '}"
    knobs = f"knobs {'moving' if row['moving'] else 'at rest'}{', ' + row['case'] if 'case' in row else ''}"
    if "floor_load" in row:
        compared = f", {row['load'] / row['floor_load']:.2f} x floor"
    else:
        compared = f"; p99 {row['p99_of_plain']:.2f} x plain, load {row['load_of_plain']:.2f} x plain"
    return (
        f"{voices}, {row['buffer']:3d} frames, {knobs:23}: p50 {row['p50_ms']:.2f}, p99 {row['p99_ms']:.2f}, "
        f"p99.9 {row['p999_ms']:.2f} of {row['budget_ms']:.2f} ms; load {row['load']:.1%}{compared}"
    )


def latency_line(what: str, figure: dict[str, float]) -> str:
    """The line for one latency.

    what: the latency's name for the user.
    figure: the latency in ms, by the keys `p50`, `p99` and `max`.
    """
    return f"{what}: p50 {figure['p50']:.1f}, p99 {figure['p99']:.1f}, max {figure['max']:.1f} ms"


def process_line(figures: dict) -> str:
    """The line for the time to the first block, the memory and the size on disk."""
    size = f", environment {figures['install_mb']:.0f} MB" if figures["install_mb"] else ""
    return f"start to first block {figures['cold_start_s']:.2f} s, memory {figures['rss_mb']:.0f} MB{size}"


def live_line(live: dict | None) -> str:
    """The line about the live run. If there was no audio device, the line says so."""
    if live is None:
        return "no audio device, so no live run"
    return f"{live['device']}: {live['underruns']} underruns in {live['seconds']} s with 8 voices"
