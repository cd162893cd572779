"""When the spectra of voices that move by themselves are computed: at points that straight lines join."""

from __future__ import annotations

from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.voices.bank import Voice

# A plucked note's envelope falls so fast that lines from hop to hop would sound different wherever in a hop the note
# begins. So a note begins with points that are counted from its own start, and are closer.
OPENING_POINT_FRAMES = 256
OPENING_POINTS = 16


class RampPoints:
    """The points of each voice: its hops, and more where its sound moves fast.

    A wave of 10 Hz, joined by lines from hop to hop, would leave images at the hop's rate 27 dB below the tone. With
    lines half as long they are below 40 dB; so sounds with a fast LFO have a point in the middle of each hop, too. And
    where a note begins, points may be close together.
    """

    def __init__(self, sound: LaneSound):
        self._sound = sound

    def n_frames_to_next(self, voice: Voice, frame: int) -> int:
        """Frames from `frame` to the voice's next point, at least 1."""
        n_frames, half = self._sound.frames_to_hop(voice.lane, frame), self._sound.hop_size // 2
        if voice.played.moves_fast and n_frames > half:
            n_frames -= half
        if self.opens(voice, frame):
            n_frames = min(n_frames, OPENING_POINT_FRAMES - (frame - voice.started_at) % OPENING_POINT_FRAMES)
        return n_frames

    def is_point(self, voice: Voice, frame: int) -> bool:
        """Whether one of the voice's points is at `frame`."""
        return voice.started_at == frame or self.n_frames_to_next(voice, frame - 1) == 1

    def opens(self, voice: Voice, frame: int) -> bool:
        """Whether the voice's note has just begun and may move fast."""
        return voice.played.opens_fast and frame - voice.started_at < OPENING_POINTS * OPENING_POINT_FRAMES
