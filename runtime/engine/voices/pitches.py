"""The pitch of each voice: key, bend, glide and vibrato."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runtime.engine.voices.bank import Voice
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.pitch.modulated import INTERVAL_FRAMES, ModulatedPitch
from runtime.engine.voices.pitch.ratio import Glide, PitchRatio, pitch_ratio

# The limits of pitch, in note numbers. Pitches beyond them are inaudible, and large bends are costly.
LOWEST_PITCH, HIGHEST_PITCH = -24.0, 136.0
# If an LFO with a delay moves a chord's pitches, the moved pitches are first computed a little before the delay ends.
# Of every 16 lanes, two at a time are computed, the highest numbers first, so that no block has all the work.
_LANES_AT_ONCE, _N_SHIFTS, _SHIFT_FRAMES = 2, 8, 128


class _Together(NamedTuple):
    """What is the same for some voices from their notes' beginnings on.

    are_alike: whether a wheel moves all of them alike: they have one channel, one sound, and one distance of the key's
        pitch from the model note; and nothing modulates their pitches.
    glide_end: the frame at which the last of their glides ends.
    lowest_note, highest_note: their lowest and their highest model note.
    """

    voices: Sequence[Voice]
    are_alike: bool
    glide_end: int
    lowest_note: int
    highest_note: int

    @classmethod
    def of(cls, voices: Sequence[Voice]) -> _Together:
        ways = {(v.channel, v.key_offset, v.vibrato_radians_per_frame, id(v.knobs), id(v.played)) for v in voices}
        notes = [voice.model_note for voice in voices]
        are_alike = len(ways) == 1 and not voices[0].played.pitch_moves
        glide_end = max([voice.glide_end for voice in voices], default=0)
        return cls(voices, are_alike, glide_end, min(notes, default=0), max(notes, default=0))


_NOBODY = _Together.of(())


class VoicePitches:
    """Finds the ratio of a voice's frequency to its model note's frequency."""

    def __init__(self, channels: Channels, sample_rate_hz: int):
        self._channels, self.sample_rate_hz = channels, sample_rate_hz
        self._together = _NOBODY  # about the voices of the newest `ratios`

    def follow(self, voice: Voice) -> None:
        """Give a voice its pitch at its note's beginning."""
        self._together = _NOBODY
        self.follow_all((voice,))

    def follow_all(self, voices: Iterable[Voice]) -> None:
        channels, number, knobs = self._channels, -1, None
        for voice in voices:
            if voice.channel != number or voice.knobs is not knobs:
                number, knobs = voice.channel, voice.knobs
                semitones, modulation = channels.pitch_semitones(number), channels.vibrato_depth(number)
                deepest, pressures = knobs.values["vibrato.depth"], channels[number].key_pressure
                vibrato_semitones = deepest * min(1.0, modulation / 127.0)
            voice.bend_semitones, voice.vibrato_semitones = semitones, vibrato_semitones
            if pressures:
                pressed = modulation + pressures.get(voice.note, 0)
                voice.vibrato_semitones = deepest * min(1.0, pressed / 127.0)

    def wakes_at(self, voice: Voice) -> int:
        """The frame from which a voice's pitch counts as modulated.

        It is the note's start. But if the pitch is modulated only after a delay, it is a frame shortly before the
        delay's end.
        """
        delay_s = voice.played.pitch_delay_s
        n_frames = int(delay_s * self.sample_rate_hz) - INTERVAL_FRAMES if delay_s else 0
        if n_frames <= _N_SHIFTS * _SHIFT_FRAMES:
            return voice.started_at
        shift = voice.lane // _LANES_AT_ONCE % _N_SHIFTS
        return voice.played.modulator.started_at(voice.lane) + n_frames - shift * _SHIFT_FRAMES

    def ratios(self, voices: Sequence[Voice], frame: int) -> list[PitchRatio | ModulatedPitch]:
        """The voices' ratios from `frame` on; voices whose pitches move alike get the same object."""
        together = self._together
        if together.voices != voices:
            together = self._together = _Together.of(voices)
        if together.are_alike and frame >= together.glide_end and not self._channels[voices[0].channel].key_pressure:
            ratio, lowest, highest = _plain_ratio(voices[0])  # the usual case, a wheel
            if lowest <= together.lowest_note and together.highest_note <= highest:
                return [ratio] * len(voices)
        return self._each_ratio(voices, frame)

    def _each_ratio(self, voices: Sequence[Voice], frame: int) -> list[PitchRatio | ModulatedPitch]:
        found: dict[tuple[float, float, float], tuple[PitchRatio, float, float]] = {}
        ratios, former = [], None
        for voice in voices:
            way = _way(voice)
            if way != former:
                former = way
                if way not in found:
                    found[way] = _plain_ratio(voice)
                ratio_of_way, lowest, highest = found[way]
            if frame >= voice.glide_end and lowest <= voice.model_note <= highest:
                ratio = ratio_of_way
            else:
                ratio = self._special_ratio(voice, frame)
            if voice.played.pitch_moves:
                is_awake = frame >= self.wakes_at(voice)
                voice.modulated_pitch = self._modulated(voice, ratio, frame) if is_awake else None
                ratio = voice.modulated_pitch or ratio
            ratios.append(ratio)
        return ratios

    def _modulated(self, voice: Voice, ratio: PitchRatio, frame: int) -> ModulatedPitch:
        former = voice.modulated_pitch if voice.started_at < frame else None
        limits = LOWEST_PITCH - voice.model_note, HIGHEST_PITCH - voice.model_note
        if former is not None and former.stays(voice, ratio, limits):
            return former
        return ModulatedPitch(voice, ratio, limits, frame, former)

    def _special_ratio(self, voice: Voice, frame: int) -> PitchRatio:
        semitones, glide, reach = voice.key_offset + voice.bend_semitones, None, voice.vibrato_semitones
        if frame < voice.glide_end:
            glide = Glide(voice.glide_semitones, voice.started_at, voice.glide_end)
            reach += abs(glide.semitones)
        limits = LOWEST_PITCH - voice.model_note, HIGHEST_PITCH - voice.model_note
        if limits[0] <= semitones - reach and semitones + reach <= limits[1]:
            limits = None
        return pitch_ratio(semitones, voice.vibrato_semitones, voice.vibrato_radians_per_frame, glide, limits)


def _way(voice: Voice) -> tuple[float, float, float]:
    """A voice's distance from its model note in semitones, and its vibrato's depth in semitones and speed."""
    return voice.key_offset + voice.bend_semitones, voice.vibrato_semitones, voice.vibrato_radians_per_frame


def _plain_ratio(voice: Voice) -> tuple[PitchRatio, float, float]:
    """A voice's ratio without glide and limits, and the lowest and the highest model note that needs no limits."""
    semitones, depth, speed = _way(voice)
    lowest, highest = LOWEST_PITCH + depth - semitones, HIGHEST_PITCH - depth - semitones
    return pitch_ratio(semitones, depth, speed, None, None), lowest, highest


def gliding_semitones(voice: Voice, frame: int) -> float:
    """How far a gliding voice is above its key's pitch, in semitones: negative if below, 0 when the glide is over."""
    if frame >= voice.glide_end:
        return 0.0
    return Glide(voice.glide_semitones, voice.started_at, voice.glide_end).at(frame)
