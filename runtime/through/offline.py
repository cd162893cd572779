"""Applies the effect to a whole sound, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from runtime.acoustics.spectrum import periodic_hann
from runtime.through.chain import MOST_ROWS, Chain

OVERLAPPED = 1.5  # the sum of the squares of overlapping windows


def through_blocks(blocks: Iterable[np.ndarray], chain: Chain) -> Iterator[np.ndarray]:
    """Apply the effect to a sound; yields the new sound in blocks, float32 (n,).

    No yielded block is empty. Together, the yielded blocks are as long as the sound.

    blocks: the sound in blocks (n,).
    chain: can convert MOST_ROWS frames in one call.
    """
    overlap, n_in, n_out = _Overlap(chain), 0, 0
    for block in blocks:
        n_in += len(block)
        for ready in overlap.sounds(block):
            if len(ready):
                n_out += len(ready)
                yield ready
    for ready in overlap.sounds(np.zeros(chain.spec.frame_size, np.float32)):
        ready = ready[: n_in - n_out]
        if len(ready):
            n_out += len(ready)
            yield ready


class _Overlap:
    def __init__(self, chain: Chain):
        self._chain, self._spec = chain, chain.spec
        self._window = periodic_hann(self._spec.frame_size)
        self._n_overlap = self._n_to_drop = self._spec.frame_size - self._spec.hop_size
        self._waiting = np.zeros(self._n_overlap, np.float32)
        self._tail = np.zeros(self._n_overlap, np.float32)

    def sounds(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Take a block of the input, (n,); yield the output that is now ready.

        The output comes in blocks, float32 (n_ready,); a block can be empty.
        """
        spec = self._spec
        self._waiting = np.concatenate([self._waiting, block])
        while (n := (len(self._waiting) - self._n_overlap) // spec.hop_size) > 0:
            n = min(n, MOST_ROWS)
            frames = np.lib.stride_tricks.sliding_window_view(self._waiting, spec.frame_size)[:: spec.hop_size][:n]
            spectra = np.fft.rfft(frames * self._window, axis=1)
            self._chain.convert(spectra)
            sounds = np.fft.irfft(spectra, axis=1)
            sounds *= self._window / np.float32(OVERLAPPED)
            n_done = n * spec.hop_size
            out = np.concatenate([self._tail, np.zeros(n_done, np.float32)])
            for row, sound in enumerate(sounds):
                out[row * spec.hop_size :][: spec.frame_size] += sound
            self._waiting, self._tail = self._waiting[n_done:], out[n_done:]
            ready, self._n_to_drop = out[self._n_to_drop : n_done], max(0, self._n_to_drop - n_done)
            yield ready
