"""Counts beats, from the sound's tempo or from a MIDI clock."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CLOCKS_PER_BEAT = 24  # MIDI 1.0
# A pause between two clock messages that is longer than this is a stop, not a tempo.
_LONGEST_CLOCK_S = 60.0 / 20.0 / CLOCKS_PER_BEAT


class BeatLine(NamedTuple):
    """Beats as a straight line over frames: `beats` have passed at frame `since`."""

    since: int
    beats: float
    beats_per_frame: float

    def beats_at(self, frames: np.ndarray) -> np.ndarray:
        """Beats that have passed at `frames`."""
        return self.beats + (frames - self.since) * self.beats_per_frame


class Tempo:
    """The beats that have passed at any frame: a straight line between two clock messages.

    LFOs jump only where a sequencer starts.

    Until the first MIDI clock, the tempo is that of the sound, and beat 0 is at frame 0. line: the present line.
    """

    def __init__(self, tempo_bpm: float, sample_rate_hz: int):
        self._rate_hz = sample_rate_hz
        self.line = BeatLine(0, 0.0, tempo_bpm / 60.0 / sample_rate_hz)
        self._n_clocks, self._last_clock = 0, -1
        self._clock_frames = 0.0
        self._starts = self._follows_piece = False

    def start(self) -> None:
        """A sequencer starts: its next clock message is beat 0."""
        self._starts = True

    def set_bpm(self, tempo_bpm: float, frame: int, of_piece: bool = False) -> None:
        """Follow a tempo from `frame` on, unless a MIDI clock is running.

        of_piece: whether it is that of the piece; else it is that of a sound, which a piece's tempo overrules.
        """
        self._follows_piece |= of_piece
        if self._last_clock < 0 and (of_piece or not self._follows_piece):
            self.line = BeatLine(frame, self.beats_at(frame), tempo_bpm / 60.0 / self._rate_hz)

    def clock(self, frame: int) -> None:
        """A MIDI clock message: a 24th of a beat has passed since the one before.

        The line is bent so that it meets the clock's own count at the next message.
        """
        n_frames, beats, beats_per_frame = frame - self._last_clock, self.beats_at(frame), self.line.beats_per_frame
        if self._starts:
            self._starts, beats, self._n_clocks = False, 0.0, 0
        elif self._last_clock < 0 or n_frames > _LONGEST_CLOCK_S * self._rate_hz:
            self._n_clocks = round(beats * CLOCKS_PER_BEAT)
            self._clock_frames = 0.0
        elif n_frames > 0:
            self._n_clocks += 1
            # The mean of the last few messages: their times jitter by a millisecond or more.
            weight = 0.2 if self._clock_frames else 1.0
            self._clock_frames += weight * (n_frames - self._clock_frames)
            ahead = (self._n_clocks + 1) / CLOCKS_PER_BEAT - beats
            beats_per_frame = max(0.0, ahead) / self._clock_frames
        self._last_clock = frame
        self.line = BeatLine(frame, beats, beats_per_frame)

    def beats_at(self, frame: int) -> float:
        """Beats that have passed at `frame`."""
        return self.line.beats + (frame - self.line.since) * self.line.beats_per_frame
