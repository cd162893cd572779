"""The frequency ratio of a voice whose pitch or vibrato is modulated."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.voices.modulation.modulator import Modulator
from runtime.engine.voices.modulation.sources import Moment, PlayedNote
from runtime.engine.voices.pitch.ratio import PitchRatio, frequency_ratio

PITCH_TARGETS = frozenset(("pitch", "vibrato.depth", "vibrato.rate"))
# Time is divided into intervals of this length; the first begins at frame 0. The pitch is computed for the middle of an
# interval, and is kept during the whole interval.
INTERVAL_FRAMES = 64
_N_AT_ONCE = 32


class MovingSound(Protocol):
    """The fields of `PlayedSound` that a modulated pitch needs."""

    modulator: Modulator
    pitch_reach_semitones: float


class MovingVoice(PlayedNote, Protocol):
    """The fields of `Voice` that a modulated pitch needs."""

    played: MovingSound
    knobs: SoundKnobs


class ModulatedPitch:
    """Frequency of one voice, divided by its model note's frequency, as a function of the frame.

    The object keeps the controls and the tempo of its first frame. Each event that may change the pitch makes a new
    object.

    plain: the ratio without modulation.
    limits: the lowest and the highest distance from the model note, in semitones.
    frame: the first frame for which this object holds.
    former: the object that held for this note before, or None.

    Attribute highest: the upper limit of the ratio.
    """

    fixed = None

    def __init__(
        self,
        voice: MovingVoice,
        plain: PitchRatio,
        limits: tuple[float, float],
        frame: int,
        former: ModulatedPitch | None,
    ):
        self._plain, self._limits, self._modulator = plain, limits, voice.played.modulator
        self._voices, self._lanes = [voice], np.array([voice.lane])
        self._held = self._modulator.hold(PITCH_TARGETS, voice)
        self._depth_at_full = voice.knobs.values["vibrato.depth"]
        self._first = frame // INTERVAL_FRAMES
        # What `ahead_at` returns for each interval.
        self._ahead = [former.ahead_at(self._first) if former is not None else 0.0]
        self._semitones: list[float] = []
        reach = voice.played.pitch_reach_semitones + self._depth_at_full
        self.highest = frequency_ratio(min(limits[1], math.log2(plain.highest) * 12.0 + reach))

    def stays(self, voice: MovingVoice, plain: PitchRatio, limits: tuple[float, float]) -> bool:
        """Whether a new object for the same note, made with these arguments, would be equal to this one."""
        return (
            self._plain == plain
            and self._limits == limits
            and self._depth_at_full == voice.knobs.values["vibrato.depth"]
            and not self._modulator.follows_releases(PITCH_TARGETS)
            and self._held == self._modulator.hold(PITCH_TARGETS, voice)
        )

    def at(self, frame: int) -> float:
        """The ratio at `frame`, which is not before the object's first frame."""
        number = max(0, frame // INTERVAL_FRAMES - self._first)
        while number >= len(self._semitones):
            self._extend()
        lowest, highest = self._limits
        return frequency_ratio(max(lowest, min(self._semitones[number], highest)))

    def at_each(self, frames: range) -> list[float]:
        """The same as `at`, for several frames."""
        return [self.at(frame) for frame in frames]

    def ahead_at(self, interval: int) -> float:
        """How far the vibrato is ahead when an interval begins, in rad, because its rate is modulated."""
        number = max(0, interval - self._first)
        while number >= len(self._ahead):
            self._extend()
        return self._ahead[number]

    def _extend(self) -> None:
        first = self._first + len(self._semitones)
        frames = np.arange(first, first + _N_AT_ONCE) * float(INTERVAL_FRAMES) + INTERVAL_FRAMES // 2
        sums = self._modulator.values(PITCH_TARGETS, Moment(self._voices, self._lanes, frames, 0, self._held))
        shifts, depths, rates = (_row(sums.get(name)) for name in ("pitch", "vibrato.depth", "vibrato.rate"))
        plain = self._plain
        for frame, shift, depth, rate in zip(frames.tolist(), shifts, depths, rates, strict=True):
            step = (2.0**rate - 1.0) * plain.radians_per_frame * INTERVAL_FRAMES
            ahead = self._ahead[-1] + 0.5 * step
            vibrato = plain.vibrato_semitones + depth * self._depth_at_full
            vibrato = min(max(vibrato, 0.0), self._depth_at_full)
            swing = math.sin(plain.radians_per_frame * frame + ahead) if vibrato else 0.0
            self._semitones.append(plain.still_semitones(frame) + shift + vibrato * swing)
            self._ahead.append(self._ahead[-1] + step)


def _row(values: np.ndarray | None) -> list[float]:
    if values is None:
        return [0.0] * _N_AT_ONCE
    return np.broadcast_to(values, (1, _N_AT_ONCE))[0].tolist()
