"""Sinusoids that were planned together, in the spectra of one lane or of several lanes."""

from __future__ import annotations

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import N_REACHED, PHASE_MASK, PHASE_UNITS

# A whole number n, shifted left by this many bits, is a phase of n half cycles.
_HALF_CYCLE_SHIFT = PHASE_UNITS.bit_length() - 2
_REACHED = np.arange(N_REACHED)[:, None]


class Sinusoids:
    """Sinusoids whose phases are known for every hop.

    first_lane: number of the first lane.
    rows: each sinusoid's lane, counted from `first_lane`; ascending.
    bins: each sinusoid's peak bin; ascending within a lane.
    hop: number of the hop for which `phases` holds.
    phases: each sinusoid's phase at its peak bin in that hop.
    moves: how far each phase turns from hop to hop.
    amplitudes: what each sinusoid at phase 0 adds to the bins around its peak, complex64 (N_REACHED, n).
    walks: False here, True in `WalkingSinusoids`.
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
        """The phase of each bin in hop number `hop`, and the move of each bin.

        numbers: for each bin, the index of the sinusoid to which it belongs. For a negative index, the results are
            meaningless.
        """
        moves = self._moves.take(numbers, mode="clip")
        phases = self._phases.take(numbers, mode="clip")
        phases += (hop - self._hop) * moves
        # A sinusoid has the opposite sign in the next bin, so its phase changes by half a cycle from bin to bin.
        phases += (bins - self._bins.take(numbers, mode="clip")) << _HALF_CYCLE_SHIFT
        return phases, moves

    def add(
        self, lanes: slice, hop: int, unit_phasors: np.ndarray, out: np.ndarray, factors: np.ndarray | None = None
    ) -> None:
        """Add the sinusoids of all these lanes to one spectrum.

        unit_phasors: as in `CoherentTables`.
        out: the spectrum, complex64; its element N_REACHED // 2 is bin 0.
        factors: for each lane, the factor of its sinusoids, (n_lanes,); None if all are 1.
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
        """The places in the flattened `out` of `add_each` to which each sinusoid of `lanes` is added: (N_REACHED, n).

        part: the slice of these sinusoids among all.
        width: length of a row of `out`, the same in every call.
        """
        if self._row_index is None:
            self._row_index = self._index + self._rows * width
        first = lanes.start - self._first_lane
        index = self._row_index[:, part]
        return index - first * width if first else index

    def turned(self, lanes: slice, into: int, turns: np.ndarray) -> Sinusoids:
        """A copy of the sinusoids of `lanes`, with turned phases, for as many lanes from lane number `into` on.

        turns: how far each sinusoid's phase is turned, intp (n,).
        """
        part, turned = self._part(lanes), object.__new__(type(self))
        rows, phases = self._rows[part] - (lanes.start - self._first_lane), self._phases[part] + turns
        arrays = rows, self._bins[part], self._hop, phases, self._moves[part], self._amplitudes[:, part]
        Sinusoids.__init__(turned, into, *arrays)
        return turned

    def at_phases(self, first_lane: int, phases: np.ndarray) -> Sinusoids:
        """A copy of these sinusoids, with other phases, for as many lanes from lane number `first_lane` on.

        phases: each copied sinusoid's phase, in the same hop as before, intp (n,).
        """
        other = object.__new__(type(self))
        arrays = self._rows, self._bins, self._hop, phases, self._moves, self._amplitudes
        Sinusoids.__init__(other, first_lane, *arrays)
        return other

    def of_lanes(self, lanes: slice) -> tuple[slice, np.ndarray]:
        """Which of the sinusoids belong to these lanes, as a slice, and the moves of these sinusoids."""
        part = self._part(lanes)
        return part, self._moves[part]

    def _gains(self, lanes: slice, part: slice, hop: int) -> np.ndarray:
        """These sinusoids' `amplitudes`, complex64 (N_REACHED, n). In `WalkingSinusoids`, they depend on the hop."""
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
