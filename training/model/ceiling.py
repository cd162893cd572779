"""Keeps each bin of the decoder's output as soft as the training frames have it."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from training.corpus.frames import FrameStore

NAME = "ceiling"
# A bin may be as loud as in the training frames, but for the loudest LOUD_SHARE of them. With all of them, a single
# noisy frame would let a bin whistle.
LOUD_SHARE = 0.001
_BINS_AT_ONCE = 256


class Ceiling(layers.Layer):
    """Limits each bin of roots of magnitudes.

    Between the sounds that it was taught, a decoder may give a bin in which they are silent, such as one above the
    cut-off of an MP3, nearly all of its energy. The ear hears a whistle there, or another pitch.

    slope: that of what is above the limit, in training only, so that such a bin still gets a gradient.
    limits: of the roots, float32 (n_bins,); 1, the peak of every training frame, until `set_ceiling` is called.
    """

    def __init__(self, slope: float, **options):
        super().__init__(**options)
        self.slope = slope

    def build(self, shape):
        self.limits = self.add_weight(name="limits", shape=(shape[-1],), initializer="ones", trainable=False)

    def call(self, inputs, training: bool = False):
        """The limited roots, (n, n_bins)."""
        if training and self.slope:
            return inputs - (1.0 - self.slope) * ops.relu(inputs - self.limits)
        return ops.minimum(inputs, self.limits)


def set_ceiling(decoder: keras.Model, store: FrameStore, compression: int) -> None:
    """Take the limits from a corpus's training frames, if the decoder has a ceiling; compression: as in the recipe."""
    named = [layer for layer in decoder.layers if layer.name == NAME]
    for ceiling in named:
        ceiling.limits.assign(loudest(store) ** (1.0 / compression))


def loudest(store: FrameStore) -> np.ndarray:
    """The magnitude of each bin that all but LOUD_SHARE of the training frames stay below: float32 (n_bins,)."""
    rows = store.rows("train")
    at = min(len(rows) - 1, round((1.0 - LOUD_SHARE) * (len(rows) - 1)))
    parts = []
    for first in range(0, store.spec.n_bins, _BINS_AT_ONCE):
        magnitudes = np.asarray(store.magnitudes[rows, first : first + _BINS_AT_ONCE], np.float32)
        parts.append(np.partition(magnitudes, at, axis=0)[at])
    return np.concatenate(parts)
