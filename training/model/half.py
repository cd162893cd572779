"""Rounds values to half precision (16 bits), so that an exported file is half as large."""

from __future__ import annotations

import numpy as np


def half_precision(values: np.ndarray) -> np.ndarray:
    """Round values to float16, and return them as float32."""
    return values.astype(np.float16).astype(np.float32)
