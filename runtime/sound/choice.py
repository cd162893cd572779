"""Chooses the instrument and the sounds for the commands `play` and `render`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from runtime.base.errors import UserError, did_you_mean
from runtime.config import Config
from runtime.instrument.card import Card
from runtime.instrument.decoder import Decoder
from runtime.instrument.learned_path import learned_path
from runtime.instrument.library import DEFAULT_INSTRUMENT, available, load, sha256_of
from runtime.instrument.presets import start_positions
from runtime.sound.file import load_sound, sound_from_tree
from runtime.sound.morph import N_CORNERS
from runtime.sound.own import is_path, user_sounds
from runtime.sound.patch import Patch, PlayedMorph
from runtime.sound.settings import named_knobs, with_sound
from runtime.sound.sound import Sound, SoundPart
from runtime.sound.store import instrument_sounds, unknown_sound
from runtime.sound.trajectory.use import PlayedTrajectory, read_trajectories


class Choice(NamedTuple):
    """The instrument to play, and the sounds to play with it.

    patch: the sound at the start.
    programs: the sounds for program changes, by program number.
    remark: a line for the user if the sound was made for another instrument.
    sound_file: path of the sound's file; None for a preset, or if no sound was chosen.
    settings: the settings before the sound changed them.
    parts: for a sound with parts, each part and what was chosen for it.
    whole: the sound that has these parts; None without parts.
    """

    patch: Patch
    programs: tuple[Patch, ...]
    instrument: Decoder
    remark: str | None = None
    sound_file: Path | None = None
    settings: Config = Config()
    parts: tuple[tuple[SoundPart, Choice], ...] = ()
    whole: Patch | None = None


class WrittenSound(NamedTuple):
    """A sound that is in no file of its own; the fields are parameters of `choose_tree`."""

    tree: dict[str, Any]
    where: str
    folder: Path | None


class _Found(NamedTuple):
    """A sound that was found.

    where: names the sound in messages.
    file: path of its file.
    kept_in: folder of its trajectories if it has no file.
    """

    sound: Sound
    where: str
    file: Path | None = None
    kept_in: Path | None = None

    @property
    def folder(self) -> Path | None:
        return self.file.parent if self.file else self.kept_in


def choose(config: Config, instrument: str | None, preset: str | None, sound: str | None) -> Choice:
    """Combine the settings with the options --instrument, --preset and --sound.

    Options override the sound, and the sound overrides the settings. Without --instrument, the instrument that a sound
    names is loaded if `available` lists it. UserError for an unknown name, a broken file, --preset together with
    --sound, or a sound that gives positions only of knobs that the instrument lacks.
    """
    if sound is None:
        config = msgspec.structs.replace(config, preset=preset or config.preset)
        decoder = load(instrument or config.instrument)
        return Choice(_preset_patch(config, decoder), programs_of(config, decoder), decoder, settings=config)
    if preset is not None:
        raise UserError("--sound", "--preset, too", "only one of them", "leave --preset out")
    found = _find_without_instrument(sound)
    if found is not None and instrument is None:
        config = _with_instrument_of(found.sound, config)
    decoder = load(instrument or config.instrument)
    return _choice_of(found or _find_in_card(sound, decoder), config, decoder)


def choose_tree(config: Config, instrument: str, tree: dict[str, Any], where: str, folder: Path | None) -> Choice:
    """Choose an instrument, and a sound that is given by its values.

    instrument: its name or file.
    tree: the sound's values, as in a sound's file.
    where: names the sound in messages.
    folder: folder of the trajectories' files.
    UserError as from `choose`.
    """
    found, decoder = _Found(sound_from_tree(tree, where), where, kept_in=folder), load(instrument)
    return _choice_of(found, msgspec.structs.replace(config, preset=None), decoder)


def choose_written(config: Config, sound: WrittenSound) -> Choice:
    """Call `choose_tree` with the sound's instrument, or with that of the settings if `available` lacks the sound's."""
    config = _with_instrument_of(sound_from_tree(sound.tree, sound.where), config)
    return choose_tree(config, config.instrument or DEFAULT_INSTRUMENT, *sound)


def _choice_of(found: _Found, config: Config, decoder: Decoder) -> Choice:
    patch, remark = _fitted(found, config, decoder)
    return Choice(patch, programs_of(config, decoder), decoder, remark, found.file, config)


def patch_of_tree(
    config: Config, decoder: Decoder, tree: dict[str, Any], where: str, folder: Path | None
) -> tuple[Patch, str | None]:
    """A sound's patch for a loaded instrument, and a remark for the user; parameters as in `choose_tree`."""
    found = _Found(sound_from_tree(tree, where), where, kept_in=folder)
    return _fitted(found, msgspec.structs.replace(config, preset=None), decoder)


