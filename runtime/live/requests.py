"""Requests that other programs send to the playing process; docs/link.md describes each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.control.targets import ACTIONS, refuse_unknown_target
from runtime.events import Action, TargetMove
from runtime.instrument.library import available
from runtime.link.messages import NoParams
from runtime.link.moves import Moves, Name, Position
from runtime.link.server import LATER, Caller, Server
from runtime.live.present import card_of, edited_sound
from runtime.live.remembering import state_of
from runtime.sound.morph import MOST_SOUNDS

if TYPE_CHECKING:
    from runtime.live.desk import Desk


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Move a target of the sound.

    position: the target's new place on its travel, 0 to 1.
    """

    target: Name
    position: Position


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start an action; `control.targets.ACTIONS` lists the actions' names."""

    name: Name


class ChooseSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose another sound by one of: its name, its MIDI number, its tree.

    number: bank * 128 + program.
    tree: the content of a sound's file.
    folder: the folder with the trajectory files that are named in the tree.
    """

    name: Name | None = None
    number: Annotated[int, msgspec.Meta(ge=0, lt=2**21)] | None = None
    tree: dict[str, Any] | None = None
    folder: str | None = None


class SaveSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Save the sound as it is now.

    name: None to let the program choose a new name.
    """

    name: Name | None = None


class NamedSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a user's sound, or of an instrument."""

    name: Name


class RenamedSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a user's sound, and the new name of this sound or of its copy."""

    name: Name
    new_name: Name


class WrittenSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Save a sound for the user.

    tree: the content of the sound's file; it names no trajectory files.
    """

    name: Name
    tree: dict[str, Any]


class WayOverPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Save the present sound for the user, with a morph through `places`.

    places: for each place, the names of latents with their positions, 0 to 1.
    at: where the saved sound's morph begins, 0 to 1. If `at` is given, the latents begin at their present positions;
        otherwise the morph and the latents begin at the first place.
    """

    name: Name
    places: Annotated[tuple[dict[Name, Position], ...], msgspec.Meta(min_length=2, max_length=MOST_SOUNDS)]
    at: Position | None = None


class MarkedSound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Set a sound's mark.

    sound: `INSTRUMENT/NAME`, or `/NAME` for a user's sound.
    mark: whether the sound is a favourite, and its tags.
    """

    sound: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    mark: dict[str, Any]


# These requests are passed to the companion unchanged.
_OF_SOUNDS = {
    "sounds.list": NoParams,
    "sounds.read": NamedSound,
    "sounds.rename": RenamedSound,
    "sounds.copy": RenamedSound,
    "sounds.delete": NamedSound,
    "sounds.undo": NoParams,
    "sounds.marks": NoParams,
    "sounds.mark": MarkedSound,
}


def add_requests(server: Server, desk: Desk) -> None:
    """Let the server answer this module's requests."""
    server.add("state", NoParams, lambda _params, _caller: desk.state())
    server.add("present", NoParams, lambda _params, _caller: _present(desk))
    server.add("move", Move, lambda params, _caller: _move(desk, params))
    server.add("moves", Moves, lambda params, _caller: _move_all(desk, params))
    server.add("action", Act, lambda params, caller: _act(desk, params, caller))
    server.add("card", NoParams, lambda _params, _caller: card_of(desk.playing.choice))
    server.add("instrument", NamedSound, lambda params, _caller: _swap(desk, params.name))
    server.add("instruments", NoParams, lambda _params, _caller: list(available()))
    server.add("sound", ChooseSound, lambda params, caller: _choose(desk, params, caller))
    server.add("save", SaveSound, lambda params, caller: _save(desk, params, caller))
    server.add("sounds.path", WayOverPlaces, lambda params, caller: _write_path(desk, params, caller))
    server.add("sounds.write", WrittenSound, lambda params, caller: _write(desk, params, caller))
    for name, params in _OF_SOUNDS.items():
        server.add(name, params, partial(_ask_companion, desk, name))


