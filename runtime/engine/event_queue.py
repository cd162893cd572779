"""The queue of events: any thread posts them, the audio thread takes them."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable

from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.events import Clock, Event, KnobTurn, Tempo

_COUNTED = (Clock, Tempo)


class EventQueue:
    """Posted events that are not yet applied, sorted by frame.

    An event that only changes spectra or the tempo may be applied as late as the next hop
    (`ControlMap.may_wait_for_hop`).

    has_news: whether events were posted since the latest `collect`.
    is_urgent: whether one of these events must be collected in this block.
    history: each collected event is appended to it, as (frame, event); None if no history is kept.
    """

    def __init__(self, knobs: Knobs, controls: ControlMap, hops: HopGroups):
        self.has_news = self.is_urgent = False
        self.history: deque[tuple[int, object]] | None = None
        self._knobs, self._controls, self._hops = knobs, controls, hops
        self._posted: deque[tuple[int | None, Event]] = deque()
        self._positions: dict[int, float] = {}  # each latent's newest position since `collect`
        self._pending: list[tuple[int, int, Event]] = []  # (frame, order of collection, event), ascending
        self._n_events = 0

    def post(self, event: Event, frame: int | None = None) -> None:
        """Post an event, from any thread; frame: as in `Engine.post`."""
        if frame is None and type(event) is KnobTurn and not self._posted:
            self._positions[event.latent] = event.position  # of all positions before a hop, only the newest is heard
        else:
            self._posted.append((frame, event))
            # Clock and tempo messages must be collected in this block, even if they are applied at a later hop. In a
            # later block, they would get a later frame, and the beat would be wrong.
            if type(event) in _COUNTED or not self._controls.may_wait_for_hop(event):
                self.is_urgent = True
        self.has_news = True

    def collect(self, now: int, end: int, first_hop: int) -> int:
        """Sort the posted events into the queue, on the audio thread; returns the new end of the present span.

        now: the next frame to render. Events without a frame, and late events, get this frame.
        end: the span's present end.
        first_hop: the first hop after the span's first frame.
        """
        # Clear the flags first: an event posted during the loop below sets them again.
        self.has_news = self.is_urgent = False
        if self._positions:
            self._turn_knobs(now)
            if end > first_hop:
                end = min(end, self._hops.next_hop(now))
        while self._posted:
            frame, event = self._posted.popleft()
            frame = now if frame is None or frame < now else frame
            self._sort_in(frame, event)
            if self.history is not None:
                self.history.append((frame, event))
        return self.next_change(end)

    def _turn_knobs(self, now: int) -> None:
        positions = self._positions
        while positions:  # emptied, not replaced: another thread may be writing to this dictionary
            latent, position = positions.popitem()
            if self._pending:  # the events that wait must be applied before this turn
                self._sort_in(now, KnobTurn(latent, position))
            else:
                self._knobs.turn(latent, position)
            if self.history is not None:
                self.history.append((now, KnobTurn(latent, position)))

    def waiting(self) -> tuple[tuple[int, Event], ...]:
        """The collected events that are not yet applied, with their frames, in order."""
        return tuple((frame, event) for frame, _, event in self._pending)

    def wait_again(self, waiting: Iterable[tuple[int, Event]]) -> None:
        """Add the events that waited in another engine's queue. Call this only before the first block."""
        for frame, event in waiting:
            self._sort_in(frame, event)

    def _sort_in(self, frame: int, event: Event) -> None:
        entry = (frame, self._n_events, event)
        self._n_events += 1
        if self._pending and entry < self._pending[-1]:
            insort(self._pending, entry)
        else:
            self._pending.append(entry)

    def take(self, frame: int) -> tuple[Event, int] | None:
        """Remove and return the next event, with its frame; None if no event is due at `frame`."""
        if not self._pending or self._pending[0][0] > frame:
            return None
        event_frame, _, event = self._pending.pop(0)
        return event, event_frame

    def is_due(self, frame: int) -> bool:
        return bool(self._pending) and self._pending[0][0] <= frame

    def next_change(self, end: int) -> int:
        """The frame at which the next event is heard, but at most `end`."""
        waits_for_hop = False
        for frame, _, event in self._pending:
            if frame >= end:
                break
            if not self._controls.may_wait_for_hop(event):
                return frame
            if not waits_for_hop:
                waits_for_hop = True
                end = min(end, self._hops.next_hop(frame))
        return end
