"""The cells in which an effect works, and the ring of the sound that is sent to the effect.

A cell is a short stretch of sound of fixed length, which begins at a fixed absolute frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import numpy as np

from runtime.config import ChorusConfig, ReverbConfig
from runtime.effects.changing import Changing

# -160 dB: a cell of sent sound is set to 0 if no sample of it is above this.
SILENCE = 1e-8
CHANGE_S = 0.05
T = TypeVar("T", bound="IsPrepared")


class IsPrepared(Protocol):
    """An effect's settings, and what is computed from them; `settings.enabled` says whether the effect is on."""

    settings: ReverbConfig | ChorusConfig


def cell_frames(sample_rate_hz: int) -> int:
    """The length of one cell in frames: 3 ms at 44.1 kHz.

    No copy of the chorus and no delay line of the reverb has a delay that is shorter than one cell.
    """
    return 128 if sample_rate_hz >= 22050 else 32


class SendRing:
    """A ring buffer with the latest sound that was sent to an effect.

    sound: the samples, float32 (2, size + cell). Frame f is in column f % size. The final `cell` columns repeat the
    first ones, so that a whole cell can be read in one piece.
    n_frames: how far back the ring can be read, in frames.
    cell: frames of one cell.
    """

    def __init__(self, n_frames: int, cell: int):
        self.size = (-(-n_frames // cell) + 1) * cell
        self.sound = np.zeros((2, self.size + cell), np.float32)
        self._cell = cell
        self._heard_end = -self.size - cell  # end of the latest block that was not silent

    def is_clean(self, frame: int) -> bool:
        """Whether the whole ring holds silence when `frame` is reached."""
        return frame - self._heard_end >= self.size + self._cell

    def write(self, frame: int, send: np.ndarray | None, n_frames: int) -> None:
        """Write the sound sent at `frame` and after it. The sound must lie within one cell.

        send: float32 (n_frames, 2); None for silence.
        """
        at = frame % self.size
        if send is not None:
            self._heard_end = frame + n_frames
            self.sound[:, at : at + n_frames] = send.T
        elif not self.is_clean(frame):
            self.sound[:, at : at + n_frames] = 0.0

    def close_cell(self, frame: int) -> bool:
        """Finish the cell that begins at `frame`; return whether a sample of it is above SILENCE.

        A cell without such a sample is set to 0.
        """
        if self.is_clean(frame):
            return False
        at = frame % self.size
        cell = self.sound[:, at : at + self._cell]
        has_sound = bool(np.abs(cell).max() > SILENCE)
        if not has_sound:
            cell[:] = 0.0
        if at == 0:
            self.sound[:, self.size :] = cell
        return has_sound


class CellEffect(ABC, Generic[T]):
    """An effect that is computed one whole cell at a time, so that blocks of any size give the same bits.

    The wet sound of a cell is computed when the previous cell is complete.

    T: the type of the prepared settings.
    n_back: how many frames back the effect reads the sent sound.
    n_tail: for how many frames, at most, a sample stays in the effect's own delay lines.
    shift: cell k begins at frame k * n - shift, where n is the number of frames in a cell.
    n_cells_computed: number of cells computed so far, a measure of the work.
    """

    def __init__(self, sample_rate_hz: int, prepared: T, n_back: int, n_tail: int, shift: int = 0):
        cell = self._cell = cell_frames(sample_rate_hz)
        self._send = SendRing(n_back + cell, cell)
        self._settings = Changing(prepared, max(1, round(CHANGE_S * sample_rate_hz / cell)))
        self._shift, self.n_cells_computed = shift, 0
        self._n_silent_needed = (self._send.size + n_tail) // cell + 2
        self._n_silent = self._n_silent_needed
        self._wet = np.zeros((2, cell), np.float32)
        self._is_wet = False
        self._ramp01 = np.arange(1, cell + 1, dtype=np.float32) / cell
        self._ramp = np.zeros(cell, np.float32)

    @property
    def sleeps(self) -> bool:
        """Whether the effect is silent, and costs nothing until something is sent."""
        return self._n_silent >= self._n_silent_needed

    def change(self, frame: int, prepared: T) -> None:
        """Change to other settings from `frame` on, by a crossfade of CHANGE_S."""
        self._settings.change(frame + self._shift, prepared)

    def add(self, frame: int, dry: np.ndarray, send: np.ndarray | None) -> None:
        """Add the effect's wet sound to the block that begins at `frame`.

        dry: the block, float32 (n, 2), changed in place.
        send: the sound sent to the effect, float32 (n, 2); None for silence.
        """
        frame += self._shift
        if send is not None and not send.any():
            send = None
        done, n, cell = 0, len(dry), self._cell
        if send is None and self.sleeps and self._send.is_clean(frame):
            if not self._settings.rests:
                self._settings.jump((frame + n) // cell * cell - cell)
            return
        while done < n:
            place = (frame + done) % cell
            end = min(n, done + cell - place)
            self._send.write(frame + done, None if send is None else send[done:end], end - done)
            if self._is_wet:
                dry[done:end] += self._wet[:, place : place + end - done].T
            if place + end - done == cell:
                self._next_cell(frame + end - cell)
            done = end

    def _next_cell(self, frame: int) -> None:
        has_input, slept = self._send.close_cell(frame), self.sleeps
        if slept:
            self._settings.jump(frame - self._cell if has_input else frame)
            if not has_input:
                return
        self._settings.begin_cell(frame)
        if self._settings.coming is None and not self._settings.now.settings.enabled:
            self._n_silent = self._n_silent_needed
            if not slept:
                self._fall_asleep()
            return
        if self._settings.coming is not None:
            np.multiply(self._ramp01, np.float32(self._settings.step), out=self._ramp)
            self._ramp += np.float32(self._settings.progress)
        is_silent = self._compute(frame + self._cell, self._wet) and not has_input
        self._n_silent = self._n_silent + 1 if is_silent else 0
        self._is_wet = True
        if self.sleeps:
            self._fall_asleep()

    @abstractmethod
    def _compute(self, frame: int, out: np.ndarray) -> bool:
        """Write the wet sound of the cell that begins at `frame` into `out`, float32 (2, cell).

        Returns whether the effect's own delay lines are silent. While the settings change, self._ramp has the progress
        of the crossfade at each frame of the cell, 0 to 1, float32 (cell,).
        """

    def _fall_asleep(self) -> None:
        """Clear the sound inside the effect, but not the ring of sent sound."""
        self._is_wet = False
