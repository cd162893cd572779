"""The shapes of envelopes and of modulation."""

from __future__ import annotations

import numpy as np


def cubic_of(curve: float) -> tuple[float, float, float]:
    """Coefficients of x, x^2 and x^3 of a ramp p with p(0) = 0 and p(1) = 1.

    curve: 1 for fast, then slow: 1 - (1 - x)^3; 0 for a straight line; -1 for slow, then fast: x^3; values between give
    mixtures.
    """
    if curve >= 0.0:
        return 1.0 + 2.0 * curve, -3.0 * curve, curve
    return 1.0 + curve, 0.0, -curve


def cubic(x: np.ndarray, coefficients: tuple[float, float, float]) -> np.ndarray:
    """The ramp with these coefficients at `x`, an array of any shape."""
    c1, c2, c3 = coefficients
    return ((c3 * x + c2) * x + c1) * x


def bent(values: np.ndarray, curve: float) -> np.ndarray:
    """Values from -1 to 1, raised to the power 4^curve; the sign stays."""
    return np.copysign(np.abs(values) ** (4.0**curve), values) if curve else values
