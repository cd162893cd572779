"""The paper's autoencoder in pure Keras operations: the same model on the TensorFlow and JAX backends."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from runtime.acoustics.pitch import N_CHROMA
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.card import INPUT_NAME, OUTPUT_NAME
from runtime.instrument.conditioning import Conditioning
from training.hearing.harmonics import harmonic_lobes
from training.model.recipe import ModelRecipe
from training.model.variational import Sampled


@dataclass(frozen=True)
class Autoencoder:
    """An encoder and a decoder, both functional, that share their weights with `full`.

    encoder: [magnitude (n, n_bins)], then [chroma (n, 12)] where the augmentation is chroma -> latents (n, n_latents);
    decoder: latents_and_conditioning (n, n_latents + conditioning_size) -> magnitude (n, n_bins);
    roots: the same, less its last step: the roots of magnitudes that training compares; the decoder itself where the
    recipe does not compress;
    full: the encoder's inputs, then [conditioning] where there is any -> magnitude;
    learner: the encoder as it is in training: where the bottleneck is variational, its latents are drawn;
    posterior: where the bottleneck is variational, the encoder's inputs -> mean and log-variance, (n, n_latents) each;
    the encoder gives the mean.
    """

    encoder: keras.Model
    decoder: keras.Model
    roots: keras.Model
    full: keras.Model
    learner: keras.Model
    posterior: keras.Model | None = None

    def weights(self) -> list[np.ndarray]:
        """Every weight, encoder first, as arrays."""
        return [np.asarray(value) for value in self.full.get_weights()]


def build_autoencoder(recipe: ModelRecipe, spec: StftSpec, told: Conditioning, seed: int) -> Autoencoder:
    """The recipe's autoencoder for frames of spec, its weights drawn from the seed alone, alike on every backend.

    told: the conditioning, its octaves fitted to the corpus.
    """
    encoder, posterior = _build_encoder(recipe, spec.n_bins)
    roots, decoder = _build_decoder(recipe, spec, told)
    inputs = [keras.Input(tensor.shape[1:], name=tensor.name) for tensor in encoder.inputs]
    latents = encoder(inputs) if posterior is None else Sampled(seed)(posterior(inputs))
    learner = keras.Model(inputs, latents, name="learner")
    if told.size:
        conditioning = keras.Input((told.size,), name="conditioning")
        inputs = [*inputs, conditioning]
        latents = layers.Concatenate(name=INPUT_NAME)([latents, conditioning])
    full = keras.Model(inputs, decoder(latents), name="autoencoder")
    _draw_weights(full, seed)
    return Autoencoder(encoder, decoder, roots, full, learner, posterior)


def _build_encoder(recipe: ModelRecipe, n_bins: int) -> tuple[keras.Model, keras.Model | None]:
    magnitude = keras.Input((n_bins,), name=OUTPUT_NAME)
    inputs, hidden = [magnitude], magnitude
    if recipe.compression > 1:
        hidden = ops.power(magnitude, 1.0 / recipe.compression)
    if recipe.augmentation == "first_order_difference":
        difference = ops.subtract(magnitude[:, 1:], magnitude[:, :-1])
        hidden = layers.Concatenate(name="augmented")([magnitude, difference])
    elif recipe.augmentation == "chroma":
        chroma = keras.Input((N_CHROMA,), name="chroma")
        inputs.append(chroma)
        hidden = layers.Concatenate(name="augmented")([magnitude, chroma])
    hidden = _leaky_stack(hidden, recipe.encoder_widths, recipe.leaky_slope, "encoder")
    latents = layers.Dense(recipe.n_latents, name="latents")(hidden)
    if recipe.bottleneck == "lrelu":
        latents = layers.LeakyReLU(negative_slope=recipe.leaky_slope, name="bottleneck")(latents)
    else:
        latents = layers.Activation("sigmoid", name="bottleneck")(latents)
    if recipe.bottleneck != "variational":
        return keras.Model(inputs, latents, name="encoder"), None
    # As in the authors' code: the sigmoid layer is followed by the two that the latents are drawn from.
    mean, log_variance = (layers.Dense(recipe.n_latents, name=name)(latents) for name in ("mean", "log_variance"))
    posterior = keras.Model(inputs, [mean, log_variance], name="posterior")
    return keras.Model(inputs, mean, name="encoder"), posterior


def _build_decoder(recipe: ModelRecipe, spec: StftSpec, told: Conditioning) -> tuple[keras.Model, keras.Model]:
    """The decoder of roots, and the whole one: they differ where the recipe compresses."""
    inputs = keras.Input((recipe.n_latents + told.size,), name=INPUT_NAME)
    hidden = _leaky_stack(inputs, recipe.decoder_widths, recipe.leaky_slope, "decoder")
    roots = OutputReLU(recipe.output_training_slope)(layers.Dense(spec.n_bins, name=OUTPUT_NAME)(hidden))
    if recipe.comb_floor_db is not None:
        comb = note_combs(spec, told, recipe.comb_floor_db) ** np.float32(1.0 / recipe.compression)
        roots = layers.Multiply(name="combed")([roots, NoteTable(comb, recipe.n_latents)(inputs)])
    magnitude = roots
    for _ in range(recipe.compression - 1):
        magnitude = layers.Multiply()([magnitude, roots])
    decoder = keras.Model(inputs, magnitude, name="decoder")
    return (keras.Model(inputs, roots, name="roots") if recipe.compression > 1 else decoder), decoder


class NoteTable(layers.Layer):
    """The row of a fixed table (12 * n_octaves, n_bins) that belongs to the note of a decoder's input."""

    def __init__(self, table: np.ndarray, n_latents: int, **options):
        super().__init__(**options)
        self._table, self._n_latents = table, n_latents

    def call(self, inputs):
        """Rows (n, n_bins) of inputs (n, n_latents + 12 + n_octaves)."""
        chroma = inputs[:, self._n_latents : self._n_latents + N_CHROMA]
        octaves = inputs[:, self._n_latents + N_CHROMA :]
        notes = octaves[:, :, None] * chroma[:, None, :]  # one of them is 1
        return ops.reshape(notes, (-1, len(self._table))) @ ops.convert_to_tensor(self._table)


