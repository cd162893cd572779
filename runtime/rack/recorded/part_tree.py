"""What a part plays, as values for JSON: its instrument, its sounds and its state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from runtime.base.errors import UserError
from runtime.config import AudioConfig, Config
from runtime.control.mapping.bindings import bind_plain
from runtime.engine.recorded.patch_tree import patch_of_tree, patch_tree
from runtime.engine.recorded.plain_state import tree_of, values_of
from runtime.engine.recorded.state import EngineState
from runtime.events import Event, MapChange
from runtime.instrument.library import sha256_of
from runtime.midi.recorded.events import event_of, plain
from runtime.rack.parts import PartSettings
from runtime.rack.recorded.state import PartState
from runtime.sound.patch import Patch
from runtime.sound.sound import Sha256

LARGEST_SOUNDS_BYTES = 128 * 2**20  # limit for all trajectories in a part's programs together, unpacked


class PlayedInstrument(msgspec.Struct, frozen=True):
    """An instrument that was played: its name, and the SHA-256 of its file."""

    name: str
    sha256: Sha256


class PartTree(msgspec.Struct, frozen=True, kw_only=True):
    """A part as JSON, in a recording's head or in a Swap; docs/recording.md lists its keys."""

    instrument: PlayedInstrument
    patch: dict[str, Any]
    programs: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=1000)]
    program: int
    chosen: dict[str, Any] | None
    step: int | None
    state: dict[str, dict[str, Any]]
    waiting: list[tuple[int, list[Any]]]
    part: PartSettings = PartSettings()
    levels: dict[str, dict[str, Any]] = {}


def played_instrument(path: Path) -> PlayedInstrument:
    """The instrument in a file; UserError if the file cannot be read."""
    return PlayedInstrument(path.stem, sha256_of(path))


def same_instrument(path: Path, played: PlayedInstrument) -> bool:
    return sha256_of(path) == played.sha256


def part_keys(state: PartState, base: Config) -> dict[str, Any]:
    """A part's state as a PartTree's fields; base: the settings at the recording's start.

    UserError if the instrument's file cannot be read.
    """
    engine = state.engine
    return {
        "instrument": played_instrument(state.path),
        "patch": sound_tree(state.patch, base),
        "programs": [sound_tree(program, base) for program in state.programs],
        "program": engine.program,
        "chosen": None if engine.chosen is None else sound_tree(engine.chosen, base),
        "step": engine.step,
        "state": trees_of(engine.parts),
        "waiting": [(frame, plain_simple(event)) for frame, event in engine.waiting],
        "part": state.settings,
        "levels": trees_of(state.memory),
    }


def part_of(tree: PartTree, frame: int, is_silent: bool, base: Config, where: object) -> PartState:
    """The state of a part at `frame`, from a recording; ValueError or UserError for damaged values.

    is_silent: as in RackState.
    base: the settings at the recording's start.
    where: names the recording in messages.
    """
    waiting = tuple((at, simple_of(event_of(values))) for at, values in tree.waiting)
    chosen = None if tree.chosen is None else patch_of_tree(tree.chosen, base, where)
    engine = EngineState(frame, is_silent, tree.program, values_of_trees(tree.state), waiting, chosen, tree.step)
    patch, programs = patch_of_tree(tree.patch, base, where), tuple(_programs(tree, base, where))
    name = Path(tree.instrument.name)
    return PartState(name, patch, programs, engine, tree.part, values_of_trees(tree.levels))


def trees_of(memory: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Encode the plain values of several objects for JSON; memory: each object's values, by the object's name."""
    return {name: tree_of(values) for name, values in memory.items()}


def values_of_trees(trees: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The values that `trees_of` encoded; ValueError for other trees."""
    return {name: values_of(values) for name, values in trees.items()}


def sound_tree(patch: Patch, base: Config) -> dict[str, Any]:
    """A patch as values for JSON, without paths and devices of this machine.

    base: the settings at the recording's start; only settings that differ from them are kept.
    """
    return patch_tree(msgspec.structs.replace(patch, settings=without_places(patch.settings)), without_places(base))


def without_places(settings: Config) -> Config:
    """The settings without devices and paths. The scale's file is not needed: the state holds the pitch of each key."""
    tuning = msgspec.structs.replace(settings.tuning, scale=None)
    midi = msgspec.structs.replace(settings.midi, api=None, inputs=(), virtual_port=None)
    return msgspec.structs.replace(settings, instrument=None, tuning=tuning, midi=midi, audio=AudioConfig())


def plain_simple(event: Event) -> list[Any]:
    """An event as values for JSON. A SoundChange or a Swap is not allowed: decoding it needs an engine."""
    return plain(MapChange(event.device, list(event.map.plain)) if isinstance(event, MapChange) else event)


def simple_of(event: Event) -> Event:
    """The event that `plain_simple` encoded, from the result of `event_of`. ValueError for a damaged map."""
    return MapChange(event.device, bind_plain(event.map)) if isinstance(event, MapChange) else event


def _programs(tree: PartTree, base: Config, where: object) -> Iterator[Patch]:
    n_bytes = 0
    for each in tree.programs:
        patch = patch_of_tree(each, base, where)
        sounds = patch, *(patch.morph.patches if patch.morph else ())
        read = [played.trajectory for sound in sounds for played in sound.trajectories]
        n_bytes += sum(one.latents.nbytes + one.colour_db.nbytes + one.level_db.nbytes for one in read)
        if n_bytes > LARGEST_SOUNDS_BYTES:
            expected = f"at most {LARGEST_SOUNDS_BYTES:,}"
            raise UserError(where, f"sounds of {n_bytes:,} bytes", expected, "use the file as recorded")
        yield patch
