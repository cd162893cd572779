"""What a model reads of a frame store: its inputs, row by row, and the order of every epoch.

A batch is (inputs of the full model, lesson, weight (n,)); the target is its first input, the magnitude frame. Rows of
weight 0 only fill the batch up, so that every batch has one shape and compiles once. The lesson holds what the recipe's
objective wants beside the frames, drawn from the seed and the epoch; it is empty for the paper's models.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore
from training.hearing.descriptors import describe, ranks
from training.model.recipe import Recipe, label_notes

Batch = tuple[list[np.ndarray], dict[str, np.ndarray], np.ndarray]
CHROMA = Conditioning(kind="chroma")
N_QUANTILES = 33
N_PROBE_NOTES = 4  # to a batch: few notes, so that their tables are few
QUANTILES = 0.05, 0.95  # the outermost sounds of a corpus are odd ones: no knob should insist on them


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
        """The training rows in the order of one epoch, which follows from the recipe's seed and the epoch alone.

        Where sounds are mixed, rows come in pairs of one note; one row of a note may be left over and is left out.
        """
        random = np.random.default_rng((self.recipe.fit.seed, epoch))
        order = random.permutation(self.store.rows("train"))
        if not self.recipe.fit.mixup:
            return order
        notes = label_notes(self.recipe, self.store, order)
        pairs = []
        for note in np.unique(notes):
            rows = order[notes == note]
            pairs.append(rows[: len(rows) // 2 * 2].reshape(-1, 2))
        return random.permutation(np.concatenate(pairs)).ravel()

    def batches(self, rows: np.ndarray, epoch: int | None = None) -> Iterator[Batch]:
        """These rows in batches of one size; the last is filled up with rows of weight 0.

        epoch: of a training epoch, whose batches bring a lesson.
        """
        size = self.recipe.fit.batch_size
        random = None if epoch is None else np.random.default_rng((self.recipe.fit.seed, epoch, 1))
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            weight = np.zeros(size, np.float32)
            weight[: len(chosen)] = 1.0
            filled = np.concatenate([chosen, np.repeat(chosen[:1], size - len(chosen))])
            yield self.inputs(filled), self._lesson(filled, random) if random else {}, weight

    @property
    def brings_lessons(self) -> bool:
        """Whether the recipe asks for more than the paper's error."""
        fit = self.recipe.fit
        return bool(fit.mixup or fit.knobs or fit.spread_penalty or fit.pitch_penalty or fit.effect_penalty)

    def _lesson(self, rows: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
        fit, n, n_latents = self.recipe.fit, len(rows), self.recipe.model.n_latents
        lesson: dict[str, np.ndarray] = {}
        if fit.mixup:
            lesson["mixup_share"] = random.random((n, 1), np.float32)
        if fit.spread_penalty:
            lesson["even_latents"] = random.random((n, n_latents), np.float32)
        if fit.knobs:
            lesson["knob_positions"] = self._knob_positions[rows]
        if fit.pitch_penalty or fit.effect_penalty:
            notes = random.integers(self._train_notes[0], self._train_notes[-1] + 1, N_PROBE_NOTES)
            rows = self.conditioning.rows(np.repeat(notes, n // N_PROBE_NOTES))
            lesson["probes"] = np.concatenate([random.random((len(rows), n_latents), np.float32), rows], axis=1)
            lesson["probe_notes"] = (notes - self.conditioning.lowest_note).astype(np.int32)
        return lesson

    @cached_property
    def _train_notes(self) -> np.ndarray:
        return np.unique(self.store.note[self.store.rows("train")]).astype(int)

    @cached_property
    def _knob_values(self) -> np.ndarray:
        """The descriptors that the knobs follow, of the training frames: float32 (n_training_frames, n_knobs)."""
        rows = self.store.rows("train")
        frames, notes = self.store.magnitudes[rows], self.store.note[rows].astype(int)
        values = [describe(name, frames, notes, self.store.spec) for name in self.recipe.fit.knobs]
        return np.array(values, np.float32).T

    @cached_property
    def _knob_positions(self) -> np.ndarray:
        """Where each frame's knobs should stand: ranks of its descriptors, float32 (n_frames, n_knobs); 0 untrained."""
        rows = self.store.rows("train")
        positions = np.zeros((len(self.store.note), len(self.recipe.fit.knobs)), np.float32)
        positions[rows] = np.array([ranks(values, self.store.note[rows]) for values in self._knob_values.T]).T
        return positions

    def knob_quantiles(self) -> np.ndarray:
        """What each knob should sound like on its way: quantiles of its descriptor among the training frames of a note.

        float32 (n_notes, N_QUANTILES, n_knobs), notes from the conditioning's lowest; a note without frames has those
        of the nearest note that has some.
        """
        notes, shares = self.store.note[self.store.rows("train")], np.linspace(*QUANTILES, N_QUANTILES)
        known = {note: np.quantile(self._knob_values[notes == note], shares, axis=0) for note in self._train_notes}
        lowest = self.conditioning.lowest_note
        wanted = range(lowest, lowest + 12 * self.conditioning.n_octaves)
        return np.array([known[min(known, key=lambda has: abs(has - note))] for note in wanted], np.float32)
