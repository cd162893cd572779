"""Every lane's sound to come, as rings that grains are overlap-added into."""

from __future__ import annotations

import numpy as np

from runtime.synthesis import N_NOISE_FRAMES, N_OVERLAPS, NoiseSynthesis


class OverlapAddRings:
    """One ring of samples per lane; a frame's place is its absolute number modulo `size`.

    magnitudes: float32 (n_lanes, n_bins), each lane's levelled spectrum, filled by the caller.
    A lane's sound is final up to its next hop; nothing needs to be cleared, since what comes last is assigned.
    """

    def __init__(self, n_lanes: int, synthesis: NoiseSynthesis):
        self._synthesis = synthesis
        self._hop_size, self._grain_size = synthesis.hop_size, synthesis.grain_size
        self.size = 1 << (self._grain_size + self._hop_size).bit_length()
        self.magnitudes = np.zeros((n_lanes, synthesis.n_magnitudes), np.float32)
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._rings = np.zeros((n_lanes, self.size + 1), np.float32)
        self._opening = np.empty((1, self._grain_size), np.float32)
        self._repeated = np.empty((N_OVERLAPS, synthesis.n_magnitudes), np.float32)

    def read(self, n_lanes: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of the first lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end."""
        at = frame % self.size
        return self._rings[:n_lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end."""
        return np.take(self._rings[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    def open(self, lane: int, frame: int, frames_to_hop: int, noise_frame: int) -> None:
        """Begin a lane's sound at `frame` as if it had always sounded, so that it need not wait for a window to fill.

        The grains that would have begun in the four hops before the next one are all made now; `noise_frame` is the
        phase of the last of them. frames_to_hop: 1 to hop_size.
        """
        self._repeated[:] = self.magnitudes[lane]
        # From the latest grain, a hop before the next, back to the earliest.
        grains = self._synthesis.grains(self._repeated, (noise_frame - np.arange(N_OVERLAPS)) % N_NOISE_FRAMES)
        length = self._grain_size - self._hop_size + frames_to_hop
        opening = self._opening[:, :length]
        opening[:] = 0.0
        for i, grain in enumerate(grains):
            elapsed = (i + 1) * self._hop_size - frames_to_hop
            opening[0, : self._grain_size - elapsed] += grain[elapsed:]
        self._write(slice(lane, lane + 1), frame, opening, add=False)

    def hop(self, lanes: slice, frame: int, noise_frames: np.ndarray) -> None:
        """Add the grains that begin at `frame` to a run of lanes; noise_frames: int, one per lane."""
        grains = self._synthesis.grains(self.magnitudes[lanes], noise_frames)
        kept = self._grain_size - self._hop_size
        self._write(lanes, frame, grains[:, :kept], add=True)
        self._write(lanes, frame + kept, grains[:, kept:], add=False)

    def _write(self, lanes: slice, frame: int, sound: np.ndarray, add: bool) -> None:
        at = frame % self.size
        first = min(sound.shape[1], self.size - at)
        for ring, part in (
            (self._rings[lanes, at : at + first], sound[:, :first]),
            (self._rings[lanes, : sound.shape[1] - first], sound[:, first:]),
        ):
            if add:
                ring += part
            else:
                ring[:] = part
