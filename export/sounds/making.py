"""Makes the recipes' sounds for one instrument, all equally loud."""

from __future__ import annotations

import msgspec
import numpy as np

from export.sounds.measure import CHORD, loudness_lufs, play
from export.sounds.recipes import Recipe
from export.sounds.timbres import Timbres
from runtime.config import Config
from runtime.instrument.decoder import Decoder
from runtime.sound.motion import LATENT, Modulation
from runtime.sound.patch import Patch
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound, SoundInstrument
from runtime.sound.trajectory.use import SoundTrajectory

LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB = -60.0, 12.0
# How much louder CHORD must be with a sound that plays one note at a time than a single note with other sounds. Those
# are 4.8 LU louder with CHORD, so a sound that plays one note at a time stays about 1 LU below them.
ALONE_LU = 3.4


def file_stem(number: int, recipe: Recipe) -> str:
    """The name of a recipe's file, without its suffix. number: the recipe's number, from 0."""
    letters = "".join(letter if letter.isalnum() else " " for letter in recipe.name.lower())
    return f"{number + 1:02d}-{'-'.join(letters.split())}"


def made_sound(recipe: Recipe, timbres: Timbres, instrument: str) -> Sound:
    """The recipe's sound for an instrument; the sound's level is not set yet. instrument: the instrument's name."""
    return msgspec.structs.replace(
        recipe.sound,
        name=recipe.name,
        instrument=SoundInstrument(instrument),
        latents=timbres.positions(recipe.timbre),
        modulation=tuple(_with_knob(each, timbres) for each in recipe.sound.modulation),
        trajectory=recipe.sound.trajectory and _trajectory_with_knobs(recipe.sound.trajectory, timbres),
    )


def as_loud(sound: Sound, recipe: Recipe, instrument: Decoder, lufs: float) -> Sound:
    """The sound with the level at which it is as loud as `goal_lufs` says, or with the nearest allowed level.

    sound: has the level 0 dB.
    lufs: as for `goal_lufs`.
    """
    level_db = goal_lufs(recipe, lufs) - loudness(sound, recipe, instrument)
    level_db = float(np.clip(level_db, LOWEST_LEVEL_DB, HIGHEST_LEVEL_DB))
    return msgspec.structs.replace(sound, level_db=round(level_db, 1))


def goal_lufs(recipe: Recipe, lufs: float) -> float:
    """The loudness that a recipe's sound must have. lufs: the goal for a sound that plays several notes at a time."""
    return lufs + ALONE_LU * recipe.plays_alone


def loudness(sound: Sound, recipe: Recipe, instrument: Decoder) -> float:
    """The sound's loudness in LUFS.

    A sound that plays one note at a time is measured while all notes of CHORD are held. Any other sound is measured
    with each of recipe.notes alone, and the mean is returned.
    """
    patch = played(sound, instrument)
    groups = [CHORD] if recipe.plays_alone else [[note] for note in recipe.notes]
    return float(np.mean([loudness_lufs(play(instrument, patch, notes).sound) for notes in groups]))


def played(sound: Sound, instrument: Decoder) -> Patch:
    """The patch that plays a sound with the default settings."""
    return with_sound(Config(), sound, instrument.card, sound.name)


def _with_knob(each: Modulation, timbres: Timbres) -> Modulation:
    if not each.target.startswith(LATENT):
        return each
    knob, sign = timbres.knob(each.target.removeprefix(LATENT))
    return msgspec.structs.replace(each, target=LATENT + knob, amount=each.amount * sign)


def _trajectory_with_knobs(trajectory: SoundTrajectory, timbres: Timbres) -> SoundTrajectory:
    """The trajectory with knobs in place of descriptors.

    If a knob lowers its descriptor, a knob position x becomes 1 - x, and an offset x becomes -x.
    """
    written, latents = trajectory.inline, {}
    for descriptor, values in written.latents.items():
        knob, sign = timbres.knob(descriptor)
        mirror = 1.0 if written.replaces_knobs and sign < 0.0 else 0.0
        # If two descriptors have the same knob, the first one moves it.
        latents.setdefault(knob, [round(mirror + sign * value, 4) for value in values])
    return msgspec.structs.replace(trajectory, inline=msgspec.structs.replace(written, latents=latents))
