"""The points: the frames at which spectra of modulated voices are computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.engine.voices.bank import Voice
from runtime.engine.voices.modulation.openings import FARTHEST
from runtime.events import NEVER


class RampPoints:
    """The points of each voice. A voice has a point at each of its hops, and more points if its sound changes fast.

    A voice whose spectrum follows a fast LFO also has a point halfway between two hops. A 10 Hz LFO, interpolated
    linearly from hop to hop, would cause images at the hop rate, 27 dB below the tone. With these points, the images
    are more than 40 dB below the tone.

    A note whose spectrum changes fast at first, such as a plucked one, begins with points that are closer together.
    These are counted from the note's start.

    Voices that are made one by one have points of their own in place of those at the hops (see `HopGroups`).

    A voice has no point at its first frame: the first block of a chord has enough other work.

    hop_offsets: for each lane, the frame of its hops modulo the hop size.
    point_offsets: for each lane, the frame of its own points modulo the hop size.
    """

    def __init__(self, hop_offsets: Sequence[int], point_offsets: Sequence[int], hop_size: int):
        self._hop_offsets, self._point_offsets = hop_offsets, point_offsets
        self._hop_size, self._half = hop_size, hop_size // 2

    def frames_to_next(self, voices: Iterable[Voice], frame: int) -> list[int]:
        """For each voice, the number of frames from `frame` to its next point, at least 1."""
        frames, former, offset, n_frames = [], None, 0, 0
        for voice in voices:
            played, own_offset = voice.played, self._hop_offsets[voice.lane]
            if played is not former or own_offset != offset or played.opening_points or played.has_own_points:
                former, offset, n_frames = played, own_offset, self._frames_to_next(voice, frame)
            frames.append(n_frames)
        return frames

    def _frames_to_next(self, voice: Voice, frame: int) -> int:
        played, size, lane = voice.played, self._hop_size, voice.lane
        has_own, since, spacing = played.has_own_points, frame - voice.started_at, 0
        if played.opening_points:
            if has_own:
                since -= self._first_own(voice)
                if since < 0:
                    return -since
            spacing = next((spacing for end, spacing in played.opening_points if since < end), 0)
        if has_own and spacing:
            return spacing - since % spacing
        n_frames = size - (frame - (self._point_offsets if has_own else self._hop_offsets)[lane]) % size
        if played.moves_fast and n_frames > self._half:
            n_frames -= self._half
        return min(n_frames, spacing - since % spacing) if spacing else n_frames

    def _first_own(self, voice: Voice) -> int:
        """The first of the voice's own points, in frames after the voice's start."""
        shift = (self._point_offsets[voice.lane] - self._hop_offsets[voice.lane]) % self._hop_size
        spacing = voice.played.first_spacing
        return spacing // 4 + shift * spacing // self._hop_size

    def frames_to_extra(self, voices: Iterable[Voice], frame: int) -> int:
        """The number of frames from `frame` to the next point of any voice that has points between its hops.

        NEVER if there is no such voice.
        """
        return min(self.frames_to_next(self._with_extra(voices, frame), frame), default=NEVER)

    def is_extra(self, voices: Iterable[Voice], frame: int) -> bool:
        """Whether any voice with points between its hops has a point at `frame`."""
        return bool(self.at(self._with_extra(voices, frame - 1), frame))

    def may_have_extra(self, voice: Voice) -> bool:
        """Whether a voice has points between its hops now, or had some at the beginning of its note."""
        played = voice.played
        return played.moves_fast or played.has_own_points or bool(played.opening_points)

    def _with_extra(self, voices: Iterable[Voice], frame: int) -> list[Voice]:
        return [
            voice
            for voice in voices
            if voice.played.moves_fast or voice.played.has_own_points or self.opens(voice, frame)
        ]

    def at(self, voices: Sequence[Voice], frame: int) -> list[Voice]:
        ahead = self.frames_to_next(voices, frame - 1)
        return [v for v, n_frames in zip(voices, ahead, strict=True) if n_frames == 1 and v.started_at < frame]

    def opens(self, voice: Voice, frame: int) -> bool:
        """Whether the voice's note begins with closer points, and this part of the note is not over at `frame`."""
        points = voice.played.opening_points
        return bool(points) and frame - voice.started_at < points[-1][0]


def first_wait(voice: Voice) -> int:
    """The greatest number of frames that can pass from a voice's beginning to its first point."""
    played = voice.played
    distance = played.opening_points[0][1] if played.opening_points else 0
    return distance or (FARTHEST // 2 if played.moves_fast else FARTHEST)
