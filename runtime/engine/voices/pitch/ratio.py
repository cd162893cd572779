"""The ratio of a voice's frequency to its model note's frequency, as a function of the frame."""

from __future__ import annotations

import math
from typing import NamedTuple

# Smaller distances from the pitch of the model note count as 0.
_LEAST_SEMITONES = 1e-9


class Glide(NamedTuple):
    """A linear glide to the key's pitch.

    semitones: how far above the key's pitch it starts, negative if below.
    start, end: its first frame, and the frame at which it reaches the key's pitch.
    """

    semitones: float
    start: int
    end: int

    def at(self, frame: int) -> float:
        """How far the voice is above the key's pitch, in semitones: negative if below, 0 when the glide is over."""
        return self.semitones * (self.end - frame) / (self.end - self.start) if frame < self.end else 0.0


class PitchRatio(NamedTuple):
    """Frequency of a voice, divided by its model note's frequency, as a function of the frame.

    A PitchRatio holds until the next event that changes the pitch.

    fixed: the ratio, exactly 1 at the model note's pitch, or None if the ratio changes with the frame.
    highest: a value that the ratio never exceeds.
    semitones: how far the pitch lies above the model note, without vibrato and glide.
    vibrato_semitones: depth of the vibrato.
    radians_per_frame: speed of the vibrato.
    glide: None without a glide.
    limits: the lowest and the highest distance from the model note, in semitones. The pitch is clipped to them. None if
        no clipping is needed.
    """

    fixed: float | None
    highest: float
    semitones: float
    vibrato_semitones: float
    radians_per_frame: float
    glide: Glide | None
    limits: tuple[float, float] | None

    def at(self, frame: int) -> float:
        _, _, semitones, depth, radians_per_frame, glide, limits = self
        if glide is not None:
            semitones += glide.at(frame)
        if depth:
            semitones += depth * math.sin(radians_per_frame * frame)
        if limits is not None:
            semitones = max(limits[0], min(semitones, limits[1]))
        return frequency_ratio(semitones)

    def at_each(self, frames: range) -> list[float]:
        """The same as `at`, for several frames."""
        _, _, semitones, depth, radians_per_frame, glide, limits = self
        if glide is not None or limits is not None or not depth:
            return [self.at(frame) for frame in frames]
        sin = math.sin
        shifts = [semitones + depth * sin(radians_per_frame * frame) for frame in frames]
        # as in `frequency_ratio`, without its calls
        return [2.0 ** (shift / 12.0) if abs(shift) > _LEAST_SEMITONES else 1.0 for shift in shifts]

    def still_semitones(self, frame: int) -> float:
        """How far the pitch lies above the model note at a frame, in semitones, without vibrato and limits."""
        return self.semitones if self.glide is None else self.semitones + self.glide.at(frame)


def pitch_ratio(
    semitones: float, depth: float, speed: float, glide: Glide | None, limits: tuple[float, float] | None
) -> PitchRatio:
    """The ratio of a voice.

    depth: the vibrato's depth in semitones.
    speed: the vibrato's speed in radians per frame.
    semitones, glide, limits: as in PitchRatio.
    """
    highest = semitones + depth + (abs(glide.semitones) if glide else 0.0)
    if limits is not None:
        highest = max(limits[0], min(highest, limits[1]))
    highest_ratio = frequency_ratio(highest)
    fixed = None if depth or glide else highest_ratio
    return PitchRatio(fixed, highest_ratio, semitones, depth, speed, glide, limits)


def frequency_ratio(semitones: float) -> float:
    """The ratio of two frequencies that are `semitones` apart; exactly 1 if they are almost equal."""
    return 2.0 ** (semitones / 12.0) if abs(semitones) > _LEAST_SEMITONES else 1.0