def note_combs(spec: StftSpec, told: Conditioning, floor_db: float) -> np.ndarray:
    """Gains float32 (12 * n_octaves, n_bins), a row per note from the lowest: the lobes of its harmonics on a floor.

    The network is so left with the envelope, and a low note, whose lobe is a semitone wide or more, stays in tune.
    """
    notes = range(told.lowest_note, told.lowest_note + N_CHROMA * told.n_octaves)
    lobes = np.array([harmonic_lobes(note, spec) for note in notes], np.float32)
    return np.maximum(lobes, np.float32(10.0 ** (floor_db / 20.0)))


class OutputReLU(layers.Layer):
    """ReLU whose negative side has a slope while it trains, so that a bin that fell silent still learns to sound.

    slope: 0 is the paper's plain ReLU. With it most bins die in the first epochs and never come back: measured on the
    chromatic amsynth corpus, 1,609 of 2,049 after 20 epochs, which were 36 % of the error.
    """

    def __init__(self, slope: float, **options):
        super().__init__(**options)
        self.slope = slope

    def call(self, inputs, training: bool = False):
        """Activations of the same shape; never negative outside of training."""
        return ops.leaky_relu(inputs, self.slope) if training and self.slope else ops.relu(inputs)


def _leaky_stack(hidden, widths: tuple[int, ...], slope: float, name: str):
    for number, width in enumerate(widths, start=1):
        hidden = layers.Dense(width, name=f"{name}_{number}")(hidden)
        hidden = layers.LeakyReLU(negative_slope=slope, name=f"{name}_{number}_lrelu")(hidden)
    return hidden


def _draw_weights(model: keras.Model, seed: int) -> None:
    """Glorot-uniform kernels and zero biases: NumPy draws them, because each backend's own generator differs."""
    generator = np.random.default_rng(seed)
    values = []
    for weight in model.weights:
        if len(weight.shape) == 2:
            limit = np.sqrt(6.0 / sum(weight.shape))
            values.append(generator.uniform(-limit, limit, weight.shape).astype(np.float32))
        else:
            values.append(np.zeros(weight.shape, np.float32))
    model.set_weights(values)


def set_variables(variables: list, values: list[np.ndarray]) -> None:
    """Give Keras variables these values, in order; ValueError if number or shapes differ."""
    shapes = [tuple(variable.shape) for variable in variables], [value.shape for value in values]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{len(values)} arrays of other shapes than the {len(variables)} variables")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def get_variables(variables: list) -> list[np.ndarray]:
    """The values of Keras variables as arrays of their own."""
    return [np.array(variable.numpy()) for variable in variables]
