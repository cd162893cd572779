"""Compares two renders of one piece, sample by sample."""

from __future__ import annotations

import io
import wave
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """How two 16-bit sounds of the same length differ.

    largest: the largest difference between a sample and its counterpart, in 16-bit steps.
    below_db: how far the power of the difference is below the power of the first sound.
    """

    n_samples: int
    n_different: int
    largest: int
    below_db: float

    def __str__(self) -> str:
        if not self.n_different:
            return f"all {self.n_samples:,} samples are equal"
        return (f"{self.n_different:,} of {self.n_samples:,} samples differ, by at most {self.largest} of 32,768 "
                f"steps; the difference is {self.below_db:.0f} dB below the sound")  # fmt: skip


def difference(first: bytes, second: bytes) -> Difference:
    """The difference of two WAV files; AssertionError if their formats or lengths differ, or if the first is silent."""
    (one, one_form), (other, other_form) = _samples(first), _samples(second)
    assert one_form == other_form, (one_form, other_form)
    apart, power = other - one, float(np.mean(one**2))
    assert power > 0.0, "a silent sound"
    of_apart = float(np.mean(apart**2))
    below_db = 10.0 * np.log10(power / of_apart) if of_apart else np.inf
    return Difference(len(one), int(np.count_nonzero(apart)), int(np.abs(apart).max()), float(below_db))


def _samples(content: bytes) -> tuple[np.ndarray, wave._wave_params]:
    with wave.open(io.BytesIO(content)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64)
        return samples, sound.getparams()