def _fitted(found: _Found, config: Config, decoder: Decoder) -> tuple[Patch, str | None]:
    trajectories = read_trajectories(found.sound.trajectory, found.folder, found.where)
    lacking, remark = _fit(found, trajectories, decoder)
    patch = with_sound(config, found.sound, decoder.card, found.where, found.folder, lacking, trajectories)
    return _with_morph(patch, config, decoder, found.where), remark


def _preset_patch(config: Config, decoder: Decoder) -> Patch:
    """The patch of the settings' preset, or of the card's first preset if the settings name none.

    If there is no such preset, or if the preset has only knob positions, the patch has only the settings. The
    positions are found later, when they are needed.
    """
    presets = {preset.name: preset for preset in decoder.card.presets}
    chosen = presets.get(config.preset) if config.preset else next(iter(decoder.card.presets), None)
    if chosen is None or chosen.sound is None:
        return Patch(config)  # an unknown preset is refused later, when its knob positions are needed
    return _patch_of(_find_in_card(chosen.name, decoder), config, decoder)


def programs_of(config: Config, decoder: Decoder) -> tuple[Patch, ...]:
    """The instrument's sounds in the order of program numbers: first the card's presets, then the bundled sounds."""
    sounds = instrument_sounds(decoder.card, decoder.path.stem).values()
    return tuple(_patch_of(_Found(known.read(), known.name, known.file), config, decoder) for known in sounds)


def _patch_of(found: _Found, config: Config, decoder: Decoder) -> Patch:
    """The patch of an instrument's sound, without knobs that the instrument lacks.

    A user's instrument may have a bundled instrument's name. It gets the bundled sounds, but may lack their knobs.
    """
    return _with_morph(_with_known_knobs(found, config, decoder.card), config, decoder, found.where)


def _with_known_knobs(found: _Found, config: Config, card: Card) -> Patch:
    trajectories = read_trajectories(found.sound.trajectory, found.folder, found.where)
    lacking = _lacking(found.sound, trajectories, card)
    return with_sound(config, found.sound, card, found.where, found.folder, lacking, trajectories)


def _with_morph(patch: Patch, config: Config, decoder: Decoder, where: str) -> Patch:
    """The patch with the sounds of its morph; UserError for a bad morph or an unknown sound."""
    morph, card = patch.sound.morph, decoder.card
    if morph is None:
        return patch
    if morph.shape == "square" and len(morph.sounds) != N_CORNERS:
        found = f"{len(morph.sounds)} sounds"
        raise UserError(f"{where}, morph", found, "four, one for each corner", "name four, or use shape: path")
    if morph.at is not None and len(morph.at) != (2 if morph.shape == "square" else 1):
        expected = "[x, y]" if morph.shape == "square" else "one number, such as [0.5]"
        remedy = f"correct it, or change shape: {morph.shape}"
        raise UserError(f"{where}, morph.at", str(list(morph.at)), expected, remedy)
    patches = []
    for each in morph.sounds:
        found = _place_of_morph(patch, each, card, where) if isinstance(each, dict) else _find_without_instrument(each)
        found = found or _find_for_morph(each, decoder, where)
        patches.append(_with_known_knobs(found, config, card))
    ways = None
    if morph.along == "learned" and morph.shape == "path" and card.embedding is not None:
        learned = np.array(card.embedding.latents)
        places = [each.positions or start_positions(card) for each in patches]
        ways = tuple(learned_path(*ends, learned) for ends in pairwise(places))
    return msgspec.structs.replace(patch, morph=PlayedMorph(tuple(patches), morph.shape, ways))


