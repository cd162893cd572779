"""Recording, in the playing process.

The audio thread copies its blocks into a ring and appends events to a list. The code here runs on the main thread: it
sorts these events and sends them to the companion. The companion also reads the ring, and writes the files.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.audio.sound_ring import SoundRing, ring_frames
from runtime.base.errors import UserError
from runtime.config import Config
from runtime.events import Action, Swap
from runtime.link.recording import Record
from runtime.link.server import LATER, Caller, Server
from runtime.rack.recorded.head import head_tree
from runtime.rack.recorded.replay import plain_event
from runtime.rack.recorded.state import RackState

if TYPE_CHECKING:
    from runtime.live.desk import Desk
    from runtime.rack.rack import Rack

SERVE_S = 0.2  # while recording, events are sent to the companion once in this many seconds
STATE_S = 2.0  # seconds between requests for the rack's state; a recording can begin only at the frame of such a state
MARGIN_S = 2.0  # no recording begins in the oldest 2 s of the ring, which may be overwritten before they are read
# If a recording has not begun after this time, it is refused: evidently the sound card requests no blocks.
BEGINS_WITHIN_S = 3.0
_MOST_EVENTS_A_TURN = 2000


Answer = Callable[[Any], object]
_Known = tuple[int, RackState]  # a state's index in `_recent`, and the state


class _Waiting(msgspec.Struct):
    """A requested recording; it begins at a state near `from_frame`, or is refused at the time `until_s`."""

    record: Record
    from_frame: int
    answer: Answer
    refuse: Answer
    until_s: float


class Recorder:
    """Starts and stops recordings, one at a time; a recording ends if the rack is replaced.

    ring: the memory that every block must be written to.
    """

    def __init__(self, desk: Desk, sample_rate_hz: int):
        self._desk = desk
        self.ring = SoundRing(ring_frames(sample_rate_hz))
        self._rack: Rack | None = None
        self._history: deque[tuple[int, object]] = deque()
        # Events and states, in the order of arrival. The sound of their frames is still in the ring.
        self._recent: deque[tuple[int, object]] = deque()
        self._held: list[tuple[int, Any]] = []  # the recording's unsent events, sorted by frame
        self._waiting: _Waiting | None = None
        self._settings = Config()  # the settings at the recording's start
        self._first = -1  # the recording's first frame, -1 without a recording
        self._n_starts = 0  # number of times that the companion had been started before the recording began
        self._next_state_s, self._former_generation = -math.inf, 0

    def connect(self, server: Server | None) -> None:
        """From now on, handle the request and the action `record`, and the companion's message `recording_ended`."""
        if server is not None:
            server.add("record", Record, self._asked)
        self._desk.actions.add("record", self._toggle)
        self._desk.companion.on("recording_ended", self._ended)

    @property
    def is_recording(self) -> bool:
        """Whether a recording is in progress or about to begin."""
        return self._first >= 0 or self._waiting is not None

    @property
    def wait_s(self) -> float:
        return SERVE_S if self.is_recording else STATE_S

    def follow(self, rack: Rack) -> None:
        """Keep the events of this rack, and forget those of other racks; call this before the rack's first block."""
        if rack is self._rack:
            return
        self._rack, self._former_generation = rack, self.ring.generation
        self._history, self._recent = deque(), deque()
        self._held, self._first = [], -1
        rack.keep_history(self._history)
        rack.ask_for_state()

    def serve(self) -> None:
        if self._rack is None:
            return
        frame = self._rack.frame  # read before `_history`, which then has all events before this frame
        self._take_news(frame)
        if self._first >= 0 and self._desk.companion.n_starts != self._n_starts:
            self._first, self._held = -1, []
            self._desk.say("Recording ended, because the companion died; what it had written is kept.")
        if self._first >= 0:
            self._send(frame)
        if self._waiting is not None:
            self._begin_if_possible()
        now_s = time.monotonic()
        if now_s >= self._next_state_s:
            self._next_state_s = now_s + STATE_S
            self._rack.ask_for_state()

    def close(self) -> None:
        """End the recording; the companion finishes the files before it exits."""
        if self._first >= 0:
            self._stop(lambda _facts: None, lambda _error: None)

    def _asked(self, record: Record, caller: Caller) -> object:
        if record.do == "status":
            self._desk.companion.ask("record_status", lambda facts: caller.answer(self._seconds(facts)), caller.refuse)
        elif record.do == "start":
            self._start(record, caller.answer, caller.refuse)
        else:
            self._stop(caller.answer, caller.refuse)
        return LATER

    def _toggle(self, _action: Action) -> None:
        def complain(error: UserError) -> None:
            self._desk.say(f"record: {error}")

        if self.is_recording:
            self._stop(lambda _facts: None, complain)
        else:
            self._start(Record("start"), lambda _facts: None, complain)

    def _start(self, record: Record, answer: Answer, refuse: Answer) -> None:
        if self.is_recording:
            raise UserError("record", "a recording that goes on", "none", "stop it first: ./timbrebox record stop")
        before = round(record.seconds_before * self._rack.sample_rate_hz)
        until_s = time.monotonic() + BEGINS_WITHIN_S
        self._waiting = _Waiting(record, max(0, self._rack.frame - before), answer, refuse, until_s)
        self._rack.ask_for_state()
        self._begin_if_possible()

    def _stop(self, answer: Answer, refuse: Answer) -> None:
        if self._first < 0:
            raise UserError("record", "no recording that goes on", "one", "start it: ./timbrebox record start")
        frame = self._rack.frame
        self._take_news(frame)
        self._send(frame, most=None)
        self._first, self._held = -1, []

        def stopped(facts: dict[str, Any]) -> None:
            self._said(facts)
            answer(self._seconds(facts))

        self._desk.companion.ask("record_stop", stopped, refuse, frame=frame)

    def _take_news(self, frame: int) -> None:
        while self._history:
            item = self._history.popleft()
            if isinstance(item[1], Swap):
                self._recent.clear()  # otherwise engines that no longer play would stay in memory
            else:
                self._recent.append(item)
            if self._first >= 0 and not isinstance(item[1], RackState):
                self._held.append(item)
        self._held.sort(key=itemgetter(0))  # a stable sort: events of one frame keep their order
        oldest = frame - self.ring.n_frames
        while self._recent and self._recent[0][0] < oldest:
            self._recent.popleft()

    def _begin_if_possible(self) -> None:
        waiting = self._waiting
        states = [(number, state) for number, (_, state) in enumerate(self._recent) if isinstance(state, RackState)]
        if self.ring.generation == self._former_generation:
            states = []  # the ring still holds only the previous rack's sound
        found = self._best(states, waiting.from_frame, bool(waiting.record.seconds_before))
        if found is not None:
            self._waiting = None
            self._begin(waiting, *found)
        elif time.monotonic() > waiting.until_s:
            self._waiting = None
            waiting.refuse(UserError("record", "no sound to record", "a sound card that plays", "try again"))

    def _best(self, states: list[_Known], from_frame: int, before: bool) -> _Known | None:
        """Choose the state at which the recording begins. before: whether the recording includes past sound.

        If it does, the chosen state is a silent one if possible, because `render` can repeat only a recording that
        begins in silence.
        """
        if not before:
            return next((each for each in states if each[1].frame >= from_frame), None)
        rate_hz = self._rack.sample_rate_hz
        lost = self._rack.frame - self.ring.n_frames + round(MARGIN_S * rate_hz)
        usable = [each for each in states if each[1].frame >= lost]
        early = [each for each in usable if each[1].frame <= from_frame]
        silent = [each for each in early if each[1].is_silent]
        return (silent or early)[-1] if early else next(iter(usable), None)

    def _begin(self, waiting: _Waiting, number: int, state: RackState) -> None:
        later = [item for item in list(self._recent)[number + 1 :] if not isinstance(item[1], RackState)]
        record, rate_hz, first = waiting.record, self._rack.sample_rate_hz, state.parts[0]
        self._settings, sound = first.patch.settings, self._rack.engine().patch
        order = {
            "generation": self.ring.generation,
            "first": state.frame,
            "sample_rate_hz": rate_hz,
            "format": record.format,
            "bits": record.bits,
            "name": sound.sound.name or sound.settings.preset or first.path.stem,
            "head": head_tree(rate_hz, state),
        }
        self._held = sorted([*state.waiting, *later], key=itemgetter(0))
        self._first, self._n_starts = state.frame, self._desk.companion.n_starts

        def begun(facts: dict[str, Any]) -> None:
            self._desk.say(f"Recording: {facts['files'][0]}")
            # The companion has read no sound yet, so the duration in its answer is still 0.
            already = {"duration_s": (self._rack.frame - state.frame) / rate_hz}
            began = {"is_silent": state.is_silent, "holds_notes": state.holds_notes}
            waiting.answer(self._seconds(facts) | already | began)

        def refused(error: UserError) -> None:
            self._first, self._held = -1, []
            waiting.refuse(error)

        self._desk.companion.ask("record_begin", begun, refused, descriptor=self.ring.descriptor, order=order)

    def _send(self, frame: int, most: int | None = _MOST_EVENTS_A_TURN) -> None:
        """Send at most `most` of the events before `frame`; call this only when no event before it can still arrive."""
        n_due = bisect_left(self._held, frame, key=itemgetter(0))
        n_due = n_due if most is None else min(n_due, most)
        due, self._held = self._held[:n_due], self._held[n_due:]
        if due:
            timed = [(at, plain_event(event, self._settings)) for at, event in due]
            self._desk.companion.tell("record_add", timed=timed)

    def _ended(self, facts: dict[str, Any]) -> None:
        """The companion has ended the recording by itself."""
        self._first, self._held = -1, []
        self._said(facts)

    def _said(self, facts: dict[str, Any]) -> None:
        seconds = self._seconds(facts)
        lost = f", {seconds['lost_s']:.2f} s of it lost and silent" if facts["n_lost"] else ""
        because = f", because {facts['problem']}" if facts["problem"] else ""
        self._desk.say(f"Recording ended{because}: {seconds['duration_s']:.1f} s{lost}, {facts['files'][0]}")

    def _seconds(self, facts: dict[str, Any]) -> dict[str, Any]:
        """What the companion says of a recording, with durations in seconds instead of numbers of frames."""
        facts, rate_hz = dict(facts), self._rack.sample_rate_hz
        if "n_frames" in facts:
            facts["duration_s"], facts["lost_s"] = facts.pop("n_frames") / rate_hz, facts.pop("n_lost") / rate_hz
        return facts
