"""A slow and plain model of the arpeggiator; the model checks at every frame what is due."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engine.voices.modulation.tempo import Tempo
from runtime.events import (
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
from runtime.rack.note_order import random_number
from runtime.rack.tap_tempo import TapTempo
from runtime.sound.arpeggio import Arpeggio

Choice = tuple[Arpeggio, float]
SENSING_S = 0.33


def with_key(chord: list[NoteOn], event: NoteOn) -> list[NoteOn]:
    """The chord with this key; a key that is already in the chord keeps its place."""
    for place, each in enumerate(chord):
        if (each.channel, each.note) == (event.channel, event.note):
            return [*chord[:place], event, *chord[place + 1 :]]
    return [*chord, event]


class PlainArpeggiator:
    """The arpeggiator's rules, written plainly and not for speed."""

    def __init__(self, settings: Arpeggio, tempo_bpm: float, rate_hz: int):
        self.settings, self.rate_hz = settings, rate_hz
        self.tempo, self.taps = Tempo(tempo_bpm, rate_hz), TapTempo(rate_hz)
        self.chord: list[NoteOn] = []
        self.down: list[tuple[int, int]] = []  # (channel, note) of the keys that are down
        self.eaten: list[tuple[int, int]] = []
        self.passed: list[NoteOn] = []
        self.pedals: dict[int, int] = {}
        self.sounding: NoteOn | None = None
        self.until = self.origin = 0.0
        self.step = self.n_played = 0
        self.silent_at: int | None = None
        self.given: list[tuple[int, Event]] = []
        self.frame = 0

    def run(self, timed: Sequence[tuple[int, Event | Choice]], n_frames: int) -> list[tuple[int, Event]]:
        for frame in range(n_frames):
            self.frame = frame
            for at, event in timed:
                if at == frame:
                    self.hear(event)
            if self.silent_at is not None and frame >= self.silent_at:
                self.silent_at = None
                if self.settings.mode != "off":
                    self.forget()
                    self.pedals = {}
                    self.give(Reset())
            while self.something_is_due():
                pass
        return self.given

    def give(self, event: Event) -> None:
        self.given.append((self.frame, event))

    def beats_of(self, step: int) -> float:
        late = self.settings.swing if step % 2 == 1 else 0.0
        return self.origin + (step + late) * self.settings.step_beats

    def is_due(self, beats: float) -> bool:
        """Whether the present frame has reached this time, up to a rounding error."""
        return self.tempo.beats_at(self.frame) >= beats - 2e-6 * self.tempo.line.beats_per_frame

    def something_is_due(self) -> bool:
        if self.chord and self.is_due(self.beats_of(self.step)):
            self.play()
            return True
        if self.sounding and self.is_due(self.until):
            self.end()
            return True
        return False

    def play(self) -> None:
        settings, old = self.settings, self.sounding
        keys = list(self.chord)
        if settings.mode != "as_played":
            keys.sort(key=lambda key: (key.note, key.channel))
        notes = [(key, key.note + 12 * octave) for octave in range(settings.octaves) for key in keys]
        notes = [pair for pair in notes if pair[1] < 128]
        orders = {
            "up": notes,
            "as_played": notes,
            "random": notes,
            "down": notes[::-1],
            "up_down": notes + notes[1:-1][::-1],
        }
        order = orders[settings.mode]
        place = random_number(settings.seed, self.n_played) if settings.mode == "random" else self.n_played
        key, note = order[place % len(order)]
        velocity = key.velocity if settings.velocity is None else settings.velocity
        new = NoteOn(key.channel, note, velocity, key.device)
        starts = self.beats_of(self.step)
        self.step += 1
        self.n_played += 1
        self.until = self.beats_of(self.step) if settings.tie else starts + settings.gate * settings.step_beats
        if settings.tie and old and (old.channel, old.note) == (new.channel, new.note):
            return
        if settings.tie:
            self.give(new)
            self.end()
        else:
            self.end()
            self.give(new)
        self.sounding = new

    def end(self) -> None:
        if self.sounding:
            self.give(NoteOff(self.sounding.channel, self.sounding.note, 0, self.sounding.device))
        self.sounding = None

    def forget(self) -> None:
        self.end()
        self.chord, self.down, self.passed = [], [], []

    def first_step_from(self, beats: float) -> int:
        step = -2
        while self.beats_of(step) < beats - 1e-6 * self.settings.step_beats:
            step += 1
        return step

    def begin(self) -> None:
        self.n_played = 0
        self.origin, self.step = self.tempo.beats_at(self.frame), 0
        if self.settings.starts == "beat":
            now, self.origin = self.origin, 0.0
            self.step = self.first_step_from(now)

    def drop_kept(self) -> None:
        if not self.pedals:
            self.chord = [key for key in self.chord if (key.channel, key.note) in self.down]

    def drop_unless_held(self) -> None:
        if not self.settings.hold:
            self.drop_kept()

    def press(self, event: NoteOn) -> None:
        key = (event.channel, event.note)
        if not self.chord:
            self.chord = [event]
            self.begin()
        elif self.settings.hold and not self.down and not self.pedals:
            self.chord = [event]
            self.n_played = 0
        else:
            self.chord = with_key(self.chord, event)
        if key not in self.down:
            self.down.append(key)

    def move_pedal(self, channel: int, value: int) -> None:
        if value >= 64:
            self.pedals[channel] = value
        else:
            self.pedals.pop(channel, None)
            self.drop_unless_held()

    def hear(self, event: Event | Choice) -> None:
        if self.silent_at is not None or isinstance(event, ActiveSensing):
            self.silent_at = self.frame + round(SENSING_S * self.rate_hz)
        if isinstance(event, tuple):
            self.choose(*event)
        elif self.hear_event(event):
            self.give(event)

    def hear_event(self, event: Event) -> bool:
        """Take an event; returns whether it is passed on."""
        is_on = self.settings.mode != "off"
        if isinstance(event, NoteOn):
            key = (event.channel, event.note)
            if is_on:
                self.press(event)
                return False
            self.eaten = [each for each in self.eaten if each != key]
            self.passed = with_key(self.passed, event)
        elif isinstance(event, NoteOff):
            key = (event.channel, event.note)
            if is_on:
                self.down = [each for each in self.down if each != key]
                self.drop_unless_held()
                return False
            if key in self.eaten:
                self.eaten.remove(key)
                return False
            self.passed = [each for each in self.passed if (each.channel, each.note) != key]
        elif isinstance(event, ControlChange):
            if event.control == 64:
                self.move_pedal(event.channel, event.value)
                return not is_on
            if event.control == 121:
                self.move_pedal(event.channel, 0)
            elif event.control in (120, 123, 124, 125, 126, 127):
                self.forget()
        elif isinstance(event, Reset) or event == Action("panic"):
            self.forget()
            self.pedals = {}
        elif event == Action("tap_tempo"):
            tempo = self.taps.tap(self.frame)
            if tempo is not None:
                self.tempo.set_bpm(tempo.bpm, self.frame, of_piece=True)
                self.give(tempo)
            return False
        else:
            self.hear_beat(event, is_on)
        return True

    def hear_beat(self, event: Event, is_on: bool) -> None:
        if isinstance(event, Clock):
            if self.tempo.clock(self.frame):
                self.origin, self.step, self.n_played = 0.0, 0, 0
                self.until = self.tempo.beats_at(self.frame)
        elif isinstance(event, ClockStart):
            self.tempo.start()
        elif isinstance(event, (ClockStop, ClockContinue)):
            self.tempo.stop()
            if isinstance(event, ClockStop) and is_on:
                self.drop_kept()
        elif isinstance(event, TempoEvent):
            self.tempo.set_bpm(event.bpm, self.frame, of_piece=True)

    def choose(self, settings: Arpeggio, tempo_bpm: float) -> None:
        self.tempo.set_bpm(tempo_bpm, self.frame)
        old, self_now = self.settings, self.tempo.beats_at(self.frame)
        last, due = self.beats_of(self.step - 1), self.beats_of(self.step)
        self.settings = settings
        self.drop_unless_held()
        if (old.step_beats, old.swing, old.starts) != (settings.step_beats, settings.swing, settings.starts):
            if settings.starts == "beat":
                self.origin = 0.0
                self.step = self.first_step_from(self_now)
            elif self.n_played:
                self.origin = last
                self.step = max(1, self.first_step_from(self_now))
            else:
                self.origin, self.step = due, 0
        if old.mode == "off" and settings.mode != "off":
            for event in self.passed:
                self.give(NoteOff(event.channel, event.note, 0, event.device))
            for channel in self.pedals:
                self.give(ControlChange(channel, 64, 0))
            self.chord, self.passed, self.eaten = self.passed, [], []
            self.down = [(event.channel, event.note) for event in self.chord]
            if self.chord:
                self.begin()
        if old.mode != "off" and settings.mode == "off":
            self.end()
            self.eaten, self.chord, self.down = self.down, [], []
            for channel, value in self.pedals.items():
                self.give(ControlChange(channel, 64, value))
