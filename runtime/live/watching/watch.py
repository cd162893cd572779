"""Watches for overload, stalls, numbers that are not finite, and a device that requests no blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from runtime.audio.block_renderer import BlockRenderer
from runtime.events import Action, Event, VoiceLimit
from runtime.live.watching.heartbeat import Heartbeat
from runtime.live.watching.overload import Overload
from runtime.live.watching.stalls import Stalls
from runtime.rack.rack import Rack

Say = Callable[[str], object]
_SAY_AGAIN_S = 10.0
_PANIC_HELPS_S = 0.3


class Playing(Protocol):
    """The part of `Supervisor` that the watch uses; `renew` replaces the rack."""

    def post(self, event: Event) -> None: ...

    def renew(self) -> None: ...


class Watch:
    """Looks for faults in the blocks of the present output, on the main thread.

    n_voices: how many voices may sound if nothing is wrong.
    """

    def __init__(self, playing: Playing, say: Say, n_voices: int):
        self._playing, self._say, self._n_voices = playing, say, n_voices
        self._blocks: BlockRenderer
        self._rack: Rack
        self._overload = Overload(n_voices, 1.0)
        self._heartbeat, self._stalls = Heartbeat(1.0, time.monotonic()), Stalls()
        self._said_s, self._said_limit = 0.0, n_voices
        self._n_not_finite, self._panic_s = 0, 0.0
        self._n_muted = 0
        self._blamed: set[tuple[str, str]] = set()

    def follow(self, blocks: BlockRenderer, rack: Rack, block_s: float) -> None:
        """Watch another output's blocks. rack: renders them. block_s: how long a block plays."""
        self._blocks, self._rack = blocks, rack
        self._heartbeat = Heartbeat(block_s, time.monotonic())
        was_full, self._overload = self._overload.is_full, Overload(self._n_voices, block_s)
        blocks.quick_cut = self._overload.quick
        self._n_not_finite, self._n_muted = 0, rack.n_muted
        self._stalls.follow()
        if not was_full:
            self._limit()

    @property
    def wait_s(self) -> float:
        now_s = time.monotonic()
        return min(self._heartbeat.wait_s(now_s), self._overload.wait_s(now_s))

    @property
    def problem(self) -> str:
        """Words for the user about a present overload; an empty text if all voices may sound."""
        limit, full = self._overload.limit, self._n_voices
        return "" if self._overload.is_full else f"Too much for this machine: {limit} of {full} voices"

    def suspect(self) -> None:
        """Look sooner, because of a sign other than missing blocks that the device has gone."""
        self._heartbeat.suspect(self._blocks.n_blocks, time.monotonic())

    def look(self) -> bool:
        """Check the blocks since the last call, and act on faults; return whether the device has gone."""
        now_s = time.monotonic()
        if self._overload.look(self._blocks.loads, self._rack.status.n_active_voices, now_s):
            self._limit()
        self._say_limit(now_s)
        stalled = self._stalls.look(self._blocks.loads, now_s, self._blocks.realtime)
        if stalled:
            self._say(stalled)
        self._look_for_bad_numbers(now_s)
        return self._heartbeat.look(self._blocks.n_blocks, now_s)

    def _limit(self) -> None:
        # This event has no frame, so it is applied in the next block. The frame of a live event would be later.
        self._rack.post(VoiceLimit(self._overload.limit))

    def _say_limit(self, now_s: float) -> None:
        """Tell the user when the first voice is shed and when all are back.

        In between, tell of a new limit at most once in 10 s.
        """
        limit = self._overload.limit
        if limit == self._said_limit:
            return
        is_news = self._overload.is_full or self._said_limit == self._n_voices
        if is_news or now_s - self._said_s >= _SAY_AGAIN_S:
            self._said_s, self._said_limit = now_s, limit
            self._say(f"{self.problem}." if self.problem else f"There is room again: all {limit} voices.")

    def _look_for_bad_numbers(self, now_s: float) -> None:
        before, self._n_muted = self._n_muted, self._rack.n_muted
        if self._n_muted > before:
            self._blame("gives spectra that are not finite, or far too loud, as its knobs stand; such notes are silent")
        n_not_finite = self._blocks.n_not_finite
        if n_not_finite == self._n_not_finite:
            return
        self._n_not_finite = n_not_finite
        self._blame("gives sound that is not finite; such blocks are silent, and all notes end")
        if now_s - self._panic_s < _PANIC_HELPS_S:
            return
        if now_s - self._panic_s < 10.0 * _PANIC_HELPS_S:
            self._playing.renew()  # a panic did not help, so the effects' state may be corrupt
        self._panic_s = now_s
        self._playing.post(Action("panic"))

    def _blame(self, does: str) -> None:
        names = ", ".join(dict.fromkeys(self._rack.engine(n).instrument.path.stem for n in range(self._rack.n_parts)))
        if (names, does) not in self._blamed:
            self._blamed.add((names, does))
            self._say(f"The instrument {names} {does}.")
