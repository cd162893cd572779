"""Compares the time of a training step with the time of its matrix products alone.

Each product counts with its time in the library that computes it fastest. A dense layer needs three products per batch:
for its output, for the gradient of its kernel, and for the gradient of its inputs. The first layer needs no gradient of
its inputs. Steps and products are timed in turn; their best times are compared.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from training.corpus.frames import FrameStore
from training.model.batches import FrameBatches
from training.model.recipe import FitRecipe, Recipe, resolve_conditioning

AUGMENTATIONS = ("none", "chroma", "first_order_difference")

Product = tuple[int, int, int]  # (rows, inner, columns): a (rows, inner) matrix times an (inner, columns) matrix


@dataclass(frozen=True)
class Effort:
    """How much to time. In each of n_rounds rounds, every matrix product is timed, and n_batches steps of each
    augmentation are timed.
    """

    n_rounds: int = 30
    n_batches: int = 5


def measure_speed(recipe: Recipe, store: FrameStore, effort: Effort = Effort()) -> dict[str, Any]:
    """Time a training step, its matrix products, and a step with each augmentation; returns plain values.

    Among them:
    - `step_s`: best time of a step
    - `gemm_s`: best time of its products
    - `share_of_gemm_rate`: gemm_s / step_s
    - `augmentation_step_ms`: for each augmentation, a list of the times of a step, one for each round
    - `load_before`: load average over the minute before; on a busy machine the times mean little
    """
    from training.model.backend import environment, prepare_keras

    load_before = os.getloadavg()[0]
    prepare_keras(recipe.fit.seed)
    steps = {
        name: _Step(
            msgspec.structs.replace(recipe, model=msgspec.structs.replace(recipe.model, augmentation=name)), store
        )
        for name in AUGMENTATIONS
    }
    own = recipe.model.augmentation
    products = Products(layer_products(steps[own].kernel_shapes(), recipe.fit.batch_size))
    times_s: dict[str, list[float]] = {name: [] for name in AUGMENTATIONS}
    for _ in range(effort.n_rounds):
        products.time()
        for name, step in steps.items():
            times_s[name].append(step.time(effort.n_batches))
    gemm_s, best_s = products.best_s(), min(times_s[own])
    return {
        "load_before": load_before,
        "batch_size": recipe.fit.batch_size,
        "gflop_per_step": products.flop / 1e9,
        "step_s": best_s,
        "median_step_s": float(np.median(times_s[own])),
        "gemm_s": gemm_s,
        "gemm_gflop_per_s": products.flop / 1e9 / gemm_s,
        "step_gflop_per_s": products.flop / 1e9 / best_s,
        "share_of_gemm_rate": gemm_s / best_s,
        "augmentation_step_ms": {name: [1e3 * value for value in times] for name, times in times_s.items()},
        "environment": environment(),
    }


def layer_products(shapes: list[tuple[int, int]], batch_size: int) -> list[Product]:
    """The products of one training step; shapes: (n_inputs, n_outputs) of each kernel, from the first layer on."""
    products = []
    for index, (n_inputs, n_outputs) in enumerate(shapes):
        products.append((batch_size, n_inputs, n_outputs))
        products.append((n_inputs, batch_size, n_outputs))
        if index:
            products.append((batch_size, n_outputs, n_inputs))
    return products


class Products:
    """Matrix products to time in each library; flop: floating-point operations of all products."""

    def __init__(self, products: list[Product]):
        self.flop = sum(2.0 * rows * inner * columns for rows, inner, columns in products)
        rng = np.random.default_rng(0)
        self._calls: list[list[Callable[[], Any]]] = []
        for rows, inner, columns in products:
            left = rng.standard_normal((rows, inner), np.float32)
            right = rng.standard_normal((inner, columns), np.float32)
            self._calls.append(_calls(left, right))
        self._times: list[list[list[float]]] = [[[] for _ in calls] for calls in self._calls]

    def time(self) -> None:
        """Time every product once in every library."""
        for calls, times in zip(self._calls, self._times, strict=True):
            for call, seen in zip(calls, times, strict=True):
                # Not timed: this call brings both matrices into the caches. They are there in a training step, too.
                call()
                started_s = time.perf_counter()
                call()
                seen.append(time.perf_counter() - started_s)

    def best_s(self) -> float:
        """The time in s of all products: the sum of each product's best time in its fastest library."""
        return float(sum(min(min(seen) for seen in times) for times in self._times))


def _calls(left: np.ndarray, right: np.ndarray) -> list[Callable[[], Any]]:
    """Functions that compute `left @ right`.

    The first uses NumPy. If Keras runs on TensorFlow, there are two more: TensorFlow without XLA, and with XLA. These
    two read one element of the product: this waits until the product is there.
    """
    import keras

    calls: list[Callable[[], Any]] = [lambda: left @ right]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        a, b = tf.constant(left), tf.constant(right)
        calls.append(lambda: tf.matmul(a, b)[0, 0].numpy())
        compiled = tf.function(lambda: tf.matmul(a, b), jit_compile=True)
        calls.append(lambda: compiled()[0, 0].numpy())
    return calls


class _Step:
    def __init__(self, recipe: Recipe, store: FrameStore):
        from training.learning.learner import build_learner

        self._fit: FitRecipe = recipe.fit
        self._batches = FrameBatches(store, recipe, resolve_conditioning(recipe, store))
        self._learner = build_learner(self._batches)
        self._n_epochs = 0
        self.time(1)

    def kernel_shapes(self) -> list[tuple[int, int]]:
        """(n_inputs, n_outputs) of the model's kernels, from the first layer on."""
        return [weight.shape for weight in self._learner.autoencoder.weights() if weight.ndim == 2]

    def time(self, n_batches: int) -> float:
        """Train on n_batches batches of the next epoch; returns the mean seconds of a step."""
        self._n_epochs += 1
        rows = np.resize(self._batches.epoch(self._n_epochs), n_batches * self._fit.batch_size)
        started_s = time.perf_counter()
        if self._learner.resident:
            self._learner.resident.train(rows)
        else:
            float([self._learner.steps.train(batch) for batch in self._batches.batches(rows, self._n_epochs)][-1])
        return (time.perf_counter() - started_s) / n_batches
