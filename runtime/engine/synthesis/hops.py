"""Inverse STFT: magnitude frames to sound, at any sample rate, with phases of noise or with phases that agree.

Source of the method: Colonel and Keene 2020: give a decoded frame the phases of the STFT of white noise, transform
back, overlap and add.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec, periodic_hann
from runtime.engine.synthesis.levels import Levels
from runtime.engine.synthesis.taps import new_pairs, new_taps, read_by_taps, seen_by_bins, write_pairs

N_OVERLAPS = 4
N_NOISE_FRAMES = 256
LANES_PER_ROW = 16
_LARGEST_PRIME = 13
_WIDEST_DETUNE = 2.0 ** (2.0 / 1200.0)
# So many lanes go through each step at once: with fewer, the calls cost more than the caches save (measured: 4, 8, 16).
MAX_ROWS = 16
# NumPy transforms four rows together, for the price of two. On 64-bit ARM a row by itself has other last bits than one
# among four: rows go by fours, whatever is in the last of them, so that none depends on its company.
ROWS_AT_ONCE = 4
_BINS_PER_LANE = N_OVERLAPS
# RMS of the sound of a flat frame over that of its sinusoids: overlapping grains of noise agree in part. Measured.
_FLAT_GAIN = 4.557


class DenseHop(NamedTuple):
    """One lane's hop at a higher density: as `HopSynthesis.hops` has it, of the first n_bins alone."""

    pairs: np.ndarray
    noise_frame: int
    lane: int
    n_bins: int
    blend: float
    coherent: np.ndarray | None


