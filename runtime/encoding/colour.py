"""Finds colours. A colour is 40 gains, one for each band: they bring a decoded spectrum close to a recording."""

from __future__ import annotations

import math

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.mel_bands import N_BANDS as N_COLOURS
from runtime.acoustics.mel_bands import band_weights, mel_triangles
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import LOWEST_HEARD_HZ, StftSpec
from runtime.acoustics.timbre_distance import FLOOR_DB, HIGHEST_HZ, LOWEST_HZ, N_BANDS
from runtime.engine.synthesis.phases.noise import NOISE_POWER
from runtime.sound.trajectory.trajectory import HIGHEST_COLOUR_DB

# Limits, in dB, of a colour's gains during the fit. Larger gains would also raise the faint sound between harmonics.
MOST_DB, LEAST_DB = 30.0, -60.0
N_ITERATIONS = 8
_LONGEST_STEP_DB = 12.0
# `fit` finds the colour c, in dB, that minimizes
# squared errors + _RIDGE * sum((c - mean(c))^2) + _BEND * sum((second differences of c)^2).
_RIDGE, _BEND = 0.0001, 0.0001
# In `fit`, each band has a target: x dB relative to the loudest band. Each band also has two weights. The first is
# max(_LEAST_WEIGHT, 10 ** (x / _WEIGHT_DB)), the weight of the band's error among the squared errors. The second is
# 10 ** (x / _LOUD_DB), the weight of the band's error in the mean error of all bands. This mean is the error of the
# overall level; it is subtracted from each band's error. In the second half of the iterations, errors above _LARGE_DB
# count less.
_LEAST_WEIGHT, _WEIGHT_DB = 0.05, 40.0
_LARGE_DB, _LOUD_DB = 8.0, 20.0
_POWER_NEPERS = math.log(10.0) / 10.0
_LEAST_POWER = 1e-12
LEAST_WEIGHT = 0.4  # the engine's least K-weight (runtime/engine/synthesis/shaping/levels.py)


