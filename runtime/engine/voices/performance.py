"""The player's side of the engine: what MIDI events mean for the voices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from runtime.config import VoiceConfig
from runtime.control.knobs import Timbre
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.pitches import VoicePitches, gliding_semitones
from runtime.events import (
    N_CHANNELS,
    ActiveSensing,
    Aftertouch,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    Reset,
    VoiceLimit,
)

VELOCITY_AT_VOICE_LEVEL = 100
SOFT_PEDAL_GAIN = 10.0 ** (-6.0 / 20.0)
LEGATO_FADE_S = 0.012
# MIDI 1.0 asks for 300 ms of patience with a sender of active sensing; a little more for the driver's own delays.
SENSING_TIMEOUT_S = 0.33
NEVER = 2**62


class Performance:
    """Applies events to the voices, each at its own frame.

    What follows from them for the sound is left in lists, which the engine empties at the same frame: `opening`,
    voices that begin; `retuned`, voices whose pitch may have changed; `touched`, voices whose own timbre did. And
    `keep_tail` is called for a voice that is about to be stolen.
    """

    def __init__(
        self,
        bank: VoiceBank,
        timbre: Timbre,
        channels: Channels,
        pitches: VoicePitches,
        config: VoiceConfig,
        key_pitches: tuple[float, ...],
        sample_rate_hz: int,
        volume: float,
        keep_tail: Callable[[Voice, int], None],
    ):
        self.opening: list[Voice] = []
        self.retuned: list[Voice] = []
        self.touched: list[Voice] = []
        self.n_notes = self.n_stolen = 0
        self.sensing_deadline = NEVER
        self._bank, self._timbre, self._config = bank, timbre, config
        self._channels, self._pitches = channels, pitches
        self._key_pitches = key_pitches
        self._rate_hz = sample_rate_hz
        self._volume = volume
        self._keep_tail = keep_tail
        self._limit = len(bank.voices)
        self._keys: list[tuple[int, int, int]] = []  # mono: channel, note, velocity of the keys down, newest last

    def apply(self, event: Event, frame: int) -> None:
        """Let one event take effect at `frame`."""
        if self.sensing_deadline != NEVER:
            self._active_sensing(event, frame)
        self._HANDLERS[type(event)](self, event, frame)

    def sense(self, frame: int) -> None:
        """Release everything if a sender of active sensing has been silent for too long."""
        if frame >= self.sensing_deadline:
            self.sensing_deadline = NEVER
            self._reset(Reset(), frame)

    # Notes

    def _note_on(self, event: NoteOn, frame: int) -> None:
        if self._config.mode == "poly":
            for voice in self._held(event.channel):
                if voice.note == event.note and not voice.key_down:
                    self._bank.release(voice, frame)
            self._sound(event.channel, event.note, event.velocity, frame)
            return
        self._keys = [key for key in self._keys if key[:2] != (event.channel, event.note)]
        self._keys.append((event.channel, event.note, event.velocity))
        self._sound_alone(*self._keys[-1], frame)

    def _note_off(self, event: NoteOff, frame: int) -> None:
        if self._config.mode != "poly":
            was_sounding = self._keys[-1:] and self._keys[-1][:2] == (event.channel, event.note)
            self._keys = [key for key in self._keys if key[:2] != (event.channel, event.note)]
            if was_sounding and self._keys:
                self._sound_alone(*self._keys[-1], frame)
                return
        for voice in self._held(event.channel):
            if voice.note == event.note:
                voice.key_down = False
        self._let_go([event.channel], frame)

    def _sound_alone(self, channel: int, note: int, velocity: int, frame: int) -> None:
        """Mono: the newest key takes over from what sounds; legato goes on with its envelope and glides."""
        former = [voice for voice in self._bank.used() if voice.active and not voice.released]
        voice = self._sound(channel, note, velocity, frame)
        for old in former:
            if old is voice:
                continue
            if self._config.mode == "legato":
                self._bank.take_over(voice, old, frame, LEGATO_FADE_S)
            else:
                self._bank.cut(old, frame)
            n_frames = round(self._config.portamento_s * self._rate_hz)
            if n_frames:
                voice.glide_semitones = old.pitch + gliding_semitones(old, frame) - voice.pitch
                voice.glide_end = frame + n_frames

    def _sound(self, channel: int, note: int, velocity: int, frame: int) -> Voice:
        voice = self._bank.choose(self._limit)
        if voice.active:
            self.n_stolen += 1
            if voice not in self.opening:
                self._keep_tail(voice, frame)
        amplitude = self._volume * (velocity / VELOCITY_AT_VOICE_LEVEL) ** (self._config.velocity_db_per_decade / 20.0)
        if self._channels.soft(channel):
            amplitude *= SOFT_PEDAL_GAIN
        voice.channel, voice.note, voice.serial = channel, note, self.n_notes
        voice.pitch = self._key_pitches[note]
        voice.model_note = self._timbre.model_note(voice.pitch)
        voice.key_offset = voice.pitch - voice.model_note
        voice.glide_end = -1
        self._pitches.follow(voice)
        self._set_own_timbre(voice)
        self._bank.start(voice, frame, amplitude, self._channels.gains(channel))
        self.n_notes += 1
        if voice not in self.opening:
            self.opening.append(voice)
        self.retuned.append(voice)
        return voice

    def _held(self, channel: int) -> Iterable[Voice]:
        """Voices of a channel that key or pedal still hold."""
        return [v for v in self._bank.used() if v.active and not v.released and v.channel == channel]

    def _let_go(self, channels: Iterable[int], frame: int) -> None:
        """Release the voices that neither key nor pedal hold any more."""
        for channel in channels:
            sustained = self._channels.sustained(channel)
            for voice in self._held(channel):
                if not (voice.key_down or voice.sostenuto or sustained):
                    self._bank.release(voice, frame)

    def _all_notes_off(self, channels: Iterable[int], frame: int) -> None:
        channels = list(channels)
        self._keys = [key for key in self._keys if key[0] not in channels]
        for channel in channels:
            for voice in self._held(channel):
                voice.key_down = False
        self._let_go(channels, frame)

    # Controllers

    def _control_change(self, event: ControlChange, frame: int) -> None:
        number, control, value = event.channel, event.control, event.value
        channel, affected = self._channels[number], self._channels.with_members(number)
        if control == 74 and self._channels.is_member(number):
            channel.timbre = value
            for voice in self._held(number):
                self._set_own_timbre(voice)
        elif control in self._timbre.latent_of_control:
            self._timbre.turn(self._timbre.latent_of_control[control], value / 127.0)
        elif control == self._timbre.phase_control:
            self._timbre.turn_blend(value / 127.0)
        elif control in (7, 10, 11):
            setattr(channel, {7: "volume", 10: "pan", 11: "expression"}[control], value)
            self._turn_gains(affected, frame)
        elif control == 1:
            channel.mod_wheel = value
            self._channels.modulated = True
            self._retune(affected)
        elif control == 0:
            channel.bank = value << 7 | channel.bank & 127
        elif control == 32:
            channel.bank = channel.bank & ~127 | value
        elif control in (64, 66, 67):
            self._pedal(number, control, value >= 64, frame)
        elif 98 <= control <= 101:
            channel.choose_parameter(control, value)
        elif control in (6, 38):
            self._enter_data(number, control, value, frame)
        elif control == 120:
            self._keys = [key for key in self._keys if key[0] not in affected]
            for voice in self._bank.used():
                if voice.channel in affected:
                    self._bank.cut(voice, frame)
        elif control == 121:
            channel.reset_controllers()
            self._after_reset(affected, frame)
        elif control >= 123:
            self._all_notes_off(affected, frame)

    def _pedal(self, number: int, control: int, down: bool, frame: int) -> None:
        channel, affected = self._channels[number], self._channels.with_members(number)
        if control == 64:
            channel.sustain = down
        elif control == 67:
            channel.soft = down
        elif down != channel.sostenuto:
            channel.sostenuto = down
            for affected_channel in affected:
                for voice in self._held(affected_channel):
                    voice.sostenuto = down and voice.key_down
        self._let_go(affected, frame)

    def _enter_data(self, number: int, control: int, value: int, frame: int) -> None:
        if self._channels.enter_data(number, control, value):
            # Their keys and pedals may now belong to other channels: MPE 1.0 has all notes end.
            self._keys.clear()
            for voice in self._bank.used():
                self._bank.release(voice, frame)
        self._retune(range(N_CHANNELS))

    def _pitch_wheel(self, event: PitchWheel, _frame: int) -> None:
        self._channels[event.channel].bend = event.pitch / (8191.0 if event.pitch > 0 else 8192.0)
        self._retune(self._channels.with_members(event.channel))

    def _aftertouch(self, event: Aftertouch, _frame: int) -> None:
        self._channels[event.channel].pressure = event.value
        self._channels.modulated = True
        self._retune(self._channels.with_members(event.channel))

    def _poly_touch(self, event: PolyTouch, _frame: int) -> None:
        self._channels[event.channel].key_pressure[event.note] = event.value
        self._channels.modulated = True
        self._retune([event.channel])

    def _program_change(self, event: ProgramChange, _frame: int) -> None:
        channel = self._channels[event.channel]
        channel.program = event.program
        if channel.bank == 0:
            self._timbre.choose_preset(event.program)

    def _knob_turn(self, event: KnobTurn, _frame: int) -> None:
        self._timbre.turn(event.latent, event.position)

    def _phase_blend(self, event: PhaseBlend, _frame: int) -> None:
        self._timbre.turn_blend(event.position)

    def _set_own_timbre(self, voice: Voice) -> None:
        """In an MPE zone each note's CC 74 moves the first latent around where its knob stands."""
        own = self._channels[voice.channel].timbre - 64 if self._channels.is_member(voice.channel) else 0
        voice.own_turn = own / 127.0
        voice.spectrum_serial = -1
        self.touched.append(voice)

    def _retune(self, channels: Iterable[int]) -> None:
        for voice in self._bank.used():
            if voice.active and voice.channel in channels:
                self._pitches.follow(voice)
                self.retuned.append(voice)

    def _turn_gains(self, channels: Iterable[int], frame: int) -> None:
        for voice in self._bank.used():
            if voice.active and voice.channel in channels:
                self._bank.turn_gains(voice, frame, self._channels.gains(voice.channel))

    def _after_reset(self, channels: Iterable[int], frame: int) -> None:
        for voice in self._bank.used():
            voice.sostenuto = voice.sostenuto and voice.channel not in channels
        self._turn_gains(channels, frame)
        self._retune(channels)
        self._let_go(channels, frame)

    # The whole instrument

    def _voice_limit(self, event: VoiceLimit, frame: int) -> None:
        fewest = 1 if self._config.mode == "poly" else 2  # one fades while the next takes over
        self._limit = max(fewest, min(event.n_voices, len(self._bank.voices)))
        for voice in self._bank.by_dispensability()[: max(0, self._bank.n_active - self._limit)]:
            self._bank.cut(voice, frame)

    def _active_sensing(self, _event: Event, frame: int) -> None:
        self.sensing_deadline = frame + round(SENSING_TIMEOUT_S * self._rate_hz)

    def _reset(self, _event: Reset, frame: int) -> None:
        self._channels.reset()
        self._after_reset(range(N_CHANNELS), frame)
        self._all_notes_off(range(N_CHANNELS), frame)

    # Of the class and not bound to `self`: an engine in no cycle of references is freed without a collector.
    _HANDLERS: ClassVar = {
        NoteOn: _note_on,
        NoteOff: _note_off,
        ControlChange: _control_change,
        PitchWheel: _pitch_wheel,
        Aftertouch: _aftertouch,
        PolyTouch: _poly_touch,
        ProgramChange: _program_change,
        KnobTurn: _knob_turn,
        PhaseBlend: _phase_blend,
        VoiceLimit: _voice_limit,
        ActiveSensing: _active_sensing,
        Reset: _reset,
    }
