"""The filters that give a room's bass, middle and treble different decay times."""

from __future__ import annotations

import math

import numpy as np

LOW_HZ, MID_HZ, HIGH_HZ = 125.0, 1000.0, 6000.0  # where bass, middle and treble have their decay times
LOW_POLE_HZ, HIGH_POLE_HZ = 350.0, 2800.0
HIGHEST_GAIN = 0.9999
N_ITERATIONS = 40


def poles(sample_rate_hz: int) -> tuple[float, float]:
    """The pole of the low-pass filter L, then the double pole of the low-pass filter H. All delay lines use both."""
    high_hz = min(HIGH_POLE_HZ, 0.17 * sample_rate_hz)
    return tuple(math.exp(-2.0 * math.pi * hz / sample_rate_hz) for hz in (LOW_POLE_HZ, high_hz))


def meeting_points_hz(sample_rate_hz: int) -> np.ndarray:
    """The frequencies, in Hz, at which bass, middle and treble have the wanted decay times."""
    return np.array((LOW_HZ, MID_HZ, min(HIGH_HZ, 0.36 * sample_rate_hz)))


def band_responses(frequencies_hz: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Responses of the bands of bass, middle and treble (L, H - L and 1 - H): complex (3, n). Their sum is 1."""
    z = np.exp(-2j * math.pi * np.asarray(frequencies_hz) / sample_rate_hz)
    low, high = ((1.0 - pole) / (1.0 - pole * z) for pole in poles(sample_rate_hz))
    return np.stack((low, high**2 - low, 1.0 - high**2))


def gains_for(decays_s: np.ndarray, delays_s: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The gains of bass, middle and treble in each delay line's filter: float64 (3, n) for n lines.

    A sound that passes through a line also passes through the line's filter.

    decays_s: the wanted decay times, in which a sound falls by 60 dB, at the frequencies `meeting_points_hz`; (3,). If
        the filters cannot be steep enough, the sound's decay times only come near these.
    delays_s: each line's delay, (n,).
    """
    wanted = 10.0 ** (-3.0 * np.asarray(delays_s) / np.asarray(decays_s)[:, None])
    bands = band_responses(meeting_points_hz(sample_rate_hz), sample_rate_hz)
    gains = wanted.copy()
    for _ in range(N_ITERATIONS):
        gains *= wanted / np.abs(bands.T @ gains)
        np.clip(gains, 1e-3, 2.0, out=gains)
    everywhere = band_responses(np.geomspace(1.0, 0.5 * sample_rate_hz, 64), sample_rate_hz)
    return gains * np.minimum(1.0, HIGHEST_GAIN / np.abs(everywhere.T @ gains).max(axis=0))


class LowPasses:
    """Applies the low-pass filters L and H (see `poles`) to all delay lines, one cell (see grid.py) at a time.

    The largest matrix product needs n_lines * cell^2 = 262,144 multiplications. For a larger product, OpenBLAS would
    use threads, and these would wait for each other.
    """

    def __init__(self, sample_rate_hz: int, n_lines: int, cell: int):
        low, high = poles(sample_rate_hz)
        times = np.arange(cell + 1.0)
        low_impulse, high_impulse = (1.0 - low) * low**times, (1.0 - high) ** 2 * (times + 1.0) * high**times
        later = np.arange(cell)[None, :] - np.arange(cell)[:, None]
        self._matrices = [
            _rounded(np.where(later >= 0, impulse[later], 0.0)) for impulse in (low_impulse, high_impulse)
        ]
        # What the states add to a cell's outputs. The states are the last outputs of the previous cell: the last one of
        # L, and the last two of H.
        n = times[:cell]
        self._after = _rounded(
            np.stack((low ** (n + 1.0), (n + 2.0) * high ** (n + 1.0), -(n + 1.0) * high ** (n + 2.0)))
        )
        self.states = np.zeros((2 * n_lines, 3), np.float32)
        self._carried = np.zeros((2 * n_lines, cell), np.float32)
        self._n_lines = n_lines

    def filter(self, lines: np.ndarray, out: np.ndarray) -> None:
        """Filter one cell of each line with L and with H.

        lines: float32 (n_lines, cell).
        out: receives the lines filtered with L, then the lines filtered with H; float32 (2 n_lines, cell).
        """
        n = self._n_lines
        np.matmul(lines, self._matrices[0], out=out[:n])
        np.matmul(lines, self._matrices[1], out=out[n:])
        out += np.matmul(self.states, self._after, out=self._carried)
        self.states[:n, 0] = out[:n, -1]
        self.states[n:, 1:] = out[n:, :-3:-1]


def _rounded(matrix: np.ndarray) -> np.ndarray:
    """The matrix in float32, with very small numbers set to 0: products with them could be denormal, and slow."""
    return np.where(np.abs(matrix) < 1e-12, 0.0, matrix).astype(np.float32)
