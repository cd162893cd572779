"""Reads dense rings at any speed: finds values between samples by cubic interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.rings import DenseRings

# Positions in a ring are fixed-point numbers, ONE per sample.
FRACTION_BITS = 24
ONE = 1 << FRACTION_BITS
_FRACTION_MASK = ONE - 1
# The interpolation reads four samples: from N_BEFORE before a position's whole part up to N_AFTER past it, exclusive.
N_BEFORE, N_AFTER = 1, 3


class Resampler:
    """Reads lanes' dense rings at any speed.

    rings: must repeat N_AFTER samples; max_frames: most frames of one read.
    """

    def __init__(self, rings: DenseRings, max_frames: int):
        n_lanes = len(rings.rings)
        self._ring_mask, self._stride = rings.size - 1, rings.stride
        # Four views of the rings, each beginning one sample after the one before: one index finds all four samples.
        flat = rings.rings.reshape(-1)
        self._samples = [flat[offset:] for offset in range(N_BEFORE + N_AFTER)]
        self._frames = np.arange(max_frames, dtype=np.int64)
        self._columns = np.empty((3, n_lanes, 1), np.int64)
        self._integers = np.empty((2, n_lanes * max_frames), np.int64)
        self._floats = np.empty((6, n_lanes * max_frames), np.float32)

    def read(self, lanes: Sequence[int], positions: Sequence[int], steps: Sequence[int], n_frames: int) -> np.ndarray:
        """Sound of these lanes, float32 (n_lanes, n_frames), valid until the next call.

        positions: where each lane's first value lies in its ring; steps: how far each position moves per frame; both
        fixed-point.
        """
        n = len(lanes)
        shape, n_samples = (n, n_frames), n * n_frames
        step_column, position_column, ring_column = self._columns[:, :n]
        step_column[:, 0] = steps
        position_column[:, 0] = positions
        ring_column[:, 0] = [lane * self._stride for lane in lanes]
        places, index = (a[:n_samples].reshape(shape) for a in self._integers)
        floats = [a[:n_samples].reshape(shape) for a in self._floats]
        np.multiply(self._frames[:n_frames], step_column, out=places)
        places += position_column
        np.bitwise_and(places, _FRACTION_MASK, out=index)
        fraction, samples, result = floats[0], floats[1:-1], floats[-1]
        np.multiply(index, np.float32(1.0 / ONE), out=fraction, casting="same_kind")
        places >>= FRACTION_BITS
        places -= N_BEFORE
        places &= self._ring_mask
        places += ring_column
        for ring, taken in zip(self._samples, samples, strict=True):
            np.take(ring, places, out=taken, mode="clip")
        return _catmull_rom(fraction, *samples, result)


def _catmull_rom(
    fraction: np.ndarray, before: np.ndarray, at: np.ndarray, after: np.ndarray, later: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Write values between `at` and `after` into `out`, by a cubic Hermite curve (Catmull-Rom).

    before, at, after, later: four successive samples; fraction: distance from `at`, 0 to 1. All arrays have one shape;
    before and later are overwritten. Accurate enough for sound that uses only the lower half of its band, as dense hops
    do.
    """
    half = np.float32(0.5)
    np.subtract(after, before, out=out)  # twice the slope at `at`
    later -= before
    later *= half
    np.subtract(at, after, out=before)
    before *= np.float32(1.5)
    before += later  # the coefficient of the cube
    out *= half
    np.subtract(after, at, out=later)
    later -= out
    later -= before  # the coefficient of the square
    before *= fraction
    before += later
    before *= fraction
    before += out
    before *= fraction
    np.add(before, at, out=out)
    return out
