"""How a sound plays the keys that are held one after another."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

import msgspec

# Rates that are written with three digits, such as 0.333, mean the fraction that is this near.
_NEAR_BEATS, _FINEST = 0.001, 24


class Arpeggio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arpeggiator's settings.

    mode: in which order the keys are played. rate_beats: 1/16 to 8 beats from step to step; 1 is a quarter note.
    gate: length of a note, 0.05 to 1 of a step. tie: whether each note lasts until the next one has begun, and goes on
    if it is the same one. octaves: 1 to 4; the keys are played again one octave up, and so on. hold: whether the chord
    goes on when the keys come up. velocity: of every note, 1 to 127; None: as the key was struck. swing: by which share
    of a step, 0 to 0.75, every second step is late. seed: of the order `random`, 0 or more. starts: where step 0 is:
    `key`, at the first key of a chord; `beat`, at beat 0, so that the first key waits for the next step.
    """

    mode: Literal["off", "up", "down", "up_down", "as_played", "random"] = "off"
    rate_beats: Annotated[float, msgspec.Meta(ge=1.0 / 16.0, le=8.0)] = 0.5
    gate: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)] = 0.5
    tie: bool = False
    octaves: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    hold: bool = False
    velocity: Annotated[int, msgspec.Meta(ge=1, le=127)] | None = None
    swing: Annotated[float, msgspec.Meta(ge=0.0, le=0.75)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    starts: Literal["key", "beat"] = "key"

    @property
    def step_beats(self) -> float:
        """Beats from one step to the next: 0.333 is a third of a beat, so that triplets stay with the beat."""
        near = Fraction(self.rate_beats).limit_denominator(_FINEST)
        return float(near) if abs(float(near) - self.rate_beats) < _NEAR_BEATS else self.rate_beats
