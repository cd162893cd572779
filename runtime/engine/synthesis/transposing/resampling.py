"""Reads dense rings at any speed: finds values between samples by cubic interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.head import FRACTION_BITS, INTERVAL_FRAMES, Head

# Between samples k and k + 1, the interpolation reads four samples: N_BEFORE before k, and N_AFTER from k on.
N_BEFORE, N_AFTER = 1, 3
_N_SAMPLES = N_BEFORE + N_AFTER
_FIRST_SAMPLE = N_BEFORE << FRACTION_BITS  # how far before its position a lane is read
# The weights of the four samples are looked up for 2 ** _PLACE_BITS places between two samples. Rounding a position
# down to such a place causes a constant delay, and an error below -85 dB at 15 kHz.
_PLACE_BITS = 13
_N_PLACES = 1 << _PLACE_BITS


class Resampler:
    """Reads lanes' dense rings at any speed.

    rings: must repeat N_AFTER samples; max_frames: most frames of one read.
    """

    def __init__(self, rings: DenseRings, max_frames: int):
        n_lanes = len(rings.rings)
        self._ring_mask, self._stride = rings.size - 1, rings.stride
        # A view with four successive samples in each row.
        flat = rings.rings.reshape(-1)
        shape = len(flat) - _N_SAMPLES + 1, _N_SAMPLES
        self._windows = np.lib.stride_tricks.as_strided(flat, shape, flat.strides * 2, writeable=False)
        self._weights = _catmull_rom_weights(np.arange(_N_PLACES) / _N_PLACES)
        self._frames = np.arange(max_frames, dtype=np.int64)
        most_intervals = max_frames // INTERVAL_FRAMES + 2
        self._path = np.empty((2, n_lanes * most_intervals), np.int64)
        self._columns = np.empty((3, n_lanes, 1), np.int64)
        self._integers = np.empty((3, n_lanes * most_intervals * INTERVAL_FRAMES), np.int64)
        self._taken_weights = np.empty((n_lanes * max_frames, _N_SAMPLES), np.float32)
        self._sound = np.empty(n_lanes * max_frames, np.float32)

    def read(self, lanes: Sequence[int], heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """Sound of these lanes from `frame` on, float32 (n_lanes, n_frames), valid until the next call.

        heads: the head of each lane.
        """
        n, n_values = len(lanes), len(lanes) * n_frames
        places = self._positions(heads, frame, n_frames)
        index, between = (a[:n_values].reshape(n, n_frames) for a in self._integers[1:])
        np.right_shift(places, FRACTION_BITS, out=index)
        np.right_shift(places, FRACTION_BITS - _PLACE_BITS, out=between)
        between &= _N_PLACES - 1
        index &= self._ring_mask
        if lanes[-1]:
            ring_column = self._columns[2, :n]
            ring_column[:, 0] = [lane * self._stride for lane in lanes]
            index += ring_column
        weights, sound = self._taken_weights[:n_values], self._sound[:n_values]
        self._weights.take(between.reshape(-1), axis=0, out=weights, mode="clip")
        np.einsum("nk,nk->n", self._windows[index.reshape(-1)], weights, out=sound)
        return sound.reshape(n, n_frames)

    def _positions(self, heads: Sequence[Head], frame: int, n_frames: int) -> np.ndarray:
        """The first sample that is read of each lane in each frame: fixed-point, int64 (n_lanes, n_frames)."""
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
    """Weights of four successive samples, float32 (n, 4), for values at `fractions` (n,) between the middle two.

    The curve is a cubic Hermite curve (Catmull-Rom). It is accurate enough for sound that uses only the lower half of
    its band, as dense hops do.
    """
    x = fractions[:, None] ** np.arange(4)
    coefficients = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    return (0.5 * x @ coefficients).astype(np.float32)
