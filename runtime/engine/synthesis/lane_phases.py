"""Starts the coherent phases of lanes with a blend above 0, and fits the phases to new spectra."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.phases.coherent import CoherentPhases, Found
from runtime.engine.synthesis.phases.noise_weights import NoiseWeights


class LanePhases:
    """Keeps each lane's blend, and the coherent phases of the lanes whose blend is not 0.

    Phases are functions of a hop's number. A plain lane's hops are numbered from frame 0 on. When a plain lane
    becomes transposed, its dense hops go on with these numbers.

    magnitudes: float32 (n_lanes, n_bins), a view of the lanes' spectra.

    Attributes:
    blend: for each lane, from 0 for noise phases to 1 for coherent phases.
    leader: for each side, the number of the lane that it makes wide; None for all other lanes.
    beside: as in `CoherentPhases`.
    """

    def __init__(self, magnitudes: np.ndarray, phases: CoherentPhases):
        n_lanes, n_bins = magnitudes.shape
        self.blend = [0.0] * n_lanes
        self._magnitudes, self._phases, self.beside = magnitudes, phases, phases.beside
        self._has_phases = [False] * n_lanes
        self.leader: list[int | None] = [None] * n_lanes
        self._noise_weights = NoiseWeights(n_lanes, n_bins)
        # The sinusoids found in each lane's next spectrum, and in its present one. The slice is the run of lanes whose
        # spectra were searched together.
        self._prepared: list[tuple[slice, Found] | None] = [None] * n_lanes
        self._found: list[tuple[slice, Found] | None] = [None] * n_lanes

    def prepare(self, lanes: Sequence[int], magnitudes: np.ndarray) -> None:
        """Find the sinusoids of the lanes' next spectra.

        lanes: ascending.
        magnitudes: the next spectra, float32 (n_lanes, n_bins).
        """
        for run in runs_of([lane for lane in lanes if self.blend[lane]]):
            self._prepared[run] = [(run, self._phases.find(run, magnitudes[run]))] * (run.stop - run.start)

    def take_prepared(self, lanes: Iterable[int]) -> None:
        """Record that lanes now have the spectra of the newest `prepare`."""
        for lane in lanes:
            self._found[lane], self._prepared[lane] = self._prepared[lane], None

    def forget_found(self, lanes: Iterable[int]) -> None:
        """Record that the sinusoids in the lanes' spectra are not found yet."""
        for lane in lanes:
            self._found[lane] = self._prepared[lane] = None

    def open(self, lane: int, blend: float) -> None:
        self._end(lane)
        self.blend[lane] = blend

    def _end(self, lane: int) -> None:
        if self._has_phases[lane]:
            self._has_phases[lane] = False
            self._phases.end(lane)

    def set_bandwidths(self, lanes: Sequence[int], bandwidths_cents: Sequence[float]) -> None:
        """Set the lanes' bandwidths; if `bandwidths_cents` is empty, all become 0.

        The caller must also widen the lanes' spectra.
        """
        current = self._noise_weights.bandwidth_cents
        if not (any(bandwidths_cents) or any(current)):
            return
        for lane, bandwidth_cents in zip(lanes, bandwidths_cents or [0.0] * len(lanes), strict=True):
            current[lane] = self._phases.walk.bandwidth_cents[lane] = bandwidth_cents

    def bandwidth_cents(self, lane: int) -> float:
        return self._noise_weights.bandwidth_cents[lane]

    def walk(self, lanes: slice) -> bool:
        """Whether phases of these lanes can walk (see `PhaseWalk`).

        They can if a lane has a bandwidth, and a lane (the same or another) has a blend above 0.
        """
        return any(self._noise_weights.bandwidth_cents[lanes]) and any(self.blend[lanes])

    def noise_weights(self, lanes: slice) -> list[np.ndarray | None] | None:
        """For each lane, the weights of its noise phases, float32 (2 * n_bins,), or None if it has no bandwidth.

        The whole result is None if no lane has a bandwidth, or if the lanes' common blend is 0.
        """
        weights, blend = self._noise_weights, self.blend[lanes.start]
        bandwidths = weights.bandwidth_cents[lanes]
        if not blend or not any(bandwidths):
            return None
        return [weights.of(lane, blend) if cents else None for lane, cents in enumerate(bandwidths, lanes.start)]

    def are_settled(self, lanes: Iterable[int]) -> bool:
        """Whether `hop` has nothing to do for these lanes as long as their spectra do not change."""
        return all(self._has_phases[lane] == (self.blend[lane] > 0.0) for lane in lanes)

    def hop(self, lanes: Sequence[int], frame: int, numbers: Sequence[int], spectrum_changed: Sequence[bool]) -> None:
        """Start coherent phases where the blend is no longer 0, end them where it is 0, fit them to changed spectra.

        numbers: for each lane, the number of its hop at `frame`.
        spectrum_changed: for each lane, whether its spectrum has changed.
        """
        if not (any(self.blend) or any(self._has_phases)):
            return
        if self._go_on(lanes) and False not in spectrum_changed and numbers.count(numbers[0]) == len(lanes):
            self._plan(lanes, numbers[0])  # the usual case
            return
        planned: dict[int, list[int]] = {}
        new_sides: list[int] = []
        for lane, number, changed in zip(lanes, numbers, spectrum_changed, strict=True):
            if not self.blend[lane]:
                self._end(lane)
            elif changed or not self._has_phases[lane]:
                if not self._has_phases[lane]:
                    self._has_phases[lane] = True
                    if self.leader[lane] is not None:
                        new_sides.append(lane)
                        continue
                    self._phases.start(lane, frame)
                planned.setdefault(number, []).append(lane)
        for number, of_number in planned.items():
            self._plan(of_number, number)
        for sides in runs_of(new_sides):
            first = self.leader[sides.start]
            self._phases.start_sides(sides.start, slice(first, first + sides.stop - sides.start))

    def _go_on(self, lanes: Sequence[int]) -> bool:
        """Whether these lanes and all between them have coherent phases, and keep them."""
        if not lanes:
            return False
        run = slice(lanes[0], lanes[-1] + 1)
        return False not in self._has_phases[run] and 0.0 not in self.blend[run]

    def _plan(self, lanes: Sequence[int], number: int) -> None:
        """Plan the spectra of each run of neighbouring lanes.

        If `lanes` has a side of every lane in a run, these sides are planned together with the run.
        """
        planned: set[int] = set()
        for run in runs_of(lanes):
            if run.start in planned:
                continue
            sides = [
                lane for lane in lanes if (leader := self.leader[lane]) is not None and run.start <= leader < run.stop
            ]
            has_all = len(sides) == run.stop - run.start
            planned.update(sides if has_all else ())
            known, found = self._found[run], None
            if known[0] is not None and known[0][0] == run and all(each is known[0] for each in known):
                found = known[0][1]
            self._phases.plan(run, number, self._magnitudes[run], sides[0] if has_all else None, found)

    def spectra(self, lanes: slice, number: int) -> np.ndarray | None:
        """Coherent spectra of lanes with one common blend, complex64 (n, n_bins); None if the blend is 0.

        The result is valid until the next call.

        number: the hop's number.
        """
        return self._phases.spectra(lanes, number) if self.blend[lanes.start] else None

    def mixed_spectrum(self, lane: int, lanes: slice, number: int, factors: np.ndarray | None) -> np.ndarray | None:
        """Sum of the lanes' coherent spectra, each times its factor, complex64 (1, n_bins); None if the blend is 0.

        lane: one of the mixed lanes, which have one common blend.
        number: the hop's number.
        factors: float32 (n, 1); None if all are 1.
        """
        return self._phases.mixed_spectrum(lanes, number, factors) if self.blend[lane] else None
