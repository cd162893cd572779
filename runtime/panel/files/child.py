"""Runs a command in a child process of low priority."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.base.errors import UserError
from runtime.base.progress import LINES_VARIABLE
from runtime.panel.files.limits import LARGEST_RESULT_BYTES

ROOT = Path(__file__).resolve().parents[3]
_NICE, _GRACE_S = 10, 3.0
_MOST_LINES, _LONGEST_LINE_BYTES = 200, 64 * 2**10
_PREFIX = "timbrebox: "
# The message of a UserError, as runtime/base/errors.py composes it.
_USER_ERROR = re.compile("(.*?): found (.*); expected (.*?); (.*)")
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2), PR_SET_PDEATHSIG
_prctl = getattr(ctypes.CDLL(None), "prctl", None)

OnProgress = Callable[[str, float, float | None], object]
PLAYER = (sys.executable, "-m", "runtime")


class Said(NamedTuple):
    """What a command printed: lines of its result, and remarks for the user."""

    lines: list[str]
    remarks: list[str]


async def run_command(
    arguments: Sequence[str], limit_s: float, on_progress: OnProgress, names: dict[Path, str], folder: Path,
    program: Sequence[str] = PLAYER, on_line: Callable[[str], object] = lambda _line: None,
) -> Said:  # fmt: skip
    """Run `program` with arguments, and return what it printed.

    If the coroutine is cancelled, the process ends.

    on_progress: called with the step, how much of the step is done (0 to 1), and the seconds left or None.
    names: for each path, the text that messages show instead of the path.
    folder: for temporary files.
    on_line: called with each line of the result.
    UserError with the program's last remark if the program fails. UserError if the program takes longer than limit_s.
    """
    process = await asyncio.create_subprocess_exec(
        *program, *arguments, cwd=ROOT, limit=_LONGEST_LINE_BYTES, preexec_fn=_leash,
        env=os.environ | {LINES_VARIABLE: "json", "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    lines: list[str] = []
    remarks: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        on_line(line)

    try:
        async with asyncio.timeout(limit_s):
            streams = ((process.stdout, take), (process.stderr, remarks.append))
            await asyncio.gather(*(_take(stream, on_progress, take_line) for stream, take_line in streams))
            status = await process.wait()
    except TimeoutError:
        expected, remedy = f"at most {limit_s / 60.0:g} minutes of work", "choose a shorter file"
        raise UserError("this work", "no end of it", expected, remedy) from None
    except ValueError:
        raise UserError("this work", "a line without end", "one that can be shown", "choose another file") from None
    finally:
        await _end(process)
    remarks = [_shown(line, names) for line in remarks]
    if status != 0:
        raise _error_of(remarks[-1] if remarks else f"status {status} without a word")
    return Said(lines, remarks)


def _error_of(line: str) -> UserError:
    parts = _USER_ERROR.fullmatch(line)
    return UserError(*(parts.groups() if parts else ("this work", line, "a file that can be used", "try another")))


async def _take(stream: asyncio.StreamReader, on_progress: OnProgress, take: Callable[[str], object]) -> None:
    """Read lines until the stream ends. Pass on each report of progress, and the first _MOST_LINES other lines."""
    n_lines = 0
    while line := await stream.readline():
        text = line.decode("utf-8", "replace").strip()
        if text and not _progress(text, on_progress):
            n_lines += 1
            if n_lines <= _MOST_LINES:
                take(text)


def _progress(line: str, on_progress: OnProgress) -> bool:
    """Call `on_progress` if a line reports progress; return whether it does."""
    if not line.startswith('{"progress"'):
        return False
    with contextlib.suppress(ValueError, KeyError, TypeError):
        said = json.loads(line)
        on_progress(said["progress"], said["share"], said["left_s"])
    return True


def _shown(line: str, names: dict[Path, str]) -> str:
    for path, name in names.items():
        line = line.replace(str(path), name)
    return line.removeprefix(_PREFIX)


def _leash() -> None:
    """Limit the new process. The new process itself calls this, before the command begins."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_RESULT_BYTES, LARGEST_RESULT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _prctl is not None:
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), _GRACE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
