"""Knows the keys that pages and the OSC port hold. The holders share one connection to the playing process."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Hashable
from typing import Annotated

import msgspec

from runtime.base.errors import UserError
from runtime.panel.playing.play_link import PlayLink


class Played(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key press, or a key release if the velocity is 0.

    note, velocity: as in MIDI.
    channel: counted from 0.
    """

    note: Annotated[int, msgspec.Meta(ge=0, le=127)]
    velocity: Annotated[int, msgspec.Meta(ge=0, le=127)] = 0
    channel: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0


class HeldKeys:
    """Knows which keys each holder holds. A holder is a page, or the OSC port.

    A key is released when its last holder releases it.
    """

    def __init__(self, link: PlayLink):
        self._link = link
        self._held: defaultdict[Hashable, set[tuple[int, int]]] = defaultdict(set)

    def play(self, holder: Hashable, played: Played) -> None:
        """Press a key, or release a key that the holder holds. A press raises UserError if nothing plays."""
        key = played.channel, played.note
        if played.velocity:
            self._link.tell("note", msgspec.to_builtins(played))
            self._held[holder].add(key)
        elif key in self._held[holder]:
            self._held[holder].remove(key)
            self._end(key)

    def let_go(self, holder: Hashable) -> None:
        """Release all keys of a holder."""
        for key in self._held.pop(holder, ()):
            self._end(key)

    def forget(self) -> None:
        """Forget all keys: the playing process has gone."""
        self._held.clear()

    def _end(self, key: tuple[int, int]) -> None:
        if not any(key in held for held in self._held.values()):
            with contextlib.suppress(UserError):
                self._link.tell("note", {"note": key[1], "velocity": 0, "channel": key[0]})
