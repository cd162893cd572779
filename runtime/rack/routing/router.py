"""Hands each event to the parts that it concerns, and handles events for the rack itself."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from runtime.control.control_map import ControlMap
from runtime.control_numbers import Control
from runtime.engine.engine import Engine
from runtime.events import (
    ALL_PARTS,
    N_CHANNELS,
    Action,
    ActiveSensing,
    ChannelEvent,
    ControlChange,
    Event,
    MapChange,
    NoteOn,
    PartChange,
    ProgramChange,
    ProgramForAll,
    Reset,
    SoundChange,
    Swap,
    VoiceLimit,
)
from runtime.rack.channel_memory import ChannelMemory
from runtime.rack.parts import Part, Playable, chooses_for_all
from runtime.rack.routing.incoming import Due
from runtime.rack.routing.returns import Returns
from runtime.rack.routing.voice_room import VoiceRoom

MOST_LEAVING = 3  # at most this many earlier engines of one part ring out
MOST_LEAVING_OF_ALL = 4  # at most this many engines of all replaced parts together ring out


class Router:
    """Hands out events, on the audio thread.

    leaving: replaced parts, whose notes ring out.
    controls: turns presses of controls into actions.
    room: makes room for new notes.
    returns: receives the player's actions.
    """

    def __init__(self, parts: list[Part], leaving: list[Part], controls: ControlMap, room: VoiceRoom, returns: Returns):
        self._parts, self._leaving, self._controls = parts, leaving, controls
        self._room, self._returns = room, returns
        self._memory, self._senses = ChannelMemory(controls.is_mapped), False

    def hand_out(self, due: list[Due], frame: int, end: int) -> tuple[int, list[Due]]:
        """Hand events to the parts, until an event requires that all engines are first rendered up to its frame.

        Returns the frame up to which to render, and the remaining events.

        due: the events, by ascending frame.
        frame: the first frame that is not rendered.
        end: the end of the block.
        """
        self._room.begin_piece()
        n_handed = 0
        # Events of one frame stay together, because `needs_exact_frame` must count all notes among them.
        for at, group in groupby(due, key=lambda each: each.frame):
            at_once = list(group)
            if at > frame and self._room.needs_exact_frame([each.event for each in at_once]):
                return at, due[n_handed:]
            for each in at_once:
                self._hand(each)
            n_handed += len(at_once)
        self._room.end_piece()
        return end, []

    def said(self) -> tuple[Event, ...]:
        """Return the events that set a new engine's controllers to the present values."""
        return tuple(self._memory.events())

    def remember(self, said: Iterable[Event]) -> None:
        said = tuple(said)
        self._memory.remember(said)
        self._senses = any(isinstance(event, ActiveSensing) for event in said)
        for event in said:
            if isinstance(event, VoiceLimit):
                self._room.limit(event, 0)

    def silence(self, frame: int, but: Engine | None) -> None:
        """End all notes and reset all controllers, on all engines except `but`."""
        self._memory.hear(Reset())
        for part in (*self._leaving, *self._parts):
            for engine in part.engines():
                if engine is not but:
                    engine.post(Reset(), frame)
                    for channel in range(N_CHANNELS):
                        engine.post(ControlChange(channel, Control.ALL_SOUND_OFF, 0), frame)

    def _hand(self, due: Due) -> None:
        event, frame = due.event, due.given
        if self._is_taken(due):
            return
        self._memory.hear(event)
        # A SoundChange was prepared for the engine of one part: no other part may receive it.
        only = event.part if isinstance(event, SoundChange) else None
        heard = [part for number, part in enumerate(self._parts) if only in (None, number)]
        match event:
            case NoteOn():
                deaf = [part for part in heard if not self._begin(part, event, due)]
            case Action():
                deaf = []
                self._act(event, due.frame)
            case ProgramChange() if chooses_for_all(self._parts):
                deaf = self._parts[1:]
                self._parts[0].take(ProgramForAll(event.channel, event.program), frame)
            case PartChange():
                deaf = []
                if event.part < len(self._parts):
                    self._parts[event.part].change(event, due.frame)
            case Swap():
                deaf = []
                self._swap(event, due.frame)
            case _:
                if isinstance(event, VoiceLimit):
                    self._room.limit(event, due.frame)
                deaf = [part for part in heard if not part.take(event, frame)]
                for part in self._leaving:
                    part.ring_out(event, frame)
        self._senses |= isinstance(event, ActiveSensing)
        if self._senses and isinstance(event, ChannelEvent):
            # The event shows that its sender is connected: tell this to the parts that do not get the event.
            for part in deaf:
                part.take(ActiveSensing(), frame)

    def _is_taken(self, due: Due) -> bool:
        """Handle a MapChange, or an event of a mapped control; return False for any other event.

        A mapped control acts on the parts that hear its channel. If no part hears this channel, the control acts on all
        parts: a box of knobs may send on a channel of its own.
        """
        event = due.event
        if isinstance(event, MapChange):
            self._controls.use(event.device, event.map)
            self._memory.hear(event)
        else:
            action = self._controls.action(event)
            if action is not None:
                self._act(action, due.frame)
            if not self._controls.is_mapped(event):
                return False
        parts = [*self._leaving, *self._parts]
        if not isinstance(event, MapChange) and any(part.hears(event.channel) for part in self._parts):
            parts = [part for part in parts if part.hears(event.channel)]
        for part in parts:
            for engine in part.engines():
                engine.post(event, due.given)
        return True

    def _begin(self, part: Part, event: NoteOn, due: Due) -> bool:
        """Begin a note on the part's engine; return False if the part does not play it."""
        note = part.note_of(event)
        if note is None:
            return False
        self._room.admit(part.engine, due.frame)
        part.engine.post(note, due.given)
        if self._senses:
            for engine in part.leaving:
                engine.post(ActiveSensing(), due.given)
        return True

    def _act(self, action: Action, frame: int) -> None:
        if action.name == "panic":
            self.silence(frame, None)
        else:
            self._returns.ask(action)

    def _swap(self, event: Swap, frame: int) -> None:
        if event.part == ALL_PARTS:
            new = self._replace_all(event, frame)
        elif isinstance(event.made, Playable) and event.part < len(self._parts):
            new = [self._parts[event.part]]
            new[0].swap(event.made, frame)
            _end_all_but(new[0].leaving, MOST_LEAVING, frame)
        else:
            return
        self._returns.ask(Action("swapped", part=event.part))
        for said in self._memory.events():
            for part in new:
                if not isinstance(said, ChannelEvent) or part.hears(said.channel):
                    part.engine.post(said, frame)

    def _replace_all(self, event: Swap, frame: int) -> list[Part]:
        self._leaving += self._parts
        self._parts[:] = event.made
        for part in self._parts:
            part.engine.start_at(frame)
        leaving = [engine for part in self._leaving for engine in part.engines()]
        _end_all_but(leaving, MOST_LEAVING_OF_ALL, frame)
        return self._parts


def _end_all_but(leaving: list[Engine], n_most: int, frame: int) -> None:
    """Of the leaving engines that still sound, let only the newest ring out; end the notes of the others.

    n_most: how many engines may ring out, 1 or more.
    """
    for engine in [engine for engine in leaving if engine.sounding()][:-n_most]:
        for channel in range(N_CHANNELS):
            engine.post(ControlChange(channel, Control.ALL_SOUND_OFF, 0), frame)
