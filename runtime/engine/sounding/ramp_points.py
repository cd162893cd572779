"""The frames at which spectra of modulated voices are computed; between them the spectra change linearly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.engine.voices.bank import Voice
from runtime.events import NEVER

class RampPoints:
    """The points of each voice: its hops, and more where its sound changes fast.

    A 10 Hz LFO, interpolated linearly from hop to hop, would cause images at the hop rate 27 dB below the tone. Points
    at half the distance bring the images to more than 40 dB below the tone, so sounds with a fast LFO have a point in
    the middle of each hop, too.

    A plucked note's envelope falls fast. If it were interpolated from hop to hop, the sound would depend on where in a
    hop the note begins. So the notes of such sounds begin with closer points, counted from their own start.

    hop_offsets: for each lane, the frame of its hops modulo the hop size.
    """

    def __init__(self, hop_offsets: Sequence[int], hop_size: int):
        self._offsets, self._hop_size, self._half = hop_offsets, hop_size, hop_size // 2

    def frames_to_next(self, voices: Iterable[Voice], frame: int) -> list[int]:
        """For each voice, the frames from `frame` to its next point, at least 1."""
        size = self._hop_size
        found = []
        for voice in voices:
            played, n_frames = voice.played, size - (frame - self._offsets[voice.lane]) % size
            if played.moves_fast and n_frames > self._half:
                n_frames -= self._half
            if played.opening_points:
                since = frame - voice.started_at
                spacing = next((spacing for end, spacing in played.opening_points if since < end), 0)
                if spacing:
                    n_frames = min(n_frames, spacing - since % spacing)
            found.append(n_frames)
        return found

    def frames_to_extra(self, voices: Iterable[Voice], frame: int) -> int:
        """The frames to the next point of any voice that has points between its hops; NEVER if none has."""
        fast = [voice for voice in voices if voice.played.moves_fast or self.opens(voice, frame)]
        return min(self.frames_to_next(fast, frame), default=NEVER)

    def at(self, voices: Sequence[Voice], frame: int) -> list[Voice]:
        """The voices that have a point at `frame`."""
        before = self.frames_to_next(voices, frame - 1)
        return [v for v, n_frames in zip(voices, before, strict=True) if n_frames == 1 or v.started_at == frame]

    def opens(self, voice: Voice, frame: int) -> bool:
        """Whether the voice's note has just begun and may change fast."""
        points = voice.played.opening_points
        return bool(points) and frame - voice.started_at < points[-1][0]
