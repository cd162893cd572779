"""Finds the gains that keep the keys of a sound even, where a recording's colour is heard at other keys.

A colour was found for the harmonics of one key. Between them, and beyond them, its bands have any gains at all; at
another key, these can make a note louder or softer by 20 dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.mel_bands import N_BANDS, band_centres_hz, mel
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec
from runtime.engine.synthesis.shaping.harmonics import gain_frequencies_hz, harmonic_numbers
from runtime.engine.synthesis.shaping.levels import LEAST_WEIGHT
from runtime.engine.voices.modulation.trajectories import N_KEYS, Stretch, Trajectories
from runtime.engine.voices.notes import VELOCITY_AT_VOICE_LEVEL
from runtime.instrument.decoder import Decoder
from runtime.instrument.presets import start_positions
from runtime.sound.patch import Patch

# The stretch of a note whose energy counts.
_FIRST_S, _LAST_S, _N_MOMENTS = 0.1, 0.5, 17
_LARGEST_GAIN_DB = 36.0
# See `_gains_db`; slow are differences that change over more than _SMOOTH_KEYS keys.
_KEPT_DB, _SMOOTH_KEYS = 3.0, 3
_RUN_MEL = 20.0  # about a quarter of a band: closer harmonics get the gain of their middle
# Where the highest bin that sounds is nearer to a harmonic than half its lobe, about this share of its power is heard.
_HALF_LOBE_BINS, _CUT_POWER = 2.5, 0.25
_NEPER_PER_DB = np.float32(np.log(10.0) / 10.0)
_LEAST_POWER = 1e-12


class EvenKeys:
    """Gives trajectories a gain for each key; keeps no state, so any thread may call it.

    pitches: the pitch of each key, in notes.
    """

    def __init__(self, instrument: Decoder, pitches: Sequence[float], sample_rate_hz: int):
        self._instrument, self._rate_hz = instrument, sample_rate_hz
        card = instrument.card
        self._model_notes = tuple(card.nearest_note(pitch) for pitch in pitches)
        self._semitones = tuple(float(pitch - note) for pitch, note in zip(pitches, self._model_notes, strict=True))
        self._frames = np.rint(np.linspace(_FIRST_S, _LAST_S, _N_MOMENTS) * sample_rate_hz).astype(np.int64)

    def even_out(self, trajectories: Trajectories, patch: Patch) -> None:
        """Give trajectories their key gains if they have a colour, and the keys at which it was found."""
        if not (trajectories.has_colour and trajectories.keys):
            return
        positions = np.array(patch.positions or start_positions(self._instrument.card))
        stretch = trajectories.stretch(self._frames)
        velocities = trajectories.velocities or [VELOCITY_AT_VOICE_LEVEL]
        columns = [self._energies_db(stretch, *trajectories.shares(one), positions) for one in velocities]
        trajectories.set_key_gains(np.stack([_gains_db(column, trajectories.keys) for column in columns], 1))

    def _energies_db(
        self, stretch: Stretch, weights: np.ndarray, keep: np.ndarray, positions: np.ndarray
    ) -> np.ndarray:
        """How far each key's energy is above its loudness without colour, in dB, float64 (N_KEYS,).

        weights, keep: from `Trajectories.shares`.
        """
        n_latents, places = len(positions), self._places()
        offsets = weights @ stretch.values[:, :, :n_latents].mean(axis=1)
        power = self._power(np.clip(positions * keep + offsets, 0.0, 1.0), places)
        loudness = np.add.reduceat(power * places.loudness, places.first_runs)
        power *= places.heard
        colours_db = np.einsum("kt,tmb->mkb", weights, stretch.values[:, :, n_latents:])
        levels = 10.0 ** (weights @ stretch.level_db / 10.0)
        energy = np.zeros(N_KEYS)
        for colour_db, level in zip(colours_db, levels.T, strict=True):
            below, above = colour_db.take(places.columns), colour_db.take(places.columns + 1)
            gains = np.exp((below + (above - below) * places.shares) * _NEPER_PER_DB)
            energy += level * np.add.reduceat(power * gains, places.first_runs)
        energy /= levels.sum(axis=1)
        return 10.0 * np.log10(np.maximum(energy, _LEAST_POWER) / np.maximum(loudness, _LEAST_POWER))

    def _power(self, positions: np.ndarray, places: _Places) -> np.ndarray:
        """The power of each run of each key's spectrum, float32 (n_runs,), relative to the key's strongest run.

        positions: of the latents, (N_KEYS, n_latents).
        """
        card = self._instrument.card
        rows = np.concatenate([card.latents_at(positions), card.conditioning.rows(np.array(self._model_notes))], axis=1)
        # The keys beyond the model's range sound with one spectrum, transposed.
        is_new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
        magnitudes = self._instrument.decode_apart(rows[is_new])
        magnitudes[:, : card.spec.first_heard_bin] = 0.0
        power = np.square(magnitudes, out=magnitudes)[np.cumsum(is_new) - 1]
        power = np.add.reduceat(power.reshape(-1), places.first_bins)
        return power / np.maximum(np.maximum.reduceat(power, places.first_runs), np.float32(1e-20))[places.keys]

    def _places(self) -> _Places:
        return _places(self._instrument.card.spec, self._rate_hz, self._model_notes, self._semitones)


def _gains_db(energies_db: np.ndarray, own_keys: Sequence[int]) -> np.ndarray:
    """The gains, in dB, that leave the own keys as they are, and bring the others to a smooth curve through them.

    The curve goes straight from own key to own key; but slow differences of up to _KEPT_DB from it stay, because sounds
    were made equally loud with them.
    """
    straight_db = np.interp(np.arange(N_KEYS), own_keys, energies_db[own_keys])
    slow_db = _smoothed(np.clip(energies_db - straight_db, -_KEPT_DB, _KEPT_DB))
    wanted_db = straight_db + slow_db - _pins(slow_db, own_keys)
    return np.clip(wanted_db - energies_db, -_LARGEST_GAIN_DB, _LARGEST_GAIN_DB)


def _smoothed(values: np.ndarray) -> np.ndarray:
    weights = 1.0 - np.abs(np.arange(1 - _SMOOTH_KEYS, _SMOOTH_KEYS)) / _SMOOTH_KEYS
    return np.convolve(np.pad(values, _SMOOTH_KEYS - 1, mode="edge"), weights / weights.sum(), mode="valid")


def _pins(values: np.ndarray, own_keys: Sequence[int]) -> np.ndarray:
    """The values at the own keys, (N_KEYS,), falling to 0 within _SMOOTH_KEYS keys, or going to the next own key's."""
    near = {key + step for key in own_keys for step in (-_SMOOTH_KEYS, _SMOOTH_KEYS)}
    ends = [key for key in near if min(abs(key - own) for own in own_keys) >= _SMOOTH_KEYS]
    heights = dict.fromkeys(ends, 0.0) | {key: float(values[key]) for key in own_keys}
    keys = sorted(heights)
    return np.interp(np.arange(N_KEYS), keys, [heights[key] for key in keys])


