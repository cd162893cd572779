"""Finds a gain for each key of a sound that has a recording's colour: neighbouring keys are then about equally loud.

A colour was found for the harmonics of one key. At other frequencies, the gains of its bands are arbitrary. Another key
has harmonics there, so the colour can make its note louder or softer by 20 dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.mel_bands import N_BANDS, band_centres_hz, mel
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, StftSpec
from runtime.engine.sounding.expected_power import blended_power, coherent_power, noise_power
from runtime.engine.synthesis.hops import sizes_at
from runtime.engine.synthesis.shaping.curves import n_heard_places
from runtime.engine.synthesis.shaping.harmonics import gain_frequencies_hz, grid_places, harmonic_numbers
from runtime.engine.synthesis.shaping.levels import LEAST_WEIGHT
from runtime.engine.synthesis.transposing.transposed_lane import sounding_bins
from runtime.engine.voices.modulation.trajectories import N_KEYS, Stretch, Trajectories
from runtime.engine.voices.notes import VELOCITY_AT_VOICE_LEVEL
from runtime.instrument.decoder import Decoder
from runtime.instrument.presets import start_positions
from runtime.sound.patch import Patch

# A note's energy is that of the stretch from _FIRST_S to _LAST_S after its start. It is computed at _N_MOMENTS moments,
# evenly spread in this stretch.
_FIRST_S, _LAST_S, _N_MOMENTS = 0.1, 0.5, 12
_N_DECODED = 3  # parts of the stretch; the spectra are decoded once for each part
_LARGEST_GAIN_DB = 36.0
# `_gains_db` keeps slow differences between keys, up to _KEPT_DB. To find them, it smooths over _SMOOTH_KEYS keys.
_KEPT_DB, _SMOOTH_KEYS = 3.0, 3
_STEEPEST_DB = 1.0  # the largest change of the smooth curve in `_gains_db` from one key to the next
_RUN_MEL = 20.0  # about a quarter of a band; harmonics in one interval of this width get one gain
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
        middles_s = _FIRST_S + (_LAST_S - _FIRST_S) * (np.arange(_N_MOMENTS) + 0.5) / _N_MOMENTS
        self._frames = np.rint(middles_s * sample_rate_hz).astype(np.int64)

    def even_out(self, trajectories: Trajectories, patch: Patch) -> None:
        """Set the key gains of trajectories that have a colour and say at which keys the colour was found."""
        if not (trajectories.has_colour and trajectories.keys):
            return
        positions = np.array(patch.positions or start_positions(self._instrument.card))
        stretch = trajectories.stretch(self._frames)
        velocities = trajectories.velocities or [VELOCITY_AT_VOICE_LEVEL]
        blend = patch.settings.phase_blend
        columns = [self._energies_db(stretch, *trajectories.shares(one), positions, blend) for one in velocities]
        trajectories.set_key_gains(np.stack([_gains_db(column, trajectories.keys) for column in columns], 1))

    def _energies_db(
        self, stretch: Stretch, weights: np.ndarray, keep: np.ndarray, positions: np.ndarray, blend: float
    ) -> np.ndarray:
        """Each key's energy with colour and level, relative to its loudness without either: float64 (N_KEYS,), in dB.

        A constant that is the same for all keys is left out.
        weights, keep: from `Trajectories.shares`.
        blend: from 0, noise phases, to 1, coherent phases.
        """
        places, energies = self._places(), []
        for first, last in pairwise(np.linspace(0, _N_MOMENTS, _N_DECODED + 1).astype(int)):
            part = Stretch(stretch.values[:, first:last], stretch.level_db[:, first:last])
            energies += self._energies(part, weights, keep, positions, blend, places)
        levels = 10.0 ** (weights @ stretch.level_db / 10.0)
        energy = np.einsum("km,mk->k", levels, energies)
        return 10.0 * np.log10(np.maximum(energy, _LEAST_POWER))

    def _energies(
        self,
        part: Stretch,
        weights: np.ndarray,
        keep: np.ndarray,
        positions: np.ndarray,
        blend: float,
        places: _Places,
    ) -> list[np.ndarray]:
        """Each key's energy with colour, divided by its loudness without colour: (N_KEYS,) for each moment of `part`.

        part: a part of the stretch. All its moments are decoded with its mean latents.
        Other arguments: as in `_energies_db`.
        """
        n_latents = len(positions)
        offsets = weights @ part.values[:, :, :n_latents].mean(axis=1)
        noise, power = self._powers(np.clip(positions * keep + offsets, 0.0, 1.0), blend, places)
        loudness = np.add.reduceat(noise * places.loudness, places.first_runs)
        power *= places.heard
        energies = []
        for colour_db in np.einsum("kt,tmb->mkb", weights, part.values[:, :, n_latents:]):
            below, above = colour_db.take(places.columns), colour_db.take(places.columns + 1)
            gains = np.exp((below + (above - below) * places.shares) * _NEPER_PER_DB)
            sounding = np.add.reduceat(power * gains, places.first_runs)
            energies.append(np.maximum(sounding, _LEAST_POWER) / np.maximum(loudness, _LEAST_POWER))
        return energies

    def _powers(self, positions: np.ndarray, blend: float, places: _Places) -> tuple[np.ndarray, np.ndarray]:
        """The power of each run of each key's spectrum, with noise phases and with the blend: two float32 (n_runs,).

        A run: as in `_Places`. Both powers are relative to the power of the key's strongest run with noise phases,
        because the engine sets a spectrum's level by its power with noise phases.
        positions: each key's positions of the latents, (N_KEYS, n_latents).
        """
        card = self._instrument.card
        rows = np.concatenate([card.latents_at(positions), card.conditioning.rows(np.array(self._model_notes))], axis=1)
        # Beyond the model's range, neighbouring keys have the same spectrum, each transposed by its own amount.
        is_new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
        magnitudes = self._instrument.decode_apart(rows[is_new])
        magnitudes[:, : card.spec.first_heard_bin] = 0.0
        row_of = np.cumsum(is_new) - 1

        def by_run(power: np.ndarray) -> np.ndarray:
            return np.add.reduceat(power[row_of].reshape(-1), places.first_bins)

        noise = power = by_run(noise_power(magnitudes))
        if blend > 0.0:
            coherent = coherent_power(magnitudes, card.spec)
            power = blended_power(noise, by_run(np.square(magnitudes)), by_run(coherent), blend)
        strongest = np.maximum(np.maximum.reduceat(noise, places.first_runs), np.float32(1e-20))[places.keys]
        return noise / strongest, power / strongest

    def _places(self) -> _Places:
        return _places(self._instrument.card.spec, self._rate_hz, self._model_notes, self._semitones)


def _gains_db(energies_db: np.ndarray, own_keys: Sequence[int]) -> np.ndarray:
    """The gains in dB that bring the energies of all keys to a smooth curve: float64 (N_KEYS,).

    own_keys: the keys at which the colour was found.

    The curve goes through the energies of the own keys, so their gains are 0. Between two own keys it is a straight
    line plus the slow differences from that line, up to _KEPT_DB. They are kept because the bundled sounds were made
    equally loud while they had these differences. From key to key the curve changes by at most _STEEPEST_DB. If own
    keys differ by more than that, the curve leaves their energies, and their gains are not 0. No gain is larger than
    _LARGEST_GAIN_DB, so a key that would need a larger one does not reach the curve.
    """
    straight_db = np.interp(np.arange(N_KEYS), own_keys, energies_db[own_keys])
    slow_db = _smoothed(np.clip(energies_db - straight_db, -_KEPT_DB, _KEPT_DB))
    wanted_db = _gentle(straight_db + slow_db - _pins(slow_db, own_keys), list(own_keys))
    return np.clip(wanted_db - energies_db, -_LARGEST_GAIN_DB, _LARGEST_GAIN_DB)


def _gentle(values: np.ndarray, own_keys: list[int]) -> np.ndarray:
    """The values, changed so that they differ by at most _STEEPEST_DB from key to key: (N_KEYS,).

    The values of own keys change only if they differ from each other by more than this limit allows.
    """
    far_db = _STEEPEST_DB * np.abs(np.arange(N_KEYS)[:, None] - np.arange(N_KEYS))
    own, beside_db = _nearest(values[own_keys], far_db[np.ix_(own_keys, own_keys)]), far_db[:, own_keys]
    reached = np.clip(values, (own - beside_db).max(axis=1), (own + beside_db).min(axis=1))
    return _nearest(reached, far_db)


def _nearest(values: np.ndarray, far_db: np.ndarray) -> np.ndarray:
    """Values v with abs(v[i] - v[j]) <= far_db[i, j] for all i and j, as near as possible to the given values.

    The largest distance between v and the given values is the least possible. v is the mean of two curves within the
    same limits: the lowest curve that is nowhere below the given values, and the highest that is nowhere above them.
    """
    return 0.5 * ((values - far_db).max(axis=1) + (values + far_db).min(axis=1))


def _smoothed(values: np.ndarray) -> np.ndarray:
    weights = 1.0 - np.abs(np.arange(1 - _SMOOTH_KEYS, _SMOOTH_KEYS)) / _SMOOTH_KEYS
    return np.convolve(np.pad(values, _SMOOTH_KEYS - 1, mode="edge"), weights / weights.sum(), mode="valid")


def _pins(values: np.ndarray, own_keys: Sequence[int]) -> np.ndarray:
    """A curve that goes through the values at the own keys: (N_KEYS,).

    It is 0 at keys that are _SMOOTH_KEYS or more from every own key. Between own keys that are less than
    2 * _SMOOTH_KEYS apart, it is a straight line.
    """
    near = {key + step for key in own_keys for step in (-_SMOOTH_KEYS, _SMOOTH_KEYS)}
    ends = [key for key in near if min(abs(key - own) for own in own_keys) >= _SMOOTH_KEYS]
    heights = dict.fromkeys(ends, 0.0) | {key: float(values[key]) for key in own_keys}
    keys = sorted(heights)
    return np.interp(np.arange(N_KEYS), keys, [heights[key] for key in keys])


class _Places(NamedTuple):
    """The runs of all keys' spectra. A run is a row of neighbouring bins that get one gain.

    The spectra are laid end to end: bins, runs and bands are counted through all keys.

    first_bins: the first bin of each run.
    keys: the key of each run.
    columns: the number of the band just below each run.
    shares: the weight, 0 to 1, that the band just above each run has in the run's gain.
    loudness: each run's weight in the loudness of its spectrum.
    heard: 1 if the run sounds, else 0.
    first_runs: the first run of each key.
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
    """model_notes: the note that is decoded for each key. semitones: how far that note is transposed."""
    shifts = np.array(semitones) / 12.0
    fft_size, n_heard = sizes_at(spec, rate_hz)
    ends = [sounding_bins(2.0**shift, 2.0**shift, n_heard, fft_size // 2) for shift in shifts]
    harmonics = {note: _harmonics(spec, note) for note in set(model_notes)}
    runs = [_runs(*harmonics[note], shift, end) for note, shift, end in zip(model_notes, shifts, ends, strict=True)]
    counts = [len(first_bins) for first_bins, _ in runs]
    bins, hz = (np.concatenate(parts) for parts in zip(*runs, strict=True))
    keys = np.repeat(np.arange(N_KEYS), counts)
    is_loud = hz < min(HIGHEST_HEARD_HZ, rate_hz / 2.0)
    has_gain = (shifts[keys] <= 0.0) | (grid_places(hz / 2.0 ** shifts[keys]) < n_heard_places(shifts)[keys])
    at = np.interp(mel(hz), mel(band_centres_hz()), np.arange(N_BANDS))
    bands = np.minimum(at.astype(np.intp), N_BANDS - 2)
    return _Places(
        first_bins=bins + keys * spec.n_bins,
        keys=keys,
        columns=keys * N_BANDS + bands,
        shares=(at - bands).astype(np.float32),
        loudness=np.where(is_loud, np.maximum(k_weighting(hz), LEAST_WEIGHT), 0.0),
        heard=(has_gain & (bins < np.array(ends)[keys])).astype(np.float32),
        first_runs=np.cumsum([0, *counts[:-1]]),
    )


def _harmonics(spec: StftSpec, note: int) -> tuple[np.ndarray, np.ndarray]:
    """The first bin of each harmonic, and the frequency in Hz at which the harmonic's gain is looked up."""
    fundamental_hz = float(note_to_hz(note))
    numbers = np.maximum(harmonic_numbers(spec.n_bins, spec.bin_hz, fundamental_hz), 1.0)
    first_bins = np.flatnonzero(np.diff(numbers, prepend=0.0))
    return first_bins, gain_frequencies_hz(numbers[first_bins], fundamental_hz)


def _runs(first_bins: np.ndarray, frequency_hz: np.ndarray, shift: float, end: int) -> tuple[np.ndarray, np.ndarray]:
    """The runs of a key: the first bin of each run, and its frequency in Hz as heard.

    A run is one harmonic, or several that are close together.
    shift: the transposition, in octaves.
    end: the first bin that does not sound. If it lies inside a run, the run is split there into two runs. Both keep the
        frequency of the undivided run.
    """
    heard_hz = frequency_hz * 2.0**shift
    begins = np.flatnonzero(np.diff(np.floor(mel(heard_hz) / _RUN_MEL), prepend=-1.0))
    ends = np.append(begins[1:], len(heard_hz)) - 1
    bins, hz = first_bins[begins], 0.5 * (heard_hz[begins] + heard_hz[ends])
    at = np.searchsorted(bins, end)
    if end in bins:
        return bins, hz
    return np.insert(bins, at, end), np.insert(hz, at, hz[at - 1])
