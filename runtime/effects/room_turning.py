"""A slowly turning matrix in the reverb's loop: it moves the room's resonances in frequency."""

from __future__ import annotations

import math

import numpy as np

from runtime.effects.reverb_design import N_LINES, hadamard

N_PAIRS = N_LINES // 2
RATES_HZ = np.linspace(0.31, 1.13, N_PAIRS)
POINT_S = 0.012  # matrices are computed at points this far apart, and interpolated linearly between the points


class RoomTurning:
    """The turning matrix, which mixes a room's channels, and changes slowly.

    The matrix first rotates each pair of channels (2 i and 2 i + 1), and then mixes all channels. A pair is rotated by
        largest * sin(2 pi (rate t + phase)).
    largest is the largest angle, in radians. Each pair has its own rate and phase. t is the absolute time. At each
    point (see POINT_S) the matrix is orthogonal. Between two points it amplifies nothing.
    """

    def __init__(self, sample_rate_hz: int, cell: int):
        self._n_cells = max(1, round(POINT_S * sample_rate_hz / cell))
        self._turns_per_point = RATES_HZ * self._n_cells * cell / sample_rate_hz
        random = np.random.default_rng(21)
        self._phases = random.uniform(0.0, 1.0, N_PAIRS)
        self._mix = hadamard(N_LINES)[random.permutation(N_LINES)] * random.choice((-1.0, 1.0), N_LINES)
        self._swapped = self._mix.reshape(N_LINES, N_PAIRS, 2)[:, :, ::-1].reshape(N_LINES, N_LINES)
        self._signs = np.tile((1.0, -1.0), N_PAIRS)
        self._point, self._largest = -2, 0.0
        self._end = np.zeros((N_LINES, N_LINES))
        self._start, self._step = np.zeros((2, N_LINES, N_LINES), np.float32)
        self._matrices = np.zeros((N_LINES, 2 * N_LINES), np.float32)

    def matrices(self, number: int, largest: float, next_largest: float) -> np.ndarray:
        """The matrix at a cell's beginning, and the matrix's change during the cell, side by side: float32 (16, 32).

        number: number of the cell.
        largest, next_largest: the largest angle at the cell's beginning and at the cell's end.
        """
        point, place = divmod(number, self._n_cells)
        if point != self._point or largest != self._largest:
            goes_on = point == self._point + 1 and largest == self._largest
            start = self._end if goes_on else self._at(point, largest)
            self._point, self._largest, self._end = point, largest, self._at(point + 1, largest)
            self._start[:] = start
            self._step[:] = (self._end - start) / self._n_cells
        beginning, change = self._matrices[:, :N_LINES], self._matrices[:, N_LINES:]
        np.multiply(self._step, np.float32(place), out=beginning)
        beginning += self._start
        if next_largest == largest:
            change[:] = self._step
        else:
            share = (place + 1) / self._n_cells
            change[:] = self._at(point, next_largest) * (1.0 - share) + self._at(point + 1, next_largest) * share
            change -= beginning
        return self._matrices

    def _at(self, point: int, largest: float) -> np.ndarray:
        """The turning matrix at a point, float64 (16, 16).

        largest: the largest angle by which a pair of channels is turned, in radians.
        """
        angles = largest * np.sin(2.0 * math.pi * (self._turns_per_point * point % 1.0 + self._phases))
        return self._mix * np.repeat(np.cos(angles), 2) + self._swapped * (np.repeat(np.sin(angles), 2) * self._signs)
