"""The pitch of each voice: key, bend, glide and vibrato."""

from __future__ import annotations

import math

from runtime.config import VoiceConfig
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels

# Glides and vibrato are updated at frames that are multiples of this.
PITCH_UPDATE_FRAMES = 64
# Note numbers. Pitches beyond these are inaudible, and the cost of a bend grows with its ratio.
LOWEST_PITCH, HIGHEST_PITCH = -24.0, 136.0


class VoicePitches:
    """Computes the pitch of voices, as a ratio to the note that the model is asked for."""

    def __init__(self, bank: VoiceBank, channels: Channels, config: VoiceConfig, sample_rate_hz: int):
        self._bank, self._channels, self._config = bank, channels, config
        self.sample_rate_hz = sample_rate_hz

    def follow(self, voice: Voice) -> None:
        """Update a voice's bend and vibrato from its channel."""
        voice.bend_semitones = self._channels.pitch_semitones(voice.channel)
        modulation = self._channels.modulation(voice.channel, voice.note) if self._channels.modulated else 0.0
        voice.vibrato_semitones = self._config.vibrato_semitones * modulation

    def ratio(self, voice: Voice, frame: int) -> float:
        """Frequency of a voice at a frame, divided by that of its model note; exactly 1 if the two agree."""
        semitones = voice.key_offset + voice.bend_semitones + gliding_semitones(voice, frame)
        if voice.vibrato_semitones:
            angle = 2.0 * math.pi * self._config.vibrato_hz * frame / self.sample_rate_hz
            semitones += voice.vibrato_semitones * math.sin(angle)
        semitones = max(LOWEST_PITCH - voice.model_note, min(semitones, HIGHEST_PITCH - voice.model_note))
        return 2.0 ** (semitones / 12.0) if abs(semitones) > 1e-9 else 1.0

    def moving(self, frame: int) -> list[Voice]:
        """The voices that have vibrato, or a glide that is running or ended within the last PITCH_UPDATE_FRAMES."""
        if not self._channels.modulated and not self._config.portamento_s:
            return []
        return [
            voice
            for voice in self._bank.used()
            if voice.active and (voice.vibrato_semitones or frame < voice.glide_end + PITCH_UPDATE_FRAMES)
        ]


def gliding_semitones(voice: Voice, frame: int) -> float:
    """How far a gliding voice is above its key's pitch at a frame, negative if below; 0 when the glide is over."""
    if frame >= voice.glide_end:
        return 0.0
    return voice.glide_semitones * (voice.glide_end - frame) / (voice.glide_end - voice.started_at)
