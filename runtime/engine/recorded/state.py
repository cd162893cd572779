"""The state of an engine's controls, from which another engine can continue with the same sound.

It holds what outlives the notes, such as knobs, control maps, channels, tempo, the chosen sound, and waiting events. It
holds no voices, so it is complete only in silence.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.control.sound_knobs import ENVELOPE
from runtime.engine.recorded.plain_state import given, taken, tree_of, values_of
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.performance import Performance
from runtime.events import N_CHANNELS, Event
from runtime.sound.patch import Patch

FIRST_SOUND, OTHER_SOUND = -1, -2


class EngineState(msgspec.Struct, frozen=True):
    """The state of an engine's controls at `frame`, the next frame to be rendered.

    program: the number, from 0, of the MIDI program that chooses the present sound; FIRST_SOUND for the sound at the
        start, OTHER_SOUND for a sound that an event delivered.
    chosen: the delivered sound if `program` is OTHER_SOUND, else None.
    parts: the plain values of the engine's objects, by name.
    waiting: the posted events that are not yet applied, with their frames.
    step: the present step of the sound's morph, or None.
    """

    frame: int
    is_silent: bool
    program: int
    parts: dict[str, dict[str, Any]]
    waiting: tuple[tuple[int, Event], ...] = ()
    chosen: Patch | None = None
    step: int | None = None

    def parts_tree(self) -> dict[str, dict[str, Any]]:
        return {name: tree_of(values) for name, values in self.parts.items()}


def parts_of_tree(tree: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parts in a tree that `parts_tree` made; ValueError for any other tree."""
    return {name: values_of(values) for name, values in tree.items()}


class StateKeeper:
    """Reads the state of an engine's parts, and restores it in another engine's parts."""

    def __init__(self, knobs: Knobs, controls: ControlMap, palette: Palette, performance: Performance):
        self._palette, self._performance, self._controls = palette, performance, controls
        channels, self._knobs = palette.channels, knobs
        self._parts: dict[str, Any] = {
            "knobs": lambda: knobs,
            "sound": lambda: knobs.present,
            "morph": lambda: knobs.morph,
            "controls": lambda: controls,
            "tempo": lambda: palette.tempo,
            "clock": lambda: palette.tempo.loop,
            "zones": lambda: channels,
            "notes": lambda: performance.notes,
            "performance": lambda: performance,
        } | {f"channel_{number}": lambda number=number: channels[number] for number in range(N_CHANNELS)}

    def take(self, frame: int, is_silent: bool, waiting: tuple[tuple[int, Event], ...]) -> EngineState:
        """The present state; call it on the audio thread, between two blocks. Arguments: as in EngineState."""
        parts = {name: taken(part()) for name, part in self._parts.items() if part() is not None}
        parts["maps"] = self._controls.memory()
        sounds = self._performance.chosen, *self._performance.chosen.morphs
        parts["lfos"] = {"rates": [each.modulator.sources.rates_memory() for each in sounds]}
        chosen, played, palette = self._performance.chosen, self._performance.notes.played, self._palette
        known = [palette.first, *palette.programs]
        number = next((number for number, each in enumerate(known) if each is chosen), None)
        step = next((number for number, each in enumerate(chosen.morphs) if each is played), None)
        if number is None:
            return EngineState(frame, is_silent, OTHER_SOUND, parts, waiting, chosen.patch, step)
        return EngineState(frame, is_silent, FIRST_SOUND + number, parts, waiting, None, step)

    def give(self, state: EngineState) -> None:
        """Restore a state; call it before the first block. The caller must queue the state's waiting events."""
        palette, performance, knobs = self._palette, self._performance, self._knobs
        if state.chosen is not None:
            chosen = palette.ready(state.chosen)
        else:
            known = [palette.first, *palette.programs]
            chosen = known[min(max(0, state.program - FIRST_SOUND), len(known) - 1)]
        begun_at = state.parts.get("knobs", {}).get("begun_at")
        if begun_at is not None:
            knobs.choose(begun_at)  # `performance.choose` keeps these positions if the patch has none
        performance.choose(chosen, state.frame)
        if "clock" in state.parts:
            palette.tempo.begin_loop(state.frame)
        for name, values in state.parts.items():
            part = self._parts[name]() if name in self._parts else None
            if part is not None:
                given(part, values)
        self._controls.remember(state.parts.get("maps", {}))
        for each, memory in zip((chosen, *chosen.morphs), state.parts.get("lfos", {}).get("rates", ()), strict=False):
            each.remember_rates(memory)
        for target, value in list(knobs.present.values.items()):
            if target.startswith(ENVELOPE):
                knobs.present.set(target, value)  # rebuilds the envelope, which is not stored
        if state.step is not None and 0 <= state.step < len(chosen.morphs):
            performance.notes.played = chosen.morphs[state.step]
        performance.follow_knobs(state.frame)
