"""Control maps in the companion: reads the setup of an input, and stores learned lines."""

from __future__ import annotations

import msgspec

from runtime.companion.serving import Companion
from runtime.config import Config
from runtime.control.mapping.library import device_setup, load_learned, save_learned
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import MapDevice


class AskSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask what an input does under these settings."""

    config: Config
    device: MapDevice


class KeepLearned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replace all lines learned for an input by these lines."""

    device: MapDevice
    lines: tuple[MapLine, ...]


def add_maps(companion: Companion) -> None:
    """Let the companion answer `device_setup` and `keep_learned`."""
    companion.add("device_setup", AskSetup, _setup)
    companion.add("keep_learned", KeepLearned, _keep)


def _setup(asked: AskSetup) -> object:
    return msgspec.to_builtins(device_setup(asked.config, asked.device))


def _keep(keep: KeepLearned) -> object:
    # A file that cannot be read is not replaced: the player may have written it by hand.
    save_learned(keep.device, keep.lines, load_learned(keep.device))
    return {}
