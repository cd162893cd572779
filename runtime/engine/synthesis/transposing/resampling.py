"""Reads dense rings at any speed, by cubic interpolation between samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.head import FRACTION_BITS, INTERVAL_FRAMES, Head

# For a value between samples k and k + 1, the interpolation reads four samples: N_BEFORE before k, N_AFTER from k on.
N_BEFORE, N_AFTER = 1, 3
_N_SAMPLES = N_BEFORE + N_AFTER
_FIRST_SAMPLE = N_BEFORE << FRACTION_BITS  # subtract it from a position to get the first sample to read
# The weights of the four samples are computed for 2 ** _PLACE_BITS places between two samples. A position between two
# places is rounded down to the lower place. This causes a constant delay, and an error below -85 dB at 15 kHz.
_PLACE_BITS = 13
_N_PLACES = 1 << _PLACE_BITS
# NumPy handles 0-d arrays faster than numbers.
_BEFORE = np.array(_FIRST_SAMPLE)
_FRACTION, _BETWEEN = np.array(FRACTION_BITS), np.array(FRACTION_BITS - _PLACE_BITS)
_PLACE_MASK = np.array(_N_PLACES - 1)


class Resampler:
    """Reads lanes' dense rings at any speed.

    rings: must repeat their first N_AFTER samples at the end.
    max_frames: the most frames of one read.
    """

    def __init__(self, rings: DenseRings, max_frames: int):
        n_lanes = len(rings.rings)
        self._ring_mask, self._stride = np.array(rings.size - 1), rings.stride
        # NumPy copies one element of four samples faster than a row of four.
        flat = rings.rings.reshape(-1)
        first = flat[:_N_SAMPLES].view(f"V{flat.itemsize * _N_SAMPLES}")
        shape = (len(flat) - _N_SAMPLES + 1,)
        self._windows = np.lib.stride_tricks.as_strided(first, shape, flat.strides, writeable=False)
        self._windows_of = [self._windows[lane * self._stride :] for lane in range(n_lanes)]
        self._weights = _catmull_rom_weights(np.arange(_N_PLACES) / _N_PLACES)
        self._frames = np.arange(max_frames, dtype=np.int64)
        most_intervals = max_frames // INTERVAL_FRAMES + 2
        self._step, self._begin = np.array(0), np.array(0)
        self._path = np.empty((2, n_lanes * most_intervals), np.int64)
        self._columns = np.empty((3, n_lanes, 1), np.int64)
        self._integers = np.empty((3, n_lanes * most_intervals * INTERVAL_FRAMES), np.int64)
        n_values = n_lanes * max_frames
        self._products = np.empty((n_values, _N_SAMPLES), np.float32)
        self._pairs, self._sound = np.empty(2 * n_values, np.float32), np.empty(n_values, np.float32)

    def read(self, lanes: Sequence[int], heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """Sound of these lanes from `frame` on, float32 (n_lanes, n_frames), valid until the next call."""
        n, n_values = len(lanes), len(lanes) * n_frames
        flat_index, flat_between = self._integers[1, :n_values], self._integers[2, :n_values]
        if n == 1:
            places, index, between = self._positions_of_one(heads[0], frame, n_frames), flat_index, flat_between
        else:
            places = self._positions(heads, frame, n_frames)
            index, between = flat_index.reshape(n, n_frames), flat_between.reshape(n, n_frames)
        np.right_shift(places, _FRACTION, out=index)
        np.right_shift(places, _BETWEEN, out=between)
        between &= _PLACE_MASK
        index &= self._ring_mask
        if n == 1:
            windows = self._windows_of[lanes[0]]
        else:
            windows, ring_column = self._windows, self._columns[2, :n]
            ring_column[:, 0] = [lane * self._stride for lane in lanes]
            index += ring_column
        return self._weighted(windows[flat_index], flat_between).reshape(n, n_frames)

    def _weighted(self, windows: np.ndarray, between: np.ndarray) -> np.ndarray:
        """For each window of four samples, the value at a place between its middle two samples, float32 (n,).

        between: for each window, the number of the place, 0 to _N_PLACES - 1, int64 (n,).
        """
        n = len(windows)
        products, pairs, sound = self._products[:n], self._pairs[: 2 * n], self._sound[:n]
        self._weights.take(between, axis=0, out=products, mode="clip")
        flat = products.reshape(-1)
        flat *= windows.view(np.float32)
        # faster than one einsum over the four products
        np.add(flat[::2], flat[1::2], out=pairs)
        return np.add(pairs[::2], pairs[1::2], out=sound)

    def _positions_of_one(self, head: Head, frame: int, n_frames: int) -> np.ndarray:
        step = head.fixed_step
        if step is not None:
            self._step[...], self._begin[...] = step, head.position(frame) - _FIRST_SAMPLE
            places = self._integers[0, :n_frames]
            np.multiply(self._frames[:n_frames], self._step, out=places)
            places += self._begin
            return places
        elapsed = frame % INTERVAL_FRAMES
        n_intervals = -(-(elapsed + n_frames) // INTERVAL_FRAMES)
        begins, steps = self._path[:, :n_intervals]
        begins[:], steps[:] = head.path(frame, n_intervals)
        begins -= _BEFORE
        places = self._integers[0, : n_intervals * INTERVAL_FRAMES].reshape(n_intervals, INTERVAL_FRAMES)
        np.multiply(steps[:, None], self._frames[:INTERVAL_FRAMES], out=places)
        places += begins[:, None]
        return places.reshape(-1)[elapsed : elapsed + n_frames]

    def _positions(self, heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """For each lane and frame, the lane's position minus _FIRST_SAMPLE, fixed-point, int64 (n_lanes, n_frames)."""
        n, steps = len(heads), [head.fixed_step for head in heads]
        if None in steps:
            return self._moving_positions(heads, frame, n_frames)
        step_column, position_column = self._columns[:2, :n]
        step_column[:, 0] = steps
        position_column[:, 0] = [head.position(frame) - _FIRST_SAMPLE for head in heads]
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
        begins -= _FIRST_SAMPLE
        places = self._integers[0, : n * n_intervals * INTERVAL_FRAMES].reshape(n, n_intervals, INTERVAL_FRAMES)
        np.multiply(steps[:, :, None], self._frames[:INTERVAL_FRAMES], out=places)
        places += begins[:, :, None]
        return places.reshape(n, -1)[:, elapsed : elapsed + n_frames]


def _catmull_rom_weights(fractions: np.ndarray) -> np.ndarray:
    """The weights of four successive samples in a value between the middle two, float32 (n, 4).

    fractions: where the value lies, from 0 at the second sample to 1 at the third, (n,).
    The weights are those of a cubic Hermite curve. This curve is accurate enough for dense hops, because their sound
    uses only the lower half of the band.
    """
    x = fractions[:, None] ** np.arange(4)
    coefficients = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    return (0.5 * x @ coefficients).astype(np.float32)
