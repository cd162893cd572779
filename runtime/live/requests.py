"""What other programs can ask of the playing process over the link; docs/link.md describes each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.control.targets import ACTIONS, refuse_unknown_target
from runtime.events import Action, TargetMove
from runtime.instrument.card import Position
from runtime.link.server import Caller, NoParams, Server

if TYPE_CHECKING:
    from runtime.live.desk import Desk

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Move a target of the sound; position: 0 to 1 of its travel."""

    target: Name
    position: Position


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start an action; name: as in `control.targets.ACTIONS`."""

    name: Name


def add_requests(server: Server, desk: Desk) -> None:
    """Let the server answer `state`, `move` and `action`."""
    server.add("state", NoParams, lambda _params, _caller: desk.state())
    server.add("move", Move, lambda params, _caller: _move(desk, params))
    server.add("action", Act, lambda params, caller: _act(desk, params, caller))


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


def _act(desk: Desk, act: Act, _caller: Caller) -> object:
    if act.name not in ACTIONS:
        raise UserError("request action", repr(act.name), "an action", did_you_mean(act.name, ACTIONS))
    return desk.actions.perform(Action(act.name)) or {}
