"""A sound in the form that the engine plays: settings changed by the sound, and fields that settings do not have."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from runtime.config import Config
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import PlayedTrajectory


class PlayedMorph(msgspec.Struct, frozen=True):
    """The sounds of a morph. patches: two or more; shape: as in SoundMorph.

    ways: for each sound but the last, the latents' positions on the way to the next sound, float64 (n_points,
    n_latents); None for straight lines.
    """

    patches: tuple[Patch, ...]
    shape: str = "path"
    ways: tuple[np.ndarray, ...] | None = None


class Patch(msgspec.Struct, frozen=True):
    """What an engine plays.

    settings: the settings, as changed by the sound. sound: the sound itself, with the fields that the settings do not
    have, such as LFOs and the filter. positions: knob positions, 0 to 1, in the card's order. With None, a new
    engine starts with the preset's positions, and an engine that plays keeps its own. trajectories: the sound's
    trajectories, only for knobs that the instrument has. folder: the folder of the trajectories' files; None if the
    sound has no file. morph: the sounds that the controls `morph`, `morph.x` and `morph.y` move through; None without
    a morph.
    """

    settings: Config = Config()
    sound: Sound = Sound()
    positions: tuple[float, ...] | None = None
    trajectories: tuple[PlayedTrajectory, ...] = ()
    folder: Path | None = None
    morph: PlayedMorph | None = None


def named(patch: Patch, name: str) -> Patch:
    """The patch, with `name` as the name of its sound."""
    return msgspec.structs.replace(patch, sound=msgspec.structs.replace(patch.sound, name=name))
