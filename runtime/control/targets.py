"""The targets that the player's controls can move, and each target's range."""

from __future__ import annotations

import math
from typing import NamedTuple

from runtime.base.errors import UserError, did_you_mean
from runtime.config import HIGHEST_VOLUME_DB, LOWEST_VOLUME_DB
from runtime.sound.motion import LATENT


class Range(NamedTuple):
    """The travel of a target: from `lowest` to `highest`, in `unit`.

    spacing: how the value rises while the position moves from 0 to 1.
    - `linear`: evenly.
    - `ratio`: each octave takes the same part of the travel; `lowest` must be above 0.
    - `square`: as the square of the position, so that the player can set small values finely.
    """

    lowest: float
    highest: float
    unit: str
    spacing: str = "linear"

    def value_at(self, position: float) -> float:
        """The value at a position from 0 to 1."""
        if self.spacing == "ratio":
            return self.lowest * (self.highest / self.lowest) ** position
        share = position * position if self.spacing == "square" else position
        return self.lowest + share * (self.highest - self.lowest)

    def position_of(self, value: float) -> float:
        """The position (0 to 1) of a value. A value outside the travel is clipped."""
        value = min(self.highest, max(self.lowest, value))
        if self.spacing == "ratio":
            return math.log(value / self.lowest) / math.log(self.highest / self.lowest)
        share = (value - self.lowest) / (self.highest - self.lowest)
        return math.sqrt(share) if self.spacing == "square" else share


SHARE = Range(0.0, 1.0, "")
TIME = Range(0.0, 10.0, "s", "square")
# Every latent is a target, too, but is not listed here. It is called `latent.NAME` or `latent.NUMBER`; the first latent
# is `latent.1`.
RANGES: dict[str, Range] = {
    "phase_blend": SHARE,
    "filter.cutoff": Range(20.0, 20000.0, "Hz", "ratio"),
    "filter.resonance": Range(0.0, 24.0, "dB"),
    "tilt": Range(-12.0, 12.0, "dB per octave"),
    "odd_even": Range(-48.0, 48.0, "dB"),
    "formant": Range(-24.0, 24.0, "semitones"),
    "bandwidth": Range(0.0, 100.0, "cents"),
    "width": SHARE,
    "level": Range(LOWEST_VOLUME_DB, HIGHEST_VOLUME_DB, "dB"),
    "pan": Range(-1.0, 1.0, ""),
    "envelope.attack": TIME,
    "envelope.decay": TIME,
    "envelope.sustain": SHARE,
    "envelope.release": TIME,
    "portamento": TIME,
    "vibrato.depth": Range(0.0, 12.0, "semitones", "square"),
    "vibrato.rate": Range(0.1, 20.0, "Hz", "ratio"),
    "lfo_1.rate": Range(0.01, 20.0, "Hz", "ratio"),
    "lfo_2.rate": Range(0.01, 20.0, "Hz", "ratio"),
    "morph": SHARE,
    "morph.x": SHARE,
    "morph.y": SHARE,
    "reverb": SHARE,
    "chorus": SHARE,
}
# For each LFO, the target that sets its rate. An LFO with `beats` follows the tempo, so its rate is no target.
LFO_RATES = {"lfo_1": "lfo_1.rate", "lfo_2": "lfo_2.rate"}
# What a control can start instead of moving a target.
ACTIONS = (
    "next_sound",
    "previous_sound",
    "next_instrument",
    "previous_instrument",
    "save",
    "panic",
    "learn",
    "record",
    "tap_tempo",
)
# A line of a map can have NOTHING as its action. Then the line's control moves no target and starts no action, but
# keeps its meaning in MIDI.
NOTHING = "nothing"

# Targets that change only spectra or phases, as latents do.
SPECTRAL = frozenset(
    ("phase_blend", "filter.cutoff", "filter.resonance", "tilt", "odd_even", "formant", "bandwidth", "width")
)


def waits_for_hop(target: str) -> bool:
    """Whether a move of this target is first heard at the next hop."""
    return target in SPECTRAL or target.startswith(LATENT)


def refuse_unknown_target(name: str, where: object) -> None:
    """UserError unless `name` is a target or an action. The error begins with `where`."""
    if name in RANGES or name in ACTIONS or (name.startswith(LATENT) and len(name) > len(LATENT)):
        return
    known = (*RANGES, *ACTIONS, f"{LATENT}1")
    raise UserError(where, repr(name), "a target of a sound, or an action", did_you_mean(name, known))
