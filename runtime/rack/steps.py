"""The beats at which an arpeggiator plays."""

from __future__ import annotations

import math

from runtime.sound.arpeggio import Arpeggio

_NEAR = 1e-6  # a step that is late by less than this share of a step is still due


class Steps:
    """Places steps on the beats: step k is k step lengths after an origin; swing delays odd steps.

    n_played: number of notes since the chord began; next_beats: beats at which the next step is due.
    """

    def __init__(self, settings: Arpeggio):
        self.n_played = 0
        self._settings = settings
        self._origin, self._next = 0.0, 0

    @property
    def next_beats(self) -> float:
        """Beats at which the next step is due."""
        return self._beats_of(self._next)

    def begin(self, beats: float) -> None:
        """Begin a chord. Its first step is now or, if chords start on the beat, the next step counted from beat 0."""
        self.n_played = 0
        self._origin, self._next = beats, 0
        if self._settings.starts == "beat":
            self._origin = 0.0
            self._next = self._first_from(beats)

    def begin_at_beat_0(self) -> None:
        """Restart the chord at beat 0."""
        self.n_played, self._origin, self._next = 0, 0.0, 0

    def advance(self) -> None:
        """Mark the step that was due as played."""
        self._next += 1
        self.n_played += 1

    def follow(self, settings: Arpeggio, beats: float) -> None:
        """Use other settings from `beats` on; the chord's count of notes continues."""
        old, last, due = self._settings, self._beats_of(self._next - 1), self.next_beats
        self._settings = settings
        if (old.step_beats, old.swing, old.starts) == (settings.step_beats, settings.swing, settings.starts):
            return
        if settings.starts == "beat":
            self._origin = 0.0
            self._next = self._first_from(beats)
        elif self.n_played:
            self._origin = last
            self._next = max(1, self._first_from(beats))
        else:
            self._origin, self._next = due, 0

    def _beats_of(self, step: int) -> float:
        settings = self._settings
        return self._origin + (step + (settings.swing if step % 2 else 0.0)) * settings.step_beats

    def _first_from(self, beats: float) -> int:
        """Return the first step that is not in the past."""
        size = self._settings.step_beats
        step = math.ceil((beats - self._origin) / size - _NEAR)
        # Swing may delay the previous step past `beats`.
        return step - 1 if (step - 1) % 2 and self._beats_of(step - 1) >= beats - _NEAR * size else step
