"""The rig: real audio and MIDI on a JACK server, without a sound card."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runtime.link.client import Link
from tests.support.places import ROOT
from tests.support.tried import know_test_instruments

SAMPLE_RATE_HZ = 44100
PERIOD_FRAMES = 512
START_LIMIT_S = 60.0
# The tests that count lost periods play for this many seconds. To let them play for a minute:
# `RIG_SECONDS=60 ./timbrebox test tests/runtime/live`.
PLAYED_S = float(os.environ.get("RIG_SECONDS", "20"))
_KNOCK = [sys.executable, "-c", "import jack, sys; jack.Client('knock', servername=sys.argv[1], no_start_server=True)"]


class JackServer:
    """`jackd` on its dummy driver, with a unique name; a context manager.

    env: environment variables with which JACK programs find this server.
    n_ports: the largest number of ports, including the server's own four.
    period_frames: length of a period.
    """

    def __init__(self, log: Path, n_ports: int = 128, period_frames: int = PERIOD_FRAMES):
        self._n_ports, self._period_frames = n_ports, period_frames
        self.name = f"timbrebox-{uuid.uuid4().hex[:8]}"
        self.env = os.environ | {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> JackServer:
        for scheduling in (["-R", "-P", "70"], ["--no-realtime"]):
            driver = ["-d", "dummy", "-r", str(SAMPLE_RATE_HZ), "-p", str(self._period_frames)]
            with self._log.open("wb") as log:
                command = ["jackd", "-n", self.name, "--port-max", str(self._n_ports), *scheduling, *driver]
                self._process = subprocess.Popen(command, env=self.env, stdout=log, stderr=subprocess.STDOUT)
            while self._process.poll() is None:
                if subprocess.run([*_KNOCK, self.name], env=self.env, capture_output=True).returncode == 0:
                    return self
        raise RuntimeError(f"jackd does not start: {self._log.read_text(errors='replace')}")

    def n_unfinished(self, client: str, state: str) -> int:
        """Count the periods that ended before this client had finished. The server's log names them.

        state: `Running` for periods in which the client had begun, `Triggered` for others.
        """
        return self._log.read_text(errors="replace").count(f"client = {client} was not finished, state = {state}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is not None:
            # JACK allows eight servers. A killed one still counts, until a server of the same name has run and ended.
            self.__enter__()
        self._process.terminate()
        if self._process.wait() != 0:  # a client was killed, so JACK still counts the ended server as running
            self.__enter__()
            self._process.terminate()
            self._process.wait()


def missing_tools() -> str:
    """What must be installed for a JackServer; empty if nothing is missing."""
    return "" if shutil.which("jackd") else "the rig needs jackd: apt-get install jackd2"


class Player:
    """A JACK client in another process, which plays MIDI and records audio; a context manager.

    midi: the port to send to; "" for none.
    audio: the ports to record. All ports must exist.
    began_s: `time.monotonic()` at the first frame of the newest recording.
    """

    def __init__(self, server: JackServer, midi: str, audio: Sequence[str]):
        self._command = [sys.executable, "-m", "tests.support.rig_player", server.name, midi, *audio]
        self._env, self._n_ports = server.env, len(audio)
        self._n_frames, self.began_s = 0, 0.0

    def __enter__(self) -> Player:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._env, **pipes)
        # JACK may print complaints before "ready": all servers share a database, which killed clients fill.
        said = b""
        while not said.endswith(b"ready\n"):
            line = self._process.stderr.readline()
            if not line:
                raise AssertionError((said + self._process.communicate()[1]).decode())
            said += line
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def _command_line(self, **command: object) -> None:
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def send(self, *messages: Sequence[int]) -> None:
        self._command_line(send=messages)

    def record(self, length_s: float) -> np.ndarray:
        """Record for `length_s` seconds; returns the sound, float32 (n_frames, n_ports)."""
        self.begin_recording(length_s)
        return self.recorded()

    def begin_recording(self, length_s: float) -> None:
        """Begin to record, without waiting; `recorded` returns the sound."""
        self._n_frames = int(length_s * SAMPLE_RATE_HZ)
        self._command_line(record=self._n_frames)

    def recorded(self) -> np.ndarray:
        answer = self._process.stdout.read(8 + 4 * self._n_frames * self._n_ports)
        (self.began_s,) = struct.unpack("=d", answer[:8])
        return np.frombuffer(answer[8:], np.float32).reshape(self._n_frames, self._n_ports)


class Keyboard:
    """A JACK client in this process, with a port `out`, on the environment's JACK server.

    name: the client's name.
    gone_s: `time.monotonic()` when JACK had removed the port; 0 before.
    """

    def __init__(self, name: str):
        import rtmidi

        self._out = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name=name)
        self._out.open_virtual_port("out")
        self.play = self._out.send_message
        self.gone_s = 0.0

    def unplug(self) -> None:
        """Remove the port, without releasing the keys that are down; then remove the client."""
        self._out.close_port()
        self.gone_s = time.monotonic()
        self._out.delete()


class LiveProgram:
    """`python -m runtime play ...` in another process; a context manager that waits for READY.

    home: folder of the user's files; None for a new folder, which is removed at the end. If it has no folder `state`
        yet, the tests' instruments are marked as already tried, which saves time.
    env: environment variables; HOME and the XDG variables are replaced.
    module: `runtime`, or a test's module that calls the program.
    """

    def __init__(
        self, arguments: Sequence[object], env: dict[str, str], home: Path | None = None, module: str = "runtime"
    ):
        self._command = [sys.executable, "-m", module, "play", *map(str, arguments)]
        self._new_home = None if home else tempfile.TemporaryDirectory(prefix="tb-")
        home = home or Path(self._new_home.name)
        if not (home / "state").exists():
            know_test_instruments(home / "state")
        self.env = env | home_of_its_own(home)
        self.lines: list[str] = []

    def __enter__(self) -> LiveProgram:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self.lines, self._process.stdout), (self._errors, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.wait_for("READY")
        except BaseException:
            self.kill()
            raise
        return self

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for(self, words: str) -> str:
        def found() -> bool:
            return any(words in line for line in list(self.lines)) or self._process.poll() is not None

        wait_until(found, f"a line with {words!r}", lambda: "".join(self.lines + self._errors))
        for reader in self._readers if self._process.poll() is not None else []:
            reader.join()
        for line in self.lines:
            if words in line:
                return line
        raise AssertionError(f"ended without {words!r}: {''.join(self.lines + self._errors)}")

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Ask the program to stop; returns its exit status."""
        self._process.send_signal(with_signal)
        status = self._process.wait(START_LIMIT_S)
        for reader in self._readers:
            reader.join()
        return status

    def wait(self) -> int:
        return self._process.wait(START_LIMIT_S)

    @property
    def errors(self) -> str:
        return "".join(self._errors)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def __exit__(self, failure: object, *_: object) -> None:
        status = self._process.poll()
        self.kill()
        if failure is not None:  # pytest shows the printed text with the test's failure
            print(f"The program {'was running' if status is None else f'had ended with {status}'}.")
            print("".join(self.lines + self._errors))
        if self._new_home is not None:
            self._new_home.cleanup()


def home_of_its_own(home: Path) -> dict[str, str]:
    """Environment variables with which a program keeps all its files in this folder."""
    names = {"HOME": "", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "run"}
    return {name: str(home / folder) for name, folder in names.items()}


def ask(home: Path, method: str, **params: object) -> Any:
    """The answer to a request over the link; home: folder of the user's files."""
    with Link(home / "run" / "timbrebox" / "control") as link:
        return link.ask(method, **params)


def wait_until(condition: object, what: str, report: object = str) -> None:
    """Return when the condition is true; AssertionError after START_LIMIT_S seconds.

    what: names the expected thing in the error's message.
    report: returns a description of the state; the error's message ends with it.
    """
    deadline_s = time.monotonic() + START_LIMIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"{what} did not come: {report()}")
        time.sleep(0.01)
