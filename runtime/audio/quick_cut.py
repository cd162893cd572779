"""Sheds voices: ends some of them when blocks are late.

This happens on the audio thread, because the main thread may have to wait for a processor.
"""

from __future__ import annotations

import math
from typing import Protocol

from runtime.audio.load import BlockLoads
from runtime.events import NEVER, Event, VoiceLimit

FEWEST_VOICES = 2
AIM = 0.7  # the load that the remaining voices should make
SETTLE_S = 0.05  # after a cut, no block is judged for this time: the shed voices still fade out
# In this module, a block is late if its load is above 1. The limit on the voices is lowered after a row of late blocks
# that lasts at least _LATE_FOR_S and has at least _FEWEST_LATE blocks.
_LATE_FOR_S, _FEWEST_LATE = 0.015, 2
# A load above MOST_LOAD counts as MOST_LOAD. In a virtual machine, the measured time may include work of the host, so
# such a load may be wrong.
MOST_LOAD = 4.0


class _Status(Protocol):
    n_active_voices: int


class Shedding(Protocol):
    """The part of an engine or rack that QuickCut uses."""

    @property
    def status(self) -> _Status: ...

    def post(self, event: Event) -> None: ...


def affordable(n_sounding: int, load: float, n_voices: int) -> int:
    """How many voices make a load of AIM, when n_sounding voices make `load`.

    The result is at least FEWEST_VOICES, and at most n_voices.
    """
    return min(n_voices, max(FEWEST_VOICES, math.floor(n_sounding * AIM / load)))


class QuickCut:
    """Lowers the limit on the voices when enough blocks in a row are late.

    n_voices: the limit before any cut.
    block_s: how long a block plays.
    limit: the limit that the newest cut set; n_voices before the first cut.
    n_cuts: how often the limit was lowered.
    first_block: number of the first block to judge; `NEVER` to judge none. `look` and the main thread set it.
    settle_blocks: number of blocks that are not judged after a cut.
    """

    def __init__(self, n_voices: int, block_s: float):
        self.n_cuts, self.limit, self.first_block = 0, n_voices, NEVER
        self.settle_blocks = 2 + math.ceil(SETTLE_S / block_s)
        self._n_late = max(_FEWEST_LATE, math.ceil(_LATE_FOR_S / block_s))
        self._n_voices = n_voices
        self._limits = [VoiceLimit(number) for number in range(n_voices + 1)]

    def look(self, loads: BlockLoads, playing: Shedding) -> None:
        """Lower the limit if enough blocks in a row, up to the newest one, were late. The audio thread calls this."""
        if loads.n_over < self._n_late or loads.n_blocks - self._n_late < self.first_block:
            return
        n_sounding = playing.status.n_active_voices
        limit = affordable(n_sounding, min(loads.least_over, MOST_LOAD), self._n_voices)
        if limit >= n_sounding:
            return
        self.limit, self.first_block = limit, loads.n_blocks + self.settle_blocks
        self.n_cuts += 1  # after the limit, so that a thread that reads the new n_cuts also finds the new limit
        playing.post(self._limits[limit])
