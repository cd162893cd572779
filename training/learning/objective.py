"""The objective of training: the error of each frame, and penalties that make every knob position sound good.

The paper's models have the error only. An instrument has to sound good wherever its knobs stand, so its recipe may ask
for more: that mixtures of two sounds of one note are learned too (`mixup`), that a sound has the same latents at every
note (`exchange`, `sound_penalty`), that the levels in bands are right (`band_penalty`), that every note is heard at its
pitch at any knob position (`pitch_penalty`), that the latents fill the whole range from 0 to 1 (`spread_penalty`), and
that each knob follows a descriptor of timbre (`knobs`, `effect_penalty`).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.acoustics.timbre_distance import FLOOR_DB, band_filters
from runtime.instrument.conditioning import Conditioning
from training.hearing.descriptors import DESCRIPTORS
from training.hearing.harmonics import harmonic_numbers
from training.model.autoencoder import Autoencoder
from training.model.batches import N_PROBE_NOTES, N_QUANTILES, FrameBatches
from training.model.recipe import Recipe

N_PROJECTIONS = 32
# A frame is safely heard at its note if at least the first share of its energy lies on all harmonics and, for each of
# PRIMES, at least the second share lies on the harmonics whose number is not a multiple of the prime. At about half of
# these shares the detector (runtime/acoustics/heard_pitch.py) hears another note.
LEAST_HARMONIC_SHARE, LEAST_UNDIVIDED_SHARE = 0.94, 0.2
PRIMES = (2, 3, 5, 7, 11)
# At least LEAST_LOW_SHARE of the energy must also lie on the first harmonics. High harmonics are so close together that
# any noise there counts as harmonic.
N_LOW_HARMONICS, LEAST_LOW_SHARE = 16, 0.7
# A harmonic with its energy beside its frequency is heard out of tune. A frame's energy may be off by MOST_DETUNE_CENTS
# on average; beyond this limit, DETUNE_CENTS cents cost as much as a missing share of 1.
MOST_DETUNE_CENTS, DETUNE_CENTS = 6.0, 100.0
# Energy spread to both sides of a harmonic's frequency is heard at one side, so its variance, in squared bins, is
# limited too. The lobe of a Hann window has a variance of 0.33.
MOST_SPREAD_BINS = 0.6


class Objective(keras.Model):
    """A Keras model that returns the error of each row of a batch; its `losses` are the recipe's penalties."""

    def __init__(self, autoencoder: Autoencoder, recipe: Recipe, batches: FrameBatches):
        super().__init__(name="objective")
        spec, conditioning = batches.store.spec, batches.conditioning
        self.recipe = recipe
        self._encoder, self._roots = autoencoder.training_encoder, autoencoder.roots
        self._compression = recipe.model.compression
        if recipe.fit.pitch_penalty:
            self._masks = share_masks(spec, conditioning)
        if recipe.fit.effect_penalty:
            self._quantiles = batches.knob_quantiles()
            self._spreads = self._quantiles[:, -1] - self._quantiles[:, 0]
            self._weights = _descriptor_weights(recipe.fit.knobs, spec, conditioning)
        if recipe.fit.band_penalty:
            self._filters = band_filters(spec)
        if recipe.fit.spread_penalty:
            self._directions = _directions(recipe.model.n_latents, recipe.fit.seed)

    def call(self, inputs: list, extras: dict, training: bool = False):
        """The mean squared error of each row, float (n,), between the output's and the target's roots of magnitudes.

        inputs, extras: as in a batch of FrameBatches. training: whether to add the penalties and, with `mixup` or
        `exchange`, to mix the two rows of each pair.
        """
        target = inputs[0] ** (1.0 / self._compression) if self._compression > 1 else inputs[0]
        n_encoder_inputs = len(self._encoder.inputs)
        latents = self._encoder(inputs[:n_encoder_inputs], training=training)
        if training:
            self._add_latent_penalties(latents, extras)
            if "probes" in extras:
                probed = self._roots(extras["probes"], training=False) ** self._compression
                probed = ops.reshape(probed, (N_PROBE_NOTES, -1, probed.shape[-1]))
                self._add_pitch_penalty(probed, extras)
                self._add_effect_penalty(probed, extras)
            if self.recipe.fit.mixup:
                share = extras["mixup_share"]
                latents = share * latents + (1.0 - share) * _partners(latents)
                target = share * target + (1.0 - share) * _partners(target)
            elif self.recipe.fit.exchange:
                share = extras["exchange_share"]
                latents = share * latents + (1.0 - share) * _partners(latents)
        decoder_input = ops.concatenate([latents, *inputs[n_encoder_inputs:]], axis=-1)
        roots = self._roots(decoder_input, training=training)
        if training:
            self._add_band_penalty(roots, target)
        return ops.mean(ops.square(roots - target), axis=-1)

    def _add_latent_penalties(self, latents, extras: dict) -> None:
        fit = self.recipe.fit
        if fit.knobs:
            followed = ops.square(latents[:, : len(fit.knobs)] - extras["knob_positions"])
            self.add_loss(fit.knob_penalty * ops.mean(followed))
        if fit.sound_penalty:
            of_sound = extras["sounds"]
            sums = ops.transpose(of_sound) @ latents
            means = of_sound @ (sums / ops.maximum(ops.sum(of_sound, axis=0)[:, None], 1.0))
            self.add_loss(fit.sound_penalty * ops.mean(ops.square(latents - means)))
        if fit.spread_penalty:
            even = ops.sort(extras["even_latents"] @ self._directions, axis=0)
            found = ops.sort(latents @ self._directions, axis=0)
            self.add_loss(fit.spread_penalty * ops.mean(ops.square(found - even)))

    def _add_band_penalty(self, roots, target) -> None:
        """Penalise differences between the band levels of output and target; both are roots of magnitudes."""
        if not self.recipe.fit.band_penalty:
            return
        off = self._band_levels(roots) - self._band_levels(target)
        self.add_loss(self.recipe.fit.band_penalty * ops.mean(ops.square(off)))

    def _band_levels(self, roots):
        """Band levels relative to the loudest band, in units of 20 dB, with a soft floor: (n, n_bands)."""
        power = ops.maximum(roots, 0.0) ** (2 * self._compression) @ self._filters
        loudest = ops.max(power, axis=-1, keepdims=True) + 1e-9
        return ops.log10(power / loudest + 10.0 ** (FLOOR_DB / 10.0)) / 2.0

    def _add_pitch_penalty(self, probed, extras: dict) -> None:
        """Penalise the random knob positions at which a note would be heard at another pitch.

        probed: decoded magnitudes (N_PROBE_NOTES, n, n_bins), n knob positions for each of the extras' `probe_notes`.
        Source: the cumulative mean normalised difference of YIN (de Cheveigne and Kawahara, 2002). Without the odd
        harmonics, this difference dips as deep at half the period as at the period itself. Without the harmonics whose
        number is not a multiple of three, it dips as deep at a third of the period; likewise for the other PRIMES.
        """
        if not self.recipe.fit.pitch_penalty:
            return
        power = ops.square(probed)
        masks = ops.take(self._masks, extras["probe_notes"], axis=0)
        shares = power @ masks / (ops.sum(power, axis=-1, keepdims=True) + 1e-9)
        least = [LEAST_HARMONIC_SHARE] + [LEAST_UNDIVIDED_SHARE] * len(PRIMES) + [LEAST_LOW_SHARE]
        least = np.array(least, np.float32)
        missing = ops.sum(ops.relu(least - shares[..., :-2]), axis=-1)
        detune = ops.relu(ops.abs(shares[..., -2]) - MOST_DETUNE_CENTS / DETUNE_CENTS)
        spread = ops.relu(shares[..., -1] - MOST_SPREAD_BINS)
        self.add_loss(self.recipe.fit.pitch_penalty * ops.mean(missing + detune + spread))

    def _add_effect_penalty(self, probed, extras: dict) -> None:
        """Penalise differences between decoded frames' descriptors and the values that the knob positions ask for.

        A knob position, 0 to 1, asks for a quantile of the descriptor in the corpus (`FrameBatches.knob_quantiles`).
        probed: as in `_add_pitch_penalty`.
        """
        if not self.recipe.fit.effect_penalty:
            return
        notes, names = extras["probe_notes"], self.recipe.fit.knobs
        place = ops.reshape(extras["probes"][:, : len(names)], (N_PROBE_NOTES, -1, len(names))) * (N_QUANTILES - 1)
        below = ops.minimum(ops.cast(place, "int32"), N_QUANTILES - 2)
        quantiles = ops.take(self._quantiles, notes, axis=0)
        low, high = (ops.take_along_axis(quantiles, below + k, axis=1) for k in (0, 1))
        wanted = low + (high - low) * (place - ops.cast(below, "float32"))
        spreads = ops.take(self._spreads, notes, axis=0)[:, None] + 1e-3
        for index, name in enumerate(names):
            descriptor = DESCRIPTORS[name]
            sums = probed**descriptor.exponent @ ops.take(self._weights[:, index], notes, axis=0) + 1e-9
            found = descriptor.scale * (ops.log(sums[..., 0]) - ops.log(sums[..., 1]))
            off = (found - wanted[..., index]) / spreads[..., index]
            # Two knobs may ask for values that no sound combines, so a large error counts linearly, not squared.
            self.add_loss(self.recipe.fit.effect_penalty * ops.mean(ops.sqrt(1.0 + ops.square(off)) - 1.0))


