"""Starts and advances the coherent phases of those lanes that sound with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.hops import MAX_ROWS
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.phases.taps import new_taps, received_taps


class LanePhases:
    """Keeps each lane's coherent phases at the hop that the lane plays.

    A plain lane's phases advance at each of its hops. A transposed lane's dense hops are numbered from 0, and its
    phases move, forward or back, to the dense hop that is asked for.

    magnitudes: float32 (n_lanes, n_bins), a view of the lanes' spectra; blend: list, one number for each lane, 0 for
    noise phases to 1 for coherent ones.
    """

    def __init__(self, magnitudes: np.ndarray, phases: CoherentPhases):
        n_lanes, n_bins = magnitudes.shape
        self.blend = [0.0] * n_lanes
        self._magnitudes, self._phases = magnitudes, phases
        self._has_phases = [False] * n_lanes
        self._transposed_hop = [0] * n_lanes  # the dense hop that a transposed lane's phases have reached
        self._taps = new_taps(n_lanes, n_bins)
        self._taps.fill(0)  # writes to the memory now: else the first blend would wait for its memory pages
        self._received_taps = received_taps(self._taps)
        self._planned = np.zeros((MAX_ROWS, n_bins), np.float32)

    def open(self, lane: int, blend: float) -> None:
        """Begin a lane's sound with this blend, and with new phases."""
        self._has_phases[lane], self.blend[lane] = False, blend

    def number_hop(self, lane: int, number: int) -> None:
        """Take a lane's present phases for those of its dense hop `number`: its transposition begins."""
        self._transposed_hop[lane] = number

    def hop(self, lanes: slice, frame: int, spectrum_changed: Sequence[bool], transposed: Sequence[bool]) -> None:
        """Advance the phases of lanes with a blend to their hop at `frame`, and fit them to changed spectra.

        spectrum_changed, transposed: one flag for each lane. A transposed lane's phases are only started here;
        `taps_at` and `change_spectra` advance them.
        """
        if not (any(self.blend[lanes]) or any(self._has_phases[lanes])):
            return
        going_on, planned = [], []
        for lane, changed, is_transposed in zip(
            range(lanes.start, lanes.stop), spectrum_changed, transposed, strict=True
        ):
            if not self.blend[lane]:
                self._has_phases[lane] = False
            elif not self._has_phases[lane]:
                self._phases.start(lane, frame)
                self._has_phases[lane], self._transposed_hop[lane] = True, 0
                planned.append(lane)
            elif not is_transposed:
                going_on.append(lane)
                if changed:
                    planned.append(lane)
        for run in runs_of(going_on):
            self._phases.advance(run)
        for run in runs_of(planned):
            self._plan(run)

    def taps(self, lanes: slice) -> np.ndarray | None:
        """Coherent taps of lanes that share one blend, in the layout of `received_taps`; None if that blend is 0."""
        if not self.blend[lanes.start]:
            return None
        self._phases.taps(lanes, self._taps[lanes, :, 1:-1])
        return self._received_taps[lanes]

    def taps_at(self, lane: int, hop: int) -> np.ndarray | None:
        """Coherent taps of a transposed lane at dense hop number `hop`, as from `taps`; None if it has none."""
        if not self._has_phases[lane]:
            return None
        self._go_to(lane, hop)
        return self.taps(slice(lane, lane + 1))

    def change_spectra(self, lanes: Sequence[int], hops: Sequence[int]) -> None:
        """Fit the phases of transposed lanes, ascending, to their new spectra; hops: each lane's dense hop number."""
        changed = [lane for lane in lanes if self._has_phases[lane]]
        if changed:
            for lane, hop in zip(lanes, hops, strict=True):
                if self._has_phases[lane]:
                    self._go_to(lane, hop)
            for run in runs_of(changed):
                self._plan(run)

    def _go_to(self, lane: int, hop: int) -> None:
        self._phases.advance(slice(lane, lane + 1), hop - self._transposed_hop[lane])
        self._transposed_hop[lane] = hop

    def _plan(self, lanes: slice) -> None:
        magnitudes = self._planned[: lanes.stop - lanes.start]
        np.copyto(magnitudes, self._magnitudes[lanes])
        self._phases.plan(lanes, magnitudes)
