"""The arithmetic of a MIDI file in which one tick lasts exactly one frame.

A Standard MIDI File gives the ticks per beat (its division D, 15 bits) and the microseconds per beat (its tempo T, 24
bits). A tick lasts T / D us. At the sample rate R, a frame lasts 1,000,000 / R us. So a tick lasts exactly one frame if
D * 1,000,000 = T * R. D and T must be whole numbers. At 44,100 Hz, T = 500,000 (120 beats per minute) gives
D = 22,050. Source: Standard MIDI Files 1.0.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

_MOST_TICKS, _MOST_US = 2**15 - 1, 2**24 - 1
_US_A_S = 1_000_000
_SANE_US = 500_000  # 120 beats per minute, MIDI's default tempo
LONGEST_DELTA = 2**28 - 1  # a variable-length number has at most four bytes of seven bits


class Ticks(NamedTuple):
    """Division, in ticks per beat, and tempo, in microseconds per beat."""

    division: int
    tempo_us: int


def one_tick_a_frame(sample_rate_hz: int) -> Ticks | None:
    """Division and tempo with which a tick lasts exactly one frame; None if there are none.

    The tempo is the first of 120, 240, 480 and 60 beats per minute that is possible. If none of them is, it is the
    possible tempo nearest to 120. No tempo is possible for a rate above 32,767 Hz that shares few factors with
    1,000,000, such as 44,101 Hz.
    """
    step = gcd(sample_rate_hz, _US_A_S)
    ticks_a_step, us_a_step = sample_rate_hz // step, _US_A_S // step
    most = min(_MOST_TICKS // ticks_a_step, _MOST_US // us_a_step)
    if most < 1:
        return None
    n_steps = min(most, max(1, round(_SANE_US / us_a_step)))
    # These tempos are preferred, in this order.
    for tempo_us in (_SANE_US, _SANE_US // 2, _SANE_US // 4, 2 * _SANE_US):
        if tempo_us % us_a_step == 0 and tempo_us // us_a_step <= most:
            n_steps = tempo_us // us_a_step
            break
    return Ticks(n_steps * ticks_a_step, n_steps * us_a_step)
