"""Inverse STFT: turns magnitudes into sound, at any sample rate, with noise phases or coherent phases.

Source of the method: Colonel and Keene 2020, who give a decoded spectrum the phases of the STFT of white noise, then
transform back, overlap and add.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec
from runtime.engine.synthesis.phases.noise import LANES_PER_ROW, N_NOISE_SPECTRA, noise_taps
from runtime.engine.synthesis.phases.noise_weights import coherent_amplitude, noise_amplitude
from runtime.engine.synthesis.phases.taps import N_OVERLAPS, neighbour_pairs, new_pairs

_LARGEST_PRIME = 13
_WIDEST_DETUNE = 2.0 ** (2.0 / 1200.0)
# Most lanes per NumPy call. 16 is faster than 4 and 8: fewer lanes use the cache better, but need more calls, which
# cost more time than the cache saves.
MAX_ROWS = 16
# Lanes are transformed one per row, in a multiple of four rows; unused rows fill up the last four. On 64-bit ARM, NumPy
# rounds the transform of a single row differently. Without the unused rows, a lane's sound would depend on the number
# of lanes transformed with it. Four rows take as long as two.
ROWS_AT_ONCE = 4


class DenseHop(NamedTuple):
    """One dense hop of neighbouring lanes.

    n_bins: number of bins that sound; all higher bins are silent.
    Other fields: the arguments of `HopSynthesis.hops`.
    """

    pairs: np.ndarray
    noise_index: int
    first_lane: int
    n_bins: int
    blend: float
    coherent: np.ndarray | None
    noise_weights: Sequence[np.ndarray | None] | None = None


class HopSynthesis:
    """Turns spectra of one StftSpec into sound at an engine's sample rate, one hop at a time.

    Between two hops, four windows overlap. Here all four have the same spectrum M, even at a note's start, so that the
    note begins at full level. One inverse transform makes their sum. A Hann window adds parts of the two neighbouring
    bins to each bin of a spectrum. A window's delay rotates the phases. So the four windows' spectra add up to

        F[j] = M[j-1] B[j-1] + M[j] A[j] + M[j+1] C[j+1]

    The taps B, A, C depend on the phases only.

    The taps of noise phases are a stored table. With coherent phases, F is passed in. A blend is a weighted sum of
    the F of noise phases and the F of coherent phases; the squares of the two weights add up to 1.

    A sample rate that differs from the spec's changes the transform's size but not the pitch: bin k sounds at k *
    bin_hz.

    Attributes:
    fft_size, hop_size: in engine frames.
    n_bins: number of bins that are heard, none above half the engine's sample rate.
    n_dense_octaves: how many times a dense hop's sample rate can be halved.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, seed: int):
        self.fft_size, self.n_bins = sizes_at(spec, sample_rate_hz)
        self.hop_size = self.fft_size // N_OVERLAPS
        self.n_dense_octaves = _n_halvings(2 * self.fft_size, 2 * self.hop_size)
        self._first_bin = spec.first_heard_bin
        self._noise_taps = noise_taps(self.n_bins, self.fft_size, self.hop_size, seed)
        self._weighted_pairs = neighbour_pairs(new_pairs(MAX_ROWS, self.n_bins))
        self._spectra = np.zeros((MAX_ROWS, self.fft_size // 2 + 1), np.complex64)
        self._filled = self._spectra.view(np.float32)[:, 2 * self._first_bin : 2 * self.n_bins]
        self._sound = np.empty((MAX_ROWS, self.fft_size), np.float32)
        # np.full writes to the memory now. With np.zeros, the first chord would wait for memory pages.
        self._dense_spectra = np.full((ROWS_AT_ONCE, self.fft_size + 1), 0.0, np.complex64)
        self._dense_sound = np.full((ROWS_AT_ONCE, 2 * self.fft_size), 0.0, np.float32)
        self._dense_scales = [np.float32(2.0 ** (1 - octave)) for octave in range(self.n_dense_octaves + 1)]
        # For each row of _dense_spectra, the number of its lowest bins that may be other than 0.
        self._dense_filled = [0] * ROWS_AT_ONCE

    def hops(
        self,
        pairs: np.ndarray,
        noise_index: int,
        first_lane: int = 0,
        blend: float = 0.0,
        coherent: np.ndarray | None = None,
        noise_weights: Sequence[np.ndarray | None] | None = None,
    ) -> np.ndarray:
        """Sound of one hop of at most MAX_ROWS neighbouring lanes: float32 (n, fft_size), valid until the next call.

        The first hop_size samples are the overlap-added sound. The samples after them are for a crossfade.

        pairs: spectra in the layout of `neighbour_pairs`.
        noise_index: index of the newest window's stored noise.
        first_lane: number of the first lane; all lanes must lie in one row of LANES_PER_ROW lanes.
        blend: 0 (noise phases) to 1 (coherent phases).
        coherent: the lanes' spectra with coherent phases, complex64 (n, n_bins), or None; overwritten if blend < 1.
        noise_weights: for each lane, the weights of the noise in its bins, float32 (2 * n_bins,). If a lane has None
            instead, or if all of noise_weights is None, the weights follow from the blend.
        """
        n = len(pairs)
        hop = DenseHop(pairs, noise_index, first_lane, self.n_bins, blend, coherent, noise_weights)
        self._fill(hop, self._filled[:n], slice(2 * self._first_bin, 2 * self.n_bins))
        n_transformed = -(-n // ROWS_AT_ONCE) * ROWS_AT_ONCE
        # Do not use norm="forward": with its factor of 1, NumPy would transform in float64.
        np.fft.irfft(self._spectra[:n_transformed], self.fft_size, axis=-1, out=self._sound[:n_transformed])
        return self._sound[:n]

    def mixed_hop(
        self,
        pairs: np.ndarray,
        noise_index: int,
        first_lane: int = 0,
        factors: np.ndarray | None = None,
        blend: float = 0.0,
        coherent: np.ndarray | None = None,
    ) -> np.ndarray:
        """Sum of the lanes' sounds, each times its factor, from one transform: float32 (1, fft_size), valid until the
        next call.

        factors: float32 (n, 1), or None if all are 1.
        coherent: the sum of the lanes' coherent spectra, each times its factor, complex64 (1, n_bins), or None;
            overwritten if blend < 1.
        The other arguments are those of `hops`.
        """
        played = slice(2 * self._first_bin, 2 * self.n_bins)
        self._mix(pairs, noise_index, first_lane, factors, blend, coherent, self._filled[0], played)
        np.fft.irfft(self._spectra[:1], self.fft_size, axis=-1, out=self._sound[:1])
        return self._sound[:1]

    def _mix(
        self,
        pairs: np.ndarray,
        noise_index: int,
        first_lane: int,
        factors: np.ndarray | None,
        blend: float,
        coherent: np.ndarray | None,
        out: np.ndarray,
        played: slice,
    ) -> None:
        if coherent is None or blend < 1.0:
            if factors is not None:
                # To weight the magnitudes is cheaper than to make each lane's complex spectrum and weight that.
                np.multiply(pairs[:, 1], factors, out=self._weighted_pairs[: len(pairs), 1])
                pairs = self._weighted_pairs[: len(pairs)]
            taps = self._taps(noise_index, first_lane, len(pairs))
            np.einsum("nkx,nkx->x", pairs[:, :, played], taps[:, :, played], out=out)
        if coherent is not None:
            _blend_in(out, coherent.view(np.float32)[0, played], blend)

    def dense_hops(self, hops: Iterable[DenseHop], octave: int) -> np.ndarray:
        """Sound of dense hops: float32 (n_lanes, 2 * hop_size >> octave), valid until the next call.

        hops: together they have at most ROWS_AT_ONCE lanes. Each hop is used before the next one is taken, so an
            iterator can make all their coherent spectra in the same memory.
        octave: how many times the sample rate is halved, at most n_dense_octaves.
        """
        fft_size = 2 * self.fft_size >> octave
        spectra, n = self._dense_spectra[:, : fft_size // 2 + 1], 0
        for hop in hops:
            rows, n_bins = slice(n, n + len(hop.pairs)), min(hop.n_bins, self.n_bins, spectra.shape[1])
            self._clear_above(rows, n_bins)
            played = slice(2 * self._first_bin, 2 * n_bins)
            self._fill(hop, spectra[rows].view(np.float32)[:, played], played)
            n = rows.stop
        return self._dense_sound_of(n, ROWS_AT_ONCE, octave)

    def mixed_dense_hop(
        self,
        pairs: np.ndarray,
        noise_index: int,
        first_lane: int,
        factors: np.ndarray | None,
        blend: float,
        coherent: np.ndarray | None,
        *,
        n_bins: int,
        octave: int,
    ) -> np.ndarray:
        """Like `mixed_hop`, but makes a dense hop: float32 (1, 2 * hop_size >> octave), valid until the next call.

        n_bins: number of bins that sound; all higher bins are silent.
        octave: how many times the sample rate is halved.
        The other arguments are those of `mixed_hop`.
        """
        fft_size = 2 * self.fft_size >> octave
        spectrum = self._dense_spectra[:1, : fft_size // 2 + 1]
        n_bins = min(n_bins, self.n_bins, spectrum.shape[1])
        self._clear_above(slice(0, 1), n_bins)
        played = slice(2 * self._first_bin, 2 * n_bins)
        filled = spectrum.view(np.float32)[0, played]
        self._mix(pairs, noise_index, first_lane, factors, blend, coherent, filled, played)
        return self._dense_sound_of(1, 1, octave)

    def _clear_above(self, rows: slice, n_bins: int) -> None:
        for row in range(rows.start, rows.stop):
            if self._dense_filled[row] != n_bins:
                self._dense_spectra[row, n_bins : self._dense_filled[row]] = 0.0
                self._dense_filled[row] = n_bins

    def _dense_sound_of(self, n: int, n_transformed: int, octave: int) -> np.ndarray:
        fft_size = 2 * self.fft_size >> octave
        spectra = self._dense_spectra[:n_transformed, : fft_size // 2 + 1]
        np.fft.irfft(spectra, fft_size, axis=-1, out=self._dense_sound[:n_transformed, :fft_size])
        # The length follows from hop_size, because a quarter of the transform's size may be one sample longer.
        sound = self._dense_sound[:n, : 2 * self.hop_size >> octave]
        sound *= self._dense_scales[octave]
        return sound

    def _fill(self, hop: DenseHop, out: np.ndarray, played: slice) -> None:
        """Write the hop's spectra into `out`, but only the bins that sound.

        played: the slice that these bins take up in a whole spectrum of floats.
        """
        weights = hop.noise_weights
        if weights is None:
            self._fill_alike(hop, slice(0, len(out)), False, out, played)
            return
        first = 0
        for row in range(1, len(out) + 1):
            if row == len(out) or (weights[row] is None) != (weights[first] is None):
                rows = slice(first, row)
                self._fill_alike(hop, rows, weights[first] is not None, out[rows], played)
                first = row

    def _fill_alike(self, hop: DenseHop, rows: slice, weighs: bool, out: np.ndarray, played: slice) -> None:
        """Do the work of `_fill` for rows that all have noise weights (weighs=True) or all have none (weighs=False)."""
        pairs, coherent, n = hop.pairs[rows], hop.coherent, rows.stop - rows.start
        if weighs and coherent is not None:
            weighted = self._weighted_pairs[:n]
            for row, one in enumerate(hop.noise_weights[rows]):
                np.multiply(pairs[row, 1], one, out=weighted[row, 1])
            pairs = weighted
        if coherent is None or hop.blend < 1.0 or weighs:
            taps = self._taps(hop.noise_index, hop.first_lane + rows.start, n)
            np.einsum("nkx,nkx->nx", pairs[:, :, played], taps[:, :, played], out=out)
        if coherent is not None:
            _blend_in(out, coherent[rows].view(np.float32)[:, played], hop.blend, weighs)

    def _taps(self, noise_index: int, first_lane: int, n: int) -> np.ndarray:
        at = first_lane % LANES_PER_ROW
        return self._noise_taps[noise_index % N_NOISE_SPECTRA, at : at + n]


def _blend_in(noise: np.ndarray, coherent: np.ndarray, blend: float, is_weighted: bool = False) -> None:
    """Mix `coherent` into `noise`. Both are spectra as floats. If blend < 1, `coherent` is overwritten.

    is_weighted: whether `noise` is already multiplied by the noise weights.
    """
    if blend < 1.0:
        coherent *= coherent_amplitude(blend)
        if not is_weighted:
            noise *= noise_amplitude(blend)
        noise += coherent
    elif is_weighted:
        noise += coherent
    else:
        np.copyto(noise, coherent)


def engine_hop_size(spec: StftSpec, sample_rate_hz: int) -> int:
    """The hop size in engine frames."""
    return _fft_size_at(spec, sample_rate_hz) // N_OVERLAPS


def smooth_fft_size(size: float) -> int:
    """The whole number nearest to `size` that has no prime factor above 13.

    A transform of any other size takes ten times as long. But a changed size detunes the sound. So if no such number
    lies within 2 cents of `size`, the nearest of all whole numbers is returned.
    """
    nearest = round(size)
    reach = int(size * (_WIDEST_DETUNE - 1.0))
    candidates = sorted(range(nearest - reach, nearest + reach + 1), key=lambda n: abs(n - size))
    return next((n for n in candidates if _is_smooth(n)), nearest)


def sizes_at(spec: StftSpec, sample_rate_hz: int) -> tuple[int, int]:
    """The size of the transform, in engine frames, and the number of bins that are heard."""
    fft_size = _fft_size_at(spec, sample_rate_hz)
    n_heard = round(HIGHEST_HEARD_HZ / spec.bin_hz) // 8 * 8  # a multiple of 8: whole cache lines
    return fft_size, min(n_heard, spec.n_bins, fft_size // 2 + 1)


def _fft_size_at(spec: StftSpec, sample_rate_hz: int) -> int:
    return smooth_fft_size(spec.frame_size * sample_rate_hz / spec.sample_rate_hz)


def _n_halvings(*sizes: int) -> int:
    return min((size & -size).bit_length() - 1 for size in sizes)


def _is_smooth(number: int) -> bool:
    for prime in range(2, _LARGEST_PRIME + 1):
        while number % prime == 0 and number > 1:
            number //= prime
    return number == 1
