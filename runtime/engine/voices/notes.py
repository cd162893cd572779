"""Starts and ends voices for keys: stealing, release, pedals, mono and legato."""

from __future__ import annotations

import math
from collections.abc import Iterable

from runtime.config import Config
from runtime.control.knobs import Knobs
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.changes import Changes, Stolen
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.pitch.tuning import key_pitches
from runtime.engine.voices.pitches import VoicePitches, gliding_semitones
from runtime.engine.voices.played_sound import PlayedSound, channel_gains, playhead_of
from runtime.events import NoteOff, NoteOn, VoiceLimit
from runtime.instrument.card import Card

VELOCITY_AT_VOICE_LEVEL = 100
SOFT_PEDAL_GAIN = 10.0 ** (-6.0 / 20.0)
LEGATO_FADE_S = 0.012  # crossfade from the old voice to the new one


class Notes:
    """Starts, releases and cuts the voices of the notes on all channels.

    Attributes:
    changes: the voices changed in the present span.
    n_notes, n_stolen: notes started and voices stolen so far.
    played: the sound of the next notes.
    """

    def __init__(
        self,
        card: Card,
        config: Config,
        played: PlayedSound,
        bank: VoiceBank,
        knobs: Knobs,
        channels: Channels,
        pitches: VoicePitches,
    ):
        self.changes = Changes()
        self.n_notes = self.n_stolen = 0
        self.played = played
        self._card = card
        self._bank, self._knobs, self._channels, self._pitches = bank, knobs, channels, pitches
        self._key_pitches = key_pitches(config.tuning)
        self._limit = len(bank.voices)
        # In mono and legato: (channel, note, velocity) of each key that is down, the newest last.
        self._keys: list[tuple[int, int, int]] = []

    def note_on(self, event: NoteOn, frame: int) -> None:
        if self.played.voice.mode == "poly":
            for voice in self.held(event.channel):
                if voice.note == event.note and not voice.key_down:
                    self._bank.release(voice, frame)
            self._start(event.channel, event.note, event.velocity, frame)
            return
        self._forget_key(event.channel, event.note)
        self._keys.append((event.channel, event.note, event.velocity))
        self._start_alone(*self._keys[-1], frame)

    def note_off(self, event: NoteOff, frame: int) -> None:
        """Release the voices of a key that comes up, unless a pedal holds them.

        In mono and legato, if the newest key comes up, the newest key that is still down sounds again.
        """
        was_sounding = self._keys[-1:] and self._keys[-1][:2] == (event.channel, event.note)
        # Forget the key even in poly: it may have gone down while the sound was mono. A key that has come up must not
        # sound again.
        self._forget_key(event.channel, event.note)
        if self.played.voice.mode != "poly" and was_sounding and self._keys:
            self._start_alone(*self._keys[-1], frame)
            return
        for voice in self.held(event.channel):
            if voice.note == event.note:
                voice.key_down = False
                self._bank.table.release_velocity[voice.lane] = event.velocity / 127.0
        self.let_go([event.channel], frame)

    def held(self, channel: int) -> list[Voice]:
        """A channel's sounding voices that have not been released."""
        return [v for v in self._bank.used() if v.active and not v.released and v.channel == channel]

    def let_go(self, channels: Iterable[int], frame: int) -> None:
        """Release the voices that neither a key nor a pedal holds any more."""
        for channel in channels:
            sustained = self._channels.sustained(channel)
            for voice in self.held(channel):
                if not (voice.key_down or voice.sostenuto or sustained):
                    self._bank.release(voice, frame)

    def all_off(self, channels: Iterable[int], frame: int) -> None:
        """Treat every key of these channels as up; pedals still hold their notes."""
        channels = list(channels)
        self._keys = [key for key in self._keys if key[0] not in channels]
        for channel in channels:
            for voice in self.held(channel):
                voice.key_down = False
        self.let_go(channels, frame)

    def silence(self, channels: list[int], frame: int) -> None:
        self._keys = [key for key in self._keys if key[0] not in channels]
        for voice in self._bank.used():
            if voice.channel in channels:
                self._bank.cut(voice, frame)

    def release_all(self, frame: int) -> None:
        self._keys.clear()
        for voice in self._bank.used():
            self._bank.release(voice, frame)

    def limit_voices(self, event: VoiceLimit, frame: int) -> None:
        """Set how many voices may sound at most. If more voices sound, cut the most dispensable ones."""
        fewest = 1 if self.played.voice.mode == "poly" else 2  # otherwise one fades out while the next begins
        self._limit = max(fewest, min(event.n_voices, len(self._bank.voices)))
        for voice in self._bank.by_dispensability()[: max(0, self._bank.n_active - self._limit)]:
            self._bank.cut(voice, frame)

    def end_one(self, frame: int) -> None:
        """Cut the most dispensable voice, because all engines of the rack together have too many."""
        for voice in self._bank.by_dispensability():
            if not voice.is_cut:
                self.n_stolen += 1
                self._bank.cut(voice, frame)
                return

    def follow_slide(self, voice: Voice) -> None:
        """Update a voice's slide. In an MPE zone, CC 74 on a note's channel shifts the note's first latent."""
        slide = self._channels[voice.channel].slide - 64 if self._channels.is_member(voice.channel) else 0
        voice.slide = slide / 127.0
        voice.spectrum_version = -1
        self.changes.touched.append(voice)

    def _forget_key(self, channel: int, note: int) -> None:
        self._keys = [key for key in self._keys if key[:2] != (channel, note)]

    def _start_alone(self, channel: int, note: int, velocity: int, frame: int) -> None:
        """In mono and legato, start a voice in place of the sounding one. The new voice may glide.

        Voices that began with a poly sound keep sounding.
        """
        held = [voice for voice in self._bank.used() if voice.active and not voice.released]
        former = [voice for voice in held if voice.played.voice.mode != "poly"]
        voice = self._start(channel, note, velocity, frame)
        for old in former:
            if old is voice:
                continue
            if self.played.voice.mode == "legato":
                self._bank.take_over(voice, old, frame, LEGATO_FADE_S)
            else:
                self._bank.cut(old, frame)
            n_frames = round(self._knobs.present.values["portamento"] * self._pitches.sample_rate_hz)
            if n_frames:
                voice.glide_semitones = old.pitch + gliding_semitones(old, frame) - voice.pitch
                voice.glide_end = frame + n_frames

    def _start(self, channel: int, note: int, velocity: int, frame: int) -> Voice:
        changes, voice = self.changes, self._bank.choose(self._limit)
        if voice.active:
            self.n_stolen += 1
            if voice not in changes.opening:
                changes.stolen.append(Stolen(voice.lane, *self._bank.levels(voice, frame), voice.played.gains_move))
        voice.channel, voice.note, voice.velocity, voice.order = channel, note, velocity, self.n_notes
        voice.pitch = self._key_pitches[note]
        voice.model_note = self._card.nearest_note(voice.pitch)
        voice.key_offset = voice.pitch - voice.model_note
        voice.glide_end, voice.played, voice.led_to = -1, self.played, None
        voice.knobs = knobs = self._knobs.present
        voice.vibrato_radians_per_frame = 2.0 * math.pi * knobs.values["vibrato.rate"] / self._pitches.sample_rate_hz
        self._bank.table.start(voice.lane, frame, self.n_notes, note, velocity)
        if self.played.trajectories is not None:
            self._start_path(voice, frame)
        self._pitches.follow(voice)
        self.follow_slide(voice)
        self._bank.start(voice, frame, self._amplitude(channel, note, velocity), channel_gains(self._channels, voice))
        self.n_notes += 1
        if voice not in changes.opening:
            changes.opening.append(voice)
        changes.retuned.append(voice)
        return voice

    def _start_path(self, voice: Voice, frame: int) -> None:
        speed, shift = 1.0, 0.0
        if voice.played.playhead_targets:
            speed, shift = (float(values[0]) for values in playhead_of([voice], frame))
        voice.played.trajectories.start(voice.lane, frame, voice.note, voice.velocity, speed, shift)

    def _amplitude(self, channel: int, note: int, velocity: int) -> float:
        exponent = self.played.voice.velocity_db_per_decade / 20.0
        amplitude = (velocity / VELOCITY_AT_VOICE_LEVEL) ** exponent
        if self.played.trajectories is not None:
            amplitude *= self.played.trajectories.key_gain(note, velocity)
        return amplitude * SOFT_PEDAL_GAIN if self._channels.soft(channel) else amplitude