class Colours:
    """Finds colours for the spectra of one decoded note.

    spec: the decoder's transform.
    model_note: the note for which the spectra are decoded.
    semitones: how far the engine transposes the spectra. All bands lie at frequencies of the transposed sound.
    """

    def __init__(self, spec: StftSpec, model_note: int, semitones: float):
        ratio = 2.0 ** (semitones / 12.0)
        f0_hz = float(note_to_hz(model_note))
        frequency_hz = np.arange(spec.n_bins) * spec.bin_hz
        # Each bin has the gain of the nearest harmonic, as in runtime/engine/synthesis/shaping/harmonics.py.
        numbers = np.maximum(1.0, np.rint(frequency_hz / f0_hz))
        self._weights = band_weights(np.maximum(numbers * f0_hz, LOWEST_HEARD_HZ) * ratio)
        heard = StftSpec(spec.sample_rate_hz * ratio, spec.frame_size, spec.hop_size)
        self._filters = mel_triangles(N_BANDS, LOWEST_HZ, HIGHEST_HZ, heard)
        self._filters[: spec.first_heard_bin] = 0.0
        self._loudness = np.maximum(k_weighting(frequency_hz * ratio), LEAST_WEIGHT).astype(np.float32)
        # All bins of a harmonic have the same gain, so a fit needs only each harmonic's power in each band.
        harmonics, self._harmonic_of = np.unique(numbers, return_inverse=True)
        self._groups = (self._harmonic_of[:, None] == np.arange(len(harmonics))).astype(np.float32)
        self._group_weights = self._weights[:, np.argmax(self._groups, axis=0)]
        group_filters = self._groups.T @ self._filters
        groups, bands = np.nonzero(group_filters)
        self._parts = np.stack(
            [self._groups[:, g] * self._filters[:, b] for g, b in zip(groups, bands, strict=True)], 1
        )
        self._part_groups = groups
        self._in_bands = (bands[:, None] == np.arange(N_BANDS)).astype(np.float32)
        # The level of each band depends on only a few of a colour's gains. Only those pairs (band, gain) are stored.
        part_weights = self._group_weights[:, groups]
        self._pairs = np.nonzero(self._in_bands.T @ (part_weights > 0.0).T.astype(np.float32))
        self._slopes = self._in_bands[:, self._pairs[0]] * part_weights.T[:, self._pairs[1]]

    def fit(self, magnitudes: np.ndarray, target_db: np.ndarray) -> np.ndarray:
        """Find the colours that bring spectra nearest to a target, and that leave the spectra's loudness as it is.

        Returns the colours in dB, float64 (n, 40).
        magnitudes: decoded spectra, float32 (n, n_bins).
        target_db: levels of the recording in bands, relative to its loudest band, (n, 64).
        """
        power = np.square(magnitudes)
        power /= np.maximum(power.max(axis=1, keepdims=True), 1e-20)
        parts, loud = power @ self._parts, (power * self._loudness) @ self._groups
        colour_db = np.zeros((len(parts), N_COLOURS), np.float32)
        bends = np.diff(np.eye(N_COLOURS), 2, axis=0)
        cost = _BEND * bends.T @ bends + _RIDGE * (np.eye(N_COLOURS) - 1.0 / N_COLOURS) + 1e-6 * np.eye(N_COLOURS)
        # Soft bands get small weights. They lie between harmonics, where the decoder gives little sound. Their errors
        # must not change the loud bands.
        weights = np.maximum(_LEAST_WEIGHT, 10.0 ** (target_db / _WEIGHT_DB))
        loud_weights = 10.0 ** (target_db / _LOUD_DB)
        loud_weights /= loud_weights.sum(axis=1, keepdims=True)
        for iteration in range(N_ITERATIONS):
            coloured = parts * np.exp(colour_db @ self._group_weights * _POWER_NEPERS)[:, self._part_groups]
            in_bands = np.maximum(coloured @ self._in_bands, _LEAST_POWER)
            found_db = 10.0 * np.log10(in_bands)
            error_db = target_db - found_db
            # A difference in overall level is not the colour's error.
            error_db -= (loud_weights * error_db).sum(axis=1, keepdims=True)
            # Where the target is at the floor, a band has an error only if the spectrum is louder than the target.
            counts = (target_db > FLOOR_DB) | (error_db < 0.0)
            error_db *= counts
            slopes = np.zeros((len(parts), N_BANDS, N_COLOURS), np.float32)
            slopes[:, self._pairs[0], self._pairs[1]] = coloured @ self._slopes
            slopes *= (counts / in_bands)[:, :, None]
            # Large errors count less (Huber's weights). No colour can mend some of them, such as noise below the
            # fundamental.
            large_db = _LARGE_DB if iteration >= N_ITERATIONS // 2 else np.inf
            trust = weights * np.minimum(1.0, large_db / np.maximum(np.abs(error_db), 1e-9))
            transposed = slopes.transpose(0, 2, 1) * trust[:, None, :]
            side = (transposed @ error_db[:, :, None])[:, :, 0] - colour_db @ cost
            step_db = np.linalg.solve(transposed @ slopes + cost, side[:, :, None])[:, :, 0]
            colour_db += step_db.clip(-_LONGEST_STEP_DB, _LONGEST_STEP_DB)
            colour_db = self._levelled(loud, colour_db).clip(LEAST_DB, MOST_DB)
        return self._levelled(loud, colour_db).clip(-HIGHEST_COLOUR_DB, HIGHEST_COLOUR_DB)

    def levelled(self, magnitudes: np.ndarray, colour_db: np.ndarray) -> np.ndarray:
        """Shift each colour by one value in dB, so that it does not change the loudness of its spectrum."""
        loud = (np.square(magnitudes) * self._loudness) @ self._groups
        return self._levelled(loud, colour_db).clip(-HIGHEST_COLOUR_DB, HIGHEST_COLOUR_DB)

    def _levelled(self, loud: np.ndarray, colour_db: np.ndarray) -> np.ndarray:
        """Like `levelled`, but without limits. loud: the K-weighted power of each spectrum's harmonics."""
        coloured = (loud * np.exp(colour_db @ self._group_weights * _POWER_NEPERS)).sum(axis=1)
        ratio = np.maximum(coloured, _LEAST_POWER) / np.maximum(loud.sum(axis=1), _LEAST_POWER)
        return colour_db - 10.0 * np.log10(ratio)[:, None]

    def coloured(self, magnitudes: np.ndarray, colour_db: np.ndarray) -> np.ndarray:
        """Apply a colour to each spectrum; returns float32 (n, n_bins). colour_db: the spectra's colours, (n, 40)."""
        gains = np.exp(0.5 * _POWER_NEPERS * (colour_db @ self._group_weights)).astype(np.float32)
        return magnitudes * gains[:, self._harmonic_of]

    def band_levels_db(self, magnitudes: np.ndarray) -> np.ndarray:
        """The levels of spectra after transposition, in the bands of runtime/acoustics/timbre_distance.py.

        Returns dB relative to each spectrum's loudest band, (n, 64).
        """
        in_bands = np.square(magnitudes) @ self._filters
        loudest = np.maximum(in_bands.max(axis=1, keepdims=True), 1e-20)
        return np.maximum(10.0 * np.log10(in_bands / loudest + _LEAST_POWER), FLOOR_DB)

    def level_over_loudness_db(self, decoded: np.ndarray, coloured: np.ndarray) -> np.ndarray:
        """The level of each coloured spectrum minus the loudness of the decoded one, in dB, (n,).

        The engine makes all decoded spectra equally loud, and then colours them. So this difference is the level at
        which the engine plays a coloured spectrum. Level and loudness are measured as in
        runtime/engine/synthesis/shaping/levels.py.
        """
        level = _sounding_power(coloured, np.ones_like(self._loudness))
        return 10.0 * np.log10(level / _sounding_power(decoded, self._loudness))


def _sounding_power(magnitudes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The power with which each spectrum sounds, float64 (n,).

    The products of neighbouring bins count, too (see NOISE_POWER).
    weights: the weight of each bin's power, (n_bins,).
    """
    weighted = magnitudes * np.sqrt(weights, dtype=np.float64)
    own, shared = np.square(weighted).sum(axis=1), (weighted[:, 1:] * weighted[:, :-1]).sum(axis=1)
    return np.maximum(NOISE_POWER[0] * own + NOISE_POWER[1] * shared, 1e-20)
