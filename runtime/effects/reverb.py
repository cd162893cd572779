"""The reverb: a feedback delay network that is computed one cell (see grid.py) at a time."""

from __future__ import annotations

import numpy as np

from runtime.config import ReverbConfig
from runtime.effects.decay_filters import LowPasses
from runtime.effects.delays import Delays, Reader
from runtime.effects.grid import CellEffect, cell_frames
from runtime.effects.reverb_design import N_LINES, Design, design, longest_frames
from runtime.effects.room_turning import RoomTurning

QUIET = 1e-6  # a cell is silent if no line has a sample above this, -120 dB
_LOW, _HIGH, _TAPS, _LINES, _SCATTERED, _RAMPED = (slice(16 * i, 16 * i + 16) for i in range(6))


class Reverb(CellEffect[Design]):
    """A reverb with the sound of a room.

    The sound goes round a loop:
    - It is read from sixteen delay lines, filtered, and mixed with the input.
    - It is scattered by short delays, mixed, and scattered again.
    - A matrix that turns slowly mixes it. Then it is written back to the lines.

    The scattering follows "Scattering in Feedback Delay Networks" by Schlecht and Habets (2020). The turning follows
    "Time-Varying Feedback Matrices in Feedback Delay Networks" by the same authors (2015).
    """

    def __init__(self, sample_rate_hz: int, settings: ReverbConfig):
        cell = cell_frames(sample_rate_hz)
        line, scattering, tap = longest_frames(sample_rate_hz)
        super().__init__(sample_rate_hz, design(settings, sample_rate_hz), tap, line + 2 * scattering)
        channels = np.arange(N_LINES)
        self._lines = Delays(N_LINES, line, cell)
        self._first, self._second = (Delays(N_LINES, scattering, cell) for _ in range(2))
        self._read_lines, self._read_first, self._read_second = (
            Reader(ring, channels, cell) for ring in (self._lines, self._first, self._second)
        )
        self._read_taps = Reader(self._send, np.repeat((0, 1), N_LINES // 2), cell)
        self._turning = RoomTurning(sample_rate_hz, cell)
        self._low_passes = LowPasses(sample_rate_hz, N_LINES, cell)
        self._rows = np.zeros((6 * N_LINES, cell), np.float32)
        self._mixed, self._mixed_coming = np.zeros((2, N_LINES, cell), np.float32)
        self._matrix_step = np.zeros(N_LINES * 4 * N_LINES, np.float32)

    def _compute(self, frame: int, out: np.ndarray) -> bool:
        rows, mixed = self._rows, self._mixed
        self.n_cells_computed += 1
        self._read(self._read_lines, frame, "lines", rows[_LINES])
        self._read(self._read_taps, frame, "taps", rows[_TAPS])
        self._low_passes.filter(rows[_LINES], rows[: _HIGH.stop])
        self._mix("loop", rows[: _LINES.stop], mixed)
        self._first.write(frame, mixed)
        self._read(self._read_first, frame, "first", rows[_SCATTERED])
        self._mix("between", rows[_SCATTERED], mixed)
        self._second.write(frame, mixed)
        self._read(self._read_second, frame, "second", rows[_SCATTERED])
        self._mix("output", rows[_LINES.start : _SCATTERED.stop], out)
        np.multiply(rows[_SCATTERED], self._ramp01, out=rows[_RAMPED])
        np.matmul(self._turning_matrices(frame), rows[_SCATTERED.start :], out=mixed)
        self._lines.write(frame, mixed)
        np.abs(mixed, out=mixed)
        return np.maximum.reduce(mixed, axis=None) <= QUIET

    def _read(self, reader: Reader, frame: int, name: str, out: np.ndarray) -> None:
        """Read a ring at the delays that the design has in one field.

        While the room changes, crossfade from the sound at the old delays to the sound at the new ones.

        name: the field's name.
        """
        now, coming = self._settings.now, self._settings.coming
        if coming is None:
            reader.read(frame, getattr(now, name), out)
        else:
            reader.read_between(frame, getattr(now, name), getattr(coming, name), self._ramp, out)

    def _mix(self, name: str, rows: np.ndarray, out: np.ndarray) -> None:
        """Multiply rows by the matrix that the design has in one field.

        While the room changes, crossfade from the old matrix to the new one.

        name: the field's name.
        """
        now, coming = self._settings.now, self._settings.coming
        matrix = getattr(now, name)
        np.matmul(matrix, rows, out=out)
        if coming is not None:
            step = np.subtract(
                getattr(coming, name), matrix, out=self._matrix_step[: matrix.size].reshape(matrix.shape)
            )
            change = np.matmul(step, rows, out=self._mixed_coming[: len(out)])
            change *= self._ramp
            out += change

    def _turning_matrices(self, frame: int) -> np.ndarray:
        """What `RoomTurning.matrices` returns for the cell that begins at `frame`.

        While the room changes, the largest angle moves in a straight line from the old room's to the new room's.
        """
        now, coming = self._settings.now, self._settings.coming
        largest = next_largest = now.turning
        if coming is not None:
            largest += (coming.turning - now.turning) * self._settings.progress
            next_largest += (coming.turning - now.turning) * (self._settings.progress + self._settings.step)
        return self._turning.matrices(frame // self._cell, largest, next_largest)

    def _fall_asleep(self) -> None:
        super()._fall_asleep()
        for sound in (self._lines.sound, self._first.sound, self._second.sound, self._low_passes.states):
            sound[:] = 0.0
