"""Decides when an arpeggiator plays its notes; times are counted in beats."""

from __future__ import annotations

import math

from runtime.sound.arpeggio import Arpeggio

_NEAR = 1e-6  # a step that is late by at most this share of a step's length is still played


class Steps:
    """Counts steps. Step k is due k step lengths after an origin. Swing delays odd steps. All times are in beats.

    n_played: number of notes since the chord began.
    """

    def __init__(self, settings: Arpeggio):
        self.n_played = 0
        self._settings = settings
        self._origin, self._next = 0.0, 0

    @property
    def next_beats(self) -> float:
        return self._beats_of(self._next)

    def begin(self, beats: float) -> None:
        """Begin a chord.

        If `starts` is "key", the chord's first step is at `beats`. If `starts` is "beat", steps are counted from
        beat 0, and the first step at or after `beats` begins the chord.

        beats: the present time.
        """
        self.n_played = 0
        self._origin, self._next = beats, 0
        if self._settings.starts == "beat":
            self._origin = 0.0
            self._next = self._first_from(beats)

    def begin_at_beat_0(self) -> None:
        self.n_played, self._origin, self._next = 0, 0.0, 0

    def advance(self) -> None:
        self._next += 1
        self.n_played += 1

    def follow(self, settings: Arpeggio, beats: float) -> None:
        """Use other settings from now on. `n_played` goes on counting the chord's notes.

        beats: the present time.
        """
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
        size = self._settings.step_beats
        step = math.ceil((beats - self._origin) / size - _NEAR)
        # Without swing, `step` is the first step at or after `beats`. But swing can delay the step before it so
        # much that this earlier step is not before `beats` either. Then the earlier step is the first.
        return step - 1 if (step - 1) % 2 and self._beats_of(step - 1) >= beats - _NEAR * size else step
