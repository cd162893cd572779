"""Delay lines that are written and read one cell (see grid.py) at a time."""

from __future__ import annotations

import numpy as np

from runtime.effects.grid import SendRing


class Delays:
    """Several delay lines. Each is one row of a ring.

    sound: the ring, float32 (n_lines, size + cell). Frame f is in column f % size. The final `cell` columns repeat the
    first ones, so that a whole cell can be read in one piece.
    longest: the longest delay, in frames.
    cell: frames of one cell.
    """

    def __init__(self, n_lines: int, longest: int, cell: int):
        self.size = (-(-longest // cell) + 1) * cell
        self.sound = np.zeros((n_lines, self.size + cell), np.float32)
        self._cell = cell

    def write(self, frame: int, sound: np.ndarray) -> None:
        """Write the cell that begins at `frame`."""
        at = frame % self.size
        self.sound[:, at : at + self._cell] = sound
        if at == 0:
            self.sound[:, self.size :] = sound


class Reader:
    """Reads one cell from each of several rows of a ring. Each row is read with its own delay.

    rows: the rows' indices, int (n_rows,). If an index occurs twice, that row is read twice, with two delays.
    """

    def __init__(self, ring: Delays | SendRing, rows: np.ndarray, cell: int):
        self._flat, self._size = ring.sound.reshape(-1), ring.size
        self._first = rows * ring.sound.shape[1]
        self._frames = np.arange(cell)
        self._starts = np.empty(len(rows), np.int64)
        self._places = np.empty((len(rows), cell), np.int64)
        self._coming = np.empty((len(rows), cell), np.float32)

    def read(self, frame: int, delays: np.ndarray, out: np.ndarray) -> None:
        """Read from each row the cell that begins at `frame` minus the row's delay.

        delays: the rows' delays in frames, int (n_rows,).
        out: receives the cells, float32 (n_rows, cell).
        """
        starts = np.subtract(frame, delays, out=self._starts)
        starts %= self._size
        starts += self._first
        np.add(starts[:, None], self._frames, out=self._places)
        np.take(self._flat, self._places, out=out, mode="clip")

    def read_between(
        self, frame: int, delays: np.ndarray, coming: np.ndarray, ramp: np.ndarray, out: np.ndarray
    ) -> None:
        """Crossfade from the cells read with the present delays to the cells read with the next delays.

        frame, out: as in `read`.
        delays, coming: the present delays and the next ones, as in `read`.
        ramp: the weight of the cells read with `coming`, at each frame: float32 (cell,), from 0 to 1.
        """
        self.read(frame, delays, out)
        if coming is delays or (coming == delays).all():
            return
        self.read(frame, coming, self._coming)
        self._coming -= out
        self._coming *= ramp
        out += self._coming