def _place_of_morph(patch: Patch, latents: dict[str, float], card: Card, where: str) -> _Found:
    """The patch's own sound with other knob positions.

    latents: these positions, by knob name.
    """
    knobs = [latent.name for latent in card.latents]
    for name in latents:
        if name not in knobs:
            raise UserError(f"{where}, morph.sounds", repr(name), f"a knob of {card.name}", did_you_mean(name, knobs))
    sound = msgspec.structs.replace(patch.sound, latents=(patch.sound.latents or {}) | latents, morph=None)
    return _Found(sound, f"{where}, morph.sounds", kept_in=patch.folder)


def _find_for_morph(name: str, decoder: Decoder, where: str) -> _Found:
    try:
        return _find_in_card(name, decoder)
    except UserError:
        expected = f"a sound of {decoder.card.name}, or one of your own"
        remedy = "correct the name, or add the key `instrument` to the sound"
        raise UserError(f"{where}, morph.sounds", repr(name), expected, remedy) from None


def find_sound(name_or_path: str, instrument: str | None) -> tuple[Sound, Path | None]:
    """Find a sound by name or file, as --sound does.

    Returns the sound, and the folder of its trajectories' files. The folder is None for a preset.

    instrument: name or file of the instrument whose presets are searched; None for the default instrument.
    UserError if the sound is unknown, or its file is broken.
    """
    found = _find_without_instrument(name_or_path) or _find_in_card(name_or_path, load(instrument))
    return found.sound, found.folder


def _find_without_instrument(name_or_path: str) -> _Found | None:
    if is_path(name_or_path):
        return _Found(load_sound(name_or_path), name_or_path, Path(name_or_path))
    known = user_sounds().get(name_or_path)
    return known and _Found(known.read(), str(known.source), known.source)


def _find_in_card(name: str, decoder: Decoder) -> _Found:
    known = instrument_sounds(decoder.card, decoder.path.stem)
    if name not in known:
        raise unknown_sound(name, decoder.card, [*known, *user_sounds()])
    return _Found(known[name].read(), f"--sound {name}", known[name].file)


def _with_instrument_of(sound: Sound, config: Config) -> Config:
    """The settings, with the instrument that the sound was made for if `available` lists its name.

    A path in place of the name has no effect: a sound from a stranger must not choose which file is opened.
    """
    name = sound.made_for.name if sound.made_for else None
    if name is None or name == (config.instrument or DEFAULT_INSTRUMENT) or name not in available():
        return config
    # The preset is dropped, because it belongs to the instrument that is replaced here.
    return msgspec.structs.replace(config, instrument=name, preset=None)


def _fit(found: _Found, trajectories: Sequence[PlayedTrajectory], decoder: Decoder) -> tuple[list[str], str | None]:
    """The knobs to leave out of a sound that was made for another instrument, and a remark for the user.

    UserError if the sound gives positions of knobs, and the instrument has none of these knobs.
    """
    other = _other_instrument(found.sound, decoder)
    if other is None:
        return [], None
    card = decoder.card
    lacking = _lacking(found.sound, trajectories, card)
    if found.sound.latents and found.sound.latents.keys() <= set(lacking):
        knobs = sorted(latent.name for latent in card.latents)
        expected = f"a sound with a knob of {card.name}: {', '.join(knobs)}"
        raise UserError(found.where, f"a sound for {other}", expected, f"play it with {other}")
    without = f", which has no {', '.join(lacking)}" if lacking else ""
    return lacking, " ".join(f"{found.where} was made for {other}; {card.name} plays it{without}.".split())


def _lacking(sound: Sound, trajectories: Sequence[PlayedTrajectory], card: Card) -> list[str]:
    knobs = {latent.name for latent in card.latents}
    return [knob for knob in named_knobs(sound, trajectories) if knob not in knobs]


def _other_instrument(sound: Sound, decoder: Decoder) -> str | None:
    made_for = sound.made_for
    if made_for is None:
        return None
    same_name = made_for.name in (decoder.path.stem, decoder.card.name)
    if made_for.sha256 is None:
        return None if same_name else made_for.name
    if sha256_of(decoder.path) == made_for.sha256:
        return None
    return f"another version of {made_for.name}" if same_name else made_for.name
