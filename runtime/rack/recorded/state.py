"""The state of a rack at a frame. With this state, another rack can continue with the same sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from runtime.engine.engine import Engine
from runtime.engine.recorded.state import EngineState
from runtime.events import Event
from runtime.rack.parts import PartSettings
from runtime.sound.patch import Patch


class PartState(msgspec.Struct, frozen=True):
    """What a part plays, and the part's state.

    path: the instrument's file; in a state from a recording, only the instrument's name.
    patch, programs: as in `Engine.sounds`.
    engine: the state of the engine that plays the next notes.
    memory: from `Part.memory`.
    """

    path: Path
    patch: Patch
    programs: tuple[Patch, ...]
    engine: EngineState
    settings: PartSettings = PartSettings()
    memory: dict[str, dict[str, Any]] = {}


class RackState(msgspec.Struct, frozen=True):
    """The state of a rack at `frame`, the next frame to be rendered; complete only if the rack is silent.

    is_silent: whether nothing sounded and no key was held.
    holds_notes: whether a key was held, or an unreleased voice sounded.
    said: events; if an engine is swapped in later, they set its controllers.
    memory: the plain values of the arpeggiator and of the rack's control map, by name.
    waiting: the events that were not due yet, with their frames.
    """

    frame: int
    is_silent: bool
    holds_notes: bool
    parts: tuple[PartState, ...]
    said: tuple[Event, ...] = ()
    memory: dict[str, dict[str, Any]] = {}
    waiting: tuple[tuple[int, Event], ...] = ()


def state_of_part(engine: Engine, settings: PartSettings, is_silent: bool, memory: dict[str, Any]) -> PartState:
    """The state of a part; call it on the audio thread, between two blocks.

    engine: plays the part's next notes.
    is_silent: as in EngineState.
    settings, memory: as in PartState.
    """
    return PartState(engine.instrument.path, *engine.sounds, engine.state(is_silent), settings, memory)
