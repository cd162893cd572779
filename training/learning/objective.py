"""The objective of training: the error of each frame, and penalties that make every knob position sound good.

The paper's models have the error only. With these options, a recipe also demands:
- `mixup`: that mixtures of two sounds of one note are learned
- `exchange`, `sound_penalty`: that a sound has the same latents at every note
- `band_penalty`: that the levels in bands are right
- `pitch_penalty`: that every note is heard at its pitch at any knob position
- `spread_penalty`: that the latents fill the whole range from 0 to 1
- `knobs`, `effect_penalty`: that each knob follows a descriptor of timbre
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from runtime.acoustics.spectrum import StftSpec
from runtime.acoustics.timbre_distance import FLOOR_DB, band_filters
from runtime.instrument.conditioning import Conditioning
from training.hearing.descriptors import DESCRIPTORS
from training.learning.heard_pitch import HeardPitch
from training.model.autoencoder import Autoencoder
from training.model.batches import N_PROBE_NOTES, N_QUANTILES, FrameBatches
from training.model.recipe import Recipe

N_PROJECTIONS = 32


class Objective(keras.Model):
    """A Keras model that returns the error of each row of a batch; its `losses` are the recipe's penalties."""

    def __init__(self, autoencoder: Autoencoder, recipe: Recipe, batches: FrameBatches):
        super().__init__(name="objective")
        spec, conditioning = batches.store.spec, batches.conditioning
        self.recipe = recipe
        self._encoder, self._roots = autoencoder.training_encoder, autoencoder.roots
        self._compression = recipe.model.compression
        if recipe.fit.pitch_penalty:
            self._heard = HeardPitch(spec, conditioning)
        if recipe.fit.effect_penalty:
            self._quantiles = batches.knob_quantiles()
            self._spreads = self._quantiles[:, -1] - self._quantiles[:, 0]
            self._weights = _descriptor_weights(recipe.fit.knobs, spec, conditioning)
        if recipe.fit.band_penalty:
            self._filters = band_filters(spec)
        if recipe.fit.spread_penalty:
            self._directions = _directions(recipe.model.n_latents, recipe.fit.seed)
        self.built = True  # the objective has no weights of its own to build, and JAX needs a built model

    def call(self, inputs: list, extras: dict, training: bool = False):
        """The error of each row, float (n,).

        The error is the mean squared difference between roots of the output's magnitudes and roots of the target's.
        inputs, extras: as in a batch of FrameBatches.
        training: whether to add the penalties and, with `mixup` or `exchange`, to mix the two rows of each pair.
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
        if not self.recipe.fit.band_penalty:
            return
        off = self._band_levels(roots) - self._band_levels(target)
        self.add_loss(self.recipe.fit.band_penalty * ops.mean(ops.square(off)))

    def _band_levels(self, roots):
        """Each band's level relative to the loudest band, in units of 20 dB: (n, n_bands). None is below FLOOR_DB."""
        power = ops.maximum(roots, 0.0) ** (2 * self._compression) @ self._filters
        loudest = ops.max(power, axis=-1, keepdims=True) + 1e-9
        return ops.log10(power / loudest + 10.0 ** (FLOOR_DB / 10.0)) / 2.0

    def _add_pitch_penalty(self, probed, extras: dict) -> None:
        """Penalise knob positions at which a note would be heard at a pitch other than its own.

        probed: magnitudes at n random knob positions for each of the extras' `probe_notes`: (N_PROBE_NOTES, n, n_bins).
        """
        if self.recipe.fit.pitch_penalty:
            costs = self._heard.penalty(probed, extras["probe_notes"])
            self.add_loss(self.recipe.fit.pitch_penalty * ops.mean(costs))

    def _add_effect_penalty(self, probed, extras: dict) -> None:
        """Penalise decoded frames whose descriptors differ from what the knob positions ask for.

        A knob position, 0 to 1, asks for a quantile of the knob's descriptor in the corpus: see
        `FrameBatches.knob_quantiles`.
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
    """The bin weights of each descriptor's numerator and denominator: float32 (n_notes, n_knobs, n_bins, 2)."""
    return np.array([[DESCRIPTORS[name].weights(note, spec).T for name in names] for note in conditioning.notes])


def _partners(rows):
    """Rows (n, width) with the two rows of each pair swapped: 0 and 1, 2 and 3, and so on."""
    n, width = rows.shape
    return ops.reshape(ops.flip(ops.reshape(rows, (n // 2, 2, width)), axis=1), (n, width))


def _directions(n_latents: int, seed: int) -> np.ndarray:
    """Unit vectors in columns, first along the axes, then random: float32 (n_latents, n_latents + N_PROJECTIONS).

    Source: the sliced Wasserstein distance of Kolouri et al., Sliced-Wasserstein Autoencoder, 2018.
    """
    drawn = np.random.default_rng(seed).standard_normal((n_latents, N_PROJECTIONS))
    drawn /= np.linalg.norm(drawn, axis=0)
    return np.concatenate([np.eye(n_latents), drawn], axis=1).astype(np.float32)
