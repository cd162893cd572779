"""The variational bottleneck: in training it draws latents from their distributions, otherwise it gives the means."""

from __future__ import annotations

import keras
from keras import layers, ops

SAMPLED = "sampled"


def divergence(mean, log_variance):
    """Kullback-Leibler divergence, in nats, of normal distributions from the standard normal distribution.

    mean, log_variance: tensors of the same shape. The result has this shape, too.
    Source: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0)


class Sampled(layers.Layer):
    """Gives the latents: in training a random draw from their distributions, otherwise the means.

    In training it also adds a penalty to the loss. A row's penalty is beta * (sum of the divergences of its latents).
    `beta` is 0 until `set_beta` is called.
    """

    def __init__(self, seed: int):
        super().__init__(name=SAMPLED)
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, shapes):
        self.beta = self.add_weight(name="beta", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training: bool = False):
        """The latents, (n, n_latents). inputs: their means and log-variances, (n, n_latents) each."""
        mean, log_variance = inputs
        if not training:
            return mean
        self.add_loss(self.beta * ops.sum(divergence(mean, log_variance), axis=-1))
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.noise)


def set_beta(model: keras.Model, beta: float) -> None:
    """Set `beta`, the weight of the divergence in the loss. model: the model `full` of an Autoencoder."""
    model.get_layer(SAMPLED).beta.assign(beta)
