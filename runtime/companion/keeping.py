"""The companion with all its handlers."""

from __future__ import annotations

import os
import socket

import msgspec

from runtime.companion.maps import add_maps
from runtime.companion.recorder import Recorder
from runtime.companion.serving import Companion
from runtime.companion.sound_requests import add_sounds
from runtime.companion.state import State, write_state


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of a request that has none."""


class KeepState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of `state`: what to remember."""

    state: State


def companion(stream: socket.socket) -> Companion:
    """A companion that can do all there is to do for the playing process at the other end of the stream."""
    made = Companion(stream)
    made.add("ping", Nothing, lambda _params: {"process": os.getpid()})
    add_maps(made)
    made.add("state", KeepState, lambda params: write_state(params.state))
    add_sounds(made)
    Recorder(made)
    return made
