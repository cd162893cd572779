"""Rings of samples, one per lane: sound is written ahead of time and read when it plays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.transposing.dense_rings import ring_places

# Length of a ramp's rounded corners, in frames. With sharp corners, a voice that is far louder than full scale would
# click. With longer corners than these, a tone at the rate of the points would be heard.
CORNER_FRAMES = 16


class Rings:
    """One ring of float32 samples for each lane; the sample of a frame is at the frame's number modulo `size`.

    n_ahead: the most frames of finished sound in a ring.
    n_fade: frames of a crossfade. After its finished frames, a ring holds up to n_fade more: the old sound for the next
        crossfade.

    Attributes:
    size: samples of a ring, a power of two.
    fade_in: the new sound's weights in a crossfade, float32 (n_fade,).
    ramps: the new sound's weights in ramps.
    """

    def __init__(self, n_lanes: int, n_ahead: int, n_fade: int):
        self.size = 1 << (n_ahead + n_fade).bit_length()
        self._n_fade = n_fade
        # One column more than `size`: the mixer reads at least two frames, even if it needs only the ring's last one.
        self._samples = np.zeros((n_lanes, self.size + 1), np.float32)
        self._summed = np.empty(max(n_ahead, n_fade) + n_fade, np.float32)
        self._copied = np.empty(self.size, np.float32)
        self.ramps = RampWeights(n_ahead + n_fade, CORNER_FRAMES, [n_ahead >> k for k in range(5)])
        self.fade_in = fade_in(n_fade)
        self._fade_out = 1.0 - self.fade_in

    def read(self, lanes: slice, frame: int, n_frames: int) -> np.ndarray:
        """Sound of lanes from `frame` on: a view (n_lanes, n_frames), which must not reach past the ring's end."""
        at = frame % self.size
        return self._samples[lanes, at : at + n_frames]

    def read_lane(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on: a copy (n_frames,), valid until the next call."""
        copied = self._copied[:n_frames]
        for places, part in ring_places(self.size, frame, n_frames):
            copied[part] = self._samples[lane, places]
        return copied

    def write(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound (n, n_frames) from `frame` on."""
        for places, part in ring_places(self.size, frame, sound.shape[1]):
            self._samples[lanes, places] = sound[:, part]

    def fade_over(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound (n, n_frames) from `frame` on, with a crossfade from the old sound; `sound` is overwritten.

        The weights of the old and the new sound add up to 1, because both sounds have the same phases.
        """
        new = sound[:, : self._n_fade]
        new *= self.fade_in
        for places, part in ring_places(self.size, frame, self._n_fade):
            ring = self._samples[lanes, places]
            ring *= self._fade_out[part]
            ring += new[:, part]
        self.write(lanes, frame + self._n_fade, sound[:, self._n_fade :])

    def ramp_over(self, lanes: slice, frame: int, sound: np.ndarray, n_frames: int, n_done: int = 0) -> None:
        """Write sound (n, n_written) from `frame` on, with a linear crossfade from the rings' old sound.

        `sound` is overwritten.

        n_frames: length of the crossfade.
        n_done: how many frames of the crossfade lie before `frame`.
        """
        n = min(max(n_frames - n_done, 0), sound.shape[1])
        weights = self.ramps.of(n_frames, n_done, n_done + n)
        new = sound[:, :n]
        for places, part in ring_places(self.size, frame, n):
            ring = self._samples[lanes, places]
            change = np.subtract(new[:, part], ring, out=new[:, part])
            change *= weights[part]
            ring += change
        self.write(lanes, frame + n, sound[:, n:])

    def gather(self, lanes: slice, into: int, frame: int, shares: np.ndarray) -> None:
        """Write a weighted sum of `lanes` into the ring of lane `into`, for n_fade frames from `frame` on.

        shares: the lanes' weights, float32 (n,).
        """
        for places, part in ring_places(self.size, frame, self._n_fade):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[into, places] = summed

    def subtract(self, lanes: slice, of: int, frame: int, n_frames: int, shares: np.ndarray) -> None:
        """Subtract a weighted sum of the rings of `lanes` from one lane's ring, for n_frames from `frame` on.

        of: the lane from whose ring the sum is subtracted.
        shares: the lanes' weights, float32 (n,).
        """
        for places, part in ring_places(self.size, frame, n_frames):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[of, places] -= summed

    def silence(self, lane: int) -> None:
        self._samples[lane] = 0.0


def fade_in(n: int) -> np.ndarray:
    """Weights of a raised-cosine fade from 0 to 1, float32 (n,)."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)


class RampWeights:
    """Weights of the new sound in ramps from 0 to 1: a straight line with a rounded corner at each end.

    All lengths are in samples.

    longest: the most weights that one call returns, at least 4 * corner.
    corner: the length of a rounded corner; ramps shorter than 4 * corner have none.
    ready: the lengths of those ramps whose weights are computed in advance.
    """

    def __init__(self, longest: int, corner: int, ready: Sequence[int] = ()):
        self._corner, self._steps = corner, np.arange(longest, dtype=np.float32)
        self._scratch = np.empty_like(self._steps)
        self._rise = (np.arange(corner) ** 2 * (0.5 / corner)).astype(np.float32)
        self._fall = np.ascontiguousarray(-self._rise[::-1])
        self._ready: dict[int, np.ndarray] = {}
        self._ready = {length: self.of(length, 0, length).copy() for length in ready}

    def of(self, length: int, first: int, stop: int) -> np.ndarray:
        """The weights of samples `first` to `stop` of a ramp, float32 (stop - first,), valid until the next call."""
        if length in self._ready:
            return self._ready[length][first:stop]
        out, corner = self._scratch[: stop - first], self._corner
        if length < 4 * corner:
            return np.divide(self._steps[first:stop], np.float32(length), out=out)
        slope = np.float32(1.0 / (length - corner))
        # Not _steps[first:stop]: a lane that is read very fast has ramps that are longer than _steps.
        np.subtract(self._steps[: stop - first], np.float32(0.5 * corner - first), out=out)
        out *= slope
        if first < corner:
            np.multiply(self._rise[first:stop], slope, out=out[: corner - first])
        # The last corner ends at sample `length`, one after the ramp's last sample. There the ramp would reach 1.
        begin = max(length - corner + 1, first)
        if begin < stop:
            fall = self._fall[begin - (length - corner + 1) : stop - (length - corner + 1)]
            np.multiply(fall, slope, out=out[begin - first :])
            out[begin - first :] += np.float32(1.0)
        return out
