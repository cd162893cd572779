"""Whole epochs on a GPU: the training frames lie there, and one compiled loop takes every step of an epoch.

Otherwise the GPU would wait for the host before each of its steps, which take it less than a millisecond.
"""

from __future__ import annotations

import keras
import numpy as np

from training.batches import FrameBatches
from training.steps import Steps

LARGEST_BYTES = 1 << 31  # of frames that are put on a device


class ResidentEpochs:
    """The training frames of a store on the device in use, and the steps of an epoch in one call.

    batches: gives inputs and order; step: one training step on tensors, as TensorflowSteps has it.
    """

    def __init__(self, batches: FrameBatches, steps: Steps):
        import tensorflow as tf

        self._rows = batches.store.rows("train")
        self._batch_size = batches.recipe.fit.batch_size
        inputs = [tf.constant(values) for values in batches.inputs(self._rows)]

        def epoch(places, weights):
            def step(number):
                return steps.train_step([tf.gather(values, places[number]) for values in inputs], {}, weights[number])

            # One after the other, because each step changes what the next begins with.
            numbers = tf.range(tf.shape(places)[0])
            return tf.map_fn(step, numbers, fn_output_signature=tf.float32, parallel_iterations=1)

        self._epoch = tf.function(epoch, jit_compile=True)

    def train(self, rows: np.ndarray) -> float:
        """Take a step on each batch of these training rows, in order; returns the mean of their squared errors."""
        places = np.searchsorted(self._rows, rows).astype(np.int32)
        n_batches = -(-len(rows) // self._batch_size)
        weights = np.zeros(n_batches * self._batch_size, np.float32)
        weights[: len(rows)] = 1.0
        last = places[(n_batches - 1) * self._batch_size]
        filled = np.concatenate([places, np.full(len(weights) - len(rows), last, np.int32)])
        shape = (n_batches, self._batch_size)
        weights = weights.reshape(shape)
        errors = self._epoch(filled.reshape(shape), weights).numpy()
        return float(np.average(errors, weights=weights.sum(axis=1)))


def resident_epochs(batches: FrameBatches, steps: Steps) -> ResidentEpochs | None:
    """Epochs on the device where there is a GPU that TensorFlow uses and the frames fit; None elsewhere.

    None, too, where the recipe's batches bring a lesson, which the host draws.
    """
    n_bytes = len(batches.store.rows("train")) * batches.store.spec.n_bins * 4
    fits = n_bytes <= LARGEST_BYTES and not batches.brings_lessons
    return ResidentEpochs(batches, steps) if fits and has_gpu() else None


def has_gpu() -> bool:
    """Whether TensorFlow computes, and on a GPU."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
