"""Turns patches into plain values and back without loss, for recordings."""

from __future__ import annotations

import base64
import zlib
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.config import HIGHEST_VOLUME_DB, LOWEST_VOLUME_DB, Config
from runtime.sound.patch import Patch, PlayedMorph
from runtime.sound.sound import Sound
from runtime.sound.trajectory.trajectory import Trajectory, checked
from runtime.sound.trajectory.use import PlayedTrajectory

LARGEST_ARRAY_BYTES = 4 * 2**20  # about twice the size of the longest trajectory's `colour_db`
MOST_PARTS = 8  # a patch has at most this many trajectories, and a morph at most this many patches
_CURVES = ("latents", "colour_db", "level_db")
_REMEDY = "use a recording of this version"


def patch_tree(patch: Patch, base: Config) -> dict[str, Any]:
    """A patch as values for JSON, to be read by `patch_of_tree`.

    base: the settings that `patch_of_tree` will get, too. The tree holds only the settings that differ from them.
    """
    settings, plain_base = config_tree(patch.settings), config_tree(base)
    tree: dict[str, Any] = {
        "settings": {key: value for key, value in settings.items() if value != plain_base[key]},
        # A trajectory's file may change. So the tree holds no file name, but the trajectory itself (see below).
        "sound": msgspec.to_builtins(msgspec.structs.replace(patch.sound, trajectory=None), str_keys=True),
    }
    if patch.positions is not None:
        tree["positions"] = [float(position) for position in patch.positions]
    if patch.beside_db:
        tree["beside_db"] = patch.beside_db
    if patch.trajectories:
        tree["trajectories"] = [_trajectory_tree(played) for played in patch.trajectories]
    if patch.morph is not None:
        tree["morph"] = {
            "patches": [patch_tree(each, base) for each in patch.morph.patches],
            "shape": patch.morph.shape,
            "ways": patch.morph.ways and [_array_tree(way, "<f8") for way in patch.morph.ways],
        }
    return tree


def patch_of_tree(tree: dict[str, Any], base: Config, where: object) -> Patch:
    """The patch in a tree that `patch_tree` made; UserError for any other tree.

    base: the settings that `patch_tree` got.
    where: the file that the error names.
    """
    try:
        settings = msgspec.convert(config_tree(base) | tree["settings"], Config, strict=False)
        sound = msgspec.convert(tree["sound"], Sound, strict=False)
        positions = tree.get("positions")
        positions = None if positions is None else tuple(map(float, positions))
        trajectories = tuple(_played(each, where) for each in _few(tree.get("trajectories", [])))
        morph = _morph(tree["morph"], base, where) if "morph" in tree else None
        beside_db = float(tree.get("beside_db", 0.0))
        if not abs(beside_db) <= HIGHEST_VOLUME_DB - LOWEST_VOLUME_DB:
            raise ValueError(f"beside_db {beside_db:g}")
        return Patch(settings, sound, positions, trajectories, morph=morph, beside_db=beside_db)
    except (
        msgspec.MsgspecError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, zlib.error
    ) as error:  # fmt: skip
        raise UserError(where, f"no readable sound ({error})", "a sound of this version", _REMEDY) from None


def config_tree(config: Config) -> dict[str, Any]:
    return msgspec.to_builtins(config, str_keys=True)


def _trajectory_tree(played: PlayedTrajectory) -> dict[str, Any]:
    trajectory = played.trajectory
    tree = {each.name: getattr(trajectory, each.name) for each in fields(trajectory) if each.name not in _CURVES}
    for name in _CURVES:
        tree[name] = _array_tree(getattr(trajectory, name), "<f4")
    return played._replace(trajectory=None)._asdict() | {"trajectory": tree}


def _played(tree: dict[str, Any], where: object) -> PlayedTrajectory:
    said = dict(tree["trajectory"])
    for name in _CURVES:
        said[name] = _array(said[name], "<f4")
    said["knobs"] = tuple(said["knobs"])
    said["loop_s"] = None if said["loop_s"] is None else tuple(said["loop_s"])
    return PlayedTrajectory(**tree | {"trajectory": checked(Trajectory(**said), where)})


def _morph(tree: dict[str, Any], base: Config, where: object) -> PlayedMorph:
    ways = tree["ways"] and tuple(_array(way, "<f8") for way in tree["ways"])
    patches = _few(tree["patches"])
    if any("morph" in each for each in patches):
        raise ValueError("a morph of morphs")
    return PlayedMorph(tuple(patch_of_tree(each, base, where) for each in patches), tree["shape"], ways)


def _few(parts: list[Any]) -> list[Any]:
    if len(parts) > MOST_PARTS:
        raise ValueError(f"{len(parts)} parts, more than {MOST_PARTS}")
    return parts


def _array_tree(array: np.ndarray, kind: str) -> dict[str, Any]:
    content = base64.b64encode(zlib.compress(array.astype(kind).tobytes())).decode()
    return {"shape": list(array.shape), kind[1:]: content}


def _array(tree: dict[str, Any], kind: str) -> np.ndarray:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(base64.b64decode(tree[kind[1:]], validate=True), LARGEST_ARRAY_BYTES)
    if not unpacker.eof:
        raise ValueError(f"an array that is cut, or of more than {LARGEST_ARRAY_BYTES:,} bytes")
    return np.frombuffer(content, kind).reshape(tree["shape"])
