"""Computes the moments at which regular news, such as the meter's, is due.

All these moments are multiples of BEAT_S, so that the main thread wakes once for several kinds of news. Each waking
takes the interpreter from the audio thread, which costs more than the news itself.
"""

from __future__ import annotations

import math

BEAT_S = 1.0 / 30.0


def next_beat_s(now_s: float, n_beats: int = 1) -> float:
    """The first moment after `now_s` that is a multiple of `n_beats` * BEAT_S, by the clock of `now_s`."""
    # The whole numbers are multiplied first, so that a moment has the same bits, whatever `n_beats` is.
    return (math.floor(now_s / BEAT_S) // n_beats + 1) * n_beats * BEAT_S
