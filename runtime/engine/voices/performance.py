"""Applies events to the voices."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

import numpy as np

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.control.morph import CONTROLS
from runtime.control.targets import LFO_RATES
from runtime.control_numbers import Control
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.changes import Changes
from runtime.engine.voices.channel_controls import ChannelControls
from runtime.engine.voices.modulation.playhead import PLAYHEAD_UPDATE_FRAMES
from runtime.engine.voices.notes import Notes
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.pitches import VoicePitches
from runtime.engine.voices.played_sound import PlayedSound, playhead_of
from runtime.events import (
    N_CHANNELS,
    NEVER,
    Action,
    ActiveSensing,
    Aftertouch,
    ChannelEvent,
    Clock,
    ClockContinue,
    ClockStart,
    ClockStop,
    ControlChange,
    EndVoice,
    Event,
    KnobTurn,
    MapChange,
    NoteOff,
    NoteOn,
    PartChange,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    ProgramForAll,
    Reset,
    SoundChange,
    Swap,
    TargetMove,
    Tempo,
    VoiceLimit,
)
from runtime.instrument.card import Card

# MIDI 1.0: a device that sends active sensing repeats it within 300 ms. 30 ms are added for the driver's delays.
SENSING_TIMEOUT_S = 0.33
MOST_WAITING = 256  # the most actions, and the most changes of sends, that can wait to be taken
_NO_SOURCES = frozenset({KnobTurn, PhaseBlend, TargetMove, PitchWheel})  # events that change no source of modulation
# The events, apart from control changes, to which a control map may give another meaning.
_MAPPED = frozenset({NoteOn, NoteOff, PitchWheel, Aftertouch, PolyTouch, ProgramChange})


class Performance:
    """Applies events to the voices, and ends all notes when a sender of active sensing falls silent.

    bank: the voices.
    notes: starts and ends the voices.
    pitches: computes the voices' pitches.
    chosen: the sound that was chosen most recently.
    n_events: number of events so far that may have changed a source of modulation or a voice.
    sends: the changes of the effect sends, each as (frame, reverb, chorus), with reverb and chorus from 0 to 1.
    actions: the player's actions that `Engine.take_actions` returns. The engine itself carries out only `panic`.
    """

    def __init__(
        self, card: Card, config: Config, knobs: Knobs, controls: ControlMap, bank: VoiceBank, palette: Palette
    ):
        self.bank = bank
        rate_hz = palette.sample_rate_hz
        self._palette = palette
        self._knobs, self._controls, self._rate_hz = knobs, controls, rate_hz
        self._channels = palette.channels
        self.pitches = VoicePitches(self._channels, rate_hz)
        self.notes = Notes(card, config, palette.first, bank, knobs, self._channels, self.pitches)
        self._channel_controls = ChannelControls(self._channels, bank, self.notes, self.pitches)
        self._taken = Changes()
        self.n_events = 0
        self.actions: deque[Action] = deque(maxlen=MOST_WAITING)
        self.chosen = palette.first
        self._play(palette.first, 0)
        self.sends: deque[tuple[int, float, float]] = deque([(0, *self._sends())], MOST_WAITING)
        self._sensing_deadline = NEVER  # an event of any kind must come by this frame

    def apply(self, event: Event, frame: int) -> None:
        if self._sensing_deadline != NEVER:
            self._active_sensing(event, frame)
        if type(event) not in _MAPPED or not self._is_taken(event):
            self._EVENT_HANDLERS[type(event)](self, event, frame)
        if self._knobs.moved:
            self._follow_targets(frame)
        if type(event) not in _NO_SOURCES:
            self.n_events += 1
        if self._palette.moves_pitch:
            # Look for voices to retune, because any event may have changed what moves a pitch, such as a control, the
            # tempo or an envelope's release.
            self.notes.changes.retuned += [v for v in self._with_moving_pitch() if frame >= self.pitches.wakes_at(v)]

    def _is_taken(self, event: ChannelEvent) -> bool:
        """Move the targets, if any, that an event is mapped to; return False if the voices need the event."""
        return not self._channels.is_member(event.channel) and self._controls.move(event, self._knobs)

    def advance(self, frame: int) -> None:
        """Do what is due at `frame` whether or not an event comes."""
        if frame >= self._sensing_deadline:
            self._sensing_deadline = NEVER
            self.apply(Reset(), frame)
        self.bank.arrive(frame)
        if self._palette.moves_pitch:
            self.notes.changes.retuned += [v for v in self._with_moving_pitch() if frame == self.pitches.wakes_at(v)]
        if frame % PLAYHEAD_UPDATE_FRAMES == 0:
            for voices in self._with_moving_playheads():
                lanes = np.array([voice.lane for voice in voices])
                voices[0].played.trajectories.playheads.advance(frame, lanes, *playhead_of(voices, frame))

    def take_changes(self) -> Changes:
        """The changes since the previous call, valid until the next call."""
        self._taken.clear()
        self._taken, self.notes.changes = self.notes.changes, self._taken
        return self._taken

    def next_change(self, frame: int) -> int:
        """The first frame after `frame` at which `advance` has something to do."""
        end = min(self._sensing_deadline, self.bank.next_end())
        if self._palette.moves_pitch:
            wakes = [self.pitches.wakes_at(voice) for voice in self._with_moving_pitch()]
            end = min([end, *(wake for wake in wakes if wake > frame)])
        if self._with_moving_playheads():
            end = min(end, frame + PLAYHEAD_UPDATE_FRAMES - frame % PLAYHEAD_UPDATE_FRAMES)
        return end

    def _with_moving_pitch(self) -> list[Voice]:
        return [voice for voice in self.bank.used() if voice.active and voice.played.pitch_moves]

    def _with_moving_playheads(self) -> list[list[Voice]]:
        """The sounding voices whose playheads are modulated, in one list for each sound."""
        if not self._palette.moves_playheads:
            return []
        by_sound: dict[PlayedSound, list[Voice]] = {}
        for voice in self.bank.used():
            if voice.active and voice.played.playhead_targets:
                by_sound.setdefault(voice.played, []).append(voice)
        return list(by_sound.values())

    def _note_on(self, event: NoteOn, frame: int) -> None:
        self.notes.note_on(event, frame)

    def _note_off(self, event: NoteOff, frame: int) -> None:
        self.notes.note_off(event, frame)

    def _pitch_wheel(self, event: PitchWheel, _frame: int) -> None:
        self._channel_controls.pitch_wheel(event)

    def _aftertouch(self, event: Aftertouch, _frame: int) -> None:
        self._channel_controls.aftertouch(event)

    def _poly_touch(self, event: PolyTouch, _frame: int) -> None:
        self._channel_controls.poly_touch(event)

    def _control_change(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].controls[event.control] = event.value
        if event.control == Control.SLIDE and self._channels.is_member(event.channel):
            self._channel_controls.slide(event)
        elif not self._controls.move(event, self._knobs):
            self._channel_controls.control_change(event, frame)

    def _program_change(self, event: ProgramChange, frame: int) -> None:
        channel = self._channels[event.channel]
        channel.program = event.program
        programs = self._palette.programs
        if channel.bank == 0 and event.program < len(programs):
            self.choose(programs[event.program], frame)
        else:
            self._ask_for_program(event, frame)

    def _ask_for_program(self, event: ProgramChange | ProgramForAll, _frame: int) -> None:
        self.actions.append(Action("program", self._channels[event.channel].bank * 128 + event.program))

    def choose(self, played: PlayedSound, frame: int) -> None:
        """Choose the sound of the next notes; sounding notes keep their sound."""
        self._palette.take_in(played)
        heard = [voice.played for voice in self.bank.used() if voice.active]
        for each in (played, *played.morphs):
            each.begin_rates(each in heard, frame)
        self._knobs.begin(played.patch, [voice.knobs for voice in self.bank.used() if voice.active])
        if played is not self.chosen:
            self._palette.tempo.set_bpm(played.sound.tempo_bpm, frame)
        self.chosen = played
        self._play(played, frame)
        self._palette.admit(self._knobs.present)
        self.sends.append((frame, *self._sends()))

    def _play(self, chosen: PlayedSound, frame: int) -> None:
        """Let the next notes play `chosen`. If it has a morph, they play the sound at the morph's present step.

        The sound's LFOs get the rates that the player has set.
        """
        self.notes.played = chosen.morphs[self._knobs.morph.step] if chosen.morphs else chosen
        self.notes.played.follow_rates(self._knobs.present.rates, frame)

    def _clock(self, _event: Clock, frame: int) -> None:
        self._palette.tempo.clock(frame)

    def _tempo(self, event: Tempo, frame: int) -> None:
        self._palette.tempo.set_bpm(event.bpm, frame, of_piece=True)

    def _clock_start(self, _event: ClockStart, _frame: int) -> None:
        self._palette.tempo.start()

    def _clock_stop(self, _event: ClockStop | ClockContinue, _frame: int) -> None:
        """Undo a start that no clock has followed. The LFOs go on: the player may play on after a sequencer stops."""
        self._palette.tempo.stop()

    def _knob_turn(self, event: KnobTurn, _frame: int) -> None:
        self._knobs.turn(event.latent, event.position)

    def _phase_blend(self, event: PhaseBlend, _frame: int) -> None:
        self._knobs.turn_blend(event.position)

    def _follow_targets(self, frame: int) -> None:
        moved = self._knobs.moved
        if not moved.isdisjoint(("level", "pan")):
            self._channel_controls.ramp_gains(range(N_CHANNELS), frame)
        if "vibrato.depth" in moved:
            self._channel_controls.retune(range(N_CHANNELS))
        if not moved.isdisjoint(("reverb", "chorus")):
            self.sends.append((frame, *self._sends()))
        if not moved.isdisjoint(CONTROLS):
            self._play(self.chosen, frame)
        if not moved.isdisjoint(LFO_RATES.values()):
            self.n_events += 1
            for voice in self.bank.used():
                if voice.active:
                    voice.played.follow_rates(voice.knobs.rates, frame)
            self.notes.played.follow_rates(self._knobs.present.rates, frame)
        self._palette.admit(self._knobs.present)
        moved.clear()

    def follow_knobs(self, frame: int) -> None:
        """Apply the knobs' positions. Call this once all knobs have been set together, and before the first note."""
        self._palette.admit(self._knobs.present)
        self.sends.clear()
        self.sends.append((frame, *self._sends()))

    def _sends(self) -> tuple[float, float]:
        values = self._knobs.present.values
        return values["reverb"], values["chorus"]

    def _sound_change(self, event: SoundChange, frame: int) -> None:
        self.choose(event.prepared, frame)

    def _target_move(self, event: TargetMove, _frame: int) -> None:
        self._knobs.move(event.target, event.position)

    def _map_change(self, event: MapChange, _frame: int) -> None:
        self._controls.use(event.device, event.map)

    def _unused(self, _event: Event, _frame: int) -> None:
        """Ignore an event that is not for the engine."""

    def _action(self, event: Action, frame: int) -> None:
        if event.name == "panic":
            self._reset(Reset(), frame)
            self.notes.silence(list(range(N_CHANNELS)), frame)
        self.actions.append(event)

    def _reset(self, _event: Reset, frame: int) -> None:
        self._channel_controls.reset(frame)

    def _end_voice(self, _event: EndVoice, frame: int) -> None:
        self.notes.end_one(frame)

    def _voice_limit(self, event: VoiceLimit, frame: int) -> None:
        self.notes.limit_voices(event, frame)

    def _active_sensing(self, _event: Event, frame: int) -> None:
        self._sensing_deadline = frame + round(SENSING_TIMEOUT_S * self._rate_hz)

    # The handlers are not bound to `self`: an engine with a reference to itself could not be freed by reference
    # counting, and the garbage collector is off.
    _EVENT_HANDLERS: ClassVar = {
        NoteOn: _note_on,
        NoteOff: _note_off,
        ControlChange: _control_change,
        PitchWheel: _pitch_wheel,
        Aftertouch: _aftertouch,
        PolyTouch: _poly_touch,
        ProgramChange: _program_change,
        ProgramForAll: _ask_for_program,
        KnobTurn: _knob_turn,
        PhaseBlend: _phase_blend,
        TargetMove: _target_move,
        MapChange: _map_change,
        SoundChange: _sound_change,
        Action: _action,
        Clock: _clock,
        ClockStart: _clock_start,
        ClockContinue: _clock_stop,
        ClockStop: _clock_stop,
        Tempo: _tempo,
        VoiceLimit: _voice_limit,
        EndVoice: _end_voice,
        PartChange: _unused,
        Swap: _unused,
        ActiveSensing: _active_sensing,
        Reset: _reset,
    }
