"""Kills or stops the sound server while `play` plays, again and again: python -m tests.soak.server_deaths [N].

The server is killed and stopped alternately. `play` is restarted 0.25 s after its end, as systemd does. Two times are
measured: from the server's end until `play` has ended, and from the server's return until a note is heard.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from tests.support.notices import Notices
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, LiveProgram, Player

RESTART_S = 0.25
GAPS_S = (0.0, 0.3, 1.0, 3.0, 6.0)
OUTPUTS = ("PortAudio:out_0", "PortAudio:out_1")
GIVE_UP_S = 30.0


class Death(NamedTuple):
    """One death of the server; times in s.

    is_killed: whether the server was killed, not stopped.
    gap_s: from the server's end to its restart.
    left_s: from the server's end until `play` had ended.
    back_s: from the server's restart until a note was heard.
    """

    is_killed: bool
    gap_s: float
    left_s: float
    back_s: float


class Service:
    """Runs `play`, and restarts it when it ends; a context manager.

    n_starts: how often `play` has started so far.
    ended_s: when `play` ended last, by `time.monotonic`.
    """

    def __init__(self, server: JackServer, folder: Path, notices: Notices):
        path = folder / "box.yaml"
        audio = {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES}
        path.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
        arguments = ["--config", path, "--instrument", ROOT / "tests" / "data" / "tiny.onnx"]
        self._make = lambda: LiveProgram(arguments, server.env | notices.env, folder / "home")
        self._is_over = threading.Event()
        self._program: LiveProgram | None = None
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.n_starts, self.ended_s = 0, 0.0

    def _keep(self) -> None:
        while not self._is_over.is_set():
            with self._make() as self._program:
                self.n_starts += 1
                self._program.wait()
                self.ended_s = time.monotonic()
            self._is_over.wait(RESTART_S)

    def __enter__(self) -> Service:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        if self._program is not None:
            self._program.kill()
        self._keeper.join(GIVE_UP_S)


def heard_s(server: JackServer, since_s: float) -> float:
    while time.monotonic() - since_s < GIVE_UP_S:
        try:
            with Player(server, "timbrebox:in", OUTPUTS) as player:
                for _ in range(20):
                    player.send([0x90, 69, 100])
                    if np.abs(player.record(0.05)).max() > 0.003:
                        return time.monotonic() - since_s
                    player.send([0x80, 69, 0])
        except (AssertionError, OSError):  # the program's ports do not exist yet
            time.sleep(0.02)
    return np.inf


def run_deaths(n_deaths: int, folder: Path) -> list[Death]:
    deaths = []
    with Notices() as notices, JackServer(folder / "jackd.log") as server, Service(server, folder, notices) as service:
        assert heard_s(server, time.monotonic()) < GIVE_UP_S
        for number in range(n_deaths):
            is_killed, gap_s, ends_s = number % 2 == 0, GAPS_S[number % len(GAPS_S)], time.monotonic()
            if is_killed:
                server.kill()
            else:
                server.stop()
            time.sleep(gap_s)
            server.__enter__()
            back_s = heard_s(server, time.monotonic())
            deaths.append(Death(is_killed, gap_s, service.ended_s - ends_s, back_s))
        assert "1 voices" in notices.status or "0 voices" in notices.status
    return deaths


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        deaths = run_deaths(int(arguments[0]) if arguments else 30, Path(folder))
    for death in deaths:
        how = "killed" if death.is_killed else "stopped"
        print(f"{how}, gap {death.gap_s:.1f} s, left {death.left_s:.2f} s, heard {death.back_s:.2f} s after its return")
    left_s, back_s = (max(times) for times in list(zip(*deaths, strict=True))[2:])
    print(f"{len(deaths)} deaths: left after {left_s:.2f} s at most, heard {back_s:.2f} s after the return at most")
    return int(left_s > 1.5 or back_s > 3.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
