"""When the spectra of voices that move by themselves are computed: at points that straight lines join."""

from __future__ import annotations

from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.voices.bank import Voice

# A plucked note's envelope falls so fast that lines from hop to hop would sound different wherever in a hop the note
# begins. So a note begins with points that are counted from its own start, and are closer.
# Closest at first, because envelopes fall fastest there. Each pair: up to how many frames after the note's start, and
# how many frames from point to point.
OPENING_POINTS = ((1024, 128), (4096, 256))


class RampPoints:
    """The points of each voice: its hops, and the middle of each hop, or points close together where its note begins.

    A wave of 10 Hz, joined by lines from hop to hop, would leave images at the hop's rate 27 dB below the tone; with
    lines half as long they are below 40 dB.
    """

    def __init__(self, sound: LaneSound):
        self._sound = sound

    def n_frames_to_next(self, voice: Voice, frame: int) -> int:
        """Frames from `frame` to the voice's next point, at least 1."""
        n_frames, half = self._sound.frames_to_hop(voice.lane, frame), self._sound.hop_size // 2
        since = frame - voice.started_at
        if voice.played.opens_fast:
            for end, spacing in OPENING_POINTS:
                if since < end:
                    return min(n_frames, spacing - since % spacing)
        return n_frames - half if n_frames > half else n_frames

    def is_point(self, voice: Voice, frame: int) -> bool:
        """Whether one of the voice's points is at `frame`."""
        return voice.started_at == frame or self.n_frames_to_next(voice, frame - 1) == 1

    def opens(self, voice: Voice, frame: int) -> bool:
        """Whether the voice's note has just begun and may move fast."""
        return voice.played.opens_fast and frame - voice.started_at < OPENING_POINTS[-1][0]
