"""The head of a recorded MIDI file: all that determines the sound, apart from the events.

docs/recording.md lists the head's keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.config import AudioConfig, Config
from runtime.control.mapping.bindings import bind_plain
from runtime.engine.recorded.patch_tree import config_tree, patch_of_tree, patch_tree
from runtime.engine.recorded.state import EngineState, parts_of_tree
from runtime.events import Event, MapChange, SoundChange, Swap
from runtime.instrument.session import LARGEST_ONNX_BYTES
from runtime.midi.recorded.events import event_of, plain
from runtime.sound.patch import Patch
from runtime.sound.sound import Sha256

RECORDING_VERSION = 1
LARGEST_SOUNDS_BYTES = 128 * 2**20  # all trajectories together, unpacked


class PlayedInstrument(msgspec.Struct, frozen=True):
    """The instrument that was played: its name, and the SHA-256 of its file."""

    name: str
    sha256: Sha256


class Start(NamedTuple):
    """What was played, and the state at the start.

    sample_rate_hz: the engine's; patch, programs: as in `Engine`; state: the engine's state at the first frame.
    """

    sample_rate_hz: int
    instrument: PlayedInstrument
    patch: Patch
    programs: tuple[Patch, ...]
    state: EngineState


class _Head(msgspec.Struct, frozen=True):
    """The keys of a head; `seed` and `n_voices` repeat values in `settings`, for human readers."""

    recording_version: int
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)]
    start_frame: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    is_silent: bool
    seed: int
    n_voices: int
    instrument: PlayedInstrument
    settings: dict[str, Any]
    patch: dict[str, Any]
    programs: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=1000)]
    program: int
    chosen: dict[str, Any] | None
    step: int | None
    state: dict[str, dict[str, Any]]
    waiting: list[tuple[int, list[Any]]]
    n_parts: int = 1


def played_instrument(path: Path) -> PlayedInstrument:
    """The instrument in a file; UserError if the file cannot be read."""
    content = read_bounded_file(path, "an .onnx instrument", LARGEST_ONNX_BYTES)
    return PlayedInstrument(path.stem, hashlib.sha256(content).hexdigest())


def head_tree(start: Start) -> dict[str, Any]:
    """The head as values for JSON, without paths of the recording machine; `start_of` reads them."""
    settings, state = _without_places(start.patch.settings), start.state
    head = _Head(
        recording_version=RECORDING_VERSION,
        sample_rate_hz=start.sample_rate_hz,
        start_frame=state.frame,
        is_silent=state.is_silent,
        seed=settings.seed,
        n_voices=settings.voice.n_voices,
        instrument=start.instrument,
        settings=config_tree(settings),
        patch=_patch_tree(start.patch, settings),
        programs=[_patch_tree(program, settings) for program in start.programs],
        program=state.program,
        chosen=None if state.chosen is None else _patch_tree(state.chosen, settings),
        step=state.step,
        state=state.parts_tree(),
        waiting=[(frame, plain_event(event, settings)) for frame, event in state.waiting],
        n_parts=state.n_parts,
    )
    return msgspec.to_builtins(head)


def start_of(tree: dict[str, Any], where: object) -> Start:
    """Read a head; UserError at `where` if the head has another version or is damaged."""
    version = tree.get("recording_version")
    if version != RECORDING_VERSION:
        found, remedy = f"version {version!r} of the recordings", "use a Timbrebox that knows this version"
        raise UserError(where, found, f"version {RECORDING_VERSION}", remedy)
    try:
        head = msgspec.convert(tree, _Head)
        settings = msgspec.convert(head.settings, Config, strict=False)
        waiting = tuple((frame, event_of(values)) for frame, values in head.waiting)
        chosen = None if head.chosen is None else patch_of_tree(head.chosen, settings, where)
        parts = parts_of_tree(head.state)
        state = EngineState(
            head.start_frame, head.is_silent, head.program, parts, waiting, chosen, head.step, head.n_parts
        )
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise UserError(where, f"a damaged recording ({error})", "a whole one", "use the file as recorded") from None
    patch = patch_of_tree(head.patch, settings, where)
    programs = tuple(_programs(head.programs, settings, where))
    return Start(head.sample_rate_hz, head.instrument, patch, programs, state)


@contextmanager
def damage_as_user_error(where: object) -> Iterator[None]:
    """A context that raises each error as a UserError about a damaged recording.

    Needed because `start_of` does not check every value.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        found = f"a damaged recording ({type(error).__name__}: {error})"
        raise UserError(where, found, "a whole one", "use the file as recorded") from None


def _programs(trees: list[dict[str, Any]], settings: Config, where: object) -> Iterator[Patch]:
    n_bytes = 0
    for tree in trees:
        patch = patch_of_tree(tree, settings, where)
        played = [each.trajectory for one in (patch, *(patch.morph.patches if patch.morph else ())) for each in
                  one.trajectories]  # fmt: skip
        n_bytes += sum(each.latents.nbytes + each.colour_db.nbytes + each.level_db.nbytes for each in played)
        if n_bytes > LARGEST_SOUNDS_BYTES:
            expected = f"at most {LARGEST_SOUNDS_BYTES:,}"
            raise UserError(where, f"sounds of {n_bytes:,} bytes", expected, "use the file as recorded")
        yield patch


def plain_event(event: Event, settings: Config) -> list[Any]:
    """An event as values for JSON; settings: the settings at the recording's start."""
    if isinstance(event, SoundChange):
        return plain(SoundChange(_patch_tree(event.prepared.patch, _without_places(settings))))
    if isinstance(event, MapChange):
        return plain(MapChange(event.device, list(event.map.plain)))
    if isinstance(event, Swap):
        return plain(msgspec.structs.replace(event, made=None))
    return plain(event)


def playable(event: Event, prepare: Callable[[Patch], object], settings: Config, where: object) -> Event:
    """The event that `plain_event` converted; UserError at `where` if the values are damaged.

    prepare: the method `prepare` of the engine that plays the event.
    """
    if isinstance(event, SoundChange):
        if not isinstance(event.prepared, dict):
            raise UserError(where, "a change to no sound", "a sound", "use the file as it was recorded")
        return SoundChange(prepare(patch_of_tree(event.prepared, settings, where)))
    if isinstance(event, MapChange):
        try:
            return MapChange(event.device, bind_plain(event.map))
        except ValueError as error:
            raise UserError(where, f"{error}", "a whole recording", "use the file as it was recorded") from None
    return event


def _patch_tree(patch: Patch, base: Config) -> dict[str, Any]:
    return patch_tree(msgspec.structs.replace(patch, settings=_without_places(patch.settings)), base)


def _without_places(settings: Config) -> Config:
    """The settings without devices and paths; the pitches of a scale's file are part of the state instead."""
    tuning = msgspec.structs.replace(settings.tuning, scale=None)
    midi = msgspec.structs.replace(settings.midi, api=None, inputs=(), virtual_port=None)
    return msgspec.structs.replace(settings, instrument=None, tuning=tuning, midi=midi, audio=AudioConfig())


def same_instrument(path: Path, played: PlayedInstrument) -> bool:
    """Whether a file is the instrument that was played."""
    return played_instrument(path).sha256 == played.sha256
