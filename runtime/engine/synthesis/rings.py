"""Samples that are made before they are heard: a ring for each lane."""

from __future__ import annotations

import numpy as np


class Rings:
    """One ring of samples per lane, float32; a frame's place is its absolute number modulo `size`.

    n_ahead: how many frames may be made before the first of them is heard; n_fade: frames of the fade between an old
    sound and a new one.
    """

    def __init__(self, n_lanes: int, n_ahead: int, n_fade: int):
        self.size = 1 << (n_ahead + n_fade).bit_length()
        self.n_fade = n_fade
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._samples = np.zeros((n_lanes, self.size + 1), np.float32)
        self._summed = np.empty(max(n_ahead, n_fade) + n_fade, np.float32)
        self.fade_in = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade) / n_fade)).astype(np.float32)
        self._fade_out = 1.0 - self.fade_in

    def read(self, lanes: slice, frame: int, n_frames: int) -> np.ndarray:
        """Sound of lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end."""
        at = frame % self.size
        return self._samples[lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end."""
        return np.take(self._samples[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    def write(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound (n, n_frames) from `frame` on."""
        for places, part in self._places(frame, sound.shape[1]):
            self._samples[lanes, places] = sound[:, part]

    def fade_over(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Write sound that begins with what the rings still hold of the old one, and fades to the new one.

        The two have their phases in common, so that their amplitudes add up. The sound's beginning is overwritten.
        """
        new = sound[:, : self.n_fade]
        new *= self.fade_in
        for places, part in self._places(frame, self.n_fade):
            ring = self._samples[lanes, places]
            ring *= self._fade_out[part]
            ring += new[:, part]
        self.write(lanes, frame + self.n_fade, sound[:, self.n_fade :])

    def gather(self, lanes: slice, into: int, frame: int, shares: np.ndarray) -> None:
        """Let one of the lanes hold the sum of them all by shares (n,), of a fade's frames from `frame` on."""
        for places, part in self._places(frame, self.n_fade):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[into, places] = summed

    def take_out(self, lanes: slice, of: int, frame: int, n_frames: int, shares: np.ndarray) -> None:
        """Subtract from one lane what these hold, by shares (n,)."""
        for places, part in self._places(frame, n_frames):
            summed = self._summed[part]
            np.einsum("n,nx->x", shares, self._samples[lanes, places], out=summed)
            self._samples[of, places] -= summed

    def silence(self, lane: int) -> None:
        """Forget what a lane holds."""
        self._samples[lane] = 0.0

    def _places(self, frame: int, n_frames: int) -> list[tuple[slice, slice]]:
        """Where n_frames from `frame` on lie in a ring, and which part of them that is: two where the ring ends."""
        at = frame % self.size
        n_first = min(n_frames, self.size - at)
        first = slice(at, at + n_first), slice(0, n_first)
        return [first, (slice(0, n_frames - n_first), slice(n_first, n_frames))] if n_first < n_frames else [first]
