"""The power that spectra have when they sound with noise phases, with coherent phases, or with a blend of both."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.phases.coherent_tables import N_BESIDE
from runtime.engine.synthesis.phases.noise_weights import coherent_amplitude, noise_amplitude
from runtime.engine.synthesis.phases.peaks import N_LOW_BINS, PeakFinder, Peaks
from runtime.engine.synthesis.shaping.levels import SHARED_OVER_OWN

_BESIDE = np.arange(-N_BESIDE, N_BESIDE + 1)[:, None]
_LEAST_POWER = np.float32(1e-30)
# The heard share of a sinusoid's power is computed only if the sinusoid is louder than this, relative to the spectrum's
# loudest bin. Of a softer sinusoid, the whole power is taken as heard, because computing the share of every sinusoid
# would take three times as long.
_LEAST_SINUSOID = np.float32(3e-3)
# _LOBE is the lobe of a Hann window, with a peak of 1. It reaches from _FARTHEST_BINS bins below the peak to
# _FARTHEST_BINS bins above it, and has _PLACES_PER_BIN values for each bin.
_FARTHEST_BINS, _PLACES_PER_BIN = N_BESIDE + 1, 256
_PLACES = np.arange(-_FARTHEST_BINS * _PLACES_PER_BIN, _FARTHEST_BINS * _PLACES_PER_BIN + 1) / _PLACES_PER_BIN
_LOBE = (np.sinc(_PLACES) + 0.5 * (np.sinc(_PLACES - 1.0) + np.sinc(_PLACES + 1.0))).astype(np.float32)
_LOBE_POWER = np.float32(1.5)  # the sum of the squares of a lobe's bins, also if its peak lies between two bins


def noise_power(magnitudes: np.ndarray) -> np.ndarray:
    """The power of each bin with noise phases, float32 (n, n_bins).

    It is the square of the bin's magnitude, plus SHARED_OVER_OWN times the product of this magnitude and the magnitude
    of the next higher bin.
    """
    power = np.square(magnitudes)
    power[:, :-1] += SHARED_OVER_OWN * magnitudes[:, :-1] * magnitudes[:, 1:]
    return power


def coherent_power(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The power of each bin with coherent phases, before they are made as loud as noise phases: float32 (n, n_bins).

    All bins of a sinusoid sound at one frequency. If they have the shape of a Hann window's lobe, their power is heard
    in full. If they form a narrower or wider peak, a part is not heard: a peak of one bin loses 1.8 dB.

    magnitudes: a contiguous array (n, n_bins).
    """
    power = np.square(magnitudes)
    finder = PeakFinder(len(magnitudes), spec.n_bins, spec.first_heard_bin)
    never_held = np.full((len(magnitudes), N_LOW_BINS), spec.n_bins, np.float32)
    loud = np.where(magnitudes > _LEAST_SINUSOID * magnitudes.max(axis=1, keepdims=True), magnitudes, np.float32(0.0))
    places, shares = _heard_shares(loud, finder.find(loud, never_held))
    power.reshape(-1)[places] *= shares
    return power


def blended_power(noise: np.ndarray, squares: np.ndarray, coherent: np.ndarray, blend: float) -> np.ndarray:
    """For each run of bins, such as a harmonic, its power at a blend from 0 (noise phases) to 1 (coherent phases).

    noise: for each run, the sum of `noise_power` over its bins.
    squares: for each run, the sum of the squared magnitudes.
    coherent: for each run, the sum of `coherent_power`.

    `CoherentPhases` multiplies the power of coherent phases by noise / squares of the whole spectrum, so that coherent
    phases are as loud as noise phases. Here each run's own noise / squares is used, because a colour changes which runs
    are loud.
    """
    as_loud = noise / np.maximum(squares, _LEAST_POWER)
    return noise_amplitude(blend) ** 2 * noise + coherent_amplitude(blend) ** 2 * as_loud * coherent


def _heard_shares(magnitudes: np.ndarray, peaks: Peaks) -> tuple[np.ndarray, np.ndarray]:
    """For each bin of a sinusoid, its place in the flattened magnitudes and the heard share of the sinusoid's power."""
    places, always = peaks.places + _BESIDE, np.ones(len(peaks.places), bool)
    belong = np.stack([peaks.two_below, always, always, peaks.above, peaks.two_above])
    bins = magnitudes.reshape(-1).take(places, mode="clip") * belong
    at = np.rint((_BESIDE - peaks.distances + _FARTHEST_BINS) * _PLACES_PER_BIN).astype(np.intp)
    shares = np.square(np.vecdot(bins, _LOBE.take(at), axis=0)) / (_LOBE_POWER * np.square(bins).sum(axis=0))
    return places[belong], np.broadcast_to(shares, places.shape)[belong]
