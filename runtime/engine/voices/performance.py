"""Applies events to the voices: notes, pedals, wheels, pressure, controls, program changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.control.morph import CONTROLS
from runtime.control_numbers import Control
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.changes import Changes
from runtime.engine.voices.modulation.playhead import PLAYHEAD_UPDATE_FRAMES
from runtime.engine.voices.notes import Notes
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.pitches import VoicePitches
from runtime.engine.voices.played_sound import PlayedSound, channel_gains, playhead_of
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
    Reset,
    SoundChange,
    Swap,
    TargetMove,
    Tempo,
    VoiceLimit,
)
from runtime.instrument.card import Card

# MIDI 1.0: a sender of active sensing repeats it every 300 ms at most. The other 30 ms allow for the driver's delays.
SENSING_TIMEOUT_S = 0.33
MOST_WAITING = 256  # actions, and changes of sends, if nobody takes them
# Events other than control changes that a control map may give another meaning.
_MAPPED = frozenset({NoteOn, NoteOff, PitchWheel, Aftertouch, PolyTouch, ProgramChange})
PEDAL_DOWN = 64  # MIDI 1.0: lower values of a pedal mean that it is up


class Performance:
    """Applies events to the voices.

    bank: the voices; pitches: computes their pitches; sends: each time that a send to an effect moved, the frame and
    the levels of reverb and chorus, 0 to 1; notes: starts and ends the voices; chosen: the sound that was chosen last;
    n_events: number of events so far that may have changed a source of modulation or a voice; actions: what the player
    asks for that an engine cannot do.
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
        self._taken = Changes()
        self.n_events = 0
        self.actions: deque[Action] = deque(maxlen=MOST_WAITING)
        self.chosen = palette.first
        self.sends: deque[tuple[int, float, float]] = deque([(0, *self._sends())], MOST_WAITING)
        self._sensing_deadline = NEVER  # the sender of active sensing must send again by then

    def apply(self, event: Event, frame: int) -> None:
        """Apply one event at `frame`."""
        if self._sensing_deadline != NEVER:
            self._active_sensing(event, frame)
        if type(event) not in _MAPPED or not self._is_taken(event):
            self._EVENT_HANDLERS[type(event)](self, event, frame)
        if self._knobs.moved:
            self._follow_targets(frame)
        if type(event) not in (KnobTurn, PhaseBlend, TargetMove, PitchWheel):
            self.n_events += 1
        if self._palette.moves_pitch:
            # Any event may have changed a control, the tempo or the release of an envelope that moves a pitch.
            moved = [voice for voice in self.bank.used() if voice.active and voice.played.pitch_moves]
            self.notes.changes.retuned += moved

    def _is_taken(self, event: ChannelEvent) -> bool:
        """Whether the event moves targets, and means nothing else; an MPE zone's members keep what MPE gives them."""
        return not self._channels.is_member(event.channel) and self._controls.move(event, self._knobs)

    def advance(self, frame: int) -> None:
        """Do what is due at `frame` without an event: end ramps, time out active sensing."""
        if frame >= self._sensing_deadline:
            self._sensing_deadline = NEVER
            self.apply(Reset(), frame)
        self.bank.arrive(frame)
        if frame % PLAYHEAD_UPDATE_FRAMES == 0:
            for voices in self._with_moving_playheads():
                lanes = np.array([voice.lane for voice in voices])
                voices[0].played.trajectories.playheads.advance(frame, lanes, *playhead_of(voices, frame))

    def take_changes(self) -> Changes:
        """The changes since the last call; the object is valid until the next call."""
        self._taken.clear()
        self._taken, self.notes.changes = self.notes.changes, self._taken
        return self._taken

    def next_change(self, frame: int) -> int:
        """The first frame after `frame` at which `advance` has something to do."""
        end = min(self._sensing_deadline, self.bank.next_end())
        if self._with_moving_playheads():
            end = min(end, frame + PLAYHEAD_UPDATE_FRAMES - frame % PLAYHEAD_UPDATE_FRAMES)
        return end

    def _with_moving_playheads(self) -> list[list[Voice]]:
        """The sounding voices whose playheads are modulated, by the sound that they play."""
        if not self._palette.moves_playheads:
            return []
        by_sound: dict[PlayedSound, list[Voice]] = {}
        for voice in self.bank.used():
            if voice.active and voice.played.playhead_targets:
                by_sound.setdefault(voice.played, []).append(voice)
        return list(by_sound.values())

    # Events

    def _note_on(self, event: NoteOn, frame: int) -> None:
        self.notes.note_on(event, frame)

    def _note_off(self, event: NoteOff, frame: int) -> None:
        self.notes.note_off(event, frame)

    def _pitch_wheel(self, event: PitchWheel, _frame: int) -> None:
        self._channels[event.channel].bend = event.pitch / (8191.0 if event.pitch > 0 else 8192.0)
        self._retune(self._channels.with_members(event.channel))

    def _aftertouch(self, event: Aftertouch, _frame: int) -> None:
        self._channels[event.channel].pressure = event.value
        self._retune(self._channels.with_members(event.channel))

    def _poly_touch(self, event: PolyTouch, _frame: int) -> None:
        self._channels[event.channel].key_pressure[event.note] = event.value
        self._retune([event.channel])

    def _program_change(self, event: ProgramChange, frame: int) -> None:
        channel = self._channels[event.channel]
        channel.program = event.program
        programs = self._palette.programs
        if channel.bank == 0 and event.program < len(programs):
            self.choose(programs[event.program], frame)
        else:
            self.actions.append(Action("program", channel.bank * 128 + event.program))

    def choose(self, played: PlayedSound, frame: int) -> None:
        """Let the next notes play another sound; notes that sound keep theirs."""
        self._palette.take_in(played)
        self._knobs.begin(played.patch, [voice.knobs for voice in self.bank.used() if voice.active])
        if played is not self.chosen:
            self._palette.tempo.set_bpm(played.sound.tempo_bpm, frame)
        self.chosen = self.notes.played = played
        self._palette.admit(self._knobs.present)
        self.sends.append((frame, *self._sends()))

    def _clock(self, _event: Clock, frame: int) -> None:
        self._palette.tempo.clock(frame)

    def _tempo(self, event: Tempo, frame: int) -> None:
        self._palette.tempo.set_bpm(event.bpm, frame, of_piece=True)

    def _clock_start(self, _event: ClockStart, _frame: int) -> None:
        self._palette.tempo.start()

    def _clock_stop(self, _event: ClockStop | ClockContinue, _frame: int) -> None:
        """LFOs go on: a sequencer's stop is no stop of what the player plays."""
        self._palette.tempo.stop()

    def _knob_turn(self, event: KnobTurn, _frame: int) -> None:
        self._knobs.turn(event.latent, event.position)

    def _phase_blend(self, event: PhaseBlend, _frame: int) -> None:
        self._knobs.turn_blend(event.position)

    def _follow_targets(self, frame: int) -> None:
        """Let the voices follow targets that act on gains and pitches, and say where bandwidth or width begin."""
        moved = self._knobs.moved
        if not moved.isdisjoint(("level", "pan")):
            self._ramp_gains(range(N_CHANNELS), frame)
        if "vibrato.depth" in moved:
            self._retune(range(N_CHANNELS))
        if not moved.isdisjoint(("reverb", "chorus")):
            self.sends.append((frame, *self._sends()))
        if not moved.isdisjoint(CONTROLS) and self.chosen.morphs:
            self.notes.played = self.chosen.morphs[self._knobs.morph.step]
        self._palette.admit(self._knobs.present)
        moved.clear()

    def follow_knobs(self, frame: int) -> None:
        """Take note of where the knobs stand, after all were moved at once, before the first note."""
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
        """Events that the engine only passes by."""

    def _action(self, event: Action, frame: int) -> None:
        if event.name == "panic":
            self._reset(Reset(), frame)
            self.notes.silence(list(range(N_CHANNELS)), frame)
        self.actions.append(event)

    def _end_voice(self, _event: EndVoice, frame: int) -> None:
        self.notes.end_one(frame)

    def _voice_limit(self, event: VoiceLimit, frame: int) -> None:
        self.notes.limit_voices(event, frame)

    def _active_sensing(self, _event: Event, frame: int) -> None:
        self._sensing_deadline = frame + round(SENSING_TIMEOUT_S * self._rate_hz)

    def _reset(self, _event: Reset, frame: int) -> None:
        self._channels.reset()
        self._follow_channels(range(N_CHANNELS), frame)
        self.notes.all_off(range(N_CHANNELS), frame)

    # Controls

    def _control_change(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].controls[event.control] = event.value
        if event.control == Control.SLIDE and self._channels.is_member(event.channel):
            self._slide(event)
        elif not self._controls.move(event, self._knobs):
            handler = self._CONTROL_HANDLERS.get(event.control)
            if handler is not None:
                handler(self, event, frame)

    def _slide(self, event: ControlChange) -> None:
        self._channels[event.channel].slide = event.value
        for voice in self.notes.held(event.channel):
            self.notes.follow_slide(voice)

    def _bank_select(self, event: ControlChange, _frame: int) -> None:
        channel = self._channels[event.channel]
        if event.control == Control.BANK_SELECT:
            channel.bank = event.value << 7 | channel.bank & 127
        else:
            channel.bank = channel.bank & ~127 | event.value

    def _mod_wheel(self, event: ControlChange, _frame: int) -> None:
        self._channels[event.channel].mod_wheel = event.value
        self._retune(self._channels.with_members(event.channel))

    def _volume(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].volume = event.value
        self._ramp_gains(self._channels.with_members(event.channel), frame)

    def _expression(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].expression = event.value
        self._ramp_gains(self._channels.with_members(event.channel), frame)

    def _pan(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].pan = event.value
        self._ramp_gains(self._channels.with_members(event.channel), frame)

    def _pedal(self, event: ControlChange, frame: int) -> None:
        channel, affected = self._channels[event.channel], self._channels.with_members(event.channel)
        down = event.value >= PEDAL_DOWN
        if event.control == Control.SUSTAIN:
            channel.sustain = down
        elif event.control == Control.SOFT_PEDAL:
            channel.soft = down
        elif down != channel.sostenuto:
            channel.sostenuto = down
            for affected_channel in affected:
                for voice in self.notes.held(affected_channel):
                    voice.sostenuto = down and voice.key_down
        self.notes.let_go(affected, frame)

    def _choose_parameter(self, event: ControlChange, _frame: int) -> None:
        self._channels[event.channel].choose_parameter(event.control, event.value)

    def _data_entry(self, event: ControlChange, frame: int) -> None:
        if self._channels.enter_data(event.channel, event.control, event.value):
            # MPE 1.0: all notes end when a zone changes, as their keys may now belong to other channels.
            self.notes.release_all(frame)
        self._retune(range(N_CHANNELS))

    def _all_sound_off(self, event: ControlChange, frame: int) -> None:
        self.notes.silence(self._channels.with_members(event.channel), frame)

    def _reset_all_controllers(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].reset_controllers()
        self._follow_channels(self._channels.with_members(event.channel), frame)

    def _local_control(self, event: ControlChange, frame: int) -> None:
        """CC 122 does nothing: this instrument has no keyboard to switch off."""

    def _all_notes_off(self, event: ControlChange, frame: int) -> None:
        """CC 123 to 127: in MIDI 1.0 the mode messages 124 to 127 end all notes, too."""
        self.notes.all_off(self._channels.with_members(event.channel), frame)

    # From channels to voices

    def _retune(self, channels: Iterable[int]) -> None:
        voices = [voice for voice in self.bank.used() if voice.active and voice.channel in channels]
        self.pitches.follow_all(voices)
        self.notes.changes.retuned += voices

    def _ramp_gains(self, channels: Iterable[int], frame: int) -> None:
        for voice in self.bank.used():
            if voice.active and voice.channel in channels:
                self.bank.ramp_gains(voice, frame, channel_gains(self._channels, voice))

    def _follow_channels(self, channels: Iterable[int], frame: int) -> None:
        """Update the voices of channels that were reset: pedals, gains, pitch."""
        for voice in self.bank.used():
            voice.sostenuto = voice.sostenuto and voice.channel not in channels
        self._ramp_gains(channels, frame)
        self._retune(channels)
        self.notes.let_go(channels, frame)

    # Plain functions, not methods bound to `self`: an engine with a reference to itself could not be freed by reference
    # counting, and the garbage collector is off.
    _CONTROL_HANDLERS: ClassVar = {
        Control.BANK_SELECT: _bank_select,
        Control.BANK_SELECT_LSB: _bank_select,
        Control.MOD_WHEEL: _mod_wheel,
        Control.VOLUME: _volume,
        Control.PAN: _pan,
        Control.EXPRESSION: _expression,
        Control.SUSTAIN: _pedal,
        Control.SOSTENUTO: _pedal,
        Control.SOFT_PEDAL: _pedal,
        Control.NRPN_LSB: _choose_parameter,
        Control.NRPN_MSB: _choose_parameter,
        Control.RPN_LSB: _choose_parameter,
        Control.RPN_MSB: _choose_parameter,
        Control.DATA_ENTRY: _data_entry,
        Control.DATA_ENTRY_LSB: _data_entry,
        Control.ALL_SOUND_OFF: _all_sound_off,
        Control.RESET_ALL_CONTROLLERS: _reset_all_controllers,
        Control.LOCAL_CONTROL: _local_control,
        Control.ALL_NOTES_OFF: _all_notes_off,
        Control.OMNI_OFF: _all_notes_off,
        Control.OMNI_ON: _all_notes_off,
        Control.MONO_ON: _all_notes_off,
        Control.POLY_ON: _all_notes_off,
    }
    _EVENT_HANDLERS: ClassVar = {
        NoteOn: _note_on,
        NoteOff: _note_off,
        ControlChange: _control_change,
        PitchWheel: _pitch_wheel,
        Aftertouch: _aftertouch,
        PolyTouch: _poly_touch,
        ProgramChange: _program_change,
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
