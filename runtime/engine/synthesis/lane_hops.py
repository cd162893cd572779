"""Makes the lanes' sound hop by hop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.hops import DenseHop, HopSynthesis
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.lane_spectra import LaneSpectra
from runtime.engine.synthesis.lanes import runs_alike
from runtime.engine.synthesis.phases.noise import LANES_PER_ROW, noise_index
from runtime.engine.synthesis.rings import Rings

# Samples that a dense hop has for each frame.
OVERSAMPLING = 2


class LaneHops:
    """Makes the sound of lanes at the engine's sample rate, one hop at a time.

    hop_offsets: for each lane, the frame of its hops modulo the hop size, which is the same for all its hops.
    n_frames: length of one sound: the hop size plus a crossfade.

    Attribute n_transforms: inverse transforms made so far.
    """

    def __init__(
        self,
        synthesis: HopSynthesis,
        spectra: LaneSpectra,
        phases: LanePhases,
        hop_offsets: Sequence[int],
        n_frames: int,
    ):
        self.n_transforms = 0
        self._synthesis, self._spectra, self._phases = synthesis, spectra, phases
        self._hop_offsets, self.hop_size = hop_offsets, synthesis.hop_size
        self._n_frames = n_frames

    def elapsed(self, lane: int, frame: int) -> int:
        """How many frames the lane's latest hop lies before `frame`: 0 (the hop is at `frame`) to hop_size - 1."""
        return (frame - self._hop_offsets[lane]) % self.hop_size

    def number(self, lane: int, frame: int) -> int:
        return (frame - self._hop_offsets[lane]) // self.hop_size

    def sound(self, lanes: slice, frame: int) -> np.ndarray:
        """Sound of neighbouring lanes whose hops are at the same frames.

        The sound begins at the latest of these hops that is not after `frame`. Returns float32 (n, n_frames), valid
        until the next call; the caller may overwrite it.

        lanes: at most MAX_ROWS.
        """
        first = lanes.start
        number, blend, weights = self.number(first, frame), self._phases.blend[first], self._phases.noise_weights(lanes)
        sound = self._synthesis.hops(
            self._spectra.pairs(lanes, blend < 1.0 or weights is not None),
            noise_index(first, number),
            first,
            blend,
            self._phases.spectra(lanes, number),
            weights,
        )[:, : self._n_frames]
        sound /= self._spectra.stored_shares[lanes]
        self.n_transforms += lanes.stop - first
        return sound

    def mixed(self, lanes: slice, carrier: int, shares: np.ndarray, frame: int) -> np.ndarray:
        """Sum of the lanes' sounds, each times its share, made by one transform.

        Returns float32 (1, n_frames), valid until the next call.

        lanes, frame: as in `sound`.
        carrier: one of the mixed lanes.
        shares: float32 (n, 1), 0 for a lane in `lanes` that is not mixed.
        """
        number, factors = self.number(carrier, frame), self._spectra.factors(lanes, shares)
        blend = self._phases.blend[carrier]
        sound = self._synthesis.mixed_hop(
            self._spectra.pairs(lanes, blend < 1.0),
            noise_index(lanes.start, number),
            lanes.start,
            factors,
            blend,
            self._phases.mixed_spectrum(carrier, lanes, number, factors),
        )
        self.n_transforms += 1
        return sound[:, : self._n_frames]


