"""Limits each bin of the decoder's output to the highest level that the bin has in the recordings."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from training.corpus.frames import FrameStore

NAME = "ceiling"
# A bin may be as loud as in the recording in which it is loudest. For each bin, the loudest LOUD_SHARE of a recording's
# frames do not count: otherwise a single noisy frame could set the bin's limit so high that the bin whistles.
LOUD_SHARE = 0.05


class Ceiling(layers.Layer):
    """Limits each bin of its inputs, which are roots of magnitudes.

    A decoder also makes sounds that lie between those that it was taught. It may put nearly all of their energy into a
    bin in which the taught sounds are silent, such as a bin above the cut-off of an MP3. The ear then hears a whistle,
    or another pitch.

    slope: the output's slope above the limit, in training only. With it, a bin above its limit still gets a gradient.
    limits: the largest root that each bin may have, float32 (n_bins,). Before `set_ceiling` is called, all are 1, which
        is the peak of every training frame.
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
    """The largest magnitude of each bin in the training clips, float32 (n_bins,).

    For each bin, the loudest LOUD_SHARE of a clip's frames do not count. If a clip has only a few frames, all count.
    """
    rows = store.rows("train")
    limits = np.zeros(store.spec.n_bins, np.float32)
    for clip in np.unique(store.clip[rows]):
        frames = np.asarray(store.magnitudes[rows[store.clip[rows] == clip]], np.float32)
        at = round((1.0 - LOUD_SHARE) * (len(frames) - 1))
        np.maximum(limits, np.partition(frames, at, axis=0)[at], out=limits)
    return limits
