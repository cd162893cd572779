"""Even knobs: gives each latent a new scale, on which equal turns of its knob are equal steps of timbre.

After the encoder, each latent goes through a piecewise linear curve. Before the decoder, it goes through the inverse of
this curve.
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
# A step below this share of the mean step counts as this share. Else a stretch of a knob that hardly changes the timbre
# would shrink to a point.
LEAST_STEP = 0.2


def with_even_knobs(run: TrainedRun, store: FrameStore) -> TrainedRun:
    """The run with new latents from 0 to 1; equal steps of a new latent are, on average, equal steps of timbre.

    Returns `run` unchanged if its recipe does not set `even_knobs`.
    """
    if not run.recipe.even_knobs:
        return run
    values = even_values(RunInstrument(run, store))
    return replace(run, autoencoder=bend(run.autoencoder, values))


def even_values(instrument: RunInstrument) -> np.ndarray:
    """Values of each latent that divide its travel into N_PIECES equal steps of timbre.

    Returns float32 (n_latents, N_PIECES + 1); each latent's values rise.
    """
    values = []
    for index, knob in enumerate(instrument.card.latents):
        steps_db = knob_steps_db(instrument, index)[1].mean(axis=0)
        steps_db = np.maximum(steps_db, LEAST_STEP * max(steps_db.mean(), 1e-9))
        way_db = np.concatenate([[0.0], np.cumsum(steps_db)])
        even_db = np.linspace(0.0, way_db[-1], N_PIECES + 1)
        positions = np.interp(even_db, way_db, np.linspace(0.0, 1.0, len(way_db)))
        values.append(knob.value_at(positions))
    return np.array(values, np.float32)


def bend(autoencoder: Autoencoder, values: np.ndarray) -> Autoencoder:
    """The same autoencoder with new latents from 0 to 1.

    values: for each latent, the old values, rising, that become equally spaced new values from 0 to 1.
        float32 (n_latents, n_values).
    """
    even = np.broadcast_to(np.linspace(0.0, 1.0, values.shape[1], dtype=np.float32), values.shape)
    old_encoder, n_latents = autoencoder.encoder, len(values)
    encoder_inputs = [keras.Input(tensor.shape[1:], name=tensor.name) for tensor in old_encoder.inputs]
    latents = PiecewiseLinear(values, even, name="evened")(old_encoder(encoder_inputs))
    inputs = keras.Input(autoencoder.decoder.input_shape[1:], name=INPUT_NAME)
    bent = PiecewiseLinear(even, values, name="bent")(inputs[:, :n_latents])
    decoder_inputs = layers.Concatenate()([bent, inputs[:, n_latents:]])
    return replace(
        autoencoder,
        encoder=keras.Model(encoder_inputs, latents, name="encoder"),
        decoder=keras.Model(inputs, autoencoder.decoder(decoder_inputs), name="decoder"),
    )


class PiecewiseLinear(layers.Layer):
    """Piecewise linear curves, one for each column; before its first point and after its last, a curve stays straight.

    x, y: coordinates of the points, float (n_columns, n_points); x rises.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, **options):
        super().__init__(**options)
        slopes = np.diff(y, axis=1) / np.diff(x, axis=1)
        self._first, self._slope = y[:, 0] - slopes[:, 0] * x[:, 0], slopes[:, 0]
        self._corners, self._slope_changes = np.array(x[:, 1:-1]), np.diff(slopes, axis=1)

    def call(self, inputs):
        """Apply to each column of the inputs its own curve; inputs and result: (n, n_columns)."""
        beyond = ops.relu(inputs[:, :, None] - self._corners)
        return self._first + self._slope * inputs + ops.sum(beyond * self._slope_changes, axis=-1)
