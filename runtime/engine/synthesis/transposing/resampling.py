"""Reads dense rings at any speed: finds values between samples by cubic interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.head import FRACTION_BITS, INTERVAL_FRAMES, ONE, Head

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
        most_intervals = max_frames // INTERVAL_FRAMES + 2
        self._path = np.empty((2, n_lanes * most_intervals), np.int64)
        self._columns = np.empty((3, n_lanes, 1), np.int64)
        self._integers = np.empty((3, n_lanes * most_intervals * INTERVAL_FRAMES), np.int64)
        self._floats = np.empty((6, n_lanes * max_frames), np.float32)

    def read(self, lanes: Sequence[int], heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """Sound of these lanes from `frame` on, float32 (n_lanes, n_frames), valid until the next call.

        heads: the head of each lane.
        """
        n = len(lanes)
        floats = [a[: n * n_frames].reshape(n, n_frames) for a in self._floats]
        places = self._positions(heads, frame, n_frames)
        index = self._integers[1, : n * n_frames].reshape(n, n_frames)
        np.bitwise_and(places, _FRACTION_MASK, out=index)
        fraction, samples, result = floats[0], floats[1:-1], floats[-1]
        np.multiply(index, np.float32(1.0 / ONE), out=fraction, casting="same_kind")
        np.right_shift(places, FRACTION_BITS, out=index)
        index -= N_BEFORE
        index &= self._ring_mask
        if lanes[-1]:
            ring_column = self._columns[2, :n]
            ring_column[:, 0] = [lane * self._stride for lane in lanes]
            index += ring_column
        for ring, taken in zip(self._samples, samples, strict=True):
            ring.take(index, out=taken, mode="clip")
        return _catmull_rom(fraction, *samples, result)

    def _positions(self, heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """Where each lane is read in each frame: fixed-point, int64 (n_lanes, n_frames)."""
        n, steps = len(heads), [head.fixed_step for head in heads]
        if None in steps:
            return self._moving_positions(heads, frame, n_frames)
        step_column, position_column = self._columns[:2, :n]
        step_column[:, 0] = steps
        position_column[:, 0] = [head.position(frame) for head in heads]
        places = self._integers[0, : n * n_frames].reshape(n, n_frames)
        np.multiply(self._frames[:n_frames], step_column, out=places)
        places += position_column
        return places

    def _moving_positions(self, heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        n, elapsed = len(heads), frame % INTERVAL_FRAMES
        n_intervals = -(-(elapsed + n_frames) // INTERVAL_FRAMES)
        begins, steps = (a[: n * n_intervals].reshape(n, n_intervals) for a in self._path)
        paths: dict[Head, tuple[list[int], list[int]]] = {}
        for row, head in enumerate(heads):
            if head not in paths:
                paths[head] = head.path(frame, n_intervals)
            begins[row], steps[row] = paths[head]
        places = self._integers[0, : n * n_intervals * INTERVAL_FRAMES].reshape(n, n_intervals, INTERVAL_FRAMES)
        np.multiply(steps[:, :, None], self._frames[:INTERVAL_FRAMES], out=places)
        places += begins[:, :, None]
        return places.reshape(n, -1)[:, elapsed : elapsed + n_frames]


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
