"""Renders the engine's blocks for the driver, on the audio thread."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from runtime.audio.clock import EngineClock
from runtime.audio.load import BlockLoads
from runtime.base.realtime import AUDIO_PRIORITY, promote_thread, touch_heap

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.audio.cues import CuePlayer
    from runtime.audio.quick_cut import QuickCut
    from runtime.audio.sound_ring import SoundRing

BUSY_SHARE = 0.25  # of a block's playing time; if the engine took longer, an effect may leave work to a later block


class SoundSource(Protocol):
    """What an output uses of the engine.

    frame: the next frame to render.
    render: fills `out`, float32 (n_frames, 2).
    """

    frame: int

    def render(self, out: np.ndarray) -> None: ...


class Effect(Protocol):
    """An effect on the sound card's input.

    delay_frames: the effect's own latency.

    `add` adds the effect's sound to the engine's. It runs on the audio thread, so it must neither wait nor raise. Its
    arguments:
    incoming: the input, float32 (n, n_channels).
    block: the engine's sound, float32 (n, 2).
    may_wait: whether the effect may leave work to a later block, because the engine took long for this one.
    """

    delay_frames: int

    def add(self, incoming: np.ndarray, block: np.ndarray, may_wait: bool) -> None: ...


class BlockRenderer:
    """Renders the engine's blocks for the driver, and counts late blocks and underflows.

    n_underflows: number of blocks before which the driver ran out of sound.
    n_not_finite: number of blocks with a NaN or an infinity, which are silenced.
    failure: the first exception raised while a block was rendered; each such block is silent.
    ring: receives a copy of every block, without cues.
    realtime: whether the audio thread got its real-time priority.
    thread_id: the number that the operating system gave to the audio thread.
    is_busy: whether a block is being rendered; other threads then give way.
    wake: called on the audio thread after a block that was late, nearly late or not finite; `wake` must not wait.
    cues: adds chimes to the output.
    quick_cut: ends voices if blocks are late.
    peak: the largest absolute sample since `peak` was set to 0, if is_metered.
    """

    def __init__(
        self,
        engine: SoundSource,
        sample_rate_hz: float,
        buffer_frames: int,
        effect: Effect | None = None,
        ring: SoundRing | None = None,
        wake: Callable[[], object] | None = None,
    ):
        self.clock, self.loads = EngineClock(sample_rate_hz, buffer_frames), BlockLoads()
        self.n_blocks = self.n_underflows = self.n_not_finite = 0
        self.failure: Exception | None = None
        self.realtime = self.is_busy = self.is_metered = False
        self.peak = 0.0
        self.thread_id: int | None = None
        self.cues: CuePlayer | None = None
        self.quick_cut: QuickCut | None = None
        self.effect, self._ring, self._wake = effect, ring, wake
        self._sample_rate_hz = sample_rate_hz
        self._engine = engine
        self._resize(buffer_frames)

    @property
    def engine(self) -> SoundSource:
        return self._engine

    def take_over(self, engine: SoundSource) -> None:
        """Let another engine play from the next block on; may be called on any thread.

        The caller must keep the old engine referenced for one more block, so that the audio thread does not free it.
        """
        self._engine = engine

    def next_block(self, n_frames: int, underflow: bool, incoming: np.ndarray | None = None) -> np.ndarray:
        """The next block, float32 (n_frames, 2), valid until the next call; for the audio thread only.

        underflow: whether the driver ran out of sound before this block.
        incoming: the input's frames for the effect, float32 (n_frames, n_channels); None without an input.

        Nothing called here may wait: no lock, no file, no log. An exception is kept in `failure`.
        """
        if self.n_blocks == 0:
            self.realtime, self.thread_id = promote_thread(AUDIO_PRIORITY), threading.get_native_id()
            touch_heap()
        begin_s, work_begin_s = time.perf_counter(), time.thread_time()
        self.is_busy = True
        if n_frames != len(self._block):
            self._resize(n_frames)
        engine = self._engine
        frame = engine.frame
        self.clock.block_begins(frame, begin_s)
        try:
            engine.render(self._block)
            if self.effect is not None and incoming is not None:
                may_wait = (time.perf_counter() - begin_s) * self._sample_rate_hz > BUSY_SHARE * n_frames
                self.effect.add(incoming, self._block, may_wait)
            self._silence_if_not_finite()
            if self._ring is not None:
                self._ring.write(frame, self._block)
            if self.cues is not None:
                self.cues.add(self._block)
        except Exception as error:
            self.failure = self.failure or error
            self._block.fill(0.0)
        if self.is_metered:
            self.peak = max(self.peak, float(self._block.max()), -float(self._block.min()))
        self.n_blocks += 1
        self.n_underflows += underflow
        self.is_busy = False
        took_s, worked_s = time.perf_counter() - begin_s, time.thread_time() - work_begin_s
        is_near = self.loads.add(took_s, worked_s, n_frames / self._sample_rate_hz)
        if is_near and self.quick_cut is not None:
            self.quick_cut.look(self.loads, engine)
        if is_near and self._wake is not None:
            self._wake()
        return self._block

    def _resize(self, n_frames: int) -> None:
        self._block = np.zeros((n_frames, 2), np.float32)

    def _silence_if_not_finite(self) -> None:
        # One sum checks all samples: any NaN or infinity makes it NaN or infinite.
        samples = self._block.ravel()
        if not math.isfinite(np.dot(samples, samples)):
            self._block.fill(0.0)
            self.n_not_finite += 1
            if self._wake is not None:
                self._wake()
