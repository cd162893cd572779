"""The pitch of each voice: key, bend, glide and vibrato."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runtime.config import VoiceConfig
from runtime.engine.voices.bank import Voice
from runtime.engine.voices.channels import Channels

# Note numbers. Pitches beyond these are inaudible, and the cost of a bend grows with its ratio.
LOWEST_PITCH, HIGHEST_PITCH = -24.0, 136.0
# A smaller distance from the model's note is none.
_LEAST_SEMITONES = 1e-9


class Glide(NamedTuple):
    """A glide, in a straight line: from `semitones` above the key's pitch at frame `start` to the pitch at `end`."""

    semitones: float
    start: int
    end: int

    def at(self, frame: int) -> float:
        """How far above the key's pitch the voice is at a frame, negative if below; 0 when the glide is over."""
        return self.semitones * (self.end - frame) / (self.end - self.start) if frame < self.end else 0.0


class PitchRatio(NamedTuple):
    """Frequency of a voice, divided by that of its model note, as a function of the frame.

    It holds from an event to the next event that changes the pitch. Whatever moves between events, such as vibrato, is
    a closed formula of the frame.

    fixed: the ratio if it does not change, exactly 1 at the model note's pitch; else None; highest: no ratio is higher;
    semitones: distance from the model note without vibrato and glide; vibrato_semitones: depth of the vibrato;
    radians_per_frame: speed of the vibrato; glide: None if there is none; limits: lowest and highest distance from the
    model note in semitones, None if they are never reached.
    """

    fixed: float | None
    highest: float
    semitones: float
    vibrato_semitones: float
    radians_per_frame: float
    glide: Glide | None
    limits: tuple[float, float] | None

    def at(self, frame: int) -> float:
        """The ratio at a frame."""
        semitones = self.semitones
        if self.glide is not None:
            semitones += self.glide.at(frame)
        if self.vibrato_semitones:
            semitones += self.vibrato_semitones * math.sin(self.radians_per_frame * frame)
        if self.limits is not None:
            semitones = max(self.limits[0], min(semitones, self.limits[1]))
        return _frequency_ratio(semitones)


class VoicePitches:
    """Finds the pitch of voices, as a ratio to the note that the model is asked for."""

    def __init__(self, channels: Channels, config: VoiceConfig, sample_rate_hz: int):
        self._channels, self._config = channels, config
        self.sample_rate_hz = sample_rate_hz
        self._radians_per_frame = 2.0 * math.pi * config.vibrato_hz / sample_rate_hz

    def follow(self, voice: Voice) -> None:
        """Update a voice's bend and vibrato from its channel."""
        self.follow_all([voice])

    def follow_all(self, voices: Iterable[Voice]) -> None:
        """Update the bends and the vibratos of voices from their channels."""
        channels, depth = self._channels, self._config.vibrato_semitones
        bends: dict[int, float] = {}
        for voice in voices:
            number = voice.channel
            if number not in bends:
                bends[number] = channels.pitch_semitones(number)
            voice.bend_semitones = bends[number]
            voice.vibrato_semitones = depth * channels.modulation(number, voice.note) if channels.modulated else 0.0

    def ratios(self, voices: Sequence[Voice], frame: int) -> list[PitchRatio]:
        """The voices' ratios from `frame` on; voices whose pitches move alike get the same object."""
        found: dict[tuple[float, float], PitchRatio] = {}
        ratios = []
        for voice in voices:
            semitones, depth = voice.key_offset + voice.bend_semitones, voice.vibrato_semitones
            pitch = voice.model_note + semitones
            if frame >= voice.glide_end and pitch - depth >= LOWEST_PITCH and pitch + depth <= HIGHEST_PITCH:
                ratio = found.get((semitones, depth))
                if ratio is None:
                    ratio = found[semitones, depth] = self._ratio(semitones, depth, None, None)
            else:
                ratio = self._special_ratio(voice, frame)
            ratios.append(ratio)
        return ratios

    def _special_ratio(self, voice: Voice, frame: int) -> PitchRatio:
        """The ratio of a voice that glides or that may reach a limit."""
        semitones, glide, reach = voice.key_offset + voice.bend_semitones, None, voice.vibrato_semitones
        if frame < voice.glide_end:
            glide = Glide(voice.glide_semitones, voice.started_at, voice.glide_end)
            reach += abs(glide.semitones)
        limits = LOWEST_PITCH - voice.model_note, HIGHEST_PITCH - voice.model_note
        if limits[0] <= semitones - reach and semitones + reach <= limits[1]:
            limits = None
        return self._ratio(semitones, voice.vibrato_semitones, glide, limits)

    def _ratio(
        self, semitones: float, depth: float, glide: Glide | None, limits: tuple[float, float] | None
    ) -> PitchRatio:
        highest = semitones + depth + (abs(glide.semitones) if glide else 0.0)
        if limits is not None:
            highest = max(limits[0], min(highest, limits[1]))
        highest_ratio = _frequency_ratio(highest)
        fixed = None if depth or glide else highest_ratio
        return PitchRatio(fixed, highest_ratio, semitones, depth, self._radians_per_frame, glide, limits)


def gliding_semitones(voice: Voice, frame: int) -> float:
    """How far a gliding voice is above its key's pitch at a frame, negative if below; 0 when the glide is over."""
    if frame >= voice.glide_end:
        return 0.0
    return Glide(voice.glide_semitones, voice.started_at, voice.glide_end).at(frame)


def _frequency_ratio(semitones: float) -> float:
    return 2.0 ** (semitones / 12.0) if abs(semitones) > _LEAST_SEMITONES else 1.0