def _present(desk: Desk) -> dict[str, Any]:
    """All that another process needs to play what plays here, with absolute paths."""
    playing, settings = desk.playing, desk.playing.choice.settings
    state = msgspec.structs.replace(state_of(playing), instrument=str(playing.engine.instrument.path.resolve()))
    if settings.tuning.scale is not None:
        scale = str(Path(settings.tuning.scale).resolve())
        settings = msgspec.structs.replace(settings, tuning=msgspec.structs.replace(settings.tuning, scale=scale))
    if settings.midi.map is not None and Path(settings.midi.map).is_file():  # otherwise it is a map's name
        midi = msgspec.structs.replace(settings.midi, map=str(Path(settings.midi.map).resolve()))
        settings = msgspec.structs.replace(settings, midi=midi)
    return msgspec.to_builtins({"state": state, "settings": settings}, str_keys=True)


def _choose(desk: Desk, sound: ChooseSound, caller: Caller) -> object:
    said = [value for value in (sound.name, sound.number, sound.tree) if value is not None]
    if len(said) != 1:
        raise UserError("request sound", f"{len(said)} of name, number and tree", "one of them", "give one")
    choosing = desk.choosing
    if sound.name is not None:
        choosing.choose(sound.name, caller.answer, caller.refuse)
    elif sound.number is not None:
        choosing.choose_number(sound.number, caller.answer, caller.refuse)
    else:
        caller.answer(choosing.play_tree(sound.tree, Path(sound.folder) if sound.folder else None, "the sound"))
    return LATER


def _swap(desk: Desk, name: str) -> dict[str, object]:
    if name not in available():
        raise UserError("request instrument", repr(name), "an instrument that is here", did_you_mean(name, available()))
    if desk.choosing.swap is None:
        raise UserError("request instrument", repr(name), "a play that can change it", "start play with --instrument")
    desk.choosing.swap(0, name, None, None)
    return {"instrument": name}


def _save(desk: Desk, save: SaveSound, caller: Caller) -> object:
    desk.save(save.name, caller.answer, caller.refuse)
    return LATER


def _write(desk: Desk, sound: WrittenSound, caller: Caller) -> object:
    return _keep(desk, sound.name, sound.tree, None, caller)


def _write_path(desk: Desk, way: WayOverPlaces, caller: Caller) -> object:
    engine = desk.playing.engine  # the first part's engine, because the page moves this part's latents
    morph = {"sounds": way.places} | ({} if way.at is None else {"at": [way.at]})
    return _keep(desk, way.name, edited_sound(engine) | {"morph": morph}, engine.patch.folder, caller)


def _keep(desk: Desk, name: str, tree: dict[str, Any], folder: Path | None, caller: Caller) -> object:
    def kept(answer: dict[str, Any]) -> None:
        desk.changed(saved=answer["name"])
        caller.answer(answer)

    place = None if folder is None else str(folder.resolve())
    desk.companion.ask("sounds.save", kept, caller.refuse, name=name, tree=tree, folder=place)
    return LATER


def _ask_companion(desk: Desk, name: str, params: msgspec.Struct, caller: Caller) -> object:
    desk.companion.ask(name, caller.answer, caller.refuse, **msgspec.structs.asdict(params))
    return LATER


def _move(desk: Desk, move: Move) -> dict[str, object]:
    where = "request move"
    refuse_unknown_target(move.target, where)
    if move.target in ACTIONS:
        raise UserError(where, f"{move.target!r}, an action", "a target", "ask for it with: action")
    if desk.playing.engine.target_position(move.target) is None:
        found = f"{move.target!r}, which this sound does not have"
        raise UserError(where, found, "a target that plays", did_you_mean(move.target, desk.state()["positions"]))
    desk.playing.post(TargetMove(move.target, move.position))
    return {"target": move.target, "position": move.position}


def _move_all(desk: Desk, moves: Moves) -> dict[str, object]:
    for target, position in moves.positions.items():
        _move(desk, Move(target, position))
    return {"n_moves": len(moves.positions)}


def _act(desk: Desk, act: Act, _caller: Caller) -> object:
    if act.name not in ACTIONS:
        raise UserError("request action", repr(act.name), "an action", did_you_mean(act.name, ACTIONS))
    return desk.actions.perform(Action(act.name)) or {}
