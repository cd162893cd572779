"""A sound as the engine takes it: the settings with what the sound says, and what the settings have no place for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from runtime.config import Config
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import PlayedTrajectory


class PlayedMorph(msgspec.Struct, frozen=True):
    """The sounds of a morph. patches: two or more, each with positions or none; shape: as in SoundMorph.

    ways: positions from each sound to the next, float64 (n_points, n_latents) each; None: straight ways.
    """

    patches: tuple[Patch, ...]
    shape: str = "path"
    ways: tuple[np.ndarray, ...] | None = None


class Patch(msgspec.Struct, frozen=True):
    """What is played.

    settings: the settings, changed by the sound as `with_sound` says. sound: the fields that the settings do not have,
    such as LFOs and the filter, are read from here. positions: knob positions, 0 to 1, in the card's order; None: those
    of the settings' preset. trajectories: those of the sound; each moves only knobs that the instrument has. folder:
    where the files of its trajectories lie; None: the sound was in no file.
    morph: the sounds that the controls `morph`, `morph.x` and `morph.y` move through; None: they move nothing.
    """

    settings: Config = Config()
    sound: Sound = Sound()
    positions: tuple[float, ...] | None = None
    trajectories: tuple[PlayedTrajectory, ...] = ()
    folder: Path | None = None
    morph: PlayedMorph | None = None
