"""The paper's autoencoder, the same on TensorFlow and JAX."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from runtime.acoustics.mel_bands import mel_triangles
from runtime.acoustics.pitch import N_CHROMA
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, LOWEST_HEARD_HZ, StftSpec
from runtime.instrument.card import INPUT_NAME, OUTPUT_NAME
from runtime.instrument.conditioning import Conditioning
from training.hearing.harmonics import harmonic_lobes
from training.model.ceiling import NAME as CEILING
from training.model.ceiling import Ceiling
from training.model.half import half_precision
from training.model.recipe import ModelRecipe
from training.model.variational import Sampled

NOTE_TABLE = "note_table"  # name of the decoder's layer


@dataclass(frozen=True)
class Autoencoder:
    """One autoencoder, as several functional Keras models that share their weights.

    encoder: magnitude (n, n_bins), and with augmentation `chroma` also chroma (n, 12) -> latents (n, n_latents).
    decoder: latents and conditioning, (n, n_latents + conditioning_size) -> magnitude (n, n_bins).
    roots: the decoder without its last step; returns roots of magnitudes. The last step raises these roots to the power
        `compression`. With compression 1, `roots` is the decoder itself.
    full: the encoder's inputs, then the conditioning if there is any -> magnitude.
    training_encoder: the encoder for training; with a variational bottleneck it draws the latents at random.
    posterior: the encoder's inputs -> mean and log-variance of the latents, (n, n_latents) each. None without a
        variational bottleneck.
    """

    encoder: keras.Model
    decoder: keras.Model
    roots: keras.Model
    full: keras.Model
    training_encoder: keras.Model
    posterior: keras.Model | None = None

    def weights(self) -> list[np.ndarray]:
        """All weights as arrays, the encoder's first."""
        return [np.asarray(value) for value in self.full.get_weights()]


def build_autoencoder(recipe: ModelRecipe, spec: StftSpec, conditioning: Conditioning, seed: int) -> Autoencoder:
    """The recipe's untrained autoencoder; its weights depend on the seed, not on the backend.

    spec: the transform that made the frames.
    conditioning: from `resolve_conditioning`.
    """
    encoder, posterior = _build_encoder(recipe, spec)
    roots, decoder = _build_decoder(recipe, spec, conditioning)
    inputs = [keras.Input(tensor.shape[1:], name=tensor.name) for tensor in encoder.inputs]
    latents = encoder(inputs) if posterior is None else Sampled(seed)(posterior(inputs))
    training_encoder = keras.Model(inputs, latents, name="training_encoder")
    if conditioning.size:
        conditioning_input = keras.Input((conditioning.size,), name="conditioning")
        inputs = [*inputs, conditioning_input]
        latents = layers.Concatenate(name=INPUT_NAME)([latents, conditioning_input])
    full = keras.Model(inputs, decoder(latents), name="autoencoder")
    _draw_weights(full, seed)
    return Autoencoder(encoder, decoder, roots, full, training_encoder, posterior)


def _build_encoder(recipe: ModelRecipe, spec: StftSpec) -> tuple[keras.Model, keras.Model | None]:
    magnitude = keras.Input((spec.n_bins,), name=OUTPUT_NAME)
    inputs, hidden = [magnitude], magnitude
    if recipe.encoder_bands is not None:
        hidden = Bands(recipe.encoder_bands, spec, name="bands")(hidden)
    if recipe.compression > 1:
        hidden = ops.power(hidden, 1.0 / recipe.compression)
    if recipe.augmentation == "first_order_difference":
        difference = ops.subtract(hidden[:, 1:], hidden[:, :-1])
        hidden = layers.Concatenate(name="augmented")([hidden, difference])
    elif recipe.augmentation == "chroma":
        chroma = keras.Input((N_CHROMA,), name="chroma")
        inputs.append(chroma)
        hidden = layers.Concatenate(name="augmented")([hidden, chroma])
    hidden = _leaky_stack(hidden, recipe.encoder_widths, recipe.leaky_slope, "encoder")
    latents = layers.Dense(recipe.n_latents, name="latents")(hidden)
    if recipe.bottleneck == "lrelu":
        latents = layers.LeakyReLU(negative_slope=recipe.leaky_slope, name="bottleneck")(latents)
    else:
        latents = layers.Activation("sigmoid", name="bottleneck")(latents)
    if recipe.bottleneck != "variational":
        return keras.Model(inputs, latents, name="encoder"), None
    # As in the authors' code: two dense layers after the sigmoid give the mean and log-variance.
    mean, log_variance = (layers.Dense(recipe.n_latents, name=name)(latents) for name in ("mean", "log_variance"))
    posterior = keras.Model(inputs, [mean, log_variance], name="posterior")
    return keras.Model(inputs, mean, name="encoder"), posterior


