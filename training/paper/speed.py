"""How fast training is against what this machine can do: its matrix products, at the layers' own shapes, in turns.

A dense layer of n inputs and m outputs costs three products per batch: forward, and backward to its kernel and to its
inputs; the first layer needs no gradient of its inputs. The best of the libraries at hand sets the rate for each. Best
times are compared with best times, because what else the machine does only ever adds.
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

Product = tuple[int, int, int]  # rows, inner, columns


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, in each of which everything is timed once, and batches per round."""

    n_rounds: int = 30
    n_batches: int = 5


def measure_speed(recipe: Recipe, store: FrameStore, effort: Effort = Effort()) -> dict[str, Any]:
    """Seconds of a training step and of its matrix products, their ratio, and a step's time by augmentation.

    One step is a batch of the recipe's size, taken as an epoch of the recipe takes it. load_before: processes that
    wanted a processor in the minute before; on a busy machine neither time means much.
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
    """The products of one step for kernels (n_inputs, n_outputs), the first layer's first."""
    products = []
    for index, (n_inputs, n_outputs) in enumerate(shapes):
        products.append((batch_size, n_inputs, n_outputs))
        products.append((n_inputs, batch_size, n_outputs))
        if index:
            products.append((batch_size, n_outputs, n_inputs))
    return products


class Products:
    """Matrix products of given shapes, timed with each library; a shape's time is the best of any."""

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
        """Time every product once with every library."""
        for calls, times in zip(self._calls, self._times, strict=True):
            for call, seen in zip(calls, times, strict=True):
                call()  # warm: operands in the cache where they fit, as in a step
                started_s = time.perf_counter()
                call()
                seen.append(time.perf_counter() - started_s)

    def best_s(self) -> float:
        """Seconds of all products, each with the library that is fastest at it."""
        return float(sum(min(min(seen) for seen in times) for times in self._times))


def _calls(left: np.ndarray, right: np.ndarray) -> list[Callable[[], Any]]:
    """The product in NumPy's library and in the Keras backend's, which one element's value waits for."""
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
    """The training step of a recipe on a store, timed."""

    def __init__(self, recipe: Recipe, store: FrameStore):
        import keras

        from training.learning.objective import Objective
        from training.learning.resident import resident_frames
        from training.learning.steps import make_steps
        from training.model.autoencoder import build_autoencoder

        conditioning = resolve_conditioning(recipe, store)
        self._fit: FitRecipe = recipe.fit
        self._batches = FrameBatches(store, recipe, conditioning)
        self._model = build_autoencoder(recipe.model, store.spec, conditioning, recipe.fit.seed)
        objective = Objective(self._model, recipe, self._batches)
        optimizer = keras.optimizers.Adam(recipe.fit.learning_rate)
        optimizer.build(objective.trainable_variables)
        self._steps = make_steps(objective, optimizer, recipe.fit.l2)
        n_steps = recipe.fit.epochs * len(store.rows("train")) // recipe.fit.batch_size
        self._resident = resident_frames(self._batches, self._steps, n_steps)
        self._n_epochs = 0
        self.time(1)

    def kernel_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the model's kernels, the first layer's first."""
        return [weight.shape for weight in self._model.weights() if weight.ndim == 2]

    def time(self, n_batches: int) -> float:
        """Seconds of a step over so many batches of an epoch."""
        self._n_epochs += 1
        rows = np.resize(self._batches.epoch(self._n_epochs), n_batches * self._fit.batch_size)
        started_s = time.perf_counter()
        if self._resident:
            self._resident.train(rows)
        else:
            float([self._steps.train(batch) for batch in self._batches.batches(rows, self._n_epochs)][-1])
        return (time.perf_counter() - started_s) / n_batches
