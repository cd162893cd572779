"""Patches as plain values, complete and exact: what a recording says of the sounds that were played."""

from __future__ import annotations

import base64
import zlib
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.config import Config
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from runtime.sound.trajectory.trajectory import Trajectory, checked
from runtime.sound.trajectory.use import PlayedTrajectory

_CURVES = ("latents", "colour_db", "level_db")
_REMEDY = "use a recording of this version"


def patch_tree(patch: Patch, base: Config) -> dict[str, Any]:
    """A patch as JSON can hold it; of its settings only what differs from `base`. `patch_of_tree` reads it."""
    settings, plain_base = config_tree(patch.settings), config_tree(base)
    tree: dict[str, Any] = {
        "settings": {key: value for key, value in settings.items() if value != plain_base[key]},
        # The trajectories themselves follow: the sound may name files, which may change.
        "sound": msgspec.to_builtins(msgspec.structs.replace(patch.sound, trajectory=None), str_keys=True),
    }
    if patch.positions is not None:
        tree["positions"] = [float(position) for position in patch.positions]
    if patch.trajectories:
        tree["trajectories"] = [_trajectory_tree(played) for played in patch.trajectories]
    return tree


def patch_of_tree(tree: dict[str, Any], base: Config, where: object) -> Patch:
    """The patch that `patch_tree` made a tree of; UserError at `where` for another tree."""
    try:
        settings = msgspec.convert(config_tree(base) | tree["settings"], Config, strict=False)
        sound = msgspec.convert(tree["sound"], Sound, strict=False)
        positions = tree.get("positions")
        trajectories = tuple(_played(each, where) for each in tree.get("trajectories", ()))
        return Patch(settings, sound, None if positions is None else tuple(map(float, positions)), trajectories)
    except (msgspec.MsgspecError, TypeError, ValueError, KeyError, zlib.error) as error:
        raise UserError(where, f"no readable sound ({error})", "a sound of this version", _REMEDY) from None


def config_tree(config: Config) -> dict[str, Any]:
    """The settings as JSON can hold them."""
    return msgspec.to_builtins(config, str_keys=True)


def _trajectory_tree(played: PlayedTrajectory) -> dict[str, Any]:
    trajectory = played.trajectory
    tree = {each.name: getattr(trajectory, each.name) for each in fields(trajectory) if each.name not in _CURVES}
    for name in _CURVES:
        curve = getattr(trajectory, name)
        content = base64.b64encode(zlib.compress(curve.astype("<f4").tobytes())).decode()
        tree[name] = {"shape": list(curve.shape), "float32": content}
    return played._replace(trajectory=None)._asdict() | {"trajectory": tree}


def _played(tree: dict[str, Any], where: object) -> PlayedTrajectory:
    said = dict(tree["trajectory"])
    for name in _CURVES:
        content = zlib.decompress(base64.b64decode(said[name]["float32"], validate=True))
        said[name] = np.frombuffer(content, "<f4").reshape(said[name]["shape"])
    said["knobs"] = tuple(said["knobs"])
    said["loop_s"] = None if said["loop_s"] is None else tuple(said["loop_s"])
    return PlayedTrajectory(**tree | {"trajectory": checked(Trajectory(**said), where)})
