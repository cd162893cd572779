"""Events that wait in the rack until they are due, and what the arpeggiator makes of them."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from runtime.control.control_map import ControlMap
from runtime.control_numbers import Control
from runtime.events import ControlChange, Event, ProgramChange, SoundChange, Swap
from runtime.rack.parts import Part, Playable
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.sound import Sound

_BANK_SELECTS = (Control.BANK_SELECT, Control.BANK_SELECT_LSB)


class BeforeParts(Protocol):
    """What stands between the events and the parts, such as an arpeggiator.

    feed: takes an event at its frame, ascending. choose: the first part plays another sound from a frame on. take: the
    events, (frame, event), ascending, that happen before `end_frame` and were not taken yet; those that it lets pass
    are among them. memory: what outlives the notes, as plain values.
    """

    def feed(self, event: Event, frame: int) -> None: ...

    def choose(self, settings: Arpeggio, tempo_bpm: float, frame: int) -> None: ...

    def take(self, end_frame: int) -> list[tuple[int, Event]]: ...

    def memory(self) -> dict[str, dict[str, Any]]: ...


class Due(NamedTuple):
    """An event that waits; given: the frame that it was posted with; part: the only part that it concerns, or None."""

    frame: int
    number: int
    event: Event
    given: int | None
    part: int | None


class Incoming:
    """The events that were posted and are not due yet.

    parts: of the rack; controls: what a map takes; arpeggiator: None: none; make: makes what a Swap asks for.
    history: every event is appended to it, (frame, event), as soon as it has a frame; None: none.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        controls: ControlMap,
        arpeggiator: BeforeParts | None,
        make: Callable[[Swap], Playable] | None,
    ):
        self._parts, self._controls, self._arpeggiator, self._make = parts, controls, arpeggiator, make
        self.history: deque[tuple[int, object]] | None = None
        self._posted: deque[tuple[int | None, Event, int | None]] = deque()
        self._pending: list[Due] = []
        self._n_events = 0
        self._banks: dict[int, list[int]] = {}  # by channel: as the arpeggiator, which comes before the parts, needs it

    def post(self, event: Event, frame: int | None, part: int | None) -> None:
        """Hand over an event from any thread."""
        self._posted.append((frame, event, part))

    def is_waiting(self) -> bool:
        """Whether `take` may have something to do."""
        return bool(self._posted or self._pending or self._arpeggiator)

    def waiting(self) -> list[tuple[int, Event]]:
        """The events that have a frame and are not due yet."""
        return [(due.frame, due.event) for due in self._pending]

    def memory(self) -> dict[str, dict[str, Any]]:
        """What the arpeggiator remembers, as plain values."""
        return {} if self._arpeggiator is None else self._arpeggiator.memory()

    def take(self, frame: int, end: int) -> list[Due]:
        """Remove the events that happen before `end`; those that are late, or have no frame, happen at `frame`, now."""
        while self._posted:
            given, event, part = self._posted.popleft()
            at = frame if given is None or given < frame else given
            insort(self._pending, Due(at, self._n_events, event, given, part))
            if self.history is not None:
                # An engine in the history would live on for as long as the history does.
                said = msgspec.structs.replace(event, made=None) if isinstance(event, Swap) else event
                self.history.append((at, said))
            self._n_events += 1
        n_due = 0
        while n_due < len(self._pending) and self._pending[n_due].frame < end:
            n_due += 1
        due, self._pending = self._pending[:n_due], self._pending[n_due:]
        if self._make is not None:
            due = [self._made(each) if isinstance(each.event, Swap) else each for each in due]
        return due if self._arpeggiator is None else self._arpeggiated(due, end)

    def _made(self, due: Due) -> Due:
        """A swap with what plays it."""
        if isinstance(due.event.made, Playable):
            return due
        return due._replace(event=msgspec.structs.replace(due.event, made=self._make(due.event)))

    def _arpeggiated(self, due: list[Due], end: int) -> list[Due]:
        """The events that the arpeggiator makes of these; it leaves those for one part alone."""
        passed = []
        for each in due:
            if each.part is None:
                self._arpeggiator.feed(each.event, each.frame)
            else:
                passed.append(each)
            sound = self._chosen_sound(each.event) if not each.part else None
            if sound is not None:
                self._arpeggiator.choose(sound.arpeggiator, sound.tempo_bpm, each.frame)
        taken = [Due(at, 0, event, at, None) for at, event in self._arpeggiator.take(end)]
        return sorted(taken + passed, key=lambda each: each.frame) if passed else taken

    def _chosen_sound(self, event: Event) -> Sound | None:
        """The sound that an event lets the first part play, if the event says it."""
        if isinstance(event, Swap):
            made = event.made
            return made.sound if isinstance(made, Playable) and event.part == 0 else None
        if isinstance(event, SoundChange):
            return event.prepared.sound
        if isinstance(event, ProgramChange):
            return self._program(event)
        if isinstance(event, ControlChange) and event.control in _BANK_SELECTS:
            self._banks.setdefault(event.channel, [0, 0])[_BANK_SELECTS.index(event.control)] = event.value
        return None

    def _program(self, event: ProgramChange) -> Sound | None:
        """The sound that a program change lets the first part play; None if it is not the engine's: it comes later."""
        programs = self._parts[0].engine.sounds[1]
        is_own = not any(self._banks.get(event.channel, ())) and event.program < len(programs)
        heard = self._parts[0].hears(event.channel) and not self._controls.is_mapped(event)
        return programs[event.program].sound if is_own and heard else None
