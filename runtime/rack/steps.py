"""The beats at which an arpeggiator plays."""

from __future__ import annotations

import math

from runtime.sound.arpeggio import Arpeggio

_NEAR = 1e-6  # of a step: so little late is in time


class Steps:
    """Steps on the line of beats: step k is k steps after an origin; odd steps are late if the sound swings.

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
        """A chord begins: its first step is now, or the next one of the beat."""
        self.n_played = 0
        self._origin, self._next = beats, 0
        if self._settings.starts == "beat":
            self._origin = 0.0
            self._next = self._first_from(beats)

    def begin_at_beat_0(self) -> None:
        """The beats begin anew, and the chord with them."""
        self.n_played, self._origin, self._next = 0, 0.0, 0

    def advance(self) -> None:
        """The step that was due has been played."""
        self._next += 1
        self.n_played += 1

    def follow(self, settings: Arpeggio, beats: float) -> None:
        """Other settings from now on: what has been played stays."""
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
        """The first step that is not over."""
        size = self._settings.step_beats
        step = math.ceil((beats - self._origin) / size - _NEAR)
        # With swing, the step before may still be to come.
        return step - 1 if (step - 1) % 2 and self._beats_of(step - 1) >= beats - _NEAR * size else step
