"""Reads batches of a model's inputs from a frame store, and draws the order of the store's rows in each epoch.

A batch is a tuple: the inputs of the full model, the extras, and the rows' weights (n,). The first input, the magnitude
frames, is also the target: the model's output should equal it. Rows of weight 0 fill up the last batch. The extras
are further arrays that the recipe's objective needs, by name. Some extras are random. Their random numbers depend only
on the seed and the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore, sound_name
from training.hearing.descriptors import describe, ranks
from training.model.recipe import Recipe, label_notes

Batch = tuple[list[np.ndarray], dict[str, np.ndarray], np.ndarray]
CHROMA = Conditioning(kind="chroma")
N_QUANTILES = 33
N_PLACES = 24  # each clip is divided into this many parts; `exchange` pairs frames from the same part of their clips
N_PROBE_NOTES = 4  # random notes per batch, decoded for penalties; few, because each note needs its own bin weights
QUANTILES = 0.05, 0.95  # a knob's travel covers its descriptor's values between these quantiles; the rest are outliers


class FrameBatches:
    """The batches of one frame store for one recipe; conditioning: from `resolve_conditioning`."""

    def __init__(self, store: FrameStore, recipe: Recipe, conditioning: Conditioning):
        self.store, self.recipe, self.conditioning = store, recipe, conditioning

    def encoder_inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        """The encoder's inputs, float32: magnitude (n, n_bins) and, with augmentation `chroma`, chroma (n, 12)."""
        inputs = [np.ascontiguousarray(self.store.magnitudes[rows], np.float32)]
        if self.recipe.model.augmentation == "chroma":
            inputs.append(CHROMA.rows(label_notes(self.recipe, self.store, rows)))
        return inputs

    def conditioning_rows(self, rows: np.ndarray) -> np.ndarray:
        """The decoder's conditioning for these rows: float32 (n, conditioning.size)."""
        return self.conditioning.rows(label_notes(self.recipe, self.store, rows))

    def inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        """The full model's inputs, float32: the encoder's, then the conditioning if there is any."""
        inputs = self.encoder_inputs(rows)
        return [*inputs, self.conditioning_rows(rows)] if self.conditioning.size else inputs

    def epoch(self, epoch: int) -> np.ndarray:
        """The training rows in random order, int (n,). The order depends only on the seed and on the epoch.

        With mixup or exchange, the rows come in pairs, and a row without a partner is left out. With mixup, the rows of
        a pair have the same note. With exchange, the rows of a pair have the same sound and velocity, and lie in the
        same part of their clips.
        """
        random = np.random.default_rng((self.recipe.fit.seed, epoch))
        order = random.permutation(self.store.rows("train"))
        if self.recipe.fit.mixup:
            return _paired(order, label_notes(self.recipe, self.store, order), random)
        return _paired(order, self._moments[order], random) if self.recipe.fit.exchange else order

    def batches(self, rows: np.ndarray, epoch: int | None = None) -> Iterator[Batch]:
        """Yield these rows in batches of one size; rows of weight 0 fill up the last batch.

        epoch: the epoch whose random extras are drawn; None for validation, which has no extras.
        """
        size = self.recipe.fit.batch_size
        random = None if epoch is None else np.random.default_rng((self.recipe.fit.seed, epoch, 1))
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            weight = np.zeros(size, np.float32)
            weight[: len(chosen)] = 1.0
            filled = np.concatenate([chosen, np.repeat(chosen[:1], size - len(chosen))])
            yield self.inputs(filled), self._extras(filled, random) if random else {}, weight

    @property
    def has_extras(self) -> bool:
        """Whether training batches have extras."""
        fit = self.recipe.fit
        penalties = fit.spread_penalty, fit.pitch_penalty, fit.effect_penalty, fit.sound_penalty
        return bool(fit.mixup or fit.exchange or fit.knobs or any(penalties))

    def _extras(self, rows: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
        """The extras that the recipe's objective needs, for a batch of these rows (n,).

        - mixup_share: float (n, 1), 0 to 1. Latents and target become mixup_share * own + (1 - mixup_share) * partner
        - exchange_share: float (n, 1), 0 to 1. Latents become exchange_share * own + (1 - exchange_share) * partner
        - even_latents: float (n, n_latents), evenly distributed from 0 to 1
        - knob_positions: float (n, n_knobs), see `_knob_positions`
        - sounds: float (n, n_sounds), 1 in the column of the row's sound, else 0
        - probe_notes: int (N_PROBE_NOTES,), random notes, as indices in `conditioning.notes`
        - probes: decoder inputs with random latents; the same number of rows for each of `probe_notes`, in their order
        """
        fit, n, n_latents = self.recipe.fit, len(rows), self.recipe.model.n_latents
        extras: dict[str, np.ndarray] = {}
        if fit.mixup:
            extras["mixup_share"] = random.random((n, 1), np.float32)
        if fit.exchange:
            extras["exchange_share"] = np.cbrt(random.random((n, 1), np.float32))  # cbrt: more often near 1 than near 0
        if fit.spread_penalty:
            extras["even_latents"] = random.random((n, n_latents), np.float32)
        if fit.sound_penalty:
            extras["sounds"] = np.eye(self._sounds.max() + 1, dtype=np.float32)[self._sounds[self.store.clip[rows]]]
        if fit.knobs:
            extras["knob_positions"] = self._knob_positions[rows]
        if fit.pitch_penalty or fit.effect_penalty:
            notes = random.integers(self._train_notes[0], self._train_notes[-1] + 1, N_PROBE_NOTES)
            rows = self.conditioning.rows(np.repeat(notes, n // N_PROBE_NOTES))
            extras["probes"] = np.concatenate([random.random((len(rows), n_latents), np.float32), rows], axis=1)
            extras["probe_notes"] = (notes - self.conditioning.lowest_note).astype(np.int32)
        return extras

    @cached_property
    def _sounds(self) -> np.ndarray:
        return np.unique([sound_name(clip) for clip in self.store.clips], return_inverse=True)[1]

    @cached_property
    def _moments(self) -> np.ndarray:
        """For each frame, the number that names its group, int (n_frames,).

        Each clip is divided into N_PLACES parts of equal length. Frames are in one group if their clips have the same
        sound and velocity, and if they lie in the same part of their clips.
        """
        clip = self.store.clip
        starts = np.searchsorted(clip, np.arange(len(self.store.clips)))
        lengths = np.bincount(clip, minlength=len(self.store.clips))
        place = (np.arange(len(clip)) - starts[clip]) * N_PLACES // lengths[clip]
        named = [f"{sound_name(clip)} {clip.velocity}" for clip in self.store.clips]
        return np.unique(named, return_inverse=True)[1][clip] * N_PLACES + place

    @cached_property
    def _train_notes(self) -> np.ndarray:
        return np.unique(self.store.note[self.store.rows("train")]).astype(int)

    @cached_property
    def _knob_values(self) -> np.ndarray:
        rows = self.store.rows("train")
        frames, notes = self.store.magnitudes[rows], self.store.note[rows].astype(int)
        values = [describe(name, frames, notes, self.store.spec) for name in self.recipe.fit.knobs]
        return np.array(values, np.float32).T

    @cached_property
    def _knob_positions(self) -> np.ndarray:
        """The knob positions that belong to each training frame: float32 (n_frames, n_knobs), 0 to 1.

        A position is the frame's rank, by the knob's descriptor, among the training frames of the same note. For
        frames that are not training frames, the rows are 0.
        """
        rows = self.store.rows("train")
        positions = np.zeros((len(self.store.note), len(self.recipe.fit.knobs)), np.float32)
        positions[rows] = np.array([ranks(values, self.store.note[rows]) for values in self._knob_values.T]).T
        return positions

    def knob_quantiles(self) -> np.ndarray:
        """For each note, the values of each knob's descriptor at N_QUANTILES positions along the knob's travel.

        The values are quantiles over the note's training frames. A note without training frames has the values of the
        nearest note with training frames. Returns float32 (n_notes, N_QUANTILES, n_knobs). The notes have the order
        of `conditioning.notes`. The quantiles ascend.
        """
        notes, shares = self.store.note[self.store.rows("train")], np.linspace(*QUANTILES, N_QUANTILES)
        known = {note: np.quantile(self._knob_values[notes == note], shares, axis=0) for note in self._train_notes}
        nearest = [min(known, key=lambda has: abs(has - note)) for note in self.conditioning.notes]
        return np.array([known[note] for note in nearest], np.float32)


def _paired(order: np.ndarray, groups: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Form pairs of rows of the same group, and return the rows pair by pair, int (n_paired,).

    The pairs are in random order. A row without a partner is left out.
    order: row numbers in random order, int (n,).
    groups: each row's group, (n,).
    """
    by_group = np.argsort(groups, kind="stable")
    sorted_groups = groups[by_group]
    begins = np.flatnonzero(np.diff(sorted_groups, prepend=sorted_groups[0] - 1))
    counts = np.diff(np.append(begins, len(order)))
    place = np.arange(len(order)) - np.repeat(begins, counts)
    whole = place < np.repeat(counts // 2 * 2, counts)
    return random.permutation(order[by_group][whole].reshape(-1, 2)).ravel()