def _descriptor_weights(names: tuple[str, ...], spec: StftSpec, conditioning: Conditioning) -> np.ndarray:
    """Bin weights of the two sums whose log ratio is a descriptor, for each note of the conditioning.

    Returns float32 (n_notes, n_knobs, n_bins, 2); on the last axis, first the numerator, then the denominator.
    """
    return np.array([[DESCRIPTORS[name].weights(note, spec).T for name in names] for note in conditioning.notes])


def share_masks(spec: StftSpec, conditioning: Conditioning) -> np.ndarray:
    """Masks over the bins, for each note: 1 for the bins that are marked, 0 for the others.

    The first mask marks all harmonics. Then one mask for each of PRIMES marks the harmonics whose number is not a
    multiple of the prime, and one mask marks the first N_LOW_HARMONICS. The last two columns are not masks: each bin's
    distance above its harmonic in units of DETUNE_CENTS, and the square of this distance in bins. Returns float32
    (n_notes, n_bins, 4 + n_primes), in the order of `conditioning.notes`.
    """
    masks = []
    for note in conditioning.notes:
        numbers = harmonic_numbers(note, spec)
        undivided = ((numbers > 0) & (numbers % prime != 0) for prime in PRIMES)
        low = (numbers > 0) & (numbers <= N_LOW_HARMONICS)
        cents = _cents_above(note, numbers, spec)
        bins = cents * np.log(2.0) / 1200.0 * numbers * float(note_to_hz(note)) / spec.bin_hz
        masks.append([numbers > 0, *undivided, low, cents / DETUNE_CENTS, np.square(bins)])
    return np.array(masks, np.float32).swapaxes(1, 2)


