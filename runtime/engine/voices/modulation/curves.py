"""The shapes of envelopes and of modulation."""

from __future__ import annotations

import numpy as np


def cubic_of(curve: float) -> tuple[float, float, float]:
    """Coefficients of x, x^2 and x^3 of a ramp p with p(0) = 0 and p(1) = 1.

    curve: from -1 to 1.
        At 1, p(x) = 1 - (1 - x)^3, fast at first.
        At 0, p(x) = x, a straight line.
        At -1, p(x) = x^3, slow at first.
    """
    if curve >= 0.0:
        return 1.0 + 2.0 * curve, -3.0 * curve, curve
    return 1.0 + curve, 0.0, -curve


def cubic(x: np.ndarray, coefficients: tuple[float, float, float]) -> np.ndarray:
    c1, c2, c3 = coefficients
    return ((c3 * x + c2) * x + c1) * x


def bent(values: np.ndarray, curve: float) -> np.ndarray:
    """Bend values, each from -1 to 1: raise the magnitude of each to the power 4^curve, and keep its sign."""
    return np.copysign(np.abs(values) ** (4.0**curve), values) if curve else values
