"""Runs inside the emulated machine: measures when a keyboard or a sound card plays again after its return.

Times are in seconds of the machine's own clock. Only a program inside can read this clock without delay.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

CONTROL = "/run/timbrebox/control"
_ASOUND = Path("/proc/asound")
_KEYBOARD, _CARD = "Keys", "Audio"
_TRIGGER = "trigger_time:"  # label, in a card's status, of the time at which the card began to play
_STRUCK, _HELD = 64, 69
_PATIENCE_S = 60.0
_KEY_DOWN_S, _LOOK_S = 0.01, 0.005


class Link:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10.0)
        self._socket.connect(CONTROL)
        self._lines = self._socket.makefile()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def ask_line(self, line: str) -> str:
        self._socket.sendall(line.encode() + b"\n")
        return self._lines.readline()

    def ask(self, method: str, **params: object) -> dict:
        return json.loads(self.ask_line(json.dumps({"method": method, "params": params, "id": 1})))["result"]


def keyboard(port: str) -> dict[str, float]:
    """Strike a key of the keyboard that returns next, again and again, until the service plays it.

    Returns two times: when the kernel had the keyboard, and when the note had begun.
    port: path of a MIDI port; the keyboard sends what is written to it.
    """
    there_s = _next(_KEYBOARD)
    # The port is opened only once, because the kernel takes 50 ms to close a MIDI port.
    with Link() as link, open(port, "wb", buffering=0, opener=_without_waiting) as wire:
        n_notes = link.ask("health")["notes"]

        def is_played() -> bool:
            wire.write(bytes([0x90, _STRUCK, 100]))
            time.sleep(_KEY_DOWN_S)
            played = link.ask("health")["notes"] > n_notes
            wire.write(bytes([0x80, _STRUCK, 0]))
            return played

        return {"there_s": there_s, "played_s": _wait_until(is_played, "note")}


def card() -> dict[str, float]:
    """Hold a note, played by the link, until the sound card that returns next has sounded for 0.5 s.

    Returns three times: when the kernel had the card, when the service had opened it, and when it began to play.
    """
    with Link() as link:
        link.ask("note", note=_HELD, velocity=100)
        there_s = _next(_CARD)

        def plays() -> bool:
            return _TRIGGER in status.read_text() and link.ask("health")["audio"] != "null"

        status = _ASOUND / _CARD / "pcm0p/sub0/status"
        opened_s = _wait_until(plays, "opened card")
        time.sleep(0.5)
        began_s = float(status.read_text().partition(_TRIGGER)[2].split()[0])
    return {"there_s": there_s, "opened_s": opened_s, "began_s": began_s}


def _next(name: str) -> float:
    """Wait until the kernel has a new card of this name; returns the time at that moment."""
    before = _number(name)
    return _wait_until(lambda: _number(name) not in (before, 0), f"card {name}")


def _number(name: str) -> int:
    """A number that the kernel gives to each new card; 0 if there is no card."""
    try:
        return os.stat(f"/sys/class/sound/{os.readlink(_ASOUND / name)}").st_ino
    except OSError:
        return 0


def _wait_until(condition: Callable[[], bool], what: str) -> float:
    until_s = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise OSError(f"no {what} within {_PATIENCE_S:.0f} s")
        time.sleep(_LOOK_S)
    return time.monotonic()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
