"""The waves of the low-frequency oscillators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Random = Callable[[np.ndarray], np.ndarray]

# Waves without steps. `Sources` corrects the error of linear interpolation only for these: at a step, the correction
# would overshoot.
SMOOTH_SHAPES = ("sine", "triangle", "smooth_random")


def wave(shape: str, cycles: np.ndarray, random: Random) -> np.ndarray:
    """Values of a wave, -1 to 1; sine, triangle and saw begin at 0 and rise.

    cycles: where in the wave the values lie, in cycles from the wave's start.
    random: takes the numbers of whole cycles (0, 1, 2, …) as an int64 array; returns a value from -1 to 1 for each.
    """
    if shape == "sine":
        return np.sin(2.0 * np.pi * cycles)
    if shape == "triangle":
        shifted = cycles + 0.75
        return np.abs(4.0 * (shifted - np.floor(shifted)) - 2.0) - 1.0
    if shape == "saw":
        shifted = cycles + 0.5
        return 2.0 * (shifted - np.floor(shifted)) - 1.0
    if shape == "square":
        return np.where(cycles - np.floor(cycles) < 0.5, 1.0, -1.0)
    number = np.floor(cycles)
    values = random(number.astype(np.int64))
    if shape == "random":
        return values
    x = cycles - number
    return values + (random(number.astype(np.int64) + 1) - values) * (x * x * (3.0 - 2.0 * x))
