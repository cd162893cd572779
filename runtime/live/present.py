"""What plays at present, as plain values: the instrument, the sound as the player's knobs have changed it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.base.files import read_bounded_file
from runtime.control.targets import LATENT, RANGES
from runtime.instrument.decoder import Decoder
from runtime.instrument.session import LARGEST_BYTES
from runtime.sound.file import sound_tree
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

Position = Callable[[str], float | None]
_DIGITS = 6
# Where a target's value stands in a sound: the keys of its YAML, and its value in a patch before any knob is moved.
_KEYS: dict[str, tuple[tuple[str, ...], Callable[[Patch], float]]] = {
    "filter.cutoff": (("filter", "cutoff_hz"), lambda patch: patch.sound.filter.cutoff_hz),
    "filter.resonance": (("filter", "resonance_db"), lambda patch: patch.sound.filter.resonance_db),
    "tilt": (("tilt_db_per_octave",), lambda patch: patch.sound.tilt_db_per_octave),
    "odd_even": (("odd_even_db",), lambda patch: patch.sound.odd_even_db),
    "formant": (("formant_semitones",), lambda patch: patch.sound.formant_semitones),
    "bandwidth": (("bandwidth_cents",), lambda patch: patch.sound.bandwidth_cents),
    "width": (("width",), lambda patch: patch.sound.width),
    "level": (("level_db",), lambda patch: patch.sound.level_db or 0.0),
    "pan": (("pan",), lambda patch: patch.settings.pan),
    "envelope.attack": (("envelope", "attack_s"), lambda patch: patch.settings.voice.envelope.attack_s),
    "envelope.decay": (("envelope", "decay_s"), lambda patch: patch.settings.voice.envelope.decay_s),
    "envelope.sustain": (("envelope", "sustain"), lambda patch: patch.settings.voice.envelope.sustain),
    "envelope.release": (("envelope", "release_s"), lambda patch: patch.settings.voice.envelope.release_s),
    "portamento": (("voice", "portamento_s"), lambda patch: patch.settings.voice.portamento_s),
    "vibrato.depth": (("voice", "vibrato_semitones"), lambda patch: patch.settings.voice.vibrato_semitones),
    "vibrato.rate": (("voice", "vibrato_hz"), lambda patch: patch.settings.voice.vibrato_hz),
}
_EFFECTS = ("reverb", "chorus")


def positions(decoder: Decoder, position: Position) -> dict[str, float]:
    """Where each target stands that this instrument has, 0 to 1."""
    names = [*(LATENT + latent.name for latent in decoder.card.latents), *RANGES]
    found = {name: position(name) for name in names}
    return {name: round(where, _DIGITS) for name, where in found.items() if where is not None}


def edited_sound(patch: Patch, decoder: Decoder, position: Position) -> dict[str, Any]:
    """The sound as the knobs have changed it, as the tree of a sound's file; it names its instrument.

    A value that no knob has moved stays to the last digit, also where the knob's travel ends before it.
    """
    tree = {key: value for key, value in sound_tree(patch.sound).items() if key not in ("latents", "instrument")}
    if "name" not in tree and patch.settings.preset is not None:
        tree["name"] = patch.settings.preset
    tree["instrument"] = {"name": decoder.path.stem, "sha256": sha256_of(decoder.path)}
    names = [latent.name for latent in decoder.card.latents]
    tree["latents"] = {name: round(position(LATENT + name) or 0.0, _DIGITS) for name in names}
    blend = position("phase_blend")
    if blend is not None:
        tree["phase_blend"] = round(blend, _DIGITS)
    for target, (keys, before) in _KEYS.items():
        moved = _moved(target, before(patch), position(target))
        if moved is not None:
            _set(tree, keys, moved)
    if "effects" in Sound.__struct_fields__:
        for target in _EFFECTS:
            moved = position(target)
            if moved is not None:
                _set(tree, ("effects", target), round(moved, _DIGITS))
    return tree


@functools.lru_cache(maxsize=8)
def sha256_of(path: Path) -> str:
    """SHA-256 of an instrument's file, in hexadecimal."""
    return hashlib.sha256(read_bounded_file(path, "an .onnx instrument", LARGEST_BYTES)).hexdigest()


def _moved(target: str, before: float, position: float | None) -> float | None:
    """The value that a knob has moved a target to; None if it stands where the sound put it."""
    travel = RANGES[target]
    if position is None or abs(position - travel.position_of(before)) < 10.0**-_DIGITS:
        return None
    return round(travel.value_at(position), _DIGITS)


def _set(tree: dict[str, Any], keys: tuple[str, ...], value: float) -> None:
    for key in keys[:-1]:
        tree[key] = dict(tree.get(key) or {})
        tree = tree[key]
    tree[keys[-1]] = value
