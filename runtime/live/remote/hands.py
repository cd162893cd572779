"""Notes that other programs play over the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from runtime.events import N_CHANNELS, Event, NoteOff, NoteOn
from runtime.instrument.card import Note
from runtime.link.connection import Connection
from runtime.link.server import Caller, Server

Channel = Annotated[int, msgspec.Meta(ge=0, lt=N_CHANNELS)]


class PlayNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Press a key; a velocity of 0 releases it. Note and velocity are as in MIDI; channels are numbered from 0."""

    note: Note
    velocity: Note = 0
    channel: Channel = 0


class Hands:
    """The keys that each connection holds. A note ends when no connection holds its key any more."""

    def __init__(self, post: Callable[[Event], object]):
        self._post = post
        self._held: dict[Connection, set[tuple[int, int]]] = {}

    def add_requests(self, server: Server) -> None:
        """Make a server answer the request `note`, and end the notes of a client that has gone."""
        server.add("note", PlayNote, self._play)
        server.on_gone(self._let_go)

    def _play(self, played: PlayNote, caller: Caller) -> dict[str, object]:
        held, key = self._held.setdefault(caller.connection, set()), (played.channel, played.note)
        if played.velocity:
            held.add(key)
            self._post(NoteOn(played.channel, played.note, played.velocity))
        elif key in held:
            held.remove(key)
            self._end(key)
        return {}

    def _let_go(self, connection: Connection) -> None:
        for key in self._held.pop(connection, ()):
            self._end(key)

    def _end(self, key: tuple[int, int]) -> None:
        if not any(key in held for held in self._held.values()):
            self._post(NoteOff(*key))
