"""Adds cues, such as a chime, to the output; cues are not recorded."""

from __future__ import annotations

from collections import deque

import numpy as np

_MOST_WAITING = 2


class CuePlayer:
    """Plays cues one after another, whatever the instrument plays.

    A cue is float32 (n_frames, 2) at the output's rate. The caller of `play` must keep a reference to the cue, because
    otherwise the audio thread would free its memory.
    """

    def __init__(self) -> None:
        self._waiting: deque[np.ndarray] = deque(maxlen=_MOST_WAITING)
        self._sound: np.ndarray | None = None
        self._n_done = 0

    def play(self, sound: np.ndarray) -> None:
        """Play a cue after all earlier cues; may be called on any thread.

        At most _MOST_WAITING cues wait; a further cue replaces the one that has waited longest.
        """
        self._waiting.append(sound)

    def add(self, block: np.ndarray) -> None:
        """Add the next frames of the cue that plays now to a block. Only the audio thread may call this.

        block: the output, float32 (n_frames, 2).
        """
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
