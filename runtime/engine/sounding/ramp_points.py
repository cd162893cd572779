"""When the spectra of voices that move by themselves are computed: at points that straight lines join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.engine.voices.bank import Voice
from runtime.events import NEVER

# A plucked note's envelope falls so fast that lines from hop to hop would sound different wherever in a hop the note
# begins. So a note begins with points that are counted from its own start, and are closer.
# Closest at first, because envelopes fall fastest there. Each pair: up to how many frames after the note's start, and
# how many frames from point to point.
OPENING_POINTS = ((1024, 128), (4096, 256))


class RampPoints:
    """The points of each voice: its hops, and more where its sound moves fast.

    A wave of 10 Hz, joined by lines from hop to hop, would leave images at the hop's rate 27 dB below the tone. With
    lines half as long they are below 40 dB; so sounds with a fast LFO have a point in the middle of each hop, too. And
    where a note begins, points may be close together.

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
            if played.opens_fast:
                since = frame - voice.started_at
                spacing = next((spacing for end, spacing in OPENING_POINTS if since < end), 0)
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
        """Whether the voice's note has just begun and may move fast."""
        return voice.played.opens_fast and frame - voice.started_at < OPENING_POINTS[-1][0]
