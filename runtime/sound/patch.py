"""A sound in the form that the engine plays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from runtime.config import HIGHEST_VOLUME_DB, LOWEST_VOLUME_DB, Config
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import PlayedTrajectory


class PlayedMorph(msgspec.Struct, frozen=True):
    """The sounds of a morph.

    shape: as in SoundMorph.
    ways: for each sound but the last, the knob positions on the way to the next sound, float64 (n_points, n_latents).
        None for straight lines.
    """

    patches: tuple[Patch, ...]
    shape: str = "path"
    ways: tuple[np.ndarray, ...] | None = None


class Patch(msgspec.Struct, frozen=True):
    """What an engine plays.

    settings: the player's settings, with the changes that the sound makes.
    positions: knob positions, 0 to 1, in the card's order. With None, an engine that already plays keeps its
        positions. A new engine starts at the positions of the preset that `settings` name, else at `start_positions`.
    trajectories: the sound's trajectories, only for knobs that the instrument has.
    folder: the folder of the trajectories' files.
    beside_db: how much louder the patch sounds than its target `level` says, see `at_volume`.
    """

    settings: Config = Config()
    sound: Sound = Sound()
    positions: tuple[float, ...] | None = None
    trajectories: tuple[PlayedTrajectory, ...] = ()
    folder: Path | None = None
    morph: PlayedMorph | None = None
    beside_db: float = 0.0


def at_volume(patch: Patch, volume_db: float) -> Patch:
    """The patch, as loud as before, but with its target `level` at volume_db.

    With this, all parts of a sound get the same `level`. A control that then sets `level` of all parts to another value
    keeps their differences in loudness.
    If the patch has a morph, the level of each of its sounds moves by as many dB. If one of these levels would leave
    the range of volumes, `level` moves only as far as this range allows.
    """
    morph = patch.morph.patches if patch.morph is not None else ()
    volumes_db = [each.settings.volume_db for each in (patch, *morph)]
    by_db = volume_db - patch.settings.volume_db
    by_db = min(max(by_db, LOWEST_VOLUME_DB - min(volumes_db)), HIGHEST_VOLUME_DB - max(volumes_db))
    return _raised(patch, by_db) if by_db else patch


def _raised(patch: Patch, by_db: float) -> Patch:
    settings = msgspec.structs.replace(patch.settings, volume_db=patch.settings.volume_db + by_db)
    morph = patch.morph
    if morph is not None:
        morph = msgspec.structs.replace(morph, patches=tuple(_raised(each, by_db) for each in morph.patches))
    return msgspec.structs.replace(patch, settings=settings, morph=morph, beside_db=patch.beside_db - by_db)


def named(patch: Patch, name: str) -> Patch:
    """A copy of the patch whose sound has the name `name`."""
    return msgspec.structs.replace(patch, sound=msgspec.structs.replace(patch.sound, name=name))
