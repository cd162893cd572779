"""The weights of noise phases and coherent phases in a blend."""

from __future__ import annotations

import math

import numpy as np

from runtime.engine.synthesis.phases.line_width import NoiseShare


def noise_amplitude(blend: float) -> np.float32:
    """The weight of noise phases, for a blend of 0 to 1.

    For each blend, noise_amplitude(blend)^2 + coherent_amplitude(blend)^2 = 1.
    """
    return np.float32(math.cos(0.5 * math.pi * blend) if blend < 1.0 else 0.0)


def coherent_amplitude(blend: float) -> np.float32:
    return np.float32(math.sin(0.5 * math.pi * blend))


class NoiseWeights:
    """The weights of noise phases in each lane's bins.

    They follow from the lane's blend and its bandwidth: where the bandwidth turns coherent phases into noise, they are
    larger.

    Attribute bandwidth_cents: the bandwidth of each lane.
    """

    def __init__(self, n_lanes: int, n_bins: int):
        self.bandwidth_cents = [0.0] * n_lanes
        self._noise_share = NoiseShare(n_bins)
        self._made_for = [(0.0, -1.0)] * n_lanes
        self._weights = np.zeros((n_lanes, n_bins, 2), np.float32)

    def of(self, lane: int, blend: float) -> np.ndarray:
        """The weights of noise phases in the bins of a lane that has a bandwidth, each twice: float32 (2 * n_bins,)."""
        wanted = self.bandwidth_cents[lane], blend
        if self._made_for[lane] != wanted:
            self._made_for[lane] = wanted
            share = self._noise_share.of(self.bandwidth_cents[lane])
            power = float(noise_amplitude(blend)) ** 2 + float(coherent_amplitude(blend)) ** 2 * share
            self._weights[lane] = np.sqrt(power)[:, None]
        return self._weights[lane].reshape(-1)
