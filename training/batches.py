"""What a model reads of a frame store: its inputs, row by row, and the order of every epoch.

A batch is (inputs of the full model, weight (n,)); the target is its first input, the magnitude frame. Rows of weight 0
only fill the batch up, so that every batch has one shape and compiles once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runtime.conditioning import Conditioning
from training.frames import FrameStore
from training.recipe import Recipe, label_notes

Batch = tuple[list[np.ndarray], np.ndarray]
CHROMA = Conditioning(kind="chroma")


class FrameBatches:
    """A frame store seen through a recipe. Frames stay on the disk; the system keeps in memory what fits."""

    def __init__(self, store: FrameStore, recipe: Recipe, conditioning: Conditioning):
        self.store, self.recipe, self.conditioning = store, recipe, conditioning

    def encoder_inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        """[magnitude (n, n_bins)], then [chroma (n, 12)] where the recipe's augmentation is chroma; all float32."""
        inputs = [np.ascontiguousarray(self.store.magnitudes[rows], np.float32)]
        if self.recipe.model.augmentation == "chroma":
            inputs.append(CHROMA.rows(label_notes(self.recipe, self.store, rows)))
        return inputs

    def conditioning_rows(self, rows: np.ndarray) -> np.ndarray:
        """What the decoder is told of these frames: float32 (n, conditioning.size)."""
        return self.conditioning.rows(label_notes(self.recipe, self.store, rows))

    def inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        """The full model's inputs: the encoder's, then the conditioning where there is any."""
        inputs = self.encoder_inputs(rows)
        return [*inputs, self.conditioning_rows(rows)] if self.conditioning.size else inputs

    def epoch(self, epoch: int) -> np.ndarray:
        """The training rows in the order of one epoch, which follows from the recipe's seed and the epoch alone."""
        return np.random.default_rng((self.recipe.fit.seed, epoch)).permutation(self.store.rows("train"))

    def batches(self, rows: np.ndarray) -> Iterator[Batch]:
        """These rows in batches of one size; the last is filled up with rows of weight 0."""
        size = self.recipe.fit.batch_size
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            weight = np.zeros(size, np.float32)
            weight[: len(chosen)] = 1.0
            filled = np.concatenate([chosen, np.repeat(chosen[:1], size - len(chosen))])
            yield self.inputs(filled), weight
