"""How frames and taps lie in memory, so that a hop's spectrum is one sum of products of floats."""

from __future__ import annotations

import numpy as np

_TWICE = np.uint64((1 << 32) + 1)


def new_pairs(n: int, n_bins: int) -> np.ndarray:
    """Room for frames, float32 (n, n_bins + 2, 2): each magnitude twice, and beside the first and the last none.

    A product with complex numbers is so one with floats.
    """
    return np.zeros((n, n_bins + 2, 2), np.float32)


def write_pairs(magnitudes: np.ndarray, pairs: np.ndarray) -> None:
    """Write frames (n, n_bins) into as many rows of pairs."""
    # Both halves of a 64-bit product are the magnitude: one pass, where two assignments would stride.
    bits, twice = magnitudes.view(np.uint32), pairs.view(np.uint64)
    np.multiply(bits[:, : pairs.shape[1] - 2], _TWICE, out=twice[:, 1:-1, 0])


def read_by_taps(pairs: np.ndarray) -> np.ndarray:
    """A view float32 (n, 3, 2 * n_bins) of pairs: what a bin's taps read, the bin below, itself, the bin above."""
    n, n_padded, _ = pairs.shape
    row_stride, pair_stride, stride = pairs.strides
    return np.lib.stride_tricks.as_strided(pairs, (n, 3, 2 * (n_padded - 2)), (row_stride, pair_stride, stride))


def new_taps(n: int, n_bins: int) -> np.ndarray:
    """Room for taps, complex64 (n, 3, n_bins + 2): what a bin gives to the bin above, to itself, to the bin below."""
    return np.zeros((n, 3, n_bins + 2), np.complex64)


def seen_by_bins(taps: np.ndarray) -> np.ndarray:
    """A view float32 (n, 3, 2 * n_bins) of taps: what a bin gets from the bin below, itself, the bin above."""
    n, _, n_padded = taps.shape
    row_stride, tap_stride, stride = taps.strides
    return np.lib.stride_tricks.as_strided(
        taps.view(np.float32), (n, 3, 2 * (n_padded - 2)), (row_stride, tap_stride + stride, stride // 2)
    )
