"""Puts the player's changes into the sound, for saving."""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.control.knobs import Knobs
from runtime.control.sound_knobs import SoundKnobs
from runtime.control.targets import LFO_RATES
from runtime.instrument.card import Card
from runtime.sound.sound import Sound, SoundEnvelope, SoundVoice

# For most targets: the names of the fields that lead from a Sound to the target's value, the outermost first.
FIELDS: dict[str, tuple[str, ...]] = {
    "phase_blend": ("phase_blend",),
    "filter.cutoff": ("filter", "cutoff_hz"),
    "filter.resonance": ("filter", "resonance_db"),
    "tilt": ("tilt_db_per_octave",),
    "odd_even": ("odd_even_db",),
    "formant": ("formant_semitones",),
    "bandwidth": ("bandwidth_cents",),
    "width": ("width",),
    "pan": ("pan",),
    "envelope.attack": ("envelope", "attack_s"),
    "envelope.decay": ("envelope", "decay_s"),
    "envelope.sustain": ("envelope", "sustain"),
    "envelope.release": ("envelope", "release_s"),
    "portamento": ("voice", "portamento_s"),
    "vibrato.depth": ("voice", "vibrato_semitones"),
    "vibrato.rate": ("voice", "vibrato_hz"),
    "lfo_1.rate": ("lfo_1", "rate_hz"),
    "lfo_2.rate": ("lfo_2", "rate_hz"),
    "reverb": ("effects", "reverb"),
    "chorus": ("effects", "chorus"),
}
_DIGITS = 9
_EMPTY = {"envelope": SoundEnvelope(), "voice": SoundVoice()}


def edited_sound(knobs: Knobs, card: Card) -> Sound:
    """The chosen sound with the player's changes: the present values of moved targets, and the morph's position.

    If the player has moved the target `level` by some dB, the sound's level_db moves by as much, within its limits.
    card: the instrument's card, which has the latents' names.
    """
    present = knobs.present
    patch, values = present.patch, present.values
    at_first = SoundKnobs(patch, present.positions, 0).values
    sound = patch.sound
    for target, fields in FIELDS.items():
        if values.get(target) != at_first.get(target):
            sound = _with(sound, fields, _rounded(values[target]))
    if values["level"] != at_first["level"]:
        moved_db = values["level"] - at_first["level"]
        sound = _with(sound, ("level_db",), max(-60.0, min(12.0, (sound.level_db or 0.0) + moved_db)))
    if present.filter_kind != sound.filter.type:
        sound = _with(sound, ("filter", "type"), present.filter_kind)
    if sound.morph is not None and knobs.morph is not None:
        sound = _with(sound, ("morph", "at"), knobs.morph.at)
        # The morph's sounds give LFO rates, so store only those rates that the player has moved. But if one of the
        # morph's sounds is a dict of knob positions, it gives no rates. Then store all rates.
        is_place = any(isinstance(each, dict) for each in sound.morph.sounds)
        for name, target in LFO_RATES.items():
            if target in values and name not in present.rates and not is_place:
                sound = _with(sound, FIELDS[target], None)
    names = [latent.name for latent in card.latents]
    return msgspec.structs.replace(sound, latents=dict(zip(names, present.positions, strict=True)))


def _rounded(value: float) -> float:
    """The value without a rounding error like the one in 5.5000000000000036."""
    return float(f"{value:.{_DIGITS}g}")


def _with(struct: Any, fields: tuple[str, ...], value: object) -> Any:
    first, *rest = fields
    if rest:
        inner = getattr(struct, first)
        value = _with(_EMPTY[first] if inner is None else inner, tuple(rest), value)
    return msgspec.structs.replace(struct, **{first: value})
