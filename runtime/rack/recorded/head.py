"""The head of a recorded MIDI file: all that determines the sound, apart from the events.

docs/recording.md lists the head's keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.config import Config
from runtime.engine.recorded.patch_tree import config_tree
from runtime.midi.recorded.events import event_of
from runtime.rack.recorded.part_tree import (
    PartTree,
    PlayedInstrument,
    part_keys,
    part_of,
    plain_simple,
    simple_of,
    trees_of,
    values_of_trees,
    without_places,
)
from runtime.rack.recorded.state import RackState

RECORDING_VERSION = 1
_MOST_OTHERS = 3  # how many parts a rack can have besides the first


class Start(NamedTuple):
    """What was played, and the state at the start.

    instruments: one for each recorded part.
    n_parts: number of parts that played. Early versions recorded only the first of them.
    """

    sample_rate_hz: int
    instruments: tuple[PlayedInstrument, ...]
    state: RackState
    n_parts: int

    @property
    def settings(self) -> Config:
        """The settings, in which the first part's sound has replaced some values."""
        return self.state.parts[0].patch.settings


class _Head(PartTree, frozen=True, kw_only=True):
    """The keys of a recording's head; `seed` and `n_voices` repeat values in `settings`."""

    recording_version: int
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)]
    start_frame: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    is_silent: bool
    seed: int
    n_voices: int
    settings: dict[str, Any]
    holds_notes: bool | None = None
    n_parts: int = 1
    others: Annotated[tuple[PartTree, ...], msgspec.Meta(max_length=_MOST_OTHERS)] = ()
    said: tuple[list[Any], ...] = ()
    rack: dict[str, dict[str, Any]] | None = None


def head_tree(sample_rate_hz: int, state: RackState) -> dict[str, Any]:
    """The head of a recording as values for JSON.

    The head names no file of this machine, and leaves out the events that wait in the rack. UserError if an
    instrument's file cannot be read.

    state: the rack's state at the recording's first frame.
    """
    settings = without_places(state.parts[0].patch.settings)
    first, *others = (part_keys(each, settings) for each in state.parts)
    head = _Head(
        recording_version=RECORDING_VERSION,
        sample_rate_hz=sample_rate_hz,
        start_frame=state.frame,
        is_silent=state.is_silent,
        holds_notes=state.holds_notes,
        seed=settings.seed,
        n_voices=settings.voice.n_voices,
        settings=config_tree(settings),
        n_parts=len(state.parts),
        others=tuple(PartTree(**keys) for keys in others),
        said=tuple(plain_simple(event) for event in state.said),
        rack=trees_of(state.memory),
        **first,
    )
    return msgspec.to_builtins(head)


def start_of(tree: dict[str, Any], where: object) -> Start:
    """Read a head; UserError if it has another version or is damaged.

    where: names the recording in the error.
    """
    version = tree.get("recording_version")
    if version != RECORDING_VERSION:
        found, remedy = f"version {version!r} of the recordings", "use a Timbrebox that knows this version"
        raise UserError(where, found, f"version {RECORDING_VERSION}", remedy)
    try:
        head = msgspec.convert(tree, _Head)
        base = msgspec.convert(head.settings, Config, strict=False)
        trees = head, *head.others
        parts = tuple(part_of(each, head.start_frame, head.is_silent, base, where) for each in trees)
        said = tuple(simple_of(event_of(values)) for values in head.said)
        memory = _memory_of_first(parts[0].engine.parts) if head.rack is None else values_of_trees(head.rack)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise UserError(where, f"a damaged recording ({error})", "a whole one", "use the file as recorded") from None
    # Recordings by early versions lack `holds_notes`. If such a recording began while something sounded, assume that
    # notes were held.
    holds_notes = not head.is_silent if head.holds_notes is None else head.holds_notes
    state = RackState(head.start_frame, head.is_silent, holds_notes, parts, said, memory)
    return Start(head.sample_rate_hz, tuple(each.instrument for each in trees), state, head.n_parts)


def _memory_of_first(parts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`RackState.memory` for a recording by an early version, whose head lacks the key `rack`.

    Early versions stored the rack's values among the values of the first part's engine. The values that the engine
    calls `maps` are called `controls` in a rack.
    parts: `EngineState.parts` of the first part's engine.
    """
    return parts | {"controls": parts.get("maps", {})}


@contextmanager
def damage_as_user_error(where: object) -> Iterator[None]:
    """Turn an error in the `with` block into a UserError. Its cause is a damaged value that no check has found."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        found = f"a damaged recording ({type(error).__name__}: {error})"
        raise UserError(where, found, "a whole one", "use the file as recorded") from None
