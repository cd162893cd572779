"""Sheds voices before the sound drops out.

A block's load is its rendering time, without the machine's stalls, divided by its playing time. An overload immediately
lowers the limit on the voices; `runtime/audio/quick_cut.py` lowers it even earlier if several blocks in a row are late.
The limit rises in steps, as far as the measured cost of a voice allows. If this cost allows no rise, but loads have
been low for a while, a trial allows all voices. Each trial that fails doubles the wait before the next trial.
"""

from __future__ import annotations

import math

import numpy as np

from runtime.audio.load import NEAR, BlockLoads
from runtime.audio.quick_cut import AIM, MOST_LOAD, SETTLE_S, QuickCut, affordable
from runtime.events import NEVER

ROOM = 0.8  # voices are shed until the load is AIM; as many return as keep the load at or below ROOM
LOOK_S = 0.25  # while the limit is lowered, the load is measured once in this time
# Overload: 3 of the latest 4 blocks are nearly late, or 3 of the blocks of the latest 0.2 s are late. If 0.2 s has
# fewer than 8 blocks, the latest 8 are taken.
_LAST, _MANY, _RECENT_S = 4, 3, 0.2
_WARM_UP_BLOCKS = 16
_COLD_S = 0.3  # after an output's first note, blocks are not judged for this time: memory is slow when first used
# A trial lets all voices sound again. _FIRST_TRIAL_S and _LAST_TRIAL_S are the first and the longest wait before a
# trial. A trial fails if voices are shed within _TRIAL_FAILS_S.
_FIRST_TRIAL_S, _LAST_TRIAL_S, _TRIAL_FAILS_S = 3.5, 56.0, 20.0


class Overload:
    """Decides how many voices may sound.

    n_voices: how many may sound if nothing is wrong.
    block_s: how long a block plays.
    limit: how many may sound now.
    quick: lowers the limit earlier; it runs on the audio thread.
    """

    def __init__(self, n_voices: int, block_s: float):
        self.n_voices = self.limit = n_voices
        self._block_s = block_s
        self.quick, self._n_cuts = QuickCut(n_voices, block_s), 0
        # Block numbers. _n_seen: the first block to judge for overload. _n_same: the first block of the next
        # measurement of the load; from there on, the number of sounding voices must stay the same.
        self._n_seen = self._n_same = _WARM_UP_BLOCKS
        self._n_measured, self._is_cold = -1, True
        self._next_look_s = -math.inf
        self._calm_since_s, self._tried_s, self._trial_s = math.inf, -math.inf, _FIRST_TRIAL_S

    @property
    def is_full(self) -> bool:
        return self.limit == self.n_voices

    def wait_s(self, now_s: float) -> float:
        """Seconds until `look` has something to do, if no block is late before that."""
        return math.inf if self.is_full else max(0.0, self._next_look_s - now_s)

    def look(self, loads: BlockLoads, n_sounding: int, now_s: float) -> bool:
        """Judge the blocks since the latest change of the limit; return whether the limit changes now.

        n_sounding: how many voices sound.
        now_s: a time of `time.monotonic()`.
        """
        if self._is_cold:
            self._is_cold = not n_sounding
            self._n_seen = max(_WARM_UP_BLOCKS, loads.n_blocks + round(_COLD_S / self._block_s))
            self.quick.first_block = NEVER if self._is_cold else self._n_seen
        if self.quick.n_cuts != self._n_cuts:
            self._n_cuts = self.quick.n_cuts
            return self._shed(self.quick.limit, loads, now_s)
        new = np.minimum(loads.since(self._n_seen), MOST_LOAD)
        heavy = self._overload_of(new)
        if heavy:
            return self._shed(affordable(n_sounding, heavy, self.n_voices), loads, now_s)
        if self.is_full or now_s < self._next_look_s or loads.n_blocks - self._n_same < _LAST:
            return False
        self._next_look_s = now_s + LOOK_S
        if n_sounding != self._n_measured:
            self._n_measured, self._n_same = n_sounding, loads.n_blocks
            return False
        load = float(np.quantile(np.minimum(loads.since(self._n_same), MOST_LOAD), 0.9))
        self._n_same = loads.n_blocks
        return self._grow(load, n_sounding, loads, now_s)

    def _overload_of(self, loads: np.ndarray) -> float:
        """The median load of the blocks that make up an overload; 0 if there is no overload."""
        recent = loads[-max(2 * _LAST, round(_RECENT_S / self._block_s)) :]
        for heavy in (loads[-_LAST:][loads[-_LAST:] > NEAR], recent[recent > 1.0]):
            if len(heavy) >= _MANY:
                return float(np.median(heavy))
        return 0.0

    def _shed(self, limit: int, loads: BlockLoads, now_s: float) -> bool:
        self._calm_since_s = math.inf
        if now_s - self._tried_s < _TRIAL_FAILS_S:
            self._trial_s, self._tried_s = min(2.0 * self._trial_s, _LAST_TRIAL_S), -math.inf
        before = self.limit
        self.limit = min(before, limit)
        self._changed(loads, now_s)
        return self.limit != before

    def _grow(self, load: float, n_sounding: int, loads: BlockLoads, now_s: float) -> bool:
        limit = min(self.n_voices, math.floor(ROOM * n_sounding / max(load, 1e-6)), 2 * self.limit)
        # This limit is too low if much of the load does not depend on the voices. Only a trial finds the right limit.
        if load < ROOM * AIM:
            self._calm_since_s = min(self._calm_since_s, now_s)
        else:
            self._calm_since_s = math.inf
        if n_sounding < self.limit:
            limit = self.limit
        if limit <= self.limit and now_s - self._calm_since_s >= self._trial_s:
            limit, self._tried_s = self.n_voices, now_s
        if limit <= self.limit:
            return False
        if limit == self.n_voices and self._tried_s != now_s:
            self._trial_s = _FIRST_TRIAL_S
        self.limit = limit
        self._changed(loads, now_s)
        return True

    def _changed(self, loads: BlockLoads, now_s: float) -> None:
        self._n_measured = -1
        self._n_seen = self.quick.first_block = loads.n_blocks + self.quick.settle_blocks
        self._next_look_s = now_s + SETTLE_S + 2.0 * self._block_s + LOOK_S