class _Places(NamedTuple):
    """Runs of bins with one gain: the spectra of all keys, laid end to end.

    first_bins: the first bin of each run. keys: the key of each run. columns: the number of the band below it, counted
    through the bands of all keys; shares: the share of the band above in its gain. loudness: its weight when the
    spectrum is levelled. heard: how much of its power is heard. first_runs: the first run of each key.
    """

    first_bins: np.ndarray
    keys: np.ndarray
    columns: np.ndarray
    shares: np.ndarray
    loudness: np.ndarray
    heard: np.ndarray
    first_runs: np.ndarray


@lru_cache(maxsize=2)
def _places(spec: StftSpec, rate_hz: int, model_notes: tuple[int, ...], semitones: tuple[float, ...]) -> _Places:
    """model_notes, semitones: of each key, the decoded note, and how far it is transposed."""
    harmonics = {note: _harmonics(spec, note) for note in set(model_notes)}
    runs = [_runs(*harmonics[note], shift) for note, shift in zip(model_notes, semitones, strict=True)]
    counts = [len(first_bins) for first_bins, _ in runs]
    hz, keys = np.concatenate([heard_hz for _, heard_hz in runs]), np.repeat(np.arange(N_KEYS), counts)
    ratios, is_heard = 2.0 ** (np.array(semitones) / 12.0), hz < min(HIGHEST_HEARD_HZ, rate_hz / 2.0)
    is_whole = hz + _HALF_LOBE_BINS * spec.bin_hz * ratios[keys] < _top_hz(ratios, rate_hz)[keys]
    at = np.interp(mel(hz), mel(band_centres_hz()), np.arange(N_BANDS))
    bands = np.minimum(at.astype(np.intp), N_BANDS - 2)
    return _Places(
        first_bins=np.concatenate([first_bins for first_bins, _ in runs]) + keys * spec.n_bins,
        keys=keys,
        columns=keys * N_BANDS + bands,
        shares=(at - bands).astype(np.float32),
        loudness=np.where(is_heard, np.maximum(k_weighting(hz), LEAST_WEIGHT), 0.0),
        heard=np.where(is_heard, np.where(is_whole, 1.0, _CUT_POWER), 0.0),
        first_runs=np.cumsum([0, *counts[:-1]]),
    )


def _top_hz(ratios: np.ndarray, rate_hz: int) -> np.ndarray:
    """Up to which frequency a key's bins sound, (n,): steps of a whole tone, as in `TransposedLane.wanted_bins`."""
    steps = np.maximum(np.ceil(6.0 * np.log2(ratios * HIGHEST_HEARD_HZ * 2.0 / rate_hz) - 1e-6), 0.0)
    return ratios * HIGHEST_HEARD_HZ / 2.0 ** (steps / 6.0)


def _harmonics(spec: StftSpec, note: int) -> tuple[np.ndarray, np.ndarray]:
    """The first bin of each harmonic, and the frequency in Hz that decides about the harmonic's gain."""
    fundamental_hz = float(note_to_hz(note))
    numbers = np.maximum(harmonic_numbers(spec.n_bins, spec.bin_hz, fundamental_hz), 1.0)
    first_bins = np.flatnonzero(np.diff(numbers, prepend=0.0))
    return first_bins, gain_frequencies_hz(numbers[first_bins], fundamental_hz)


def _runs(first_bins: np.ndarray, frequency_hz: np.ndarray, semitones: float) -> tuple[np.ndarray, np.ndarray]:
    """The first bin, and the frequency in Hz as heard, of each run of a key: one harmonic or, if close, several."""
    heard_hz = frequency_hz * 2.0 ** (semitones / 12.0)
    begins = np.flatnonzero(np.diff(np.floor(mel(heard_hz) / _RUN_MEL), prepend=-1.0))
    ends = np.append(begins[1:], len(heard_hz)) - 1
    return first_bins[begins], 0.5 * (heard_hz[begins] + heard_hz[ends])
