"""Applies channel messages and controls to the voices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from runtime.control_numbers import SWITCH_ON, Control
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.notes import Notes
from runtime.engine.voices.pitches import VoicePitches
from runtime.engine.voices.played_sound import channel_gains
from runtime.events import N_CHANNELS, Aftertouch, ControlChange, PitchWheel, PolyTouch


class ChannelControls:
    """Applies the messages of MIDI channels to the voices.

    The messages of an MPE zone's master act on the zone's members, too.
    """

    def __init__(self, channels: Channels, bank: VoiceBank, notes: Notes, pitches: VoicePitches):
        self._channels, self._bank, self._notes, self._pitches = channels, bank, notes, pitches
        # The channels that were retuned most recently, their sounding voices, and the bank's `n_turnovers` then.
        self._retuned: tuple[Iterable[int], list[Voice], int] = (), [], -1

    def pitch_wheel(self, event: PitchWheel) -> None:
        self._channels[event.channel].bend = event.pitch / (8191.0 if event.pitch > 0 else 8192.0)
        self.retune(self._channels.with_members(event.channel))

    def aftertouch(self, event: Aftertouch) -> None:
        self._channels[event.channel].pressure = event.value
        self.retune(self._channels.with_members(event.channel))

    def poly_touch(self, event: PolyTouch) -> None:
        self._channels[event.channel].key_pressure[event.note] = event.value
        self.retune([event.channel])

    def control_change(self, event: ControlChange, frame: int) -> None:
        """Apply a control that no map assigns, as the MIDI standard defines the control."""
        handler = self._HANDLERS.get(event.control)
        if handler is not None:
            handler(self, event, frame)

    def slide(self, event: ControlChange) -> None:
        """Set the slide of a channel of an MPE zone."""
        self._channels[event.channel].slide = event.value
        for voice in self._notes.held(event.channel):
            self._notes.follow_slide(voice)

    def reset(self, frame: int) -> None:
        self._channels.reset()
        self._follow_channels(range(N_CHANNELS), frame)
        self._notes.all_off(range(N_CHANNELS), frame)

    def retune(self, channels: Iterable[int]) -> None:
        former, voices, n_turnovers = self._retuned
        if former is not channels or n_turnovers != self._bank.n_turnovers:
            voices = [voice for voice in self._bank.used() if voice.active and voice.channel in channels]
            self._retuned = channels, voices, self._bank.n_turnovers
        self._pitches.follow_all(voices)
        self._notes.changes.retuned += voices

    def ramp_gains(self, channels: Iterable[int], frame: int) -> None:
        for voice in self._bank.used():
            if voice.active and voice.channel in channels:
                self._bank.ramp_gains(voice, frame, channel_gains(self._channels, voice))

    def _bank_select(self, event: ControlChange, _frame: int) -> None:
        self._channels[event.channel].select_bank(event.control, event.value)

    def _mod_wheel(self, event: ControlChange, _frame: int) -> None:
        self._channels[event.channel].mod_wheel = event.value
        self.retune(self._channels.with_members(event.channel))

    def _volume(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].volume = event.value
        self.ramp_gains(self._channels.with_members(event.channel), frame)

    def _expression(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].expression = event.value
        self.ramp_gains(self._channels.with_members(event.channel), frame)

    def _pan(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].pan = event.value
        self.ramp_gains(self._channels.with_members(event.channel), frame)

    def _pedal(self, event: ControlChange, frame: int) -> None:
        channel, affected = self._channels[event.channel], self._channels.with_members(event.channel)
        down = event.value >= SWITCH_ON
        if event.control == Control.SUSTAIN:
            channel.sustain = down
        elif event.control == Control.SOFT_PEDAL:
            channel.soft = down
        elif down != channel.sostenuto:
            channel.sostenuto = down
            for affected_channel in affected:
                for voice in self._notes.held(affected_channel):
                    voice.sostenuto = down and voice.key_down
        self._notes.let_go(affected, frame)

    def _choose_parameter(self, event: ControlChange, _frame: int) -> None:
        self._channels[event.channel].choose_parameter(event.control, event.value)

    def _data_entry(self, event: ControlChange, frame: int) -> None:
        if self._channels.enter_data(event.channel, event.control, event.value):
            # MPE 1.0: all notes end when a zone changes, because their keys may now belong to other channels.
            self._notes.release_all(frame)
        self.retune(range(N_CHANNELS))

    def _all_sound_off(self, event: ControlChange, frame: int) -> None:
        self._notes.silence(self._channels.with_members(event.channel), frame)

    def _reset_all_controllers(self, event: ControlChange, frame: int) -> None:
        self._channels[event.channel].reset_controllers()
        self._follow_channels(self._channels.with_members(event.channel), frame)

    def _local_control(self, event: ControlChange, frame: int) -> None:
        """CC 122 does nothing: this instrument has no keyboard to switch off."""

    def _all_notes_off(self, event: ControlChange, frame: int) -> None:
        """Apply CC 123, and also CC 124 to 127: in MIDI 1.0 each of them ends all notes."""
        self._notes.all_off(self._channels.with_members(event.channel), frame)

    def _follow_channels(self, channels: Iterable[int], frame: int) -> None:
        for voice in self._bank.used():
            voice.sostenuto = voice.sostenuto and voice.channel not in channels
        self.ramp_gains(channels, frame)
        self.retune(channels)
        self._notes.let_go(channels, frame)

    # The handlers are not bound to `self`: an object that holds its own bound methods refers to itself. Reference
    # counting cannot free such an object or the engine that it belongs to, and the garbage collector is off.
    _HANDLERS: ClassVar = {
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
