"""Plays held keys one after another, in time with the beat."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from runtime.control_numbers import Control
from runtime.engine.recorded.plain_state import given, taken
from runtime.engine.voices.modulation.tempo import Tempo
from runtime.engine.voices.performance import SENSING_TIMEOUT_S
from runtime.events import (
    NEVER,
    Action,
    ActiveSensing,
    Clock,
    ClockContinue,
    ClockStart,
    ClockStop,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    Reset,
)
from runtime.events import Tempo as TempoEvent
from runtime.rack.held_keys import HeldKeys, Key
from runtime.rack.note_order import note_at
from runtime.rack.steps import Steps
from runtime.rack.tap_tempo import TapTempo
from runtime.sound.arpeggio import Arpeggio

# MIDI 1.0: these controls end all notes.
_ENDS_NOTES = frozenset({Control.ALL_SOUND_OFF, *range(Control.ALL_NOTES_OFF, Control.POLY_ON + 1)})


class _Choice(NamedTuple):
    settings: Arpeggio
    tempo_bpm: float


class _Sounding(NamedTuple):
    note: NoteOn
    until_beats: float


class Arpeggiator:
    """While it is on, replaces the notes of held keys by its own notes, and lets sustain pedals hold keys.

    Even while it is off, it makes a tempo event from the player's taps. All other events pass unchanged. The output
    depends only on the events and their frames. After every note-on that it adds, it also adds a note-off.

    settings, tempo_bpm: the first sound's arpeggio and tempo; `choose` changes both.
    """

    def __init__(self, settings: Arpeggio, tempo_bpm: float, sample_rate_hz: int):
        self._tempo, self._rate_hz = Tempo(tempo_bpm, sample_rate_hz), sample_rate_hz
        self._settings = settings
        self._keys, self._steps = HeldKeys(settings.hold), Steps(settings)
        self._taps = TapTempo(sample_rate_hz)
        self._sounding: _Sounding | None = None
        self._passed: dict[Key, NoteOn] = {}  # notes that passed unchanged and have not ended
        # Keys that were down when the arpeggiator was switched off; their note-offs do not pass.
        self._eaten: set[Key] = set()
        self._queue: list[tuple[int, int, Event | _Choice]] = []  # (frame, order of arrival, event), ascending
        self._n_fed = self._now = self._taken = 0
        self._sensing_deadline = NEVER
        self._given: list[tuple[int, Event]] = []

    def feed(self, event: Event, frame: int) -> None:
        """Receive an event; it happens at `frame`, or at the `end_frame` of the latest `take` if that is later."""
        self._enqueue(event, frame)

    def choose(self, settings: Arpeggio, tempo_bpm: float, frame: int) -> None:
        self._enqueue(_Choice(settings, tempo_bpm), frame)

    def take(self, end_frame: int) -> list[tuple[int, Event]]:
        """Return the events before `end_frame` that no earlier call returned, ascending: (frame, event)."""
        self._given = []
        while True:
            event_at = self._queue[0][0] if self._queue else NEVER
            step_at = self._next_step()
            at = min(event_at, step_at, self._sensing_deadline)
            if at >= end_frame:
                self._taken = max(self._taken, end_frame)
                return self._given
            self._now = at
            if event_at == at:
                _, _, event = self._queue.pop(0)
                self._apply(event)
            elif self._sensing_deadline == at:
                self._lose_sender()
            else:
                self._step()

    def _enqueue(self, event: Event | _Choice, frame: int) -> None:
        insort(self._queue, (max(frame, self._taken), self._n_fed, event))
        self._n_fed += 1

    def holds_keys(self) -> bool:
        return bool(self._keys.chord)

    def memory(self) -> dict[str, dict[str, Any]]:
        """Return the state that outlives notes (beats, taps, pedals), as plain values for `remember`."""
        loop, pedals = self._tempo.loop, {"down": self._keys.pedals.copy()}
        memory = {"arpeggiator_tempo": taken(self._tempo), "taps": taken(self._taps), "pedals": pedals}
        return memory if loop is None else memory | {"arpeggiator_clock": taken(loop)}

    def remember(self, memory: Mapping[str, dict[str, Any]], frame: int) -> None:
        """Continue from another arpeggiator's `memory`. At first, no key counts as pressed."""
        self._now = self._taken = frame
        given(self._taps, memory.get("taps", {}))
        self._keys.pedals.update(memory.get("pedals", {}).get("down", {}))
        if "arpeggiator_clock" in memory:
            given(self._tempo.begin_loop(frame), memory["arpeggiator_clock"])
        given(self._tempo, memory.get("arpeggiator_tempo", {}))

    @property
    def _is_on(self) -> bool:
        return self._settings.mode != "off"

    def _give(self, event: Event) -> None:
        self._given.append((self._now, event))

    # Steps

    def _next_step(self) -> int:
        """The next frame at which a note begins or ends, or NEVER."""
        beats = NEVER if self._sounding is None else self._sounding.until_beats
        if self._keys.chord:
            beats = min(beats, self._steps.next_beats)
        return NEVER if beats == NEVER else max(self._now, self._tempo.line.frame_at(beats))

    def _step(self) -> None:
        line, now = self._tempo.line, self._now
        if self._keys.chord and line.frame_at(self._steps.next_beats) <= now:
            self._play()
        else:
            self._end_note()

    def _play(self) -> None:
        """Play the note of the present step. If notes are tied and the old note has its key, the old note goes on."""
        settings, steps, old = self._settings, self._steps, self._sounding
        note = note_at(settings, list(self._keys.chord.values()), steps.n_played)
        until_beats = steps.next_beats + settings.gate * settings.step_beats
        steps.advance()
        if settings.tie:
            until_beats = steps.next_beats
        if settings.tie and old is not None:
            if (old.note.channel, old.note.note) == (note.channel, note.note):
                self._sounding = _Sounding(old.note, until_beats)
                return
            self._give(note)
            self._end_note()
        else:
            self._end_note()
            self._give(note)
        self._sounding = _Sounding(note, until_beats)

    def _end_note(self) -> None:
        if self._sounding is not None:
            note, self._sounding = self._sounding.note, None
            self._give(NoteOff(note.channel, note.note, device=note.device))

    # Events

    def _apply(self, event: Event | _Choice) -> None:
        if self._sensing_deadline != NEVER or type(event) is ActiveSensing:
            self._sensing_deadline = self._now + round(SENSING_TIMEOUT_S * self._rate_hz)
        handler = self._HANDLERS.get(type(event))
        if handler is None or handler(self, event):
            self._give(event)

    def _note_on(self, event: NoteOn) -> bool:
        key = (event.channel, event.note)
        if not self._is_on:
            self._eaten.discard(key)
            self._passed[key] = event
            return True
        runs = bool(self._keys.chord)
        begins = self._keys.press(event)
        if begins and runs:
            # A new chord replaces the one that `hold` kept. The steps go on at the same times.
            self._steps.n_played = 0
        elif begins:
            self._steps.begin(self._tempo.beats_at(self._now))
        return False

    def _note_off(self, event: NoteOff) -> bool:
        key = (event.channel, event.note)
        if self._is_on:
            self._keys.release(*key)
            return False
        if key in self._eaten:
            self._eaten.discard(key)
            return False
        self._passed.pop(key, None)
        return True

    def _control_change(self, event: ControlChange) -> bool:
        if event.control == Control.SUSTAIN:
            self._keys.move_pedal(event.channel, event.value)
            return not self._is_on
        if event.control == Control.RESET_ALL_CONTROLLERS:
            self._keys.move_pedal(event.channel, 0)
        elif event.control in _ENDS_NOTES:
            self._forget_keys()
        return True

    def _forget_keys(self) -> None:
        self._end_note()
        self._keys.clear()
        self._passed.clear()

    def _reset(self, _event: Reset) -> bool:
        self._forget_keys()
        self._keys.pedals.clear()
        return True

    def _action(self, event: Action) -> bool:
        if event.name == "panic":
            self._forget_keys()
            self._keys.pedals.clear()
        if event.name == "tap_tempo":
            tempo = self._taps.tap(self._now)
            if tempo is not None and self._set_tempo(tempo):
                self._give(tempo)
            return False
        return True

    def _lose_sender(self) -> None:
        """End all notes, because the keyboard has gone.

        The engines do not notice this, because the arpeggiator goes on sending them notes.
        """
        self._sensing_deadline = NEVER
        if self._is_on:
            self._reset(Reset())
            self._give(Reset())

    # The beat

    def _clock(self, _event: Clock) -> bool:
        if self._tempo.clock(self._now):
            # The count of beats restarts at 0 here. The sounding note ends, because its end is given in beats of the
            # old count.
            self._steps.begin_at_beat_0()
            if self._sounding is not None:
                self._sounding = _Sounding(self._sounding.note, self._tempo.beats_at(self._now))
        return True

    def _clock_start(self, _event: ClockStart) -> bool:
        self._tempo.start()
        return True

    def _clock_stop(self, event: ClockStop | ClockContinue) -> bool:
        self._tempo.stop()
        if type(event) is ClockStop and self._is_on:
            self._keys.forget_held()
        return True

    def _set_tempo(self, event: TempoEvent) -> bool:
        self._tempo.set_bpm(event.bpm, self._now, of_piece=True)
        return True

    # Other settings

    def _choose(self, choice: _Choice) -> bool:
        self._tempo.set_bpm(choice.tempo_bpm, self._now)
        was_on, settings = self._is_on, choice.settings
        self._settings = settings
        self._keys.set_hold(settings.hold)
        self._steps.follow(settings, self._tempo.beats_at(self._now))
        if self._is_on and not was_on:
            self._switch_on()
        elif was_on and not self._is_on:
            self._switch_off()
        return False

    def _switch_on(self) -> None:
        """End the engine's notes and lift its sustain pedals. The keys that are down become the chord."""
        for event in self._passed.values():
            self._give(NoteOff(event.channel, event.note, device=event.device))
            self._keys.press(event)
        for channel in self._keys.pedals:
            self._give(ControlChange(channel, Control.SUSTAIN, 0))
        self._passed.clear()
        self._eaten.clear()
        if self._keys.chord:
            self._steps.begin(self._tempo.beats_at(self._now))

    def _switch_off(self) -> None:
        """End the note, and press the engine's sustain pedals that the player holds down.

        The keys that are down are silent until they are struck again.
        """
        self._end_note()
        self._eaten = set(self._keys.down)
        self._keys.clear()
        for channel, value in self._keys.pedals.items():
            self._give(ControlChange(channel, Control.SUSTAIN, value))

    # These are not methods bound to `self`, for the reason given in class Performance.
    _HANDLERS: ClassVar[dict[type, Callable[..., bool]]] = {
        NoteOn: _note_on,
        NoteOff: _note_off,
        ControlChange: _control_change,
        Reset: _reset,
        Action: _action,
        Clock: _clock,
        ClockStart: _clock_start,
        ClockStop: _clock_stop,
        ClockContinue: _clock_stop,
        TempoEvent: _set_tempo,
        _Choice: _choose,
    }
