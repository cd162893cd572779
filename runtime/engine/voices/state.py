"""The state of an engine's controls at a frame: what an engine that starts there must know to sound the same.

It holds what outlives the notes: knobs, maps, channels, tempo, the chosen sound, the number of notes so far (random
values follow from it), and events that wait. It holds no voices: only a state in silence says all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.base.plain_state import given, taken, tree_of, values_of
from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.performance import Performance
from runtime.events import N_CHANNELS, Event

FIRST_SOUND = -1


class EngineState(msgspec.Struct, frozen=True):
    """What an engine's controls were at `frame`, the next frame to be rendered.

    is_silent: whether no voice sounded. program: number of the sound that the next notes play; FIRST_SOUND: the sound
    at the start. parts: the plain values of the engine's parts, by their names. waiting: events that had been posted
    and had not happened, with their frames.
    """

    frame: int
    is_silent: bool
    program: int
    parts: dict[str, dict[str, Any]]
    waiting: tuple[tuple[int, Event], ...] = ()

    def parts_tree(self) -> dict[str, dict[str, Any]]:
        """The parts as JSON can hold them; `parts_of_tree` reads them."""
        return {name: tree_of(values) for name, values in self.parts.items()}


def parts_of_tree(tree: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parts that `parts_tree` made a tree of; ValueError for another tree."""
    return {name: values_of(values) for name, values in tree.items()}


class StateKeeper:
    """Takes the state of an engine's parts, and gives it to those of another engine."""

    def __init__(self, knobs: Knobs, controls: ControlMap, palette: Palette, performance: Performance):
        self._palette, self._performance = palette, performance
        channels = palette.channels
        self._parts: dict[str, Any] = {
            "knobs": lambda: knobs,
            "controls": lambda: controls,
            "tempo": lambda: palette.tempo,
            "zones": lambda: channels,
            "notes": lambda: performance.notes,
            "performance": lambda: performance,
        } | {f"channel_{number}": lambda number=number: channels[number] for number in range(N_CHANNELS)}

    def take(self, frame: int, is_silent: bool, waiting: tuple[tuple[int, Event], ...]) -> EngineState:
        """The present state, on the audio thread, between two blocks; arguments: as in EngineState."""
        parts = {name: taken(part()) for name, part in self._parts.items()}
        played, programs = self._performance.notes.played, self._palette.programs
        program = next((number for number, each in enumerate(programs) if each is played), FIRST_SOUND)
        return EngineState(frame, is_silent, program, parts, waiting)

    def give(self, state: EngineState) -> None:
        """Give the parts a state, before the first block; its waiting events are left to the caller."""
        if FIRST_SOUND < state.program < len(self._palette.programs):
            self._performance.notes.played = self._palette.programs[state.program]
        for name, values in state.parts.items():
            if name in self._parts:
                given(self._parts[name](), values)
