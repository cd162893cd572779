"""Counts the cycles of an LFO, so that the LFO's wave never jumps when the rate changes."""

from __future__ import annotations

import numpy as np

from runtime.engine.voices.modulation.notes_table import NotesTable
from runtime.engine.voices.modulation.tempo import BeatLine


class Cycles:
    """Counts the cycles since frame 0.

    rate_hz: the rate at the start.
    Attribute line: the present `BeatLine`. It counts cycles in place of beats.
    """

    def __init__(self, rate_hz: float, table: NotesTable, sample_rate_hz: int):
        self._table, self._sample_rate_hz = table, sample_rate_hz
        self.line = BeatLine(0, 0.0, rate_hz / sample_rate_hz)
        # For each note that began before the present line: the number of cycles at its start.
        self._started = table.add_column()

    def set_rate(self, rate_hz: float, frame: int) -> None:
        """Change the rate from `frame` on; frames must not decrease from call to call."""
        self._started[:] = self._at_starts(slice(None), self.line)
        self.line = BeatLine(frame, self.line.beats_at_one(frame), rate_hz / self._sample_rate_hz)

    def restart(self, line: BeatLine) -> None:
        """Make `line` the present BeatLine; call this while no note sounds."""
        self.line = line

    def at(self, frames: np.ndarray, line: BeatLine) -> np.ndarray:
        """Cycles since frame 0: float64 (1, n_points).

        line: the present BeatLine, or that of an earlier moment (see `Held`).
        """
        return line.beats_at(frames)[None]

    def since_start(self, frames: np.ndarray, lanes: np.ndarray, line: BeatLine) -> np.ndarray:
        """Cycles since the start of each lane's note: float64 (n, n_points). line: as in `at`."""
        return self.at(frames, line) - self._at_starts(lanes, line)

    def _at_starts(self, lanes: np.ndarray | slice, line: BeatLine) -> np.ndarray:
        started_at = self._table.started_at[lanes]
        return np.where(started_at >= line.since, line.beats_at(started_at), self._started[lanes])
