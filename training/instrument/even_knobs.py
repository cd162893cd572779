"""Knobs whose every turn changes the timbre alike: each latent's travel is bent, in the encoder and in the decoder.

The bent model is the same autoencoder in other coordinates. Both bends are piecewise linear, each the other's inverse.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
from keras import layers, ops

from runtime.instrument.card import INPUT_NAME
from training.corpus.frames import FrameStore
from training.instrument.points import knob_steps_db
from training.instrument.run_instrument import RunInstrument
from training.model.autoencoder import Autoencoder
from training.model.run_folder import TrainedRun

N_PIECES = 16
LEAST_STEP = 0.2  # of the mean: where a knob does next to nothing, it is not skipped altogether


def with_even_knobs(run: TrainedRun, store: FrameStore) -> TrainedRun:
    """The run with latents of 0 to 1 in which equal turns are equal steps of timbre, on average; as it is where its
    recipe does not ask for that.
    """
    if not run.recipe.even_knobs:
        return run
    places = even_places(RunInstrument(run, store))
    return replace(run, autoencoder=bend(run.autoencoder, places))


def even_places(instrument: RunInstrument) -> np.ndarray:
    """The values of each latent at N_PIECES + 1 equal steps of timbre: float32 (n_latents, N_PIECES + 1), rising."""
    places = []
    for index, knob in enumerate(instrument.card.latents):
        steps_db = knob_steps_db(instrument, index)[1].mean(axis=0)
        steps_db = np.maximum(steps_db, LEAST_STEP * max(steps_db.mean(), 1e-9))
        gone = np.concatenate([[0.0], np.cumsum(steps_db)])
        position = np.interp(np.linspace(0.0, gone[-1], N_PIECES + 1), gone, np.linspace(0.0, 1.0, len(gone)))
        places.append(knob.min + position * (knob.max - knob.min))
    return np.array(places, np.float32)


def bend(autoencoder: Autoencoder, places: np.ndarray) -> Autoencoder:
    """The same autoencoder with latents of 0 to 1 for the places (n_latents, n_places) of the old ones."""
    even = np.broadcast_to(np.linspace(0.0, 1.0, places.shape[1], dtype=np.float32), places.shape)
    old_encoder, n_latents = autoencoder.encoder, len(places)
    encoder_inputs = [keras.Input(tensor.shape[1:], name=tensor.name) for tensor in old_encoder.inputs]
    latents = Bent(places, even, name="evened")(old_encoder(encoder_inputs))
    inputs = keras.Input(autoencoder.decoder.input_shape[1:], name=INPUT_NAME)
    bent = layers.Concatenate()([Bent(even, places, name="bent")(inputs[:, :n_latents]), inputs[:, n_latents:]])
    return replace(
        autoencoder,
        encoder=keras.Model(encoder_inputs, latents, name="encoder"),
        decoder=keras.Model(inputs, autoencoder.decoder(bent), name="decoder"),
    )


class Bent(layers.Layer):
    """Piecewise linear curves, one per column, straight on beyond their ends.

    x, y: the corners, float (n_columns, n_corners); x rises.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, **options):
        super().__init__(**options)
        slopes = np.diff(y, axis=1) / np.diff(x, axis=1)
        self._first, self._slope = y[:, 0] - slopes[:, 0] * x[:, 0], slopes[:, 0]
        self._corners, self._turns = np.array(x[:, 1:-1]), np.diff(slopes, axis=1)

    def call(self, inputs):
        """Columns (n, n_columns) to columns."""
        beyond = ops.relu(inputs[:, :, None] - self._corners)
        return self._first + self._slope * inputs + ops.sum(beyond * self._turns, axis=-1)
