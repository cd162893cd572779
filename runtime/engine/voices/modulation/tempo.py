"""Counts beats, from the sound's tempo, the piece's tempo or a MIDI clock."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from runtime.engine.voices.modulation.clock_loop import CLOCKS_PER_BEAT, ClockLoop

# If the clock has sent no message for longer than this, it has stopped.
LONGEST_PAUSE_S = 0.25
# If the BeatLine is off the ClockLoop's beat, the line bends and meets that beat _N_TO_MEET clock messages later. The
# bend is at least _SLOWEST and at most _FASTEST times the tempo, so the line runs at half to twice the tempo. At such a
# limit, the line meets the beat later.
_N_TO_MEET = 4
_SLOWEST, _FASTEST = -0.5, 1.0


class BeatLine(NamedTuple):
    """The number of beats that have passed at each frame: a straight line, or two that meet.

    since: the frame at which the line begins.
    beats: beats that have passed at `since`.
    beats_per_frame: what each later frame adds.
    bend: what each of the first n_bent frames adds to that.
    n_bent: frames from `since` until the second line begins.
    """

    since: int
    beats: float
    beats_per_frame: float
    bend: float = 0.0
    n_bent: float = 0.0

    def beats_at(self, frames: np.ndarray) -> np.ndarray:
        since = frames - self.since
        beats = self.beats + since * self.beats_per_frame
        return beats + np.minimum(since, self.n_bent) * self.bend if self.bend else beats

    def beats_at_one(self, frame: int) -> float:
        since = frame - self.since
        return self.beats + since * self.beats_per_frame + min(since, self.n_bent) * self.bend

    def frame_at(self, beats: float) -> int:
        """The first frame, at or after `since`, at which this many beats have passed."""
        to_come = beats - self.beats
        speed = self.beats_per_frame + self.bend
        n_frames = to_come / speed
        if n_frames > self.n_bent:
            n_frames = (to_come - self.n_bent * self.bend) / self.beats_per_frame
        # 1e-6 is subtracted so that a rounding error does not move a beat to the next frame.
        return self.since + max(0, math.ceil(n_frames - 1e-6))


class Tempo:
    """Counts beats. The count jumps only where a sequencer starts.

    Until the first MIDI clock message, the tempo is that of the sound, of the piece or of the player's taps, and beat 0
    is at frame 0.

    Attribute line: the `BeatLine` by which beats are counted now.
    """

    def __init__(self, tempo_bpm: float, sample_rate_hz: int):
        self._rate_hz = sample_rate_hz
        self.line = BeatLine(0, 0.0, tempo_bpm / 60.0 / sample_rate_hz)
        self._loop: ClockLoop | None = None
        self._last_clock = 0
        self._starts = self._follows_piece = False

    @property
    def loop(self) -> ClockLoop | None:
        """The loop that follows the MIDI clock; None before the clock's first message."""
        return self._loop

    def begin_loop(self, frame: int) -> ClockLoop:
        """Start a new loop; `frame`: frame of the first clock message."""
        self._loop = ClockLoop(round(self.beats_at(frame) * CLOCKS_PER_BEAT), frame, self._rate_hz)
        return self._loop

    def start(self) -> None:
        """Count the next clock message as beat 0."""
        self._starts = True

    def stop(self) -> None:
        """Undo `start`: do not count the next clock message as beat 0."""
        self._starts = False

    def has_clock(self, frame: int) -> bool:
        return self._loop is not None and frame - self._last_clock <= LONGEST_PAUSE_S * self._rate_hz

    def set_bpm(self, tempo_bpm: float, frame: int, of_piece: bool = False) -> None:
        """Follow a tempo from `frame` on, unless a MIDI clock is running.

        of_piece: True for the tempo of the piece or of the player's taps; False for a sound's tempo, which is ignored
        after a piece, taps or a MIDI clock have set the tempo.
        """
        self._follows_piece |= of_piece
        if not self.has_clock(frame) and (of_piece or not self._follows_piece):
            self.line = BeatLine(frame, self.beats_at(frame), tempo_bpm / 60.0 / self._rate_hz)

    def clock(self, frame: int) -> bool:
        """Process a MIDI clock message, one of 24 in each beat; returns whether it counts as beat 0."""
        beats, starts = self.beats_at(frame), self._starts
        if self._loop is None or not self.has_clock(frame):
            self.begin_loop(frame)
        else:
            self._loop.clock(frame)
        self._last_clock, self._starts, self._follows_piece = frame, False, True
        loop = self._loop
        if starts:
            loop.count_from(0)
            beats = loop.beats_at(frame) if loop.n_fitted > 1 else 0.0
        if loop.n_fitted > 1:
            self.line = _meeting(frame, beats, loop)
        elif starts:
            self.line = BeatLine(frame, beats, self.line.beats_per_frame)
        return starts

    def beats_at(self, frame: int) -> float:
        return self.line.beats_at_one(frame)


def _meeting(frame: int, beats: float, loop: ClockLoop) -> BeatLine:
    ahead, speed = loop.beats_at(frame) - beats, 1.0 / (loop.period * CLOCKS_PER_BEAT)
    bend = min(max(ahead / (_N_TO_MEET * loop.period), _SLOWEST * speed), _FASTEST * speed)
    return BeatLine(frame, beats, speed, bend, ahead / bend) if bend else BeatLine(frame, beats, speed)
