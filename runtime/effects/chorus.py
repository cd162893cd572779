"""The chorus: copies of the sound, whose delays swing. Each delay is computed from the absolute frame alone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from runtime.config import ChorusConfig
from runtime.effects.grid import CellEffect, cell_frames

MOST_VOICES = 6  # three copies on each side
N_COPIES = {"chorus": 2, "ensemble": 3}
# Copies are numbered from 0. The delay of copy k swings around MIDDLE_MS + k * APART_MS. So no two copies make the same
# comb filter.
MIDDLE_MS, APART_MS = 12.5, 2.3
LONGEST_MS = MIDDLE_MS + 2 * APART_MS + 6.0
# An ensemble's second swing, as in the string machines of the 1970s: faster and narrower than the first.
TREMBLE_RATIO, TREMBLE_DEPTH = 9.0, 0.08
_NEIGHBOURS = np.arange(4)[:, None, None]
# Maps four samples to the coefficients of the cubic polynomial through them: Lagrange interpolation.
_CUBIC = np.array(
    ((0, 1, 0, 0), (-1 / 3, -1 / 2, 1, -1 / 6), (1 / 2, -1, 1 / 2, 0), (-1 / 6, 1 / 2, -1 / 2, 1 / 6)), np.float32
)


class Copies(NamedTuple):
    """The delayed copies of the sound, for some settings.

    A voice here is one copy on one side; the left side's voices come first. A voice's delay swings; in an ensemble, a
    second, faster swing is added.

    places: where each voice reads the sent sound at each frame of a cell, without the swings. In frames from the
        cell's beginning, float64 (n_voices, cell).
    depth: how far the first swing moves a delay to either side, in frames.
    turns: the first swing's turns per frame.
    phases: the voices' phases, the same in both swings. In turns, float64 (n_voices, 1).
    angles: the angles of both swings in a cell that begins at frame 0. In radians, float64 (2, cell).
    tremble: the second swing's depth, divided by the first's; 0 if there is no second swing.
    gains: each voice's gains to left and right, float32 (2, n_voices).
    """

    settings: ChorusConfig
    places: np.ndarray
    depth: float
    turns: float
    phases: np.ndarray
    angles: np.ndarray
    tremble: float
    gains: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Copies) and self.settings == other.settings

    __hash__ = None


def copies(settings: ChorusConfig, sample_rate_hz: int) -> Copies:
    n = N_COPIES[settings.mode]
    per_ms = sample_rate_hz / 1000.0
    frames = np.arange(cell_frames(sample_rate_hz))
    places = frames - np.tile(MIDDLE_MS + APART_MS * np.arange(n), 2)[:, None] * per_ms
    apart = 0.5 * settings.width / n
    phases = np.concatenate((np.arange(n) / n, np.arange(n) / n + apart))[:, None]
    gains = np.kron(np.eye(2), np.ones(n)) / math.sqrt(n) * 10.0 ** (settings.level_db / 20.0) * settings.enabled
    tremble = TREMBLE_DEPTH if settings.mode == "ensemble" else 0.0
    depth = settings.depth_ms * per_ms / (1.0 + tremble)
    turns = settings.rate_hz / sample_rate_hz
    angles = 2.0 * math.pi * turns * np.array([[1.0], [TREMBLE_RATIO]]) * frames
    return Copies(settings, places, depth, turns, phases, angles, tremble, gains.astype(np.float32))


class Chorus(CellEffect[Copies]):
    """The chorus effect; its settings choose the mode, `chorus` or `ensemble`."""

    def __init__(self, sample_rate_hz: int, settings: ChorusConfig):
        cell = cell_frames(sample_rate_hz)
        n_back = math.ceil(LONGEST_MS / 1000.0 * sample_rate_hz) + cell
        # The chorus's cells begin in the middle of the reverb's cells. So no small block has to compute one of each.
        super().__init__(sample_rate_hz, copies(settings, sample_rate_hz), n_back, 0, cell // 2)
        self._places, self._swing = np.zeros((2, MOST_VOICES, cell))
        self._whole = np.zeros((MOST_VOICES, cell), np.int64)
        self._indices = np.zeros(4 * MOST_VOICES * cell, np.int64)
        self._samples, self._terms = np.zeros((2, 4, MOST_VOICES * cell), np.float32)
        self._share, self._voices = np.zeros((2, MOST_VOICES * cell), np.float32)
        self._coming = np.zeros((2, cell), np.float32)

    def _compute(self, frame: int, out: np.ndarray) -> bool:
        now, coming = self._settings.now, self._settings.coming
        self.n_cells_computed += 1
        self._read(now, frame, out)
        if coming is not None:
            self._read(coming, frame, self._coming)
            self._coming -= out
            self._coming *= self._ramp
            out += self._coming
        return True  # a chorus has no delay lines of its own that could hold sound

    def _read(self, played: Copies, frame: int, out: np.ndarray) -> None:
        """Write the sum of the copies in one cell to `out`, float32 (2, cell)."""
        n, ring = len(played.phases), self._send
        n_samples = n * self._cell
        share, whole = self._share[:n_samples], self._whole[:n]
        self._find_places(played, frame, whole, share.reshape(n, self._cell))
        whole += frame - 1
        whole %= ring.size
        whole[n // 2 :] += ring.sound.shape[1]
        indices = self._indices[: 4 * n_samples].reshape(4, n, self._cell)
        np.add(whole, _NEIGHBOURS, out=indices)
        samples = self._samples.reshape(-1)[: 4 * n_samples].reshape(4, n_samples)
        np.take(ring.sound.reshape(-1), indices, out=samples.reshape(indices.shape), mode="clip")
        terms = self._terms.reshape(-1)[: 4 * n_samples].reshape(4, n_samples)
        np.matmul(_CUBIC, samples, out=terms)
        voices = np.multiply(terms[3], share, out=self._voices[:n_samples])
        for term in terms[2:0:-1]:
            voices += term
            voices *= share
        voices += terms[0]
        np.matmul(played.gains, voices.reshape(n, self._cell), out=out)

    def _find_places(self, played: Copies, frame: int, whole: np.ndarray, share: np.ndarray) -> None:
        """Find where in the ring the copies are read, relative to `frame`.

        Writes the whole frames to `whole`, and the fractions of a frame to `share`.
        """
        n = len(played.phases)
        places, swing = self._places[:n], self._swing[:n]
        places[:] = played.places
        for ratio, depth in ((1.0, played.depth), (TREMBLE_RATIO, played.depth * played.tremble)):
            if depth:
                # Remove whole turns first: the sine of a large angle is less exact.
                start = (played.turns * ratio * frame + played.phases) % 1.0 * (2.0 * math.pi)
                np.add(start, played.angles[int(ratio != 1.0)], out=swing)
                np.sin(swing, out=swing)
                swing *= depth
                places -= swing
        np.floor(places, out=swing)
        np.subtract(places, swing, out=share, casting="same_kind")
        np.copyto(whole, swing, casting="unsafe")
