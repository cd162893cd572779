"""The variational bottleneck: latents drawn from a mean and a log-variance while it trains, the mean at play."""

from __future__ import annotations

import keras
from keras import layers, ops

SAMPLED = "sampled"


def divergence(mean, log_variance):
    """Kullback-Leibler divergence in nats from the standard normal, element by element.

    Source: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0)


class Sampled(layers.Layer):
    """Latents of a mean and a log-variance, (n, n_latents) each; in training with noise, and with a price on them.

    The price, `beta` times the divergence summed over the latents, is added to the loss, one value per row. beta is a
    variable, 0 until `set_beta`. The noise follows from the seed and the number of steps taken; both are variables, so
    that a checkpoint holds them.
    """

    def __init__(self, seed: int):
        super().__init__(name=SAMPLED)
        self.noise = keras.random.SeedGenerator(seed)

    def build(self, shapes):
        self.beta = self.add_weight(name="beta", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training: bool = False):
        """Latents (n, n_latents)."""
        mean, log_variance = inputs
        if not training:
            return mean
        self.add_loss(self.beta * ops.sum(divergence(mean, log_variance), axis=-1))
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.noise)


def set_beta(model: keras.Model, beta: float) -> None:
    """Give the divergence of a full model this weight."""
    model.get_layer(SAMPLED).beta.assign(beta)
