"""Converts a rack's events to values for JSON, and the values back to events that a rack can play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from runtime.base.errors import UserError
from runtime.config import Config
from runtime.engine.build import build_engine
from runtime.engine.engine import Engine
from runtime.engine.recorded.patch_tree import patch_of_tree
from runtime.events import ALL_PARTS, Event, SoundChange, Swap
from runtime.instrument.decoder import Decoder
from runtime.midi.recorded.events import plain
from runtime.rack.parts import Part, Playable
from runtime.rack.recorded.part_tree import (
    PartTree,
    PlayedInstrument,
    part_keys,
    part_of,
    plain_simple,
    simple_of,
    sound_tree,
)
from runtime.rack.recorded.state import PartState

_DAMAGED = "a whole recording", "use the file as it was recorded"

Trees = Annotated[list[PartTree], msgspec.Meta(min_length=1, max_length=4)]
Load = Callable[[PlayedInstrument], Decoder]


def plain_event(event: Event, base: Config) -> list[Any]:
    """An event of a rack's history as values for JSON.

    base: the settings at the recording's start.
    """
    if isinstance(event, SoundChange):
        return plain(SoundChange(sound_tree(event.prepared.patch, base), event.part))
    if isinstance(event, Swap) and event.made is not None:
        made = event.made if event.part == ALL_PARTS else (event.made,)
        trees = [PartTree(**part_keys(each, base)) for each in made]
        return plain(Swap(event.part, trees[0].instrument.name, None, msgspec.to_builtins(trees)))
    return plain_simple(event)


def begun(state: PartState, decoder: Decoder, sample_rate_hz: int) -> Engine:
    """Build the engine of a rack's part; it continues from a recorded state.

    UserError if the decoder's instrument has another number of knobs than the recorded instrument.
    """
    n_knobs, card = len(state.engine.parts.get("knobs", {}).get("begun_at", ())), decoder.card
    if n_knobs != card.n_latents:
        expected = f"one with {n_knobs}, as {state.path.stem} had when it was recorded"
        found = f"{card.name}, which has {card.n_latents} knobs"
        raise UserError(decoder.path, found, expected, "choose another --instrument")
    return build_engine(state.patch, decoder, sample_rate_hz, state.programs or None, state.engine, limits=False)


class Replay:
    """Converts a recording's events, in their order, to events that a rack can play.

    engines: one for each part of the rack.
    load: returns the decoder of a recorded instrument.
    base: the settings at the recording's start.
    where: names the recording in messages.
    """

    def __init__(self, engines: Sequence[Engine], load: Load, base: Config, where: object):
        self._engines, self._load, self._base, self._where = list(engines), load, base, where

    def playable(self, event: Event) -> Event:
        """Convert a recorded event to an event that a rack can play.

        event: an event whose fields hold values from JSON. UserError if it is damaged.
        """
        if isinstance(event, SoundChange):
            if not isinstance(event.prepared, dict):
                raise UserError(self._where, "a change to no sound", *_DAMAGED)
            patch = patch_of_tree(event.prepared, self._base, self._where)
            return SoundChange(self._engine(event.part).prepare(patch), event.part)
        if isinstance(event, Swap):
            return self._swap(event)
        try:
            return simple_of(event)
        except ValueError as error:
            raise UserError(self._where, f"{error}", *_DAMAGED) from None

    def _swap(self, event: Swap) -> Swap:
        if event.made is None:
            return event  # recorded by an early version of the program, without the part's new state
        before = self._engine(max(0, event.part))
        try:
            trees = msgspec.convert(event.made, Trees)
            states = [part_of(tree, 0, True, self._base, self._where) for tree in trees]
        except (msgspec.MsgspecError, ValueError, TypeError, LookupError) as error:
            raise UserError(self._where, f"a damaged change of the instrument ({error})", *_DAMAGED) from None
        loaded = [self._load(tree.instrument) for tree in trees]
        rate_hz = before.sample_rate_hz
        engines = [begun(state, decoder, rate_hz) for state, decoder in zip(states, loaded, strict=True)]
        made = [Playable(engine, state.patch.sound) for engine, state in zip(engines, states, strict=True)]
        if event.part == ALL_PARTS:
            self._engines = engines
            parts = tuple(Part(each, state.settings) for each, state in zip(made, states, strict=True))
            return msgspec.structs.replace(event, made=parts)
        self._engines[event.part] = engines[0]
        return msgspec.structs.replace(event, made=made[0])

    def _engine(self, part: int) -> Engine:
        if not 0 <= part < len(self._engines):
            found = f"part {part + 1} of {len(self._engines)}"
            raise UserError(self._where, found, *_DAMAGED)
        return self._engines[part]
