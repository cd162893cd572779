"""Modulation of a note's sound: an envelope, LFOs, and what they move."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.config import Seconds

# The values of these sources are from -1 to 1. The values of the other sources are from 0 to 1.
BIPOLAR_SOURCES = ("key", "random", "lfo_1", "lfo_2")
UNIPOLAR_SOURCES = (
    "velocity",
    "envelope",
    "envelope_2",
    "mod_wheel",
    "expression",
    "pressure",
    "slide",
    "release_velocity",
)
SOURCES = BIPOLAR_SOURCES + UNIPOLAR_SOURCES
_CONTROL_SOURCE = re.compile(r"cc_([0-9]|[1-9][0-9]|1[01][0-9])")
LATENT = "latent."
# For each target, what a modulation with amount 1 adds to it while the source's value is 1. Latents are not listed:
# to a latent, such a modulation adds 1, the latent's whole travel.
TRAVELS = {
    "phase_blend": 1.0,
    "filter.cutoff": 8.0,  # octaves
    "filter.resonance": 24.0,  # dB
    "tilt": 12.0,  # dB per octave
    "bandwidth": 100.0,  # cents
    "width": 1.0,
    "level": 48.0,  # dB
    "pan": 1.0,
    "pitch": 12.0,  # semitones
    "vibrato.depth": 1.0,  # share of the sound's vibrato_semitones
    "vibrato.rate": 2.0,  # octaves
    "trajectory.speed": 3.0,  # octaves
    "trajectory.position": 1.0,  # share of the trajectory's length
}
TARGETS = tuple(TRAVELS)
MOST_MODULATIONS = 32

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
SignedShare = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]


class DelayedEnvelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second envelope of every note, a source of modulation; curve: as in Adsr."""

    delay_s: Seconds = 0.0
    attack_s: Seconds = 0.0
    hold_s: Seconds = 0.0
    decay_s: Seconds = 0.3
    sustain: Share = 0.0
    release_s: Seconds = 0.25
    curve: SignedShare = 1.0


DEFAULT_LFO_HZ = 5.0


class Lfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A low-frequency oscillator: a source of modulation that repeats.

    rate_hz: cycles per second. With None, `beats` sets the rate. If `beats` is None as well, the rate is 5 Hz.
    beats: length of a cycle in beats; allowed only if rate_hz is None.
    delay_s: time from the note's start to the LFO's start.
    fade_in_s: time from the LFO's start to its full depth.
    phase: With `note`, each note begins a cycle. With `free`, the cycle does not restart.
    per_voice: with a free phase, whether each note has its own phase.
    depth_from: a source that scales the LFO; None for full depth.
    """

    shape: Literal["sine", "triangle", "saw", "square", "random", "smooth_random"] = "sine"
    rate_hz: Annotated[float, msgspec.Meta(ge=0.01, le=20.0)] | None = None
    beats: Annotated[float, msgspec.Meta(ge=1.0 / 64.0, le=64.0)] | None = None
    delay_s: Seconds = 0.0
    fade_in_s: Seconds = 0.0
    phase: Literal["free", "note"] = "free"
    depth_from: str | None = None
    per_voice: bool = False


class Modulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One connection: a source moves a target.

    source: one of SOURCES, or cc_0 to cc_119.
    target: one of TARGETS, or `latent.` and a knob's name.
    amount: what the source adds while its value is 1, as a share of the target's travel in TRAVELS.
    curve: 0 is linear. Towards 1, the target moves mainly while the source is far from 0; towards -1, while the source
        is near 0.
    scaled_by: a source that multiplies `source`; None for no scaling.
    """

    source: str
    target: str
    amount: SignedShare
    curve: SignedShare = 0.0
    scaled_by: str | None = None


def control_of(source: str) -> int | None:
    """The MIDI control number of a source cc_0 to cc_119; None for another source."""
    match = _CONTROL_SOURCE.fullmatch(source)
    return int(match[1]) if match else None


def refuse_unknown_source(source: str | None, where: str) -> None:
    """Raise a UserError if `source` is neither None nor a source's name.

    where: the beginning of the error's text.
    """
    if source is not None and source not in SOURCES and control_of(source) is None:
        expected = "a source of modulation, such as velocity, lfo_1 or cc_21"
        raise UserError(where, f"{source!r}", expected, did_you_mean(source, SOURCES))


def refuse_unknown_names(
    lfos: Iterable[tuple[str, Lfo]], modulation: Sequence[Modulation], knobs: Iterable[str] | None, where: object
) -> None:
    """Raise a UserError for an unknown source, an unknown target or a contradictory LFO.

    An LFO may not scale itself, not even through the other LFO, and may not have both rate_hz and beats.
    lfos: for each LFO, (its name, the LFO); the name is lfo_1 or lfo_2.
    knobs: names of the instrument's knobs; None to accept any knob's name.
    where: the beginning of the error's text.
    """
    lfos = dict(lfos)
    for key, lfo in lfos.items():
        refuse_unknown_source(lfo.depth_from, f"{where}, {key}.depth_from")
        if lfo.rate_hz is not None and lfo.beats is not None:
            raise UserError(f"{where}, {key}", "rate_hz and beats", "only one of them", "leave one out")
        scaling = lfos.get(lfo.depth_from)
        if scaling is not None and (lfo.depth_from == key or scaling.depth_from == key):
            expected = f"a source that does not depend on {key}"
            raise UserError(f"{where}, {key}.depth_from", lfo.depth_from, expected, "choose another source")
    for number, each in enumerate(modulation):
        place = f"{where}, modulation[{number}]"
        refuse_unknown_source(each.source, f"{place}.source")
        refuse_unknown_source(each.scaled_by, f"{place}.scaled_by")
        known = list(TARGETS) + [LATENT + knob for knob in knobs or ()]
        if each.target in known or (knobs is None and each.target.startswith(LATENT)):
            continue
        expected = "a target of modulation, such as filter.cutoff or latent.NAME"
        raise UserError(f"{place}.target", f"{each.target!r}", expected, did_you_mean(each.target, known))
