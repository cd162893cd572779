"""A sound's filter."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter that every note has for itself; each harmonic gets the filter's gain at the harmonic's frequency.

    type: which harmonics pass.
        `off`: all harmonics.
        `low`: the harmonics below the cutoff.
        `high`: the harmonics above the cutoff.
        `band`: the harmonics around the cutoff.
    cutoff_hz: the cutoff. Without resonance, the gain there is -3 dB; for `band` it is 0 dB.
    resonance_db: gain added at the cutoff.
    key_tracking: how closely the cutoff follows the key's pitch: 0 not at all, 1 exactly. Note 60 does not move it.
    envelope_octaves: how far envelope_2 moves the cutoff.
    """

    type: Literal["off", "low", "high", "band"] = "off"
    cutoff_hz: Annotated[float, msgspec.Meta(ge=20.0, le=20000.0)] = 20000.0
    slope_db_per_octave: Literal[12, 24, 48] = 24
    resonance_db: Annotated[float, msgspec.Meta(ge=0.0, le=24.0)] = 0.0
    key_tracking: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    envelope_octaves: Annotated[float, msgspec.Meta(ge=-8.0, le=8.0)] = 0.0
