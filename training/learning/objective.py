"""What training makes smaller: the error of each frame, and what a recipe adds to it so that a space has no holes.

The paper's models know the error alone. An instrument's knobs stand anywhere, so its recipe may ask for more: mixtures
of two sounds of one note (`mixup`), a note that is heard as itself at any place (`pitch_penalty`), latents that fill
their whole travel (`spread_penalty`), and knobs that follow what an ear can name (`knobs`).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.conditioning import Conditioning
from training.hearing.descriptors import DESCRIPTORS
from training.hearing.harmonics import harmonic_numbers
from training.model.autoencoder import Autoencoder
from training.model.batches import N_PROBE_NOTES, N_QUANTILES, FrameBatches
from training.model.recipe import Recipe

N_PROJECTIONS = 32
# What a frame needs to be heard at its own note: a share of its energy on harmonics, and, for each of a few primes, a
# share on harmonics that it does not divide. The ear of heard_pitch.py tips over at about half of these.
LEAST_HARMONIC_SHARE, LEAST_UNDIVIDED_SHARE = 0.94, 0.12
PRIMES = (2, 3, 5, 7, 11)


class Objective(keras.Model):
    """The error of every row of a batch; the penalties of the recipe are its `losses`."""

    def __init__(self, autoencoder: Autoencoder, recipe: Recipe, batches: FrameBatches):
        super().__init__(name="objective")
        spec, conditioning = batches.store.spec, batches.conditioning
        self.recipe = recipe
        self._learner, self._roots = autoencoder.learner, autoencoder.roots
        self._compression = recipe.model.compression
        if recipe.fit.pitch_penalty:
            self._masks = share_masks(spec, conditioning)
        if recipe.fit.effect_penalty:
            self._quantiles = batches.knob_quantiles()
            self._spreads = self._quantiles[:, -1] - self._quantiles[:, 0]
            self._weights = _descriptor_weights(recipe.fit.knobs, spec, conditioning)
        if recipe.fit.spread_penalty:
            self._directions = _directions(recipe.model.n_latents, recipe.fit.seed)

    def call(self, inputs: list, lesson: dict, training: bool = False):
        """Mean squared error of each row, float (n,), of the roots of magnitudes that the network works on.

        inputs: those of the full model; lesson: what `batches.lesson` adds.
        """
        target = inputs[0] ** (1.0 / self._compression) if self._compression > 1 else inputs[0]
        n_encoder_inputs = len(self._learner.inputs)
        latents = self._learner(inputs[:n_encoder_inputs], training=training)
        if training:
            self._add_latent_penalties(latents, lesson)
            if "probes" in lesson:
                probed = self._roots(lesson["probes"], training=False) ** self._compression
                probed = ops.reshape(probed, (N_PROBE_NOTES, -1, probed.shape[-1]))
                self._add_pitch_penalty(probed, lesson)
                self._add_effect_penalty(probed, lesson)
            if self.recipe.fit.mixup:
                share = lesson["mixup_share"]
                latents = share * latents + (1.0 - share) * _partners(latents)
                target = share * target + (1.0 - share) * _partners(target)
        decoder_input = ops.concatenate([latents, *inputs[n_encoder_inputs:]], axis=-1)
        return ops.mean(ops.square(self._roots(decoder_input, training=training) - target), axis=-1)

    def _add_latent_penalties(self, latents, lesson: dict) -> None:
        fit = self.recipe.fit
        if fit.knobs:
            followed = ops.square(latents[:, : len(fit.knobs)] - lesson["knob_positions"])
            self.add_loss(fit.knob_penalty * ops.mean(followed))
        if fit.spread_penalty:
            even = ops.sort(lesson["even_latents"] @ self._directions, axis=0)
            found = ops.sort(latents @ self._directions, axis=0)
            self.add_loss(fit.spread_penalty * ops.mean(ops.square(found - even)))

    def _add_pitch_penalty(self, probed, lesson: dict) -> None:
        """Places drawn from the whole space: where a note would be heard as another, that costs.

        probed: magnitudes (N_PROBE_NOTES, n, n_bins), n places for each of the lesson's `probe_notes`.
        Source of the condition: the cumulative mean normalised difference of YIN (de Cheveigne and Kawahara, 2002)
        has a dip at half the period as deep as at the period itself where odd harmonics are missing, at a third of it
        where those that three does not divide are, and so on.
        """
        if not self.recipe.fit.pitch_penalty:
            return
        power = ops.square(probed)
        masks = ops.take(self._masks, lesson["probe_notes"], axis=0)
        shares = power @ masks / (ops.sum(power, axis=-1, keepdims=True) + 1e-9)
        least = np.array([LEAST_HARMONIC_SHARE] + [LEAST_UNDIVIDED_SHARE] * len(PRIMES), np.float32)
        missing = ops.relu(least - shares)
        self.add_loss(self.recipe.fit.pitch_penalty * ops.mean(ops.sum(missing, axis=-1)))

    def _add_effect_penalty(self, probed, lesson: dict) -> None:
        """A knob's place is a rank among the corpus's sounds: what is decoded there is to have its descriptor."""
        if not self.recipe.fit.effect_penalty:
            return
        notes, names = lesson["probe_notes"], self.recipe.fit.knobs
        place = ops.reshape(lesson["probes"][:, : len(names)], (N_PROBE_NOTES, -1, len(names))) * (N_QUANTILES - 1)
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
            # Not every pair of knobs can have its way: far off counts by the distance, not by its square.
            self.add_loss(self.recipe.fit.effect_penalty * ops.mean(ops.sqrt(1.0 + ops.square(off)) - 1.0))


def _descriptor_weights(names: tuple[str, ...], spec: StftSpec, conditioning: Conditioning) -> np.ndarray:
    """Of each note, from the conditioning's lowest: float32 (n_notes, n_knobs, n_bins, 2)."""
    notes = range(conditioning.lowest_note, conditioning.lowest_note + 12 * conditioning.n_octaves)
    return np.array([[DESCRIPTORS[name].weights(note, spec).T for name in names] for note in notes])


def share_masks(spec: StftSpec, conditioning: Conditioning) -> np.ndarray:
    """Which bins are harmonics, and which are some that each of PRIMES does not divide: float32 (n_notes, n_bins,
    1 + n_primes), notes from the conditioning's lowest.
    """
    masks = []
    for note in range(conditioning.lowest_note, conditioning.lowest_note + 12 * conditioning.n_octaves):
        numbers = harmonic_numbers(note, spec)
        masks.append([numbers > 0, *((numbers > 0) & (numbers % prime != 0) for prime in PRIMES)])
    return np.array(masks, np.float32).swapaxes(1, 2)


def _partners(rows):
    """Each row's partner in the batch, where rows come in pairs."""
    n, width = rows.shape
    return ops.reshape(ops.flip(ops.reshape(rows, (n // 2, 2, width)), axis=1), (n, width))


def _directions(n_latents: int, seed: int) -> np.ndarray:
    """Unit vectors float32 (n_latents, N_PROJECTIONS): the axes, and others at random.

    Source: sliced Wasserstein distance of Kolouri et al., Sliced-Wasserstein Autoencoder, 2018.
    """
    drawn = np.random.default_rng(seed).standard_normal((n_latents, N_PROJECTIONS))
    drawn /= np.linalg.norm(drawn, axis=0)
    return np.concatenate([np.eye(n_latents), drawn], axis=1).astype(np.float32)
