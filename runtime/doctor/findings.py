"""The doctor's findings: each has a verdict and perhaps a remedy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from runtime.base.errors import printable
from runtime.config import Config

Verdict = Literal["good", "to mend", "bad"]
GOOD: Verdict = "good"
MEND: Verdict = "to mend"
BAD: Verdict = "bad"
ROOT = Path(__file__).resolve().parents[2]
_MARGIN = " " * 9
_NAME_WIDTH = 14
_LEAST_WIDTH, _MOST_WIDTH = 60, 110
_PATIENCE_S = 10.0


class Finding(msgspec.Struct, frozen=True):
    """One result of a check.

    name: what was checked.
    says: what was found.
    mend: what to do, usually a command to type; empty if there is nothing to do.
    """

    name: str
    verdict: Verdict
    says: str
    mend: str = ""


class Given(msgspec.Struct, frozen=True):
    """What the checks need to know.

    instrument: name or file; None for the settings' instrument.
    root: the folder that contains proc, sys and dev.
    playing: what the process that plays reports about itself; None if nothing plays.
    figures: measured values by name, added by the checks.
    """

    config: Config
    instrument: str | None = None
    root: Path = Path("/")
    playing: dict[str, object] | None = None
    figures: dict[str, object] = msgspec.field(default_factory=dict)


Check = Callable[[Given], list[Finding]]


def worst(findings: Sequence[Finding]) -> Verdict:
    """The worst verdict of all findings; GOOD if there are no findings."""
    verdicts = {finding.verdict for finding in findings}
    return BAD if BAD in verdicts else MEND if MEND in verdicts else GOOD


def screen_lines(findings: Sequence[Finding], width: int | None = None) -> list[str]:
    """The findings as lines in columns, each remedy below its finding. A remedy is never split over two lines.

    width: in characters; None for the terminal's width.
    """
    width = width or max(_LEAST_WIDTH, min(shutil.get_terminal_size((100, 24)).columns, _MOST_WIDTH))
    lines, after = [], _MARGIN + " " * (_NAME_WIDTH + 1)
    for finding in findings:
        before = f"{finding.verdict:8} {finding.name:{_NAME_WIDTH}} "
        says = printable(finding.says)
        lines += textwrap.wrap(says, width, initial_indent=before, subsequent_indent=after, break_on_hyphens=False)
        if finding.mend:
            lines.append(f"{after}-> {printable(finding.mend)}")
    return lines


def summary(findings: Sequence[Finding]) -> str:
    """The last line: the number of findings with each verdict."""
    n_bad = sum(finding.verdict == BAD for finding in findings)
    n_mend = sum(finding.verdict == MEND for finding in findings)
    if not n_bad and not n_mend:
        return "All is good."
    counts = [f"{n_bad} bad"] * bool(n_bad) + [f"{n_mend} to mend"] * bool(n_mend)
    return f"{', '.join(counts)}, {len(findings) - n_bad - n_mend} good; what follows -> mends it."


def output_of(*command: str, limit_s: float = _PATIENCE_S) -> str | None:
    """A system program's output; None if the program is missing, fails, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


class NoAnswerError(Exception):
    """A process that the doctor started gave no answer; the text says why."""


def ask_process(module: str, *arguments: object, limit_s: float) -> Any:
    """Run a module in a separate process; returns the JSON that it prints. NoAnswerError if it prints none."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer within {limit_s:g} s") from None
    except OSError as error:
        raise NoAnswerError(str(error)) from None
    try:
        return json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise NoAnswerError(said[-1]) from None


def text_of(path: Path) -> str:
    """The stripped text of a small file; empty if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip(" \0\n")
    except OSError:
        return ""
