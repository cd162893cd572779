"""Record what a running `play` plays, as sound and as MIDI."""

from __future__ import annotations

import argparse

from runtime.base.command_line import number_between
from runtime.link.client import connect
from runtime.link.recording import MOST_BEFORE_S


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `record`."""
    parser.add_argument("do", nargs="?", choices=("start", "stop", "status"), default="status", help="default: status")
    parser.add_argument("--format", choices=("wav", "flac"), help="of the sound file (default: wav)")
    parser.add_argument("--bits", type=int, choices=(16, 24), help="of the sound file (default: 16)")
    before = f"keep also what was played before, 0 to {MOST_BEFORE_S:g} s (default: 0)"
    parser.add_argument("--seconds-before", metavar="S", type=number_between(0.0, MOST_BEFORE_S), help=before)


def run(arguments: argparse.Namespace) -> int:
    """Send the request to the running `play`, and print the answer in one line."""
    given = {"format": arguments.format, "bits": arguments.bits, "seconds_before": arguments.seconds_before}
    params = {key: value for key, value in given.items() if value is not None}
    with connect() as link:
        facts = link.ask("record", do=arguments.do, **params)
    print(_line(arguments.do, facts))
    return 0


def _line(done: str, facts: dict[str, object]) -> str:
    if "files" not in facts:
        return "Not recording."
    file, duration_s = facts["files"][0], facts["duration_s"]
    lost = f", {facts['lost_s']:.2f} s of it lost and silent" if facts["lost_s"] else ""
    if done == "stop":
        return f"Recorded {duration_s:.1f} s{lost}: {file}"
    note = " (notes sound already: render cannot repeat it to the sample)" if facts.get("holds_notes") else ""
    return f"Recording{note}, {duration_s:.1f} s so far{lost}: {file}"
