"""Memory layouts of spectra (pairs) and phases (taps).

With them, each float of a hop's complex spectrum is a sum of products of floats.
"""

from __future__ import annotations

import numpy as np

# The number of windows that overlap at any moment: the hop size is a quarter of the window.
N_OVERLAPS = 4
_TWICE = np.uint64((1 << 32) + 1)


def new_pairs(n: int, n_bins: int) -> np.ndarray:
    """Zeroed pairs for n spectra, float32 (n, n_bins + 2, 2). They have a silent bin at either end.

    The first float of a pair is multiplied by the real part of a tap, the second by the imaginary part.
    """
    return np.zeros((n, n_bins + 2, 2), np.float32)


def write_pairs(magnitudes: np.ndarray, pairs: np.ndarray) -> None:
    """Write each magnitude twice into `pairs`.

    magnitudes: float32 (n, n_bins or more); those after the first n_bins are left out.
    pairs: (n, n_bins + 2, 2).
    """
    # One 64-bit product writes both floats in one pass; two assignments would go through the memory twice.
    bits, twice = magnitudes.view(np.uint32), pairs.view(np.uint64)
    np.multiply(bits[:, : pairs.shape[1] - 2], _TWICE, out=twice[:, 1:-1, 0])


def neighbour_pairs(pairs: np.ndarray) -> np.ndarray:
    """A view of the pairs, float32 (n, 3, 2 * n_bins), in which each bin has three pairs.

    Axis 1: the pairs of the bin below, of the bin itself, and of the bin above.
    """
    n, n_padded, _ = pairs.shape
    row_stride, pair_stride, stride = pairs.strides
    return np.lib.stride_tricks.as_strided(pairs, (n, 3, 2 * (n_padded - 2)), (row_stride, pair_stride, stride))


def new_taps(n: int, n_bins: int) -> np.ndarray:
    """Zeroed taps, complex64 (n, 3, n_bins + 2).

    Axis 1: what a bin adds to the bin above, to itself, and to the bin below.
    """
    return np.zeros((n, 3, n_bins + 2), np.complex64)


def received_taps(taps: np.ndarray) -> np.ndarray:
    """A view of the taps, float32 (n, 3, 2 * n_bins), in which each bin has the factors for what it receives.

    Axis 1: the factors for the magnitudes of the bin below, of the bin itself, and of the bin above.
    """
    n, _, n_padded = taps.shape
    row_stride, tap_stride, stride = taps.strides
    return np.lib.stride_tricks.as_strided(
        taps.view(np.float32), (n, 3, 2 * (n_padded - 2)), (row_stride, tap_stride + stride, stride // 2)
    )
