"""Replaces values of the settings by a sound's values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.config import Config
from runtime.instrument.card import Card
from runtime.instrument.presets import preset_positions, start_positions
from runtime.sound.motion import LATENT, refuse_unknown_names
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound, SoundEnvelope, SoundVoice
from runtime.sound.trajectory.trajectory import fit
from runtime.sound.trajectory.use import PlayedTrajectory, read_trajectories

T = TypeVar("T", bound=msgspec.Struct)


def with_sound(
    config: Config,
    sound: Sound,
    card: Card,
    where: object,
    folder: Path | None = None,
    lacking: Collection[str] = (),
    trajectories: Sequence[PlayedTrajectory] | None = None,
) -> Patch:
    """Make a patch from the settings and a sound.

    For each field that is None in the sound, the patch has the settings' value. The sound's level_db is added to the
    settings' volume_db. If the sound's latents name no knob, the patch's `positions` is None. If they name only some
    knobs, the other knobs get their positions from the settings' preset, or from `start_positions` without a preset.

    where: the beginning of an error message.
    folder: the folder of the sound's file, for reading trajectories.
    lacking: knobs that the sound names and the instrument lacks; they are left out.
    trajectories: the sound's trajectories; if None, they are read.

    UserError if the sound names an unknown knob, source or target.
    """
    knobs = [latent.name for latent in card.latents]
    sound = _without(sound, lacking)
    refuse_unknown_names((("lfo_1", sound.lfo_1), ("lfo_2", sound.lfo_2)), sound.modulation, knobs, where)
    voice = _replaced(config.voice, sound.voice)
    voice = msgspec.structs.replace(voice, envelope=_replaced(voice.envelope, sound.envelope))
    settings = msgspec.structs.replace(
        config,
        phase_blend=config.phase_blend if sound.phase_blend is None else sound.phase_blend,
        volume_db=config.volume_db + (sound.level_db or 0.0),
        pan=config.pan if sound.pan is None else sound.pan,
        voice=voice,
    )
    if trajectories is None:
        trajectories = read_trajectories(sound.trajectory, folder, where)
    if lacking:
        trajectories = [played._replace(trajectory=played.trajectory.without(lacking)) for played in trajectories]
    for played in trajectories:
        fit(played.trajectory, knobs, where)
    return Patch(settings, sound, _positions(config, sound, card, where), tuple(trajectories), folder)


def named_knobs(sound: Sound, trajectories: Sequence[PlayedTrajectory]) -> list[str]:
    """The knobs named by a sound's latents, modulation and trajectories, in this order; each knob once."""
    moved = [each.target.removeprefix(LATENT) for each in sound.modulation if each.target.startswith(LATENT)]
    drawn = [knob for played in trajectories for knob in played.trajectory.knobs]
    return list(dict.fromkeys([*(sound.latents or {}), *moved, *drawn]))


def _without(sound: Sound, lacking: Collection[str]) -> Sound:
    if not lacking:
        return sound
    latents = {knob: position for knob, position in (sound.latents or {}).items() if knob not in lacking}
    targets = {LATENT + knob for knob in lacking}
    modulation = tuple(each for each in sound.modulation if each.target not in targets)
    return msgspec.structs.replace(sound, latents=latents, modulation=modulation)


def _positions(config: Config, sound: Sound, card: Card, where: object) -> tuple[float, ...] | None:
    if not sound.latents:
        return None
    knobs = [latent.name for latent in card.latents]
    for knob in sound.latents:
        if knob not in knobs:
            remedy = did_you_mean(knob, knobs)
            raise UserError(f"{where}, latents", f"the knob {knob!r}", f"a knob of {card.name}", remedy)
    positions = dict(sound.latents)
    if positions.keys() != set(knobs):
        others = start_positions(card) if config.preset is None else preset_positions(card, config.preset)
        positions = dict(zip(knobs, others, strict=True)) | positions
    return tuple(positions[knob] for knob in knobs)


def _replaced(settings: T, said: SoundVoice | SoundEnvelope | None) -> T:
    if said is None:
        return settings
    values = {key: value for key, value in msgspec.structs.asdict(said).items() if value is not None}
    return msgspec.structs.replace(settings, **values)
