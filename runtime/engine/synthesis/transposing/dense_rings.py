"""Rings of dense sound, which has two samples for each frame; one ring per lane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class DenseRings:
    """One ring of float32 samples for each lane, for its dense hops.

    The first n_repeated samples of a ring are repeated after its end, so that interpolation can read across the end.

    Attributes:
    size: samples of a ring, a power of two.
    rings: (n_lanes, size + n_repeated).
    stride: samples from the beginning of one ring to that of the next, in a flat view of `rings`.
    """

    def __init__(self, n_lanes: int, size: int, n_repeated: int):
        self.size, self.stride = size, size + n_repeated
        # np.full writes to the memory now. With np.zeros, the first pitch bend would have to wait for memory pages.
        self.rings = np.full((n_lanes, self.stride), 0.0, np.float32)
        self._n_repeated = n_repeated
        self._scratch = np.full((2, size), 0.0, np.float32)

    def write(self, lane: int, begin: int, sound: np.ndarray) -> None:
        """Write `sound`, (n,), into a lane's ring, from ring sample `begin` on."""
        ring = self.rings[lane]
        for places, part in ring_places(self.size, begin, len(sound)):
            ring[places] = sound[part]
        ring[self.size :] = ring[: self._n_repeated]

    def fade_over(self, lane: int, begin: int, sound: np.ndarray, weights: np.ndarray) -> None:
        """Crossfade a lane's ring to `sound`, from ring sample `begin` on; `sound` is overwritten.

        sound: (n,).
        weights: float32 (n,); 0 keeps the ring's sample, 1 replaces it.
        """
        ring = self.rings[lane]
        for places, part in ring_places(self.size, begin, len(sound)):
            change = np.subtract(sound[part], ring[places], out=sound[part])
            change *= weights[part]
            ring[places] += change
        ring[self.size :] = ring[: self._n_repeated]

    def silence(self, lane: int, begin: int, n: int) -> None:
        ring = self.rings[lane]
        for places, _ in ring_places(self.size, begin, n):
            ring[places] = 0.0
        ring[self.size :] = ring[: self._n_repeated]

    def add_up(self, lanes: Sequence[int], weights: Sequence[float], into: int, begin: int, n: int) -> None:
        """Write the weighted sum of lanes into the ring of lane `into`: n samples from `begin` on."""
        ring = self.rings[into]
        for places, part in ring_places(self.size, begin, n):
            summed, weighted = self._scratch[:, part]
            summed.fill(0.0)
            for lane, weight in zip(lanes, weights, strict=True):
                np.multiply(self.rings[lane, places], np.float32(weight), out=weighted)
                summed += weighted
            ring[places] = summed
        ring[self.size :] = ring[: self._n_repeated]

    def subtract(self, lane: int, share: float, of: int, begin: int, n: int) -> None:
        """Subtract `share` times a lane's sound from another lane's ring: n samples from `begin` on.

        of: the lane from whose ring the sound is subtracted.
        """
        ring = self.rings[of]
        for places, part in ring_places(self.size, begin, n):
            weighted = self._scratch[0, part]
            np.multiply(self.rings[lane, places], np.float32(share), out=weighted)
            ring[places] -= weighted
        ring[self.size :] = ring[: self._n_repeated]


def ring_places(size: int, first: int, n: int) -> list[tuple[slice, slice]]:
    """Where the samples `first` to `first + n - 1` lie in a ring of `size` samples.

    A sample's place in the ring is its number modulo `size`.
    Returns one or two pairs of slices: places in the ring, and which of the n samples are there.
    """
    at = first % size
    n_first = min(n, size - at)
    head = slice(at, at + n_first), slice(0, n_first)
    return [head, (slice(0, n - n_first), slice(n_first, n))] if n_first < n else [head]
