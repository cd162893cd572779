"""The settings of the arpeggiator."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

import msgspec

# A rate in beats stands for the nearest fraction with a denominator of at most _FINEST: 0.333 stands for 1/3. If this
# fraction is _NEAR_BEATS away or more, the rate is taken as it is.
_NEAR_BEATS, _FINEST = 0.001, 24


class Arpeggio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of the arpeggiator, which plays held keys one after another.

    mode: the order of the keys.
    rate_beats: beats per step; 1 is a quarter note.
    gate: length of a note, as a share of a step.
    tie: whether each note lasts until the next note begins, and continues if the next note is the same.
    octaves: in how many octaves the keys are played, from their own octave upwards.
    hold: whether the chord continues when the keys are released.
    velocity: None for the keys' velocities.
    swing: how late every second step is, as a share of a step.
    starts: when step 0 is. `key`: when a chord's first key goes down. `beat`: at beat 0, and a chord that is struck
        between two steps begins at the second of them.
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
        """Beats from one step to the next; 0.333 becomes 1/3, so that triplets stay in time."""
        near = Fraction(self.rate_beats).limit_denominator(_FINEST)
        return float(near) if abs(float(near) - self.rate_beats) < _NEAR_BEATS else self.rate_beats