def _build_decoder(recipe: ModelRecipe, spec: StftSpec, conditioning: Conditioning) -> tuple[keras.Model, keras.Model]:
    inputs = keras.Input((recipe.n_latents + conditioning.size,), name=INPUT_NAME)
    hidden = _leaky_stack(inputs, recipe.decoder_widths, recipe.leaky_slope, "decoder")
    roots = OutputReLU(recipe.output_training_slope)(layers.Dense(spec.n_bins, name=OUTPUT_NAME)(hidden))
    if recipe.comb_floor_db is not None:
        comb = note_combs(spec, conditioning, recipe.comb_floor_db) ** np.float32(1.0 / recipe.compression)
        comb = half_precision(comb)
        roots = layers.Multiply(name="combed")([roots, NoteTable(comb, recipe.n_latents, name=NOTE_TABLE)(inputs)])
    if recipe.ceiling:
        roots = Ceiling(recipe.output_training_slope, name=CEILING)(roots)
    magnitude = roots
    for _ in range(recipe.compression - 1):
        magnitude = layers.Multiply()([magnitude, roots])
    decoder = keras.Model(inputs, magnitude, name="decoder")
    return (keras.Model(inputs, roots, name="roots") if recipe.compression > 1 else decoder), decoder


class Bands(layers.Layer):
    """Returns the square root of the power in each of n_bands bands. They cover what is heard, evenly spaced in mel."""

    def __init__(self, n_bands: int, spec: StftSpec, **options):
        super().__init__(**options)
        highest_hz = min(HIGHEST_HEARD_HZ, spec.sample_rate_hz / 2.0)
        filters = mel_triangles(n_bands, LOWEST_HEARD_HZ, highest_hz, spec)
        self._filters = half_precision(filters)

    def call(self, inputs):
        """Roots of the bands' powers, (n, n_bands); inputs: magnitudes, (n, n_bins)."""
        return ops.sqrt(ops.matmul(ops.square(inputs), ops.convert_to_tensor(self._filters)))


class NoteTable(layers.Layer):
    """Finds the note in each decoder input, and returns the note's row of a fixed table.

    table: one row per note, float32 (12 * n_octaves, n_bins).
    n_latents: how many values of a decoder input stand before its chroma.
    """

    def __init__(self, table: np.ndarray, n_latents: int, **options):
        super().__init__(**options)
        self._table, self._n_latents = table, n_latents

    def call(self, inputs):
        """For each decoder input, the table's row for the input's note: (n, n_bins).

        inputs: decoder inputs, (n, n_latents + 12 + n_octaves).
        """
        chroma = inputs[:, self._n_latents : self._n_latents + N_CHROMA]
        octaves = inputs[:, self._n_latents + N_CHROMA :]
        notes = octaves[:, :, None] * chroma[:, None, :]  # one-hot: 1 at the note
        return ops.reshape(notes, (-1, len(self._table))) @ ops.convert_to_tensor(self._table)


def note_combs(spec: StftSpec, conditioning: Conditioning, floor_db: float) -> np.ndarray:
    """One comb per note: gains of 1 at the note's harmonics and of `floor_db` between them.

    The decoder's output is multiplied by the comb. Returns float32 (12 * n_octaves, n_bins), in the order of
    `conditioning.notes`.
    """
    lobes = np.array([harmonic_lobes(note, spec) for note in conditioning.notes], np.float32)
    return np.maximum(lobes, np.float32(10.0 ** (floor_db / 20.0)))


class OutputReLU(layers.Layer):
    """ReLU with a slope on its negative side in training, so that a bin stuck at 0 still gets a gradient.

    slope: 0 for the paper's plain ReLU. With slope 0, after 20 epochs on the chromatic amsynth corpus, 1,609 of 2,049
    bins were dead, and caused 36 % of the error.
    """

    def __init__(self, slope: float, **options):
        super().__init__(**options)
        self.slope = slope

    def call(self, inputs, training: bool = False):
        """The activations, shaped like `inputs`; only in training can they be negative."""
        return ops.leaky_relu(inputs, self.slope) if training and self.slope else ops.relu(inputs)


def _leaky_stack(hidden, widths: tuple[int, ...], slope: float, name: str):
    for number, width in enumerate(widths, start=1):
        hidden = layers.Dense(width, name=f"{name}_{number}")(hidden)
        hidden = layers.LeakyReLU(negative_slope=slope, name=f"{name}_{number}_lrelu")(hidden)
    return hidden


def _draw_weights(model: keras.Model, seed: int) -> None:
    """Set the model's kernels to Glorot-uniform random values, and its biases to 0.

    NumPy draws the values, because the backends' generators differ. Weights that are not trained stay as they are.
    """
    generator = np.random.default_rng(seed)
    values = []
    for weight in model.weights:
        if len(weight.shape) == 2:
            limit = np.sqrt(6.0 / sum(weight.shape))
            values.append(generator.uniform(-limit, limit, weight.shape).astype(np.float32))
        elif not weight.trainable:
            values.append(np.array(weight.numpy()))
        else:
            values.append(np.zeros(weight.shape, np.float32))
    model.set_weights(values)


def set_variables(variables: list, values: list[np.ndarray]) -> None:
    """Assign values to Keras variables, in order; ValueError if the number or a shape differs."""
    shapes = [tuple(variable.shape) for variable in variables], [value.shape for value in values]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{len(values)} arrays whose shapes differ from the {len(variables)} variables")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def get_variables(variables: list) -> list[np.ndarray]:
    """The values of Keras variables, copied to arrays."""
    return [np.array(variable.numpy()) for variable in variables]
