"""How high each voice sounds: its key, bends, a glide from another key, vibrato."""

from __future__ import annotations

import math

from runtime.config import VoiceConfig
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels

# How often a pitch that moves by itself is set anew, in engine frames.
SWAY_FRAMES = 64
# Bends of several octaves at once would ask for sound beyond hearing, at a cost that grows with the ratio.
LOWEST_PITCH, HIGHEST_PITCH = -24.0, 136.0


class VoicePitches:
    """The pitch of every voice, as a ratio to its model's note, at any frame."""

    def __init__(self, bank: VoiceBank, channels: Channels, config: VoiceConfig, sample_rate_hz: int):
        self._bank, self._channels, self._config = bank, channels, config
        self._rate_hz = sample_rate_hz

    def follow(self, voice: Voice) -> None:
        """Take over what a voice's channel now asks of its pitch."""
        voice.bend_semitones = self._channels.pitch_semitones(voice.channel)
        modulation = self._channels.modulation(voice.channel, voice.note) if self._channels.modulated else 0.0
        voice.vibrato_semitones = self._config.vibrato_semitones * modulation

    def ratio(self, voice: Voice, frame: int) -> float:
        """How much higher than its model's note a voice sounds at a frame; 1 where that is the note itself."""
        semitones = voice.key_offset + voice.bend_semitones + gliding_semitones(voice, frame)
        if voice.vibrato_semitones:
            turn = 2.0 * math.pi * self._config.vibrato_hz * frame / self._rate_hz
            semitones += voice.vibrato_semitones * math.sin(turn)
        semitones = max(LOWEST_PITCH - voice.model_note, min(semitones, HIGHEST_PITCH - voice.model_note))
        return 2.0 ** (semitones / 12.0) if abs(semitones) > 1e-9 else 1.0

    def swaying(self, frame: int) -> list[Voice]:
        """Voices whose pitch moves by itself: with vibrato, or gliding."""
        if not self._channels.modulated and not self._config.portamento_s:
            return []
        return [
            voice
            for voice in self._bank.used()
            if voice.active and (voice.vibrato_semitones or frame < voice.glide_end + SWAY_FRAMES)
        ]


def gliding_semitones(voice: Voice, frame: int) -> float:
    """How far a voice still is from its key's pitch."""
    if frame >= voice.glide_end:
        return 0.0
    return voice.glide_semitones * (voice.glide_end - frame) / (voice.glide_end - voice.started_at)
