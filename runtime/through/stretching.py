"""Stretches magnitudes along frequency."""

from __future__ import annotations

import numpy as np


class Stretcher:
    """Reads magnitudes at other frequencies, with linear interpolation between bins.

    n_in, n_out: numbers of bins that are read and written.
    """

    def __init__(self, n_in: int, n_out: int):
        self._n_in = n_in
        self._bins = np.arange(n_out, dtype=np.float32)
        self._places, self._share, self._upper = np.zeros((3, n_out), np.float32)
        self._below = np.zeros(n_out, np.intp)

    def stretch(self, source: np.ndarray, step: float, out: np.ndarray) -> None:
        """To bin k of `out`, write the magnitude at bin k * step of `source`; 0 near or past the end of `source`.

        source: (n_in,).
        out: float32 (n_out,).
        """
        if step == 1.0 and len(out) == self._n_in:
            out[:] = source
            return
        n = min(len(out), int((self._n_in - 1) / step))
        out[n:] = 0.0
        places, below, share, upper, out = (a[:n] for a in (self._places, self._below, self._share, self._upper, out))
        np.multiply(self._bins[:n], np.float32(step), out=places)
        np.floor(places, out=upper)
        np.subtract(places, upper, out=share)
        np.copyto(below, upper, casting="unsafe")
        np.take(source, below, out=out, mode="clip")
        below += 1
        np.take(source, below, out=upper, mode="clip")
        upper -= out
        upper *= share
        out += upper
