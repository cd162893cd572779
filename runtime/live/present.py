"""Describes what plays, as dicts, lists, text and numbers: the sound, its knobs and the instrument."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.control.targets import LATENT, RANGES
from runtime.engine.engine import Engine
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import sha256_of
from runtime.sound.choice import Choice
from runtime.sound.file import sound_tree
from runtime.sound.own import is_path
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound, SoundPart

_DIGITS = 6


def positions(engine: Engine) -> dict[str, float]:
    """The position, from 0 to 1, of each target that the engine's sound has, by the target's name."""
    names = [*(LATENT + latent.name for latent in engine.instrument.card.latents), *RANGES]
    found = {name: engine.target_position(name) for name in names}
    return {name: round(where, _DIGITS) for name, where in found.items() if where is not None}


def name_of(engine: Engine, choice: Choice) -> str | None:
    """The name of the sound that plays, or None.

    If a sound with parts has no name, its first part's sound gives the name.

    engine: the first part's engine.
    """
    if choice.whole is not None and choice.whole.sound.name:
        return choice.whole.sound.name
    return _own_name(engine.patch, engine.instrument)


def _own_name(patch: Patch, instrument: Decoder) -> str | None:
    """The name of the patch's sound, or else of the preset that sets the knobs; None without either.

    This preset is the one in the patch's settings, or else, if the patch has no sound of its own, the card's first one.
    """
    presets = instrument.card.presets
    is_preset = patch.positions is None and patch.sound == Sound()
    first = presets[0].name if presets and is_preset else None
    return patch.sound.name or patch.settings.preset or first


def edited_sound(engine: Engine) -> dict[str, Any]:
    """The engine's sound with the knobs' changes, as the content of a sound's file."""
    tree, patch, path = sound_tree(engine.edited_sound()), engine.patch, engine.instrument.path
    name = _own_name(patch, engine.instrument)
    if name is not None:
        tree["name"] = name
    # A file without a phase blend would be loaded with the blend in the settings.
    tree.setdefault("phase_blend", patch.settings.phase_blend)
    return tree | {"instrument": {"name": path.stem, "sha256": sha256_of(path)}}


def card_of(choice: Choice) -> dict[str, Any]:
    """What the instrument's card says, and the instrument's sounds in the order of program numbers."""
    card = choice.instrument.card
    embedding = card.embedding
    return {
        "instrument": choice.instrument.path.stem,
        "name": card.name,
        "latents": [latent.name for latent in card.latents],
        "note_range": card.note_range,
        "sounds": [{"name": each.sound.name, "positions": each.positions} for each in choice.programs],
        "embedding": None if embedding is None else msgspec.to_builtins(embedding),
        "sources": msgspec.to_builtins(card.sources),
        "corpus": card.corpus,
        "licence": card.licence,
        "training": card.training,
        "measured": card.measured,
    }


def present_sound(
    engines: Sequence[Engine], choice: Choice, for_another_folder: bool = False
) -> tuple[dict[str, Any], Path | None]:
    """The sound that plays, and the folder of the files to which it refers; the folder may be None.

    The sound is returned as the content of a sound's file. In a sound with parts, the knobs' changes are left out.

    engines: one for each part.
    for_another_folder: whether the paths of the parts' sound files are made absolute.
    """
    if choice.whole is None:
        return edited_sound(engines[0]), engines[0].patch.folder
    sound, folder = choice.whole.sound, choice.whole.folder
    parts = tuple(
        said if engine.patch is each.patch else renamed_part(said, engine.patch, engine.instrument)
        for engine, (said, each) in zip(engines, choice.parts, strict=False)
    )
    parts = tuple(_from_anywhere(part, folder) for part in parts) if for_another_folder else parts
    return sound_tree(msgspec.structs.replace(sound, parts=parts)), folder


def renamed_part(part: SoundPart, patch: Patch, instrument: Decoder) -> SoundPart:
    """`part` with the names of this instrument and of the patch's sound; unchanged if the sound has no name."""
    name = _own_name(patch, instrument)
    return part if name is None else msgspec.structs.replace(part, sound=name, instrument=instrument.path.stem)


def _from_anywhere(part: SoundPart, folder: Path | None) -> SoundPart:
    if folder is None or not is_path(part.sound):
        return part
    return msgspec.structs.replace(part, sound=str((folder / part.sound).resolve()))