def _cents_above(note: int, numbers: np.ndarray, spec: StftSpec) -> np.ndarray:
    """How many cents each bin lies above its harmonic of the note, float (n_bins,); 0 between harmonics.

    These cents are linear in frequency, so that their mean over a symmetric lobe at the harmonic's frequency is 0.
    numbers: the number of each bin's harmonic, int (n_bins,); 0 between harmonics.
    """
    ratio = np.arange(len(numbers)) * spec.bin_hz / (np.maximum(numbers, 1) * float(note_to_hz(note)))
    cents = 1200.0 / np.log(2.0) * (ratio - 1.0)
    return np.where(numbers > 0, cents, 0.0)


def _partners(rows):
    """A copy of rows (n, width) with the two rows of each pair swapped: 0 and 1, 2 and 3, and so on."""
    n, width = rows.shape
    return ops.reshape(ops.flip(ops.reshape(rows, (n // 2, 2, width)), axis=1), (n, width))


def _directions(n_latents: int, seed: int) -> np.ndarray:
    """The directions on which `spread_penalty` compares distributions: unit vectors along the axes, then random ones.

    Returns the vectors as columns, float32 (n_latents, n_latents + N_PROJECTIONS).
    Source: the sliced Wasserstein distance of Kolouri et al., Sliced-Wasserstein Autoencoder, 2018.
    """
    drawn = np.random.default_rng(seed).standard_normal((n_latents, N_PROJECTIONS))
    drawn /= np.linalg.norm(drawn, axis=0)
    return np.concatenate([np.eye(n_latents), drawn], axis=1).astype(np.float32)
