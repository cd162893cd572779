"""Runs the doctor when a browser asks for it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import yaml

from runtime.base.errors import UserError
from runtime.companion.serving import Companion
from runtime.config import Config

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 180.0
_LOOK_S = 0.1
_NICE = 10
_MOST_READ_BYTES = 2**16


class Examine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `examine`.

    config: the settings.
    instrument: the path of the instrument's file.
    """

    config: Config
    instrument: str


class Examining:
    """Runs one doctor at a time.

    It sends the message `examined` to the playing process for each result that the doctor prints, and at the end.

    program: the command that runs the doctor, without its options.
    """

    def __init__(self, companion: Companion, program: tuple[str, ...] = (sys.executable, "-m", "runtime", "doctor")):
        self._companion, self._program = companion, program
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._unread, self._until_s = b"", math.inf
        companion.add("examine", Examine, self._begin)
        companion.every(self._look)
        companion.at_end(self._stop)

    def _begin(self, asked: Examine) -> dict[str, bool]:
        if self._process is not None:
            return {"is_running": True}
        self._folder = tempfile.TemporaryDirectory(prefix="timbrebox-doctor-")
        settings = Path(self._folder.name) / "settings.yaml"
        settings.write_text(yaml.safe_dump(msgspec.to_builtins(asked.config)), encoding="utf-8")
        command = [*self._program, "--lines", "--config", str(settings), "--instrument", asked.instrument]
        try:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                bufsize=0, preexec_fn=_be_nice,
            )  # fmt: skip
        except OSError as error:
            self._end()
            remedy = "close other programs, and try again"
            raise UserError("doctor", f"that it cannot be started ({error})", "a process for it", remedy) from None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._unread, self._until_s = b"", time.monotonic() + LIMIT_S
        return {"is_running": True}

    def _look(self) -> float:
        """Pass on the lines that the doctor has printed; return the seconds until the next look."""
        if self._process is None:
            return math.inf
        said = self._process.stdout.read(_MOST_READ_BYTES)
        if said is None:
            if time.monotonic() > self._until_s:
                self._stop()
                self._companion.tell("examined", ended=True, problem=f"no end within {LIMIT_S:g} s")
            return _LOOK_S
        *lines, self._unread = (self._unread + said).split(b"\n")
        problem = ""
        for line in lines:
            try:
                self._companion.tell("examined", ended=False, **msgspec.json.decode(line, type=dict))
            except msgspec.MsgspecError:
                problem = line.decode("utf-8", "replace")
        if not said:
            status = self._process.wait()
            self._end()
            problem = problem or f"status {status}"
            self._companion.tell("examined", ended=True, problem="" if status in (0, 1) else problem)
        return _LOOK_S

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.stdout.close()
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()


def _be_nice() -> None:
    os.nice(_NICE)


def add_examining(companion: Companion) -> None:
    """Let the companion run the doctor."""
    Examining(companion)
