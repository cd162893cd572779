"""Measures the block in which a chord begins: `python -m tests.soak.chords [--times 30]`.

Prints a table for three sounds: plain noise phases, coherent phases, and everything in motion (the sound of
`live_motion`, with the bend wheel and the modulation wheel moved). Each figure is a median of the audio thread's
processor time, at 256 frames. "Rested" means that the thread sleeps for 4 ms before each block, as it does in `play`,
so that the processor's caches have gone cold; "at once" means without a sleep.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.config import Config
from runtime.control_numbers import Control
from runtime.engine.build import build_engine, warm_up
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, NoteOn, PitchWheel
from runtime.instrument.library import load
from runtime.sound.file import sound_from_tree
from runtime.sound.patch import Patch
from tests.soak.live_motion import BUFFER_FRAMES, SOUND

RATE_HZ = 44100
REST_S = 0.004
N_NOTES = (1, 4, 8, 16)
_N_RINGING, _N_SILENT = 8, 3  # blocks after a chord has been cut, and silent blocks before the next one
_CHORD_AT = 50  # the chord's frame in its block
_WHEELS = (ControlChange(0, Control.MOD_WHEEL, 100), PitchWheel(0, 3000))
_SOUNDS: dict[str, tuple[dict[str, Any], tuple[Event, ...]]] = {
    "plain": ({}, ()),
    "coherent phases": ({"phase_blend": 1.0}, ()),
    "all in motion": (SOUND, _WHEELS),
}


class Chords:
    """Plays chords on an engine of its own.

    rest_s: how long the thread sleeps before each block, in seconds.
    """

    def __init__(self, name: str, rest_s: float):
        tree, events = _SOUNDS[name]
        decoder, patch = load(None), Patch(Config(), sound_from_tree(tree, name))
        warm_up(patch, decoder, RATE_HZ)
        self._engine: Engine = build_engine(patch, decoder, RATE_HZ)
        for event in events:
            self._engine.post(event)
        self._out, self._rest_s = np.zeros((BUFFER_FRAMES, 2), np.float32), rest_s

    def begin_ms(self, n_notes: int, n_silent: int) -> float:
        """Begin a chord after `n_silent` silent blocks; returns the processor time of the chord's first block."""
        for _ in range(n_silent):
            self._block_ms()
        at = self._engine.frame + _CHORD_AT
        for number in range(n_notes):
            self._engine.post(NoteOn(0, 36 + 7 * number % 61, 80), at)
        took_ms = self._block_ms()
        self._engine.post(ControlChange(0, Control.ALL_SOUND_OFF, 0))
        for _ in range(_N_RINGING):
            self._block_ms()
        return took_ms

    def _block_ms(self) -> float:
        if self._rest_s:
            time.sleep(self._rest_s)
        begin_s = time.thread_time()
        self._engine.render(self._out)
        return 1e3 * (time.thread_time() - begin_s)


def measure(name: str, rest_s: float, n_times: int) -> list[float]:
    """For each number of notes, the median of a chord's first block, in ms."""
    chords, times_ms = Chords(name, rest_s), {n: list[float]() for n in N_NOTES}
    for number in range(n_times):
        for n, took_ms in times_ms.items():
            # Chords fall into all four quarters of a hop.
            took_ms.append(chords.begin_ms(n, _N_SILENT + number % 4))
    return [statistics.median(took_ms) for took_ms in times_ms.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    n_times = parser.parse_args().times
    print(f"| notes | {' | '.join(map(str, N_NOTES))} |\n|---|{'---|' * len(N_NOTES)}")
    for name in _SOUNDS:
        for how, rest_s in (("rested", REST_S), ("at once", 0.0)):
            with promoted(AUDIO_PRIORITY):
                figures = measure(name, rest_s, n_times)
            print(f"| {name}, {how} | {' | '.join(f'{figure:.2f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
