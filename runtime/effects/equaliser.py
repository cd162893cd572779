"""The equaliser: three second-order filters, computed for a whole cell of 64 frames by one matrix."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from runtime.config import EqualiserConfig
from runtime.effects.changing import Changing

CELL = 64
CHANGE_S = 0.05
N_STATES = 6
SHELF_SLOPE = 0.8
BELL_Q = 0.7
HIGHEST_SHARE = 0.4  # no filter is centred above this share of the sample rate
# If all states are below this (-200 dB) after a silent cell, they are set to 0.
SILENCE = 1e-10


class Filters(NamedTuple):
    """The equaliser's filters, made for `settings`.

    matrix: turns the CELL samples of a cell and the filters' six states into the filtered samples and the next states;
        float64 (CELL + 6, CELL + 6). None if the filters change nothing.
    """

    settings: EqualiserConfig
    matrix: np.ndarray | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filters) and self.settings == other.settings

    __hash__ = None


def filters(settings: EqualiserConfig, sample_rate_hz: int) -> Filters:
    sections = sections_of(settings, sample_rate_hz)
    return Filters(settings, _cell_matrix(sections) if sections else None)


def sections_of(settings: EqualiserConfig, sample_rate_hz: int) -> list[np.ndarray]:
    """The filters with gains other than 0 dB, each as b0, b1, b2, a0, a1, a2: float64 (6,).

    The formulas are the low shelf, bell and high shelf of Robert Bristow-Johnson's Audio EQ Cookbook.
    """
    shapes = (
        (settings.low_db, settings.low_hz, _low_shelf),
        (settings.mid_db, settings.mid_hz, _bell),
        (settings.high_db, settings.high_hz, _high_shelf),
    )
    return [
        shape(10.0 ** (gain_db / 40.0), 2.0 * math.pi * min(hz / sample_rate_hz, HIGHEST_SHARE))
        for gain_db, hz, shape in shapes
        if gain_db
    ]


def _bell(gain: float, angle: float) -> np.ndarray:
    alpha, cosine = math.sin(angle) / (2.0 * BELL_Q), math.cos(angle)
    over = alpha / gain
    return np.array((1.0 + alpha * gain, -2.0 * cosine, 1.0 - alpha * gain, 1.0 + over, -2.0 * cosine, 1.0 - over))


def _low_shelf(gain: float, angle: float) -> np.ndarray:
    alpha = math.sin(angle) / 2.0 * math.sqrt((gain + 1.0 / gain) * (1.0 / SHELF_SLOPE - 1.0) + 2.0)
    root, more, less = 2.0 * math.sqrt(gain) * alpha, gain + 1.0, gain - 1.0
    cosine = math.cos(angle)
    return np.array(
        (
            gain * (more - less * cosine + root),
            2.0 * gain * (less - more * cosine),
            gain * (more - less * cosine - root),
            more + less * cosine + root,
            -2.0 * (less + more * cosine),
            more + less * cosine - root,
        )
    )


def _high_shelf(gain: float, angle: float) -> np.ndarray:
    # The formulas are the low shelf's, but each cosine and the coefficients b1 and a1 have the opposite sign.
    return _low_shelf(gain, math.pi - angle) * np.array((1.0, -1.0, 1.0, 1.0, -1.0, 1.0))


def _cell_matrix(sections: list[np.ndarray]) -> np.ndarray:
    """`Filters.matrix` for these sections, applied one after the other."""
    # Together, the sections have six states s, one input x and one output y. In each frame, the output is
    # y = c @ s + d * x, and the next states are a @ s + b * x. Each section is in the transposed direct form II.
    a, b, c, d = np.zeros((N_STATES, N_STATES)), np.zeros(N_STATES), np.zeros(N_STATES), 1.0
    for number, section in enumerate(sections):
        b0, b1, b2, _, a1, a2 = section / section[3]
        own, into = slice(2 * number, 2 * number + 2), np.array((b1 - a1 * b0, b2 - a2 * b0))
        a[own] = np.outer(into, c)
        a[own, own] += np.array(((-a1, 1.0), (-a2, 0.0)))
        b[own] = into * d
        c, d = b0 * c, b0 * d
        c[2 * number] += 1.0
    matrix = np.zeros((CELL + N_STATES, CELL + N_STATES))
    impulse, observed, power = np.zeros(CELL), np.zeros((CELL, N_STATES)), np.eye(N_STATES)
    for time in range(CELL):
        observed[time] = c @ power
        impulse[time] = d if time == 0 else observed[time - 1] @ b
        matrix[CELL:, CELL - 1 - time] = power @ b
        power = power @ a
    later = np.arange(CELL)[:, None] - np.arange(CELL)[None, :]
    matrix[:CELL, :CELL] = np.where(later >= 0, impulse[np.maximum(later, 0)], 0.0)
    matrix[:CELL, CELL:], matrix[CELL:, CELL:] = observed, power
    matrix[np.abs(matrix) < 1e-30] = 0.0
    return matrix


class Equaliser:
    """Filters sound in place, without delay.

    A cell is computed again for each block that adds samples to it. Until the cell is full, the rest of it holds
    samples of an older cell. These do no harm, because the matrix is 0 wherever a later sample would change an earlier
    one. So the sound does not depend on block sizes.

    Attribute n_cells_computed: number of cells computed so far, a measure of the work.
    """

    def __init__(self, sample_rate_hz: int, settings: EqualiserConfig):
        self._filters = Changing(filters(settings, sample_rate_hz), max(1, round(CHANGE_S * sample_rate_hz / CELL)))
        self.n_cells_computed = 0
        # [0] is for the present filters, [1] for the coming ones. Each has a cell's samples, then the filters' states.
        self._cell_in = np.zeros((2, CELL + N_STATES, 2))
        self._cell_out = np.zeros((2, CELL + N_STATES, 2))
        self._ramp = np.zeros((CELL, 1))
        self._ramp01 = np.arange(1, CELL + 1)[:, None] / CELL

    def change(self, frame: int, prepared: Filters) -> None:
        """Change to other filters at `frame`, by a crossfade of CHANGE_S."""
        self._filters.change(frame, prepared)

    def filter(self, frame: int, sound: np.ndarray) -> None:
        """Filter a block in place.

        frame: the block's first frame.
        sound: the block, float32 (n, 2).
        """
        if self._filters.rests and self._filters.now.matrix is None:
            return
        done, n = 0, len(sound)
        while done < n:
            place = (frame + done) % CELL
            part = sound[done : min(n, done + CELL - place)]
            if place == 0:
                self._begin_cell(frame + done)
            if self._filters.coming is not None or self._filters.now.matrix is not None:
                self._filter_part(place, part)
            done += len(part)

    def _begin_cell(self, frame: int) -> None:
        changing = self._filters
        was_coming = changing.coming
        changing.begin_cell(frame)
        if was_coming is not None and changing.now is was_coming:
            self._cell_in[0] = self._cell_in[1]
        if changing.coming is not None:
            if was_coming is None or changing.now is was_coming:
                self._cell_in[1] = 0.0
            np.multiply(self._ramp01, changing.step, out=self._ramp)
            self._ramp += changing.progress

    def _filter_part(self, place: int, part: np.ndarray) -> None:
        """Filter a part of a cell in place. place: number of the part's first frame within the cell."""
        end = place + len(part)
        sounds = []
        for number, played in enumerate((self._filters.now, self._filters.coming)):
            if played is None:
                continue
            cell_in, cell_out = self._cell_in[number], self._cell_out[number]
            cell_in[place:end] = part
            if played.matrix is None:
                sounds.append(cell_in[place:end])
                continue
            np.matmul(played.matrix, cell_in, out=cell_out)
            self.n_cells_computed += 1
            sounds.append(cell_out[place:end])
            if end == CELL:
                cell_in[CELL:] = cell_out[CELL:]
                if not cell_in[:CELL].any() and np.abs(cell_in[CELL:]).max() < SILENCE:
                    cell_in[CELL:] = 0.0
        if len(sounds) == 1:
            part[:] = sounds[0]
        else:
            sounds[1] -= sounds[0]
            sounds[1] *= self._ramp[place:end]
            sounds[1] += sounds[0]
            part[:] = sounds[1]