class PointHops:
    """Makes the sound of plain lanes that have points of their own (see `LaneSound.give_points`).

    Attribute has_points: for each lane, whether it has points of its own.
    """

    def __init__(self, hops: LaneHops, rings: Rings, phases: LanePhases, n_lanes: int):
        self.has_points = [False] * n_lanes
        self._hops, self._rings, self._phases, self._hop_size = hops, rings, phases, hops.hop_size
        # For each lane, the frame of the hop up to which its ring holds the sound of its present spectrum.
        self._made_to = [0] * n_lanes

    def begin(self, lane: int, frame: int, is_made: bool) -> None:
        """Begin a lane's sound at `frame`.

        is_made: whether the ring already holds this sound up to the lane's next hop.
        """
        self._made_to[lane] = frame - self._hops.elapsed(lane, frame) + is_made * self._hop_size

    def make_to(self, lanes: Sequence[int], frame: int) -> None:
        """Make the lanes' sound, with their present spectra, at least up to `frame`; lanes: ascending."""
        for run, made_to in self._runs(lanes):
            while made_to < frame:
                self._rings.write(run, made_to, self._hops.sound(run, made_to))
                made_to += self._hop_size
            self._made_to[run] = [made_to] * (run.stop - run.start)

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Crossfade linearly to the lanes' new spectra, for n_frames from `frame` on.

        The rings must hold the old sound of these frames.
        """
        for run, made_to in self._runs(lanes):
            at, past = frame, self._hops.elapsed(run.start, frame)
            while at < made_to:
                sound, end = self._hops.sound(run, at), at + self._hop_size - past
                # Only the last hop's sound keeps the samples after its end, since a crossfade may begin at this end.
                # No crossfade begins at the end of an earlier hop's sound.
                sound = sound[:, past:] if end == made_to else sound[:, past : self._hop_size]
                self._rings.ramp_over(run, at, sound, n_frames, at - frame)
                at, past = end, 0

    def _runs(self, lanes: Sequence[int]) -> list[tuple[slice, int]]:
        keys = list(zip(self._phases.blend, self._made_to, strict=True))
        return [(run, self._made_to[run.start]) for run in runs_alike(lanes, keys)]


class DenseHops:
    """Makes dense hops. They have OVERSAMPLING samples for each frame, and no samples after their end.

    n_bins: number of bins that are heard.
    n_bins_below_half: number of bins from 0 Hz to half the engine's sample rate.
    n_octaves: how many times a dense hop's sample rate can be halved.
    n_samples: number of samples of a dense hop whose sample rate is not halved.
    """

    def __init__(self, synthesis: HopSynthesis, spectra: LaneSpectra, phases: LanePhases):
        self.n_bins, self.n_bins_below_half = synthesis.n_bins, synthesis.fft_size // 2 + 1
        self.n_octaves, self.n_samples = synthesis.n_dense_octaves, OVERSAMPLING * synthesis.hop_size
        self.n_transforms = 0
        self._synthesis, self._spectra, self._phases = synthesis, spectra, phases

    def make(self, hops: Sequence[tuple[int, int, int]], octave: int) -> np.ndarray:
        """Sound of at most ROWS_AT_ONCE dense hops: float32 (n, n_samples >> octave), valid until the next call.

        The caller may overwrite the result.

        hops: for each hop its lane, its number (as in `LanePhases`), and the number of bins that sound.
        octave: how many times the sample rate is halved.
        """
        sound = self._synthesis.dense_hops((self._dense_hop(*run) for run in self._runs(hops)), octave)
        sound /= self._spectra.stored_shares[[lane for lane, _, _ in hops]]
        self.n_transforms += len(hops)
        return sound

    def make_mixed(self, lanes: slice, shares: np.ndarray, hop: tuple[int, int, int], octave: int) -> np.ndarray:
        """Sum of the sounds of several lanes' dense hops, each sound times its lane's share.

        One transform makes the sum. Returns (1, n_samples >> octave).

        shares: float32 (n, 1), 0 for a lane that is not mixed.
        hop: as in `make`, for one of the mixed lanes. The other mixed lanes' hops have the same number, and as many
            bins that sound.
        octave: as in `make`.
        """
        lane, number, n_bins = hop
        factors, blend = self._spectra.factors(lanes, shares), self._phases.blend[lane]
        self.n_transforms += 1
        return self._synthesis.mixed_dense_hop(
            self._spectra.pairs(lanes, blend < 1.0),
            noise_index(lane, number),
            lanes.start,
            factors,
            blend,
            self._phases.mixed_spectrum(lane, lanes, number, factors),
            n_bins=n_bins,
            octave=octave,
        )

    def _runs(self, hops: Sequence[tuple[int, int, int]]) -> list[tuple[slice, int, int]]:
        runs: list[tuple[slice, int, int]] = []
        for lane, number, n_bins in hops:
            if runs:
                lanes, *rest = runs[-1]
                is_next = lanes.stop == lane and lane % LANES_PER_ROW
                if is_next and rest == [number, n_bins] and self._phases.blend[lane] == self._phases.blend[lane - 1]:
                    runs[-1] = slice(lanes.start, lane + 1), number, n_bins
                    continue
            runs.append((slice(lane, lane + 1), number, n_bins))
        return runs

    def _dense_hop(self, lanes: slice, number: int, n_bins: int) -> DenseHop:
        first = lanes.start
        blend, weights = self._phases.blend[first], self._phases.noise_weights(lanes)
        return DenseHop(
            self._spectra.pairs(lanes, blend < 1.0 or weights is not None),
            noise_index(first, number),
            first,
            n_bins,
            blend,
            self._phases.spectra(lanes, number),
            weights,
        )