class HopSynthesis:
    """Turns frames of one StftSpec into sound at an engine's sample rate, a hop at a time; all tables are made here.

    Between two hops four grains overlap. Where they share one frame, their sum is made by one inverse transform: a
    Hann window is three taps in the frequency domain, a grain's delay is a rotation of its phases, so four windowed
    and delayed grains add up to one spectrum, F[j] = M[j-1] B[j-1] + M[j] A[j] + M[j+1] C[j+1], and B, A, C are
    tables of the noise alone, the taps. A note so begins in full sound, and no grain is kept for later. Coherent
    phases bring their own taps; a blend is a sum of both, weighted so that their powers add up.

    Another rate than the spec's changes the transform's size and not the pitch: bin k sounds at k * bin_hz still.
    fft_size, hop_size: in engine frames; n_bins: bins of a frame that are heard, and below half the engine's rate;
    n_dense_octaves: how often the density of a dense hop can be halved. Frames are held as `new_pairs` makes them.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, seed: int):
        self.fft_size = smooth_fft_size(spec.frame_size * sample_rate_hz / spec.sample_rate_hz)
        self.hop_size = self.fft_size // N_OVERLAPS
        n_heard = round(HIGHEST_HEARD_HZ / spec.bin_hz) // 8 * 8  # whole cache lines
        self.n_bins = min(n_heard, spec.n_bins, self.fft_size // 2 + 1)
        self._first_bin = spec.first_heard_bin
        self._lane_taps = self._taps_by_lane(self._noise_phasors(seed))
        self._mixed_taps = np.empty((MAX_ROWS, 3, 2 * self.n_bins), np.float32)
        self._spectra = np.zeros((MAX_ROWS, self.fft_size // 2 + 1), np.complex64)
        self._filled = self._spectra.view(np.float32)[:, 2 * self._first_bin : 2 * self.n_bins]
        self._sound = np.empty((MAX_ROWS, self.fft_size), np.float32)
        weighted = new_pairs(MAX_ROWS, self.n_bins)
        self._weighted_pairs = read_by_taps(weighted)
        self.n_dense_octaves = _n_halvings(2 * self.fft_size, 2 * self.hop_size)
        self._dense_spectra = np.zeros((ROWS_AT_ONCE, self.fft_size + 1), np.complex64)
        self._dense_sound = np.empty((ROWS_AT_ONCE, 2 * self.fft_size), np.float32)
        self._levels = Levels(spec, sample_rate_hz, self.n_bins, MAX_ROWS)
        self._levelled = np.empty((MAX_ROWS, self.n_bins), np.float32)
        self._factors = np.empty((MAX_ROWS, 1), np.float32)

    def write_levelled(
        self, magnitudes: np.ndarray, semitones: Sequence[float], shares: np.ndarray, pairs: np.ndarray
    ) -> None:
        """Write frames, each at the level of a voice times shares (n, 1), into as many rows of pairs."""
        n = len(magnitudes)
        factors, frames = self._factors[:n], self._levelled[:n]
        self._levels.find(magnitudes, semitones, factors[:, 0], frames)
        factors *= shares
        np.multiply(magnitudes[:, : self.n_bins], factors, out=frames)
        write_pairs(frames, pairs)

    def hops(
        self,
        pairs: np.ndarray,
        noise_frame: int,
        first_lane: int = 0,
        blend: float = 0.0,
        coherent: np.ndarray | None = None,
    ) -> np.ndarray:
        """Sound between two hops, float32 (n, fft_size), of neighbouring lanes' frames, at most MAX_ROWS.

        The first hop_size samples are the overlap-added sound. What follows is nearly what the next hop brings, long
        enough for a fade. A view, valid until the next call. pairs: as `read_by_taps` shows them; noise_frame: which
        stored noise frame is the newest of the four grains, after the last comes the first; lanes: of one row of
        LANES_PER_ROW, counted from first_lane. blend: 0 is noise, 1 the `coherent` taps, as `seen_by_bins` shows
        them, which are overwritten in between.
        """
        n, taps = len(pairs), self._taps(noise_frame, first_lane, len(pairs))
        if coherent is not None:
            taps = self._blended(taps, coherent, blend)
        first = 2 * self._first_bin
        np.einsum("nkx,nkx->nx", pairs[:, :, first:], taps[:, :, first:], out=self._filled[:n])
        n_transformed = -(-n // ROWS_AT_ONCE) * ROWS_AT_ONCE
        # Never norm="forward": its factor of 1 makes NumPy transform in float64.
        np.fft.irfft(self._spectra[:n_transformed], self.fft_size, axis=-1, out=self._sound[:n_transformed])
        return self._sound[:n]

    def mixed_hop(
        self, pairs: np.ndarray, noise_frame: int, first_lane: int = 0, factors: np.ndarray | None = None
    ) -> np.ndarray:
        """The sum of what `hops` gives of pairs, times factors (n, 1) where given: one transform for all.

        With the phases of noise; float32 (1, fft_size), a view.
        """
        n, first = len(pairs), 2 * self._first_bin
        taps = self._taps(noise_frame, first_lane, n)
        if factors is not None:
            # Weighting frames costs less than weighting their spectra, which then need not be written one by one.
            np.multiply(pairs[:, 1], factors, out=self._weighted_pairs[:n, 1])
            pairs = self._weighted_pairs[:n]
        np.einsum("nkx,nkx->x", pairs[:, :, first:], taps[:, :, first:], out=self._filled[0])
        np.fft.irfft(self._spectra[:1], self.fft_size, axis=-1, out=self._sound[:1])
        return self._sound[:1]

    def _taps(self, noise_frame: int, first_lane: int, n: int) -> np.ndarray:
        at = first_lane % LANES_PER_ROW
        return self._lane_taps[noise_frame % N_NOISE_FRAMES, at : at + n]

    def dense_hops(self, hops: Iterable[DenseHop], octave: int) -> np.ndarray:
        """Sound of such hops, at most ROWS_AT_ONCE, at twice the density, halved `octave` times, up to the next hop.

        float32 (n, 2 * hop_size >> octave), a view; hops: taken one by one, so that their taps may share memory;
        octave: at most n_dense_octaves.
        """
        fft_size = 2 * self.fft_size >> octave
        spectra, n = self._dense_spectra[:, : fft_size // 2 + 1], 0
        for hop in hops:
            n_bins = min(hop.n_bins, self.n_bins, spectra.shape[1])
            spectra[n, n_bins:] = 0.0
            taps = self._taps(hop.noise_frame, hop.lane, 1)
            if hop.coherent is not None:
                taps = self._blended(taps, hop.coherent, hop.blend)
            played = slice(2 * self._first_bin, 2 * n_bins)
            filled = spectra[n : n + 1].view(np.float32)[:, played]
            np.einsum("nkx,nkx->nx", hop.pairs[:, :, played], taps[:, :, played], out=filled)
            n += 1
        np.fft.irfft(spectra, fft_size, axis=-1, out=self._dense_sound[:, :fft_size])
        sound = self._dense_sound[:n, : 2 * self.hop_size >> octave]
        sound *= np.float32(fft_size / self.fft_size)
        return sound

    def _blended(self, noise: np.ndarray, coherent: np.ndarray, blend: float) -> np.ndarray:
        if blend < 1.0:
            angle = 0.5 * math.pi * blend
            mixed = np.multiply(noise, np.float32(math.cos(angle)), out=self._mixed_taps[: len(noise)])
            coherent *= np.float32(math.sin(angle))
            coherent += mixed
        return coherent

    def _noise_phasors(self, seed: int) -> np.ndarray:
        """Unit phasors complex64 (N_NOISE_FRAMES, n) of the STFT of a white noise that repeats without a seam.

        The noise is complex, so that bins above half the rate are as good as those below: lanes need some more.
        """
        n = self.n_bins + _BINS_PER_LANE * (LANES_PER_ROW - 1)
        period = N_NOISE_FRAMES * self.hop_size
        noise = np.random.default_rng(seed).standard_normal((period, 2), np.float32).view(np.complex64)[:, 0]
        noise = np.concatenate([noise, noise[: self.fft_size]])
        window = periodic_hann(self.fft_size)
        phasors = np.empty((N_NOISE_FRAMES, n), np.complex64)
        for frame in range(N_NOISE_FRAMES):
            start = frame * self.hop_size
            spectrum = np.fft.fft(noise[start : start + self.fft_size] * window)[:n]
            phasors[frame] = spectrum / np.maximum(np.abs(spectrum), np.float32(1e-12))
        return phasors

    def _taps_by_lane(self, phasors: np.ndarray) -> np.ndarray:
        """A view (N_NOISE_FRAMES, LANES_PER_ROW, 3, 2 * n_bins) of one table: each lane begins four bins further on.

        Four bins apart noise is independent, and advances by whole turns more from hop to hop, so that it serves as
        well there; and all lanes of a row share what is in the processor's cache.
        """
        taps = _window_taps(phasors, self.fft_size, self.hop_size)
        taps *= np.float32(1.0 / _FLAT_GAIN)
        seen = seen_by_bins(taps)
        frame_stride, tap_stride, stride = seen.strides
        return np.lib.stride_tricks.as_strided(
            seen,
            (len(taps), LANES_PER_ROW, 3, 2 * self.n_bins),
            (frame_stride, 2 * _BINS_PER_LANE * stride, tap_stride, stride),
            writeable=False,
        )


def _window_taps(phasors: np.ndarray, fft_size: int, hop_size: int) -> np.ndarray:
    """The taps of `HopSynthesis`, as `new_taps` holds them, of every frame.

    Grain k of the newest frame t began k hops ago with the phasors (n_frames, n_bins) of frame t - k. With a delay
    angle a = 2 pi k hop / fft_size its bin j turns by j a; its window's taps are -exp(i a) / 4, 1 / 2, -exp(-i a) / 4.
    """
    n_frames, n_bins = phasors.shape
    taps = new_taps(n_frames, n_bins)
    for k in range(N_OVERLAPS):
        angle = 2.0 * np.pi * k * hop_size / fft_size
        delayed = np.roll(phasors, k, axis=0) * np.exp(1j * angle * np.arange(n_bins)).astype(np.complex64)
        for tap, weight in enumerate((-0.25 * np.exp(1j * angle), 0.5, -0.25 * np.exp(-1j * angle))):
            taps[:, tap, 1:-1] += np.complex64(weight * fft_size) * delayed
    return taps


def _n_halvings(*sizes: int) -> int:
    """How often all of these can be halved."""
    return min((size & -size).bit_length() - 1 for size in sizes)


def smooth_fft_size(size: float) -> int:
    """The whole number nearest to `size` whose prime factors are at most 13: other sizes cost ten times as much.

    The transform's size tunes the sound; within 2 cents the nearest smooth size is taken, else the nearest of all.
    """
    nearest = round(size)
    reach = int(size * (_WIDEST_DETUNE - 1.0))
    candidates = sorted(range(nearest - reach, nearest + reach + 1), key=lambda n: abs(n - size))
    return next((n for n in candidates if _is_smooth(n)), nearest)


def _is_smooth(number: int) -> bool:
    for prime in range(2, _LARGEST_PRIME + 1):
        while number % prime == 0 and number > 1:
            number //= prime
    return number == 1
