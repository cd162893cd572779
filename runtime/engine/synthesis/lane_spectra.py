"""Stores each lane's spectrum, brought to one loudness; keeps track of changed spectra and of crossfades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.hops import MAX_ROWS
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.phases.taps import neighbour_pairs, new_pairs, write_pairs
from runtime.engine.synthesis.rings import RampWeights
from runtime.engine.synthesis.shaping.levels import Levels


class LaneSpectra:
    """Stores each lane's levelled spectrum, multiplied by the lane's share in its submix at the time of storing.

    While the shares of a submix stay unchanged, the submix adds up its lanes' stored spectra without multiplying them
    again. If a lane's sound is made alone, the sound is divided by the lane's stored share.

    magnitudes: the stored spectra, float32 (n_lanes, n_bins).
    stored_shares: the shares by which the stored spectra are multiplied, float32 (n_lanes, 1).
    shares: the shares for the next spectra, float32 (n_lanes, 1); 1 for a lane that has never been in a submix.
    prepared: each lane's spectrum from its newest `prepare`, float32 (n_lanes, n_bins).
    """

    def __init__(self, n_lanes: int, spec: StftSpec, sample_rate_hz: int, n_bins: int):
        self._pairs = new_pairs(n_lanes, n_bins)
        self._beside = neighbour_pairs(self._pairs)
        self._is_behind = [False] * n_lanes  # whether a lane's pairs are not yet those of its stored spectrum
        self.shares, self.stored_shares = np.ones((2, n_lanes, 1), np.float32)
        self._levels = Levels(spec, sample_rate_hz, n_bins, MAX_ROWS)
        # np.full writes to the memory now. With np.zeros, the system would provide the memory pages during a hop.
        self.magnitudes, self.prepared = np.full((2, n_lanes, n_bins), 0.0, np.float32)
        self._prepared_shares = np.ones((n_lanes, 1), np.float32)
        self._factors, self._ratios = np.empty((2, MAX_ROWS, 1), np.float32)

    def set(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None = None,
    ) -> None:
        """Bring new magnitudes to one level, and store them.

        lanes: the lanes of the magnitudes, ascending.
        magnitudes: (n, n_magnitudes).
        semitones: as in `Levels.find`.
        gains: factors for the levelled spectra, float32 (n, n_bins).
        """
        for run, rows in _runs_with_rows(lanes):
            stored = self.magnitudes[run]
            self._level(run, magnitudes[rows], semitones[rows], None if gains is None else gains[rows], stored)
            self.stored_shares[run] = self.shares[run]
            write_pairs(stored, self._pairs[run])  # here the magnitudes are still in the processor's cache
            self._is_behind[run] = [False] * len(stored)

    def prepare(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None = None,
    ) -> None:
        """Make new spectra ready, but keep the stored ones until `take_prepared`; the parameters are as in `set`."""
        for run, rows in _runs_with_rows(lanes):
            of_rows = None if gains is None else gains[rows]
            self._level(run, magnitudes[rows], semitones[rows], of_rows, self.prepared[run])
            self._prepared_shares[run] = self.shares[run]

    def take_prepared(self, lanes: Sequence[int]) -> None:
        for run in runs_of(lanes):
            self.stored_shares[run] = self._prepared_shares[run]
            self.magnitudes[run] = self.prepared[run]
            self._is_behind[run] = [True] * (run.stop - run.start)

    def copy(self, lane: int, into: int) -> None:
        self.magnitudes[into], self.stored_shares[into] = self.magnitudes[lane], self.stored_shares[lane]
        self._is_behind[into] = True

    def pairs(self, lanes: slice, are_read: bool) -> np.ndarray:
        """The stored spectra of at most MAX_ROWS lanes in the layout of `neighbour_pairs`, float32 (n, 3, 2 * n_bins).

        are_read: False if the caller reads only the shape; with coherent phases alone, nothing else is read.
        """
        if are_read and True in self._is_behind[lanes]:
            write_pairs(self.magnitudes[lanes], self._pairs[lanes])
            self._is_behind[lanes] = [False] * (lanes.stop - lanes.start)
        return self._beside[lanes]

    def factors(self, lanes: slice, shares: np.ndarray) -> np.ndarray | None:
        """For each lane, `shares` divided by the stored share; None if all ratios are 1.

        float32 (n, 1), valid until the next call.
        """
        stored = self.stored_shares[lanes]
        if shares.tobytes() == stored.tobytes():
            return None
        return np.divide(shares, stored, out=self._ratios[: len(shares)])

    def _level(
        self,
        lanes: slice,
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None,
        out: np.ndarray,
    ) -> None:
        """Level the magnitudes, multiply them by the lanes' shares and by `gains`, and write them into `out`.

        out: float32 (n, n_bins).
        """
        factors = self._factors[: len(magnitudes)]
        self._levels.find(magnitudes, semitones, factors[:, 0], out)
        factors *= self.shares[lanes]
        np.multiply(magnitudes[:, : out.shape[1]], factors, out=out)
        if gains is not None:
            out *= gains


def _runs_with_rows(lanes: Sequence[int]) -> list[tuple[slice, slice]]:
    n = len(lanes)
    if n <= MAX_ROWS and lanes[-1] - lanes[0] == n - 1:
        return [(slice(lanes[0], lanes[-1] + 1), slice(0, n))]
    return [(slice(lane, lane + 1), slice(row, row + 1)) for row, lane in enumerate(lanes)]


class SpectrumChanges:
    """For each lane: whether its spectrum or blend has changed since its newest hop, and when its crossfade ends.

    fade_in: a new sound's weights in a crossfade that is no ramp, float32 (n_fade,).
    ramps: a new sound's weights in ramps.
    """

    def __init__(self, n_lanes: int, fade_in: np.ndarray, ramps: RampWeights):
        self.changed = [False] * n_lanes
        self._fade_in, self._n_fade, self._ramps = fade_in, len(fade_in), ramps
        self._fades_end_at = [0] * n_lanes
        self._ramp_frames = [0] * n_lanes  # length of each lane's ramp; 0 if its crossfade is no ramp

    def clear(self, lanes: slice, frame: int) -> None:
        """Forget the earlier changes and crossfades of `lanes`, which begin to sound at `frame`."""
        n = lanes.stop - lanes.start
        self.changed[lanes], self._fades_end_at[lanes] = [False] * n, [frame] * n

    def take(self, lanes: slice, frame: int) -> list[bool]:
        """Return `changed` of these lanes and clear it; begin the crossfades of the lanes that have changed.

        `frame` is a hop of all these lanes.
        """
        changed = self.changed[lanes]
        if any(changed):
            end = frame + self._n_fade
            n = lanes.stop - lanes.start
            if all(changed):
                self._fades_end_at[lanes], self._ramp_frames[lanes] = [end] * n, [0] * n
            else:
                for lane in range(lanes.start, lanes.stop):
                    if changed[lane - lanes.start]:
                        self._fades_end_at[lane], self._ramp_frames[lane] = end, 0
            self.changed[lanes] = [False] * n
        return changed

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        for lane in lanes:
            self._fades_end_at[lane], self._ramp_frames[lane] = frame + n_frames, n_frames

    def weights_left(self, lane: int, frame: int) -> np.ndarray:
        """The new sound's weights for the rest of a crossfade, float32 (fade_left,), valid until the next call."""
        left, length = self.fade_left(lane, frame), self._ramp_frames[lane]
        if not length:
            return self._fade_in[len(self._fade_in) - left :]
        return self._ramps.of(length, length - left, length)

    def fade_left(self, lane: int, frame: int) -> int:
        """How many frames of a lane's crossfade remain at `frame`; 0 if none."""
        return max(0, self._fades_end_at[lane] - frame)
