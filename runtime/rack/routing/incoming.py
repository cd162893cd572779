"""Keeps events in the rack until they are due, and passes them through the arpeggiator."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from runtime.control.control_map import ControlMap
from runtime.control_numbers import Control
from runtime.events import ALL_PARTS, ControlChange, Event, ProgramChange, SoundChange, Swap
from runtime.rack.parts import Part, Playable, chooses_for_all
from runtime.rack.recorded.state import state_of_part
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.sound import Sound

_BANK_SELECTS = (Control.BANK_SELECT, Control.BANK_SELECT_LSB)


class BeforeParts(Protocol):
    """Processes a rack's events before its parts (`Part`) receive them, as an arpeggiator does.

    feed: receives an event; frames must not decrease from call to call.
    choose: applies the settings and the tempo of the first part's new sound, which begins at `frame`.
    take: returns the events before `end_frame` that no earlier call returned, each as (frame, event), ascending.
    memory: returns the state that outlives notes, such as the beat, as plain values.
    remember: continues at `frame` from a state that `memory` returned.
    """

    def feed(self, event: Event, frame: int) -> None: ...

    def choose(self, settings: Arpeggio, tempo_bpm: float, frame: int) -> None: ...

    def take(self, end_frame: int) -> list[tuple[int, Event]]: ...

    def holds_keys(self) -> bool: ...

    def memory(self) -> dict[str, dict[str, Any]]: ...

    def remember(self, memory: Mapping[str, dict[str, Any]], frame: int) -> None: ...


class Due(NamedTuple):
    """A waiting event.

    frame: when the event happens.
    number: the event's place in the order of posting; 0 if the event comes from the arpeggiator.
    given: the frame that was passed to `post`, which may be None; the same as `frame` if the event comes from the
        arpeggiator.
    """

    frame: int
    number: int
    event: Event
    given: int | None


class Incoming:
    """The events that were posted and are not due yet.

    controls: the control map; a program change that it maps chooses no sound.
    arpeggiator: None for no arpeggiator.
    history: receives each event as soon as its frame is known, as (frame, event); None for no history.
    """

    def __init__(self, parts: Sequence[Part], controls: ControlMap, arpeggiator: BeforeParts | None):
        self._parts, self._controls, self._arpeggiator = parts, controls, arpeggiator
        self.history: deque[tuple[int, object]] | None = None
        self._posted: deque[tuple[int | None, Event]] = deque()
        self._pending: list[Due] = []
        self._n_events = 0
        self._banks: dict[int, list[int]] = {}  # each channel's bank: the newest values of CC 0 and CC 32

    def post(self, event: Event, frame: int | None) -> None:
        """Post an event; may be called on any thread. frame: as in `Engine.post`."""
        self._posted.append((frame, event))

    def is_waiting(self) -> bool:
        return bool(self._posted or self._pending or self._arpeggiator)

    def waiting(self) -> tuple[tuple[int, Event], ...]:
        """Return the events that have a frame and are not due yet, each as (frame, event)."""
        return tuple((due.frame, self._light(due.event)) for due in self._pending)

    def holds_keys(self) -> bool:
        return self._arpeggiator is not None and self._arpeggiator.holds_keys()

    def memory(self) -> dict[str, dict[str, Any]]:
        return {} if self._arpeggiator is None else self._arpeggiator.memory()

    def remember(self, memory: Mapping[str, dict[str, Any]], said: Iterable[Event], frame: int) -> None:
        """Continue at `frame` from the state of another rack.

        memory, said: as in RackState.
        """
        if self._arpeggiator is not None:
            self._arpeggiator.remember(memory, frame)
        for event in said:
            self._chosen_sound(event)  # called only because it stores the values of bank selects

    def take(self, frame: int, end: int) -> list[Due]:
        """Remove and return the events that happen before `end`. The next block runs from `frame` to `end`.

        Late events, and events without a frame, happen at `frame`.
        """
        while self._posted:
            given, event = self._posted.popleft()
            at = frame if given is None or given < frame else given
            insort(self._pending, Due(at, self._n_events, event, given))
            if self.history is not None:
                self.history.append((at, self._light(event)))
            self._n_events += 1
        n_due = 0
        while n_due < len(self._pending) and self._pending[n_due].frame < end:
            n_due += 1
        due, self._pending = self._pending[:n_due], self._pending[n_due:]
        return due if self._arpeggiator is None else self._arpeggiated(due, end)

    def _light(self, event: Event) -> Event:
        """The event. In a Swap, each engine is replaced by its state: the history must not keep engines in memory."""
        if not isinstance(event, Swap):
            return event
        if event.part == ALL_PARTS:
            made = tuple(state_of_part(part.engine, part.settings, True, {}) for part in event.made)
        elif isinstance(event.made, Playable) and event.part < len(self._parts):
            made = state_of_part(event.made.engine, self._parts[event.part].settings, True, {})
        else:
            made = None  # the Swap brings no engine, or names a part that is not there
        return msgspec.structs.replace(event, made=made)

    def _arpeggiated(self, due: list[Due], end: int) -> list[Due]:
        for each in due:
            self._arpeggiator.feed(each.event, each.frame)
            sound = self._chosen_sound(each.event)
            if sound is not None:
                self._arpeggiator.choose(sound.arpeggiator, sound.tempo_bpm, each.frame)
        return [Due(at, 0, event, at) for at, event in self._arpeggiator.take(end)]

    def _chosen_sound(self, event: Event) -> Sound | None:
        """The sound that an event chooses for the first part, or None. Also stores the values of bank selects."""
        if isinstance(event, Swap):
            made = event.made[0] if event.part == ALL_PARTS else event.made if event.part == 0 else None
            return made.sound if isinstance(made, (Part, Playable)) else None
        if isinstance(event, SoundChange):
            return event.prepared.sound if event.part == 0 else None
        if isinstance(event, ProgramChange):
            return self._program(event)
        if isinstance(event, ControlChange) and event.control in _BANK_SELECTS:
            self._banks.setdefault(event.channel, [0, 0])[_BANK_SELECTS.index(event.control)] = event.value
        return None

    def _program(self, event: ProgramChange) -> Sound | None:
        programs = self._parts[0].engine.sounds[1]
        is_own = not any(self._banks.get(event.channel, ())) and event.program < len(programs)
        heard = self._parts[0].hears(event.channel) and not self._controls.is_mapped(event)
        return programs[event.program].sound if is_own and heard and not chooses_for_all(self._parts) else None
