"""Keeps each bin of the decoder's output at most as loud as it is in the recordings."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from training.corpus.frames import FrameStore

NAME = "ceiling"
# A bin may be as loud as it is in any recording. The loudest LOUD_SHARE of a recording's frames do not count, because a
# single noisy frame would let a bin whistle.
LOUD_SHARE = 0.05


class Ceiling(layers.Layer):
    """Limits each bin of its inputs, which are roots of magnitudes.

    Between the sounds that it was taught, a decoder may put nearly all of its energy into a bin in which these sounds
    are silent, such as a bin above the cut-off of an MP3. The ear hears a whistle there, or another pitch.

    slope: slope of the output above the limit, in training only, so that a bin above its limit still gets a gradient.
    limits: the largest root in each bin, float32 (n_bins,). Before `set_ceiling` is called, all are 1, which is the
        peak of every training frame.
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
    """If the decoder has a ceiling, take its limits from a corpus's training frames.

    compression: as in the recipe.
    """
    named = [layer for layer in decoder.layers if layer.name == NAME]
    for ceiling in named:
        ceiling.limits.assign(loudest(store) ** (1.0 / compression))


def loudest(store: FrameStore) -> np.ndarray:
    """The largest magnitude of each bin, without the loudest LOUD_SHARE of each training clip's frames.

    Returns float32 (n_bins,). If a clip has only a few frames, all of them count.
    """
    rows = store.rows("train")
    limits = np.zeros(store.spec.n_bins, np.float32)
    for clip in np.unique(store.clip[rows]):
        frames = np.asarray(store.magnitudes[rows[store.clip[rows] == clip]], np.float32)
        at = round((1.0 - LOUD_SHARE) * (len(frames) - 1))
        np.maximum(limits, np.partition(frames, at, axis=0)[at], out=limits)
    return limits
