"""Half precision: values that an exported file can hold in half the room."""

from __future__ import annotations

import numpy as np


def half_precision(values: np.ndarray) -> np.ndarray:
    """The values rounded to float16, as float32."""
    return values.astype(np.float16).astype(np.float32)
