"""Lets the phases of sinusoids walk at random, which widens the sinusoids by a small bandwidth."""

from __future__ import annotations

import functools

import numpy as np

from runtime.engine.synthesis.phases.coherent_tables import PHASE_MASK, PHASE_UNITS, CoherentTables
from runtime.engine.synthesis.phases.line_width import NoiseShare, relative_width
from runtime.engine.synthesis.phases.sinusoids import Sinusoids
from runtime.engine.synthesis.phases.taps import N_OVERLAPS

_N_RANDOM_BITS = 14
_N_RANDOM = 1 << _N_RANDOM_BITS
# Random steps are whole numbers from -_LARGEST to _LARGEST.
_LARGEST_BITS = 14
_LARGEST = 1 << _LARGEST_BITS
_N_WIDTHS = 65
_N_KEPT_HOPS = 8
_MASK_64 = (1 << 64) - 1


class PhaseWalk:
    """Knows for each lane whether its phases walk, how far, and by which random steps.

    The phase of each sinusoid moves by a random step from hop to hop. Wider harmonics have larger steps. Where a
    harmonic must be about as wide as a window's lobe, or wider, noise phases replace coherent phases (`NoiseShare`).

    Attributes:
    hop_turns, unit_phasors: as in `CoherentTables`.
    bandwidth_cents: each lane's bandwidth, 0 without a walk.
    """

    def __init__(self, n_lanes: int, n_bins: int, tables: CoherentTables, seed: int):
        self.hop_turns, self.unit_phasors = tables.hop_turns, tables.unit_phasors
        self.bandwidth_cents = [0.0] * n_lanes
        self._tables = tables
        self._random = np.random.default_rng((seed, 1)).integers(-_LARGEST, _LARGEST + 1, _N_RANDOM + n_bins)
        self._widths, self._steps, self._amplitudes = _steps_by_width()
        self._noise_share, self._weights, self._weights_for = NoiseShare(n_bins), np.ones(n_bins, np.float32), 0.0
        self._keys = [0] * n_lanes

    def start(self, lane: int, number: int) -> None:
        """Begin a lane's random walk.

        number: as in `CoherentPhases.start`.
        """
        self._keys[lane] = _mixed(number * 64 + lane)

    def follow(self, lane: int, leader: int) -> None:
        self._keys[lane], self.bandwidth_cents[lane] = self._keys[leader], self.bandwidth_cents[leader]

    def is_on(self, lanes: slice) -> bool:
        return any(self.bandwidth_cents[lanes])

    def weights(self, lane: int) -> np.ndarray:
        """The weight of coherent phases in each bin of a lane, float32 (n_bins,), valid until the next call."""
        bandwidth_cents = self.bandwidth_cents[lane]
        if self._weights_for != bandwidth_cents:
            self._weights_for = bandwidth_cents
            self._weights[:] = np.sqrt(1.0 - self._noise_share.of(bandwidth_cents))
        return self._weights

    def sinusoids(
        self, lanes: slice, rows: np.ndarray, bins: np.ndarray, hop: int, phases: np.ndarray, moves: np.ndarray,
        spread: np.ndarray,
    ) -> WalkingSinusoids:  # fmt: skip
        """The sinusoids of lanes that all have a bandwidth.

        spread: the factors by which entries of the table `lobes` are multiplied for sinusoids without a walk,
            float32 (N_REACHED, n). This method overwrites them.
        The other arguments are those of `Sinusoids`.
        """
        tables, relative = self._tables, [relative_width(cents) for cents in self.bandwidth_cents[lanes]]
        widths = np.array(relative).take(rows) * bins
        largest_steps = np.rint(np.interp(widths, self._widths, self._steps)).astype(np.intp)
        amplitudes = np.interp(widths, self._widths, self._amplitudes)
        weights = np.stack([self.weights(lane).copy() for lane in range(lanes.start, lanes.stop)])
        spread *= (amplitudes * weights[rows, bins]).astype(np.float32)
        spread *= tables.lobe_signs
        distances = moves - np.rint(bins * tables.units_per_bin).astype(np.intp)
        windows = tables.unit_phasors.take(np.outer(-np.arange(N_OVERLAPS), distances) & PHASE_MASK)
        keys = self._keys[lanes]
        return WalkingSinusoids(lanes.start, rows, bins, hop, phases, moves, spread, windows, largest_steps, keys, self)

    def steps(self, keys: list[int], hop: int, rows: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """The random steps of some sinusoids at a hop, from -_LARGEST to _LARGEST, intp (n,).

        keys: for each lane, the number that seeds its steps.
        rows: each sinusoid's index in `keys`.
        bins: each sinusoid's peak bin.
        """
        begins = [_mixed(key + hop) >> 64 - _N_RANDOM_BITS for key in keys]
        places = np.array(begins).take(rows)
        places += bins
        return self._random.take(places)


class WalkingSinusoids(Sinusoids):
    """Sinusoids whose phases walk; all their lanes have a bandwidth.

    Within a window a sinusoid is steady, so nothing clicks. From each of the four overlapping windows to the next, its
    phase makes one random step. Its walk is the sum of all its steps since the plan. Steps are whole numbers, so the
    sum is the same in every order.

    windows: how far each sinusoid's peak bin would be turned in each window without a walk, relative to the newest
        window. The newest window is first. Phasors, complex64 (N_OVERLAPS, n).
    largest_steps: each sinusoid's largest random step, in units of phase, intp (n,).
    keys: for each lane, the number that seeds its steps.
    The other arguments are those of `PhaseWalk.sinusoids`.
    """

    __slots__ = ("_added", "_keys", "_largest_steps", "_made_at", "_reached", "_steps_at", "_sums", "_walk", "_windows")

    walks = True

    def __init__(
        self, first_lane: int, rows: np.ndarray, bins: np.ndarray, hop: int, phases: np.ndarray, moves: np.ndarray,
        spread: np.ndarray, windows: np.ndarray, largest_steps: np.ndarray, keys: list[int], walk: PhaseWalk,
    ):  # fmt: skip
        super().__init__(first_lane, rows, bins, hop, phases, moves, spread)
        self._windows, self._largest_steps, self._keys, self._walk = windows, largest_steps, keys, walk
        self._sums = np.zeros(self.n, np.intp)
        self._added = np.empty(spread.shape, np.complex64)
        self._reached, self._made_at = [hop] * len(keys), [None] * len(keys)
        self._steps_at: dict[int, np.ndarray] = {}

    def go_to(self, lanes: slice, hop: int) -> None:
        for run, reached in self._runs(lanes, self._reached):
            part = self._part(run)
            if reached != hop and part.stop > part.start:
                forward = hop > reached
                sums = self._sums[part]
                for passed in range(reached + 1, hop + 1) if forward else range(hop + 1, reached + 1):
                    (np.add if forward else np.subtract)(sums, self._steps(passed)[part], out=sums)
            self._put(run, self._reached, hop)

    def prepare(self, lanes: slice, hop: int) -> None:
        """For this hop, compute what each sinusoid of these lanes adds to the bins around its peak."""
        self.go_to(lanes, hop)
        for run, made_at in self._runs(lanes, self._made_at):
            part = self._part(run)
            if made_at != hop and part.stop > part.start:
                self._make(run, part, hop)
            self._put(run, self._made_at, hop)

    def at(self, numbers: np.ndarray, bins: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
        """As in `Sinusoids`; before this, `go_to` must have been called for the lanes and the hop."""
        phases, moves = super().at(numbers, bins, hop)
        phases += self._sums.take(numbers, mode="clip")
        return phases, moves

    def turned(self, lanes: slice, into: int, turns: np.ndarray) -> WalkingSinusoids:
        turned, part = super().turned(lanes, into, turns), self._part(lanes)
        rows = slice(lanes.start - self._first_lane, lanes.stop - self._first_lane)
        turned._windows, turned._largest_steps = self._windows[:, part], self._largest_steps[part]
        turned._keys, turned._walk = self._keys[rows], self._walk
        turned._sums, turned._added = self._sums[part].copy(), np.empty(turned._amplitudes.shape, np.complex64)
        turned._reached, turned._made_at = self._reached[rows], [None] * (rows.stop - rows.start)
        turned._steps_at = {hop: steps[part] for hop, steps in self._steps_at.items()}
        return turned

    def at_phases(self, first_lane: int, phases: np.ndarray) -> WalkingSinusoids:
        """As in `Sinusoids`. The copy's lanes must have the keys of these lanes; these must not have walked yet."""
        other = super().at_phases(first_lane, phases)
        other._windows, other._largest_steps = self._windows, self._largest_steps
        other._keys, other._walk = self._keys, self._walk
        other._sums, other._added = np.zeros(self.n, np.intp), np.empty(self._amplitudes.shape, np.complex64)
        other._reached, other._made_at = [self._hop] * len(self._keys), [None] * len(self._keys)
        other._steps_at = self._steps_at
        return other

    def _gains(self, lanes: slice, part: slice, hop: int) -> np.ndarray:
        self.prepare(lanes, hop)
        return self._added[:, part]

    def _phases_in(self, part: slice, hop: int) -> np.ndarray:
        phases = super()._phases_in(part, hop)
        phases += self._sums[part]
        return phases

    def _make(self, lanes: slice, part: slice, hop: int) -> None:
        """Compute `_added` for these sinusoids: the sum of what the overlapping windows add.

        This sum is a polynomial in `hop_turns`; its coefficients are the windows' phasors (see `_lobes` in
        coherent_tables.py). It is not computed by a matrix product: that would start threads, and its rounding would
        depend on the number of columns.
        """
        walk, windows, added = self._walk, self._windows[:, part], self._added[:, part]
        behind = np.empty((N_OVERLAPS - 1, part.stop - part.start), np.intp)
        np.negative(self._steps(hop)[part], out=behind[0])
        for k in range(1, N_OVERLAPS - 1):  # the older a window, the more steps its phase lies behind
            np.subtract(behind[k - 1], self._steps(hop - k)[part], out=behind[k])
        behind &= PHASE_MASK
        later = walk.unit_phasors.take(behind)
        later *= windows[1:]
        np.multiply(later[-1], walk.hop_turns, out=added)
        for window in later[-2::-1]:
            added += window
            added *= walk.hop_turns
        added += windows[0]
        added *= self._amplitudes[:, part]

    def _steps(self, hop: int) -> np.ndarray:
        """The random steps of all sinusoids at a hop: intp (n,), in units of phase."""
        steps = self._steps_at.get(hop)
        if steps is None:
            if len(self._steps_at) >= _N_KEPT_HOPS:
                del self._steps_at[next(iter(self._steps_at))]
            steps = self._walk.steps(self._keys, hop, self._rows, self._bins)
            steps *= self._largest_steps
            steps >>= _LARGEST_BITS
            self._steps_at[hop] = steps
        return steps

    def _runs(self, lanes: slice, values: list[int | None]) -> list[tuple[slice, int | None]]:
        runs, first = [], lanes.start
        for lane in range(lanes.start + 1, lanes.stop + 1):
            value = values[first - self._first_lane]
            if lane == lanes.stop or values[lane - self._first_lane] != value:
                runs.append((slice(first, lane), value))
                first = lane
        return runs

    def _put(self, lanes: slice, values: list[int | None], value: int) -> None:
        for lane in range(lanes.start, lanes.stop):
            values[lane - self._first_lane] = value


def _mixed(number: int) -> int:
    """A number whose 64 bits depend on all bits of `number` (the mixer of SplitMix64, Steele and others 2014)."""
    number = (number * 0x9E3779B97F4A7C15) & _MASK_64
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & _MASK_64
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & _MASK_64
    return number ^ number >> 31


@functools.cache  # a call takes 7 ms
def _steps_by_width() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How wide a sinusoid becomes if its phase makes random steps of different sizes: three arrays.

    - widths in bins, ascending
    - for each width, the largest random step that makes a sinusoid this wide, in units of phase
    - for each width, the factor for the sinusoid's amplitude that keeps the sinusoid's power

    If steps are uniform from -u to u, two windows k hops apart have the correlation r^k, where r = sin(u) / u. A
    sinusoid's bins have the shape of a Hann window, and its sound is windowed once more. So its power spectrum is the
    power spectrum of a squared Hann window, multiplied by the power spectrum of a sequence with these correlations.
    """
    largest = np.linspace(0.0, np.pi, _N_WIDTHS)
    correlation = np.sinc(largest / np.pi)
    bins = np.concatenate([[0.0], np.geomspace(1e-5, 1.2, 4000)])
    shifts = zip(range(-2, 3), (1.0, 4.0, 6.0, 4.0, 1.0), strict=True)
    window = sum(factor * np.sinc(bins + shift) for shift, factor in shifts) ** 2
    widths = np.zeros(_N_WIDTHS)
    for number, r in enumerate(correlation[1:], 1):
        power = window / np.abs(1.0 - r * np.exp(-0.5j * np.pi * bins)) ** 2
        widths[number] = 2.0 * np.interp(0.5, power[::-1] / power[0], bins[::-1])
    power = sum(np.power(correlation, abs(k)) * _overlap(abs(k)) for k in range(1 - N_OVERLAPS, N_OVERLAPS))
    tables = widths, largest / (2.0 * np.pi) * PHASE_UNITS, np.sqrt(power[0] / power)
    for table in tables:
        table.setflags(write=False)
    return tables


def _overlap(n_hops: int) -> float:
    """The sum of w[t] * w[t - n_hops], where w is a squared Hann window, four hops long, and t is in hops."""
    samples = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(64) / 64)) ** 2
    return float(samples[n_hops * 16 :] @ samples[: 64 - n_hops * 16])
