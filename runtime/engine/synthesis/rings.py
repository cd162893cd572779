"""Rings of samples, one per lane: sound is written ahead of time and read when it plays."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.transposing.dense_rings import ring_places

# Length in frames of the rounded corners of a ramp. Where ramps that rise and fall fast meet, a sharp corner would be
# heard as a click in a voice that is far louder than full scale. Longer corners would be heard as a tone at the rate of
# the points.
CORNER_FRAMES = 16


class Rings:
    """One ring of float32 samples for each lane; the sample of a frame is at the frame's number modulo `size`.

    n_ahead: frames of finished sound that may be written ahead; n_fade: length of a crossfade, and how many frames may
    be written after the n_ahead frames. Attributes: size: samples of a ring, a power of two; fade_in: the new sound's
    weights in a crossfade, float32 (n_fade,).
    """

    def __init__(self, n_lanes: int, n_ahead: int, n_fade: int):
        self.size = 1 << (n_ahead + n_fade).bit_length()
        self._n_fade = n_fade
        # One column more than `size`, because the engine always mixes at least two frames.
        self._samples = np.zeros((n_lanes, self.size + 1), np.float32)
        self._summed = np.empty(max(n_ahead, n_fade) + n_fade, np.float32)
        self._steps = np.arange(n_ahead + n_fade, dtype=np.float32)
        self._weights = np.empty_like(self._steps)
        self.fade_in = fade_in(n_fade)
        self._fade_out = 1.0 - self.fade_in

    def read(self, lanes: slice, frame: int, n_frames: int) -> np.ndarray:
        """Sound of lanes from `frame` on: a view (n_lanes, n_frames), which must not reach past the ring's end."""
        at = frame % self.size
        return self._samples[lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on: a copy (n_frames,), which may continue at the ring's beginning."""
        return np.take(self._samples[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    def write(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound (n, n_frames) from `frame` on."""
        for places, part in ring_places(self.size, frame, sound.shape[1]):
            self._samples[lanes, places] = sound[:, part]

    def fade_over(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound (n, n_frames) from `frame` on, with a crossfade from the old sound; `sound` is overwritten.

        The weights of the old and the new sound add up to 1, because the two have the same phases.
        """
        new = sound[:, : self._n_fade]
        new *= self.fade_in
        for places, part in ring_places(self.size, frame, self._n_fade):
            ring = self._samples[lanes, places]
            ring *= self._fade_out[part]
            ring += new[:, part]
        self.write(lanes, frame + self._n_fade, sound[:, self._n_fade :])

    def ramp_over(self, lanes: slice, frame: int, sound: np.ndarray, n_frames: int, n_done: int = 0) -> None:
        """Write sound (n, n_written) from `frame` on, with a linear crossfade of n_frames from the rings' old sound.

        n_done: how many of the n_frames lie before `frame`. `sound` is overwritten.
        """
        n = min(max(n_frames - n_done, 0), sound.shape[1])
        weights = ramp_weights(self._steps[n_done : n_done + n], n_frames, CORNER_FRAMES, self._weights[:n])
        new = sound[:, :n]
        for places, part in ring_places(self.size, frame, n):
            ring = self._samples[lanes, places]
            change = np.subtract(new[:, part], ring, out=new[:, part])
            change *= weights[part]
            ring += change
        self.write(lanes, frame + n, sound[:, n:])

    def gather(self, lanes: slice, into: int, frame: int, shares: np.ndarray) -> None:
        """Write the sum of lanes, each times its share, into the ring of lane `into`.

        shares: float32 (n,). The sum is made for n_fade frames, from `frame` on.
        """
        for places, part in ring_places(self.size, frame, self._n_fade):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[into, places] = summed

    def subtract(self, lanes: slice, of: int, frame: int, n_frames: int, shares: np.ndarray) -> None:
        """Subtract the sum of lanes, each times its share, from the ring of lane `of`.

        shares: float32 (n,). The sum is made for n_frames, from `frame` on.
        """
        for places, part in ring_places(self.size, frame, n_frames):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[of, places] -= summed

    def silence(self, lane: int) -> None:
        """Write zeros to the whole ring of a lane."""
        self._samples[lane] = 0.0


def fade_in(n: int) -> np.ndarray:
    """Weights of a raised-cosine fade from 0 to 1, float32 (n,)."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)


def ramp_weights(steps: np.ndarray, n_frames: int, corner: int, out: np.ndarray) -> np.ndarray:
    """Weights of the new sound in a ramp from 0 to 1, float32 (n,): a straight line with rounded corners.

    steps: float32 (n,), successive whole numbers, the places in the ramp; n_frames: its length; corner: the length of a
    corner, but at most a quarter of the ramp is used; out: takes the weights.
    """
    corner = min(corner, n_frames // 4)
    slope = np.float32(1.0 / (n_frames - corner))
    np.subtract(steps, np.float32(0.5 * corner), out=out)
    out *= slope
    if corner and len(steps):
        bend, first = slope * np.float32(0.5 / corner), int(steps[0])
        begin, end = max(corner - first, 0), max(n_frames - corner - first, 0)
        out[:begin] = steps[:begin] * steps[:begin] * bend
        left = np.float32(n_frames) - steps[end:]
        out[end:] = np.float32(1.0) - left * left * bend
    return out
