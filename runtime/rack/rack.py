"""The rack: one to four parts on one clock, what comes before them, and the effects and the limiter behind them."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.control_numbers import Control
from runtime.engine.engine import Engine, Status
from runtime.engine.limiter import limit
from runtime.events import (
    N_CHANNELS,
    Action,
    ActiveSensing,
    ChannelEvent,
    ControlChange,
    EndVoice,
    Event,
    MapChange,
    NoteOn,
    PartChange,
    ProgramChange,
    Reset,
    SoundChange,
    Swap,
    VoiceLimit,
)
from runtime.rack.channel_memory import ChannelMemory
from runtime.rack.parts import Part, PartSettings, Playable
from runtime.rack.voice_share import VoiceShare
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.sound import Sound

MOST_PARTS = 4
MOST_LEAVING = 3  # engines on which notes of one part ring out
LONGEST_PIECE = 4096
MOST_WAITING = 256
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


class BehindParts(Protocol):
    """The effects.

    add: adds what they make of the two sends to `dry`, in place; all float32 (n_frames, 2), None for silence.
    sleep: whether they add nothing until something is sent.
    """

    sleep: bool

    def add(
        self, frame: int, dry: np.ndarray, reverb_send: np.ndarray | None, chorus_send: np.ndarray | None
    ) -> None: ...


class _Due(NamedTuple):
    """An event that waits; given: the frame that it was posted with; part: the only part that it concerns, or None."""

    frame: int
    number: int
    event: Event
    given: int | None
    part: int | None


class Rack:
    """Plays up to four parts, each an engine; posted to like an engine. It owns no thread, clock, file or log.

    parts: (playable, settings) of each, with engines that do not limit and have not rendered; n_voices: the most voices
    of all parts together; controls: turns presses of controls into actions; None: those of the settings without a file;
    effects, arpeggiator: None: none; make: makes what a Swap asks for, for a rack that may wait; wake: called when
    there is something for `take_actions` or `take_retired`, on the audio thread; it must not wait.

    frame: the next frame to render; sample_rate_hz: of all engines.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Playable, PartSettings]],
        n_voices: int,
        *,
        controls: ControlMap | None = None,
        effects: BehindParts | None = None,
        arpeggiator: BeforeParts | None = None,
        make: Callable[[Swap], Playable] | None = None,
        wake: Callable[[], object] | None = None,
    ):
        if not 1 <= len(parts) <= MOST_PARTS:
            raise ValueError(f"{len(parts)} parts; a rack has 1 to {MOST_PARTS}")
        self._parts = [Part(playable, settings) for playable, settings in parts]
        self.sample_rate_hz = self._parts[0].engine.sample_rate_hz
        self.frame = self._parts[0].engine.frame
        self.wake = wake
        self._limit = self._n_voices = n_voices
        self._effects, self._arpeggiator, self._make = effects, arpeggiator, make
        self._controls = ControlMap(Config()) if controls is None else controls
        self._memory, self._senses = ChannelMemory(self._controls.is_mapped), False
        self._posted: deque[tuple[int | None, Event, int | None]] = deque()
        self._pending: list[_Due] = []
        self._history: deque[tuple[int, object]] | None = None
        self._wants_state = False
        self._banks: dict[int, list[int]] = {}  # by channel: as the arpeggiator, which comes before the parts, needs it
        self._n_events = self._n_past_notes = self._n_past_stolen = 0
        self._actions: deque[Action] = deque(maxlen=MOST_WAITING)
        self._retired: deque[Engine] = deque()
        self._scratch = np.zeros((2, LONGEST_PIECE, 2), np.float32)
        self._bend = np.zeros((LONGEST_PIECE, 2), np.float32)
        self._buses = np.zeros((2, LONGEST_PIECE, 2), np.float32)
        self._share: VoiceShare | None = None  # the voices at the piece's first frame, once they had to be counted
        self._begun: list[Engine] = []  # of each note that the piece begins, the engine
        self._n_voices_at_most = 0

    @property
    def status(self) -> Status:
        """The engines' state together; the positions are the first part's."""
        if len(self._parts) == 1 and not self._parts[0].leaving and not self._n_past_notes:
            return self._parts[0].engine.status
        every = [engine.status for part in self._parts for engine in part.engines()]
        first = self._parts[0].engine.status
        return Status(
            first.frame,
            sum(status.n_active_voices for status in every),
            self._n_past_notes + sum(status.n_notes for status in every),
            self._n_past_stolen + sum(status.n_stolen for status in every),
            sum(status.n_decoded for status in every),
            sum(status.n_transforms for status in every),
            first.positions,
        )

    def engine(self, part: int = 0) -> Engine:
        """The engine that plays a part's next notes."""
        return self._parts[part].engine

    def engines(self) -> list[Engine]:
        """The engines of all parts, also those on which earlier notes ring out; from any thread."""
        return [engine for part in self._parts for engine in part.engines()]

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return len(self._parts)

    @property
    def n_muted(self) -> int:
        """How many spectra so far were silenced, because the instruments gave numbers that no sound has."""
        return sum(engine.n_muted for part in self._parts for engine in part.engines())

    @property
    def is_silent(self) -> bool:
        """Whether nothing will be heard until another note begins."""
        engines = [engine for part in self._parts for engine in part.engines()]
        return all(engine.is_silent for engine in engines) and (self._effects is None or self._effects.sleep)

    def keep_history(self, history: deque[tuple[int, object]]) -> None:
        """Append every event from now on, (frame, event), as soon as it is taken; and each state that is asked for."""
        self._history = history

    def ask_for_state(self) -> None:
        """Let the audio thread append (frame, EngineState) to the history at the end of the present block.

        It is that of the first part, and is called silent only if nothing else sounds and there is no other part.
        """
        self._wants_state = True

    def post(self, event: Event, frame: int | None = None, part: int | None = None) -> None:
        """Hand over an event from any thread; frame: as for an engine; part: the only part that it concerns."""
        self._posted.append((frame, event, part))

    def take_actions(self) -> list[Action]:
        """What the player has asked for since the last call; from any one thread."""
        return [self._actions.popleft() for _ in range(len(self._actions))]

    def take_retired(self) -> list[Engine]:
        """Engines that play no more, since the last call; whoever takes them frees them, outside the audio thread."""
        return [self._retired.popleft() for _ in range(len(self._retired))]

    def render(self, out: np.ndarray) -> None:
        """Fill `out`, float32 (n_frames, 2), left and right, with the next frames; full scale is 1."""
        for first in range(0, len(out), LONGEST_PIECE):
            self._render_block(out[first : first + LONGEST_PIECE])
        if self._wants_state and self._history is not None:
            self._wants_state = False
            state = self.engine().state(self.is_silent and self._shares_alone())
            waiting = *state.waiting, *((due.frame, due.event) for due in self._pending)
            parts = state.parts if self._arpeggiator is None else state.parts | self._arpeggiator.memory()
            state = msgspec.structs.replace(state, waiting=waiting, parts=parts, n_parts=len(self._parts))
            self._history.append((self.frame, state))

    def _render_block(self, out: np.ndarray) -> None:
        frame, n_frames = self.frame, len(out)
        due = self._due(frame + n_frames) if self._posted or self._pending or self._arpeggiator else []
        done = 0
        while due:
            end, due = self._hand_out(due, frame + done, frame + n_frames)
            self._render_piece(out[done : end - frame])
            done = end - frame
        if done < n_frames:
            self._render_piece(out[done:])
        limit(out, self._scratch[0, :n_frames], self._bend[:n_frames])

    # Events

    def _due(self, end: int) -> list[_Due]:
        """Remove the events that happen before `end`; those that are late, or have no frame, happen now."""
        while self._posted:
            given, event, part = self._posted.popleft()
            frame = self.frame if given is None or given < self.frame else given
            insort(self._pending, _Due(frame, self._n_events, event, given, part))
            if self._history is not None:
                # An engine in the history would live on for as long as the history does.
                said = msgspec.structs.replace(event, made=None) if isinstance(event, Swap) else event
                self._history.append((frame, said))
            self._n_events += 1
        n_due = 0
        while n_due < len(self._pending) and self._pending[n_due].frame < end:
            n_due += 1
        due, self._pending = self._pending[:n_due], self._pending[n_due:]
        if self._make is not None:
            due = [self._made(each) if isinstance(each.event, Swap) else each for each in due]
        return due if self._arpeggiator is None else self._arpeggiated(due, end)

    def _made(self, due: _Due) -> _Due:
        """A swap with what plays it."""
        if isinstance(due.event.made, Playable):
            return due
        return due._replace(event=msgspec.structs.replace(due.event, made=self._make(due.event)))

    def _arpeggiated(self, due: list[_Due], end: int) -> list[_Due]:
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
        taken = [_Due(at, 0, event, at, None) for at, event in self._arpeggiator.take(end)]
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
        programs = self.engine().sounds[1]
        is_own = not any(self._banks.get(event.channel, ())) and event.program < len(programs)
        heard = self._parts[0].hears(event.channel) and not self._controls.is_mapped(event)
        return programs[event.program].sound if is_own and heard else None

    def _hand_out(self, due: list[_Due], frame: int, end: int) -> tuple[int, list[_Due]]:
        """Hand events to the parts, up to the first that needs all engines to be rendered up to its frame.

        Returns the frame up to which can be rendered, and the events that are left.
        """
        self._share = None
        self._begun.clear()
        self._n_voices_at_most = sum(e.status.n_active_voices for part in self._parts for e in part.engines())
        n_handed = 0
        # Events of one frame stay together, so that the notes among them are counted together.
        for at, group in groupby(due, key=lambda each: each.frame):
            at_once = list(group)
            if at > frame and self._need_exact_frame([each.event for each in at_once]):
                return at, due[n_handed:]
            for each in at_once:
                self._hand(each)
            n_handed += len(at_once)
        return end, []

    def _need_exact_frame(self, events: Sequence[Event]) -> bool:
        if any(isinstance(event, (PartChange, Swap)) for event in events):
            return True
        if self._shares_alone():
            return False
        n_notes = sum(isinstance(event, NoteOn) for event in events)
        may_exceed = n_notes > 0 and self._n_voices_at_most + n_notes * len(self._parts) > self._limit
        return may_exceed or any(isinstance(event, VoiceLimit) for event in events)

    def _shares_alone(self) -> bool:
        """Whether there is one engine only, which keeps to the limit by itself."""
        return len(self._parts) == 1 and not self._parts[0].leaving

    def _hand(self, due: _Due) -> None:
        event, frame = due.event, due.given
        if self._is_taken(due):
            return
        self._memory.hear(event)
        # A sound was made ready for one engine.
        only = 0 if due.part is None and isinstance(event, SoundChange) else due.part
        heard = [part for number, part in enumerate(self._parts) if only in (None, number)]
        match event:
            case NoteOn():
                deaf = [part for part in heard if not self._begin(part, event, due)]
            case Action():
                deaf = []
                self._act(event, due.frame)
            case PartChange():
                deaf = []
                if event.part < len(self._parts):
                    self._parts[event.part].change(event, due.frame)
            case Swap():
                deaf = []
                self._swap(event, due.frame)
            case _:
                if isinstance(event, VoiceLimit):
                    self._limit_voices(event, due.frame)
                deaf = [part for part in heard if not part.take(event, frame)]
        self._senses |= isinstance(event, ActiveSensing)
        if self._senses and isinstance(event, ChannelEvent):
            # The sender is there, even if it says nothing to these parts.
            for part in deaf:
                part.take(ActiveSensing(), frame)

    def _is_taken(self, due: _Due) -> bool:
        """Start a control's action, and hand on what a map has taken.

        It moves the parts that hear its channel. The channel of a knob box may be one that no part hears: then it moves
        every part.
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
        parts = self._parts if due.part is None else self._parts[due.part : due.part + 1]
        if not isinstance(event, MapChange):
            parts = [part for part in parts if part.hears(event.channel)] or parts
        for part in parts:
            for engine in part.engines():
                engine.post(event, due.given)
        return True

    def _begin(self, part: Part, event: NoteOn, due: _Due) -> bool:
        """Begin a note on a part; False if it does not concern the part."""
        note = part.note_of(event)
        if note is None:
            return False
        self._make_room(part.engine, due.frame)
        self._n_voices_at_most += 1
        self._begun.append(part.engine)
        part.engine.post(note, due.given)
        if self._senses:
            for engine in part.leaving:
                engine.post(ActiveSensing(), due.given)
        return True

    def _make_room(self, engine: Engine, frame: int) -> None:
        """End the most dispensable voice of all parts if a note on this engine would exceed the limit."""
        if self._shares_alone() or (self._share is None and self._n_voices_at_most < self._limit):
            return
        share = self._shared()
        if share.adds(engine) and share.n_voices >= self._limit:
            owner = share.end_one()
            # An engine that is full ends the same voice by itself.
            if owner is not engine or engine.status.n_active_voices < self._limit:
                owner.post(EndVoice(), frame)
        share.start(engine)

    def _shared(self) -> VoiceShare:
        if self._share is None:
            self._share = VoiceShare([engine for part in self._parts for engine in part.engines()])
            for engine in self._begun:
                self._share.start(engine)
        return self._share

    def _limit_voices(self, event: VoiceLimit, frame: int) -> None:
        self._limit = max(1, min(event.n_voices, self._n_voices))
        if not self._shares_alone():
            share = self._shared()
            while share.n_voices > self._limit:
                share.end_one().post(EndVoice(), frame)

    def _act(self, action: Action, frame: int) -> None:
        if action.name == "panic":
            self._silence(frame, None)
        else:
            self._ask(action)

    def _silence(self, frame: int, but: Engine | None) -> None:
        """End all notes and put all controllers back, on all engines but one."""
        self._memory.hear(Reset())
        for part in self._parts:
            for engine in part.engines():
                if engine is not but:
                    engine.post(Reset(), frame)
                    for channel in range(N_CHANNELS):
                        engine.post(ControlChange(channel, Control.ALL_SOUND_OFF, 0), frame)

    def _ask(self, action: Action) -> None:
        self._actions.append(action)
        if self.wake is not None:
            self.wake()

    def _swap(self, event: Swap, frame: int) -> None:
        if not isinstance(event.made, Playable) or event.part >= len(self._parts):
            return
        part = self._parts[event.part]
        part.swap(event.made, frame)
        self._ask(Action("swapped", part=event.part))
        for said in self._memory.events():
            if not isinstance(said, ChannelEvent) or part.hears(said.channel):
                part.engine.post(said, frame)
        sounding = [engine for engine in part.leaving if engine.sounding()]
        for engine in sounding[:-MOST_LEAVING]:
            for channel in range(N_CHANNELS):
                engine.post(ControlChange(channel, Control.ALL_SOUND_OFF, 0), frame)

    # Sound

    def _render_piece(self, out: np.ndarray) -> None:
        """Render all parts into `out`, and let the effects add theirs; there is no event for the rack in between."""
        frame, n = self.frame, len(out)
        buses, fed = self._buses[:, :n], [False, False]
        sound, scratch = self._scratch[:, :n]
        for number, part in enumerate(self._parts):
            heard = sound if number else out
            part.render(heard, scratch)
            if self._effects is not None:
                part.send(heard, frame, buses, fed, scratch)
            if number:
                out += sound
        if self._effects is not None:
            self._effects.add(frame, out, *(bus if is_fed else None for bus, is_fed in zip(buses, fed, strict=True)))
        self.frame = frame + n
        self._collect()

    def _collect(self) -> None:
        """Take what the engines ask for, and the engines that have fallen silent."""
        asked: set[str] = set()
        for number, part in enumerate(self._parts):
            for action in part.engine.take_actions():
                self._pass_on(action, number, part.engine, asked)
            if part.leaving:
                for engine in part.leaving:
                    engine.take_actions()
                for engine in part.take_gone():
                    self._retire(engine)

    def _pass_on(self, action: Action, part: int, engine: Engine, asked: set[str]) -> None:
        """Pass on what an engine asks for; what several parts ask for at once is done once, but for programs."""
        if action.name == "panic":
            self._silence(self.frame, engine)
        elif action.name == "program" or action.name not in asked:
            asked.add(action.name)
            self._ask(msgspec.structs.replace(action, part=part))

    def _retire(self, engine: Engine) -> None:
        self._n_past_notes += engine.status.n_notes
        self._n_past_stolen += engine.status.n_stolen
        self._retired.append(engine)
        if self.wake is not None:
            self.wake()
