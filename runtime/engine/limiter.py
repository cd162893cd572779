"""The limiter at the end of the mix."""

from __future__ import annotations

import numpy as np

LIMITER_KNEE = 0.7
# Arrays without a dimension cost NumPy less than scalars do.
_KNEE, _MINUS_KNEE, _ONE = (np.array(value, np.float32) for value in (LIMITER_KNEE, -LIMITER_KNEE, 1.0))
_PER_ROOM = np.array(1.0 / (1.0 - LIMITER_KNEE), np.float32)


def limit(signal: np.ndarray, below: np.ndarray, bend: np.ndarray) -> None:
    """Bend peaks above LIMITER_KNEE in place so that no sample passes full scale; below it nothing changes.

    signal, and below and bend, which are scratch: float32 of one shape. The curve is u / sqrt(1 + u^2) above the knee:
    smooth up to its second derivative, without memory, so that nothing pumps and any partition into blocks sounds
    the same. Rounding lifts no finite float32 above 1: tried with every one.
    """
    np.abs(signal, out=below)
    if np.maximum.reduce(below, axis=None) <= _KNEE:
        return
    np.minimum(signal, _KNEE, out=below)
    np.maximum(below, _MINUS_KNEE, out=below)
    signal -= below
    np.multiply(signal, _PER_ROOM, out=bend)
    bend *= bend
    bend += _ONE
    np.sqrt(bend, out=bend)
    signal /= bend
    signal += below
