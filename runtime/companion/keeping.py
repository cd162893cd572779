"""Makes the companion, with a handler for each request."""

from __future__ import annotations

import os
import socket

import msgspec

from runtime.audio.thread_guard import ThreadGuard
from runtime.companion.box import add_box
from runtime.companion.chosen import add_chosen
from runtime.companion.examining import add_examining
from runtime.companion.maps import add_maps
from runtime.companion.power import add_power
from runtime.companion.recorder import Recorder
from runtime.companion.serving import Companion
from runtime.companion.sound_requests import add_sounds
from runtime.companion.state import State, write_settings, write_state
from runtime.config import Config
from runtime.link.messages import NoParams


class KeepState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `state`."""

    state: State


class KeepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `settings`: the settings with which a service plays if its settings file is broken."""

    config: Config


class GuardThread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of the request `guard`: the ids of the playing process and of its audio thread."""

    process: int
    thread: int


def companion(stream: socket.socket) -> Companion:
    """A companion with a handler for each request; stream: the socket to the playing process."""
    made = Companion(stream)
    made.add("ping", NoParams, lambda _params: {"process": os.getpid()})
    add_maps(made)
    made.add("state", KeepState, lambda params: write_state(params.state))
    made.add("settings", KeepSettings, lambda params: write_settings(params.config))
    add_sounds(made)
    add_box(made)
    add_chosen(made)
    add_power(made)
    add_examining(made)
    Recorder(made)
    guard = ThreadGuard()
    made.add("guard", GuardThread, lambda params: guard.watch(params.process, params.thread))
    return made
