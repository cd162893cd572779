"""Follows a sound's pitch from frame to frame, and chooses the note to decode."""

from __future__ import annotations

import math

from runtime.instrument.card import Card

NEAR_SEMITONES = 1.0  # a pitch this near to the previous one is accepted immediately, as a glide or vibrato
AGREEING_SEMITONES = 0.5  # after a leap, the new pitch is accepted if the next frame has a pitch this near to it
KEPT_SEMITONES = 0.6  # a note is kept until the pitch is this far from it, so that a vibrato does not switch notes


class PitchFollower:
    """Follows a pitch, and chooses the model's note for it.

    pitch: fractional MIDI note; before the first pitch, the middle of the card's range.
    note: the note to decode.
    """

    def __init__(self, card: Card):
        self._card = card
        self._asked = sum(card.note_range) // 2
        self._leap = math.nan
        self._has_heard = False
        self.pitch = float(self._asked)
        self.note = card.nearest_note(self.pitch)

    def follow(self, heard: float) -> None:
        """Update with the next frame's pitch, a fractional MIDI note; NaN if no pitch is heard."""
        if math.isnan(heard):
            self._leap = math.nan
            return
        known = abs(heard - self.pitch) <= NEAR_SEMITONES or abs(heard - self._leap) <= AGREEING_SEMITONES
        if self._has_heard and not known:
            self._leap = heard
            return
        self.pitch, self._leap, self._has_heard = heard, math.nan, True
        if abs(heard - self._asked) > KEPT_SEMITONES:
            self._asked = round(heard)
            self.note = self._card.nearest_note(self._asked)
