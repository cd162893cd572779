"""The sinusoids in the spectra of lanes that were planned together."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import N_REACHED, PHASE_MASK, PHASE_UNITS

# A whole number n, shifted left by this many bits, is a phase of n half cycles.
_HALF_CYCLE_SHIFT = PHASE_UNITS.bit_length() - 2
_REACHED = np.arange(N_REACHED)[:, None]


class Sinusoids:
    """Sinusoids whose phases are known for every hop.

    first_lane: number of the lane of row 0.
    rows: each sinusoid's row, ascending.
    bins: its peak bin, ascending within a row.
    phases: its phase at its peak bin in hop number `hop`.
    moves: steps of the phases from hop to hop.
    amplitudes: what each sinusoid at phase 0 adds to the bins around its peak, complex64 (N_REACHED, n).
    walks: whether they are `WalkingSinusoids`.
    """

    __slots__ = ("_amplitudes", "_bins", "_ends", "_first_lane", "_hop", "_index", "_moves", "_phases", "_row_index",
                 "_rows", "n")  # fmt: skip

    walks = False

    def __init__(
        self,
        first_lane: int,
        rows: np.ndarray,
        bins: np.ndarray,
        hop: int,
        phases: np.ndarray,
        moves: np.ndarray,
        amplitudes: np.ndarray,
    ):
        self.n = len(bins)
        self._first_lane, self._rows, self._bins = first_lane, rows, bins
        self._hop, self._phases, self._moves, self._amplitudes = hop, phases, moves, amplitudes
        self._index = bins + _REACHED
        self._row_index: np.ndarray | None = None
        self._ends: list[int] | None = None

    def at(self, numbers: np.ndarray, bins: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
        """Phases of sinusoids at `bins` in hop number `hop`, and their moves.

        numbers: for each bin the number of its sinusoid. For a number below 0, the results are meaningless.
        """
        moves = self._moves.take(numbers, mode="clip")
        phases = self._phases.take(numbers, mode="clip")
        phases += (hop - self._hop) * moves
        # The signs of a sinusoid's bins alternate, so the phase changes by half a cycle from bin to bin.
        phases += (bins - self._bins.take(numbers, mode="clip")) << _HALF_CYCLE_SHIFT
        return phases, moves

    def add(
        self, lanes: slice, hop: int, unit_phasors: np.ndarray, out: np.ndarray, factors: np.ndarray | None = None
    ) -> None:
        """Add the sinusoids of lanes to `out`.

        unit_phasors: as in `CoherentTables`.
        out: complex64; its element N_REACHED // 2 is bin 0.
        factors: (n_lanes,), or None if all are 1.
        """
        part = self._part(lanes)
        gains, phases = self._gains(lanes, part, hop), self._phases_in(part, hop)
        phases &= PHASE_MASK
        phasors = unit_phasors.take(phases)
        if factors is not None:
            phasors *= factors.take(self._rows[part] - (lanes.start - self._first_lane))
        added = gains * phasors
        np.add.at(out, self._index[:, part].reshape(-1), added.reshape(-1))

    def add_each(self, lanes: slice, hop: int, unit_phasors: np.ndarray, out: np.ndarray) -> None:
        """Add the sinusoids of each lane to the lane's row of `out`.

        out: complex64, contiguous. The other arguments are as in `add`.
        """
        part = self._part(lanes)
        gains, phases = self._gains(lanes, part, hop), self._phases_in(part, hop)
        phases &= PHASE_MASK
        added = gains * unit_phasors.take(phases)
        index = self._index[:, part] if len(out) == 1 else self._index_in_rows(lanes, part, out.shape[1])
        np.add.at(out.reshape(-1), index.reshape(-1), added.reshape(-1))

    def _index_in_rows(self, lanes: slice, part: slice, width: int) -> np.ndarray:
        """Where the sinusoids of `lanes` are added in the flattened `out` of `add_each`: (N_REACHED, n).

        part: these sinusoids, as a slice. width: length of a row of `out`, the same in every call.
        """
        if self._row_index is None:
            self._row_index = self._index + self._rows * width
        first = lanes.start - self._first_lane
        index = self._row_index[:, part]
        return index - first * width if first else index

    def turned(self, lanes: slice, into: int, turns: np.ndarray) -> Sinusoids:
        """Copy the sinusoids of `lanes` to the same number of lanes, from lane number `into` on.

        turns: added to the copies' phases, intp (n,).
        """
        part, turned = self._part(lanes), object.__new__(type(self))
        rows, phases = self._rows[part] - (lanes.start - self._first_lane), self._phases[part] + turns
        arrays = rows, self._bins[part], self._hop, phases, self._moves[part], self._amplitudes[:, part]
        Sinusoids.__init__(turned, into, *arrays)
        return turned

    def at_phases(self, first_lane: int, phases: np.ndarray) -> Sinusoids:
        """Copy these sinusoids to the same number of lanes, from first_lane on. phases: the copies', intp (n,)."""
        other = object.__new__(type(self))
        arrays = self._rows, self._bins, self._hop, phases, self._moves, self._amplitudes
        Sinusoids.__init__(other, first_lane, *arrays)
        return other

    def of_lanes(self, lanes: slice) -> tuple[slice, np.ndarray]:
        """Which of the sinusoids belong to these lanes, as a slice, and the moves of these sinusoids."""
        part = self._part(lanes)
        return part, self._moves[part]

    def _gains(self, lanes: slice, part: slice, hop: int) -> np.ndarray:
        """Returns complex64 (N_REACHED, n): see the class's `amplitudes`."""
        return self._amplitudes[:, part]

    def _phases_in(self, part: slice, hop: int) -> np.ndarray:
        phases = (hop - self._hop) * self._moves[part]
        phases += self._phases[part]
        return phases

    def _part(self, lanes: slice) -> slice:
        if lanes.start <= self._first_lane and (not self.n or lanes.stop - self._first_lane > self._rows[-1]):
            return slice(0, self.n)
        if self._ends is None:
            n_lanes = int(self._rows[-1]) + 1 if self.n else 0
            self._ends = np.searchsorted(self._rows, np.arange(n_lanes + 1)).tolist()
        last = len(self._ends) - 1
        first, end = lanes.start - self._first_lane, lanes.stop - self._first_lane
        return slice(self._ends[min(first, last)], self._ends[min(end, last)])
