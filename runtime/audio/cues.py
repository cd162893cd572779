"""Adds short sounds to what is heard: a chime, an audible yes. They are no music, so they are not recorded."""

from __future__ import annotations

from collections import deque

import numpy as np

_MOST_WAITING = 2


class CuePlayer:
    """Plays one cue after another, at a fixed level, whatever the instrument plays.

    A cue is float32 (n_frames, 2) at the output's rate. Whoever calls `play` keeps it: the audio thread frees nothing.
    """

    def __init__(self) -> None:
        self._waiting: deque[np.ndarray] = deque(maxlen=_MOST_WAITING)
        self._sound: np.ndarray | None = None
        self._n_done = 0

    def play(self, sound: np.ndarray) -> None:
        """Let a cue be heard from the next block on, or after the one that sounds; from any thread."""
        self._waiting.append(sound)

    def add(self, block: np.ndarray) -> None:
        """Add what is due to `block`, float32 (n_frames, 2), full scale 1; for the audio thread."""
        if self._sound is None:
            if not self._waiting:
                return
            self._sound, self._n_done = self._waiting.popleft(), 0
        n = min(len(block), len(self._sound) - self._n_done)
        heard = block[:n]
        heard += self._sound[self._n_done : self._n_done + n]
        np.clip(heard, -1.0, 1.0, out=heard)
        self._n_done += n
        if self._n_done == len(self._sound):
            self._sound = None
