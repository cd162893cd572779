"""The companion's work with control maps: reads an input's setup, and stores its learned lines and velocity curve."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.companion.serving import Companion
from runtime.config import Config
from runtime.control.mapping.library import device_setup, load_learned, save_learned
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import MapDevice

_STRAIGHT = ((1, 1), (127, 127))  # the linear curve as points


class AskSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for the setup of an input: its map and its velocity curve."""

    config: Config
    device: MapDevice


class KeepLearned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replace all lines learned for an input by these lines."""

    device: MapDevice
    lines: tuple[MapLine, ...]


class KeepVelocity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Store a velocity curve for an input; the answer is the input's new setup."""

    config: Config
    device: MapDevice
    curve: Literal["soft", "linear", "hard"]


def add_maps(companion: Companion) -> None:
    """Let the companion answer `device_setup`, `keep_learned` and `keep_velocity`."""
    companion.add("device_setup", AskSetup, _setup)
    companion.add("keep_learned", KeepLearned, _keep)
    companion.add("keep_velocity", KeepVelocity, _keep_velocity)


def _setup(asked: AskSetup) -> object:
    return msgspec.to_builtins(device_setup(asked.config, asked.device))


def _keep(keep: KeepLearned) -> object:
    # If the player has made a mistake in the file, `load_learned` raises an error, so the file is not replaced.
    save_learned(keep.device, keep.lines, load_learned(keep.device))
    return {}


def _keep_velocity(keep: KeepVelocity) -> object:
    before = load_learned(keep.device)
    # A stored `linear` counts as no choice: the input then has its map's curve. If the map's curve is not linear, store
    # the linear curve as points instead.
    for curve in (keep.curve, _STRAIGHT):
        save_learned(keep.device, before.lines, msgspec.structs.replace(before, velocity_curve=curve))
        setup = device_setup(keep.config, keep.device)
        if setup.velocity_curve == curve:
            break
    return msgspec.to_builtins(setup)
