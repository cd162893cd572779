"""For a bandwidth in cents: how wide the harmonic at each bin must be, and what share of its power is noise.

Widths are full widths at half power, in bins.
"""

from __future__ import annotations

import numpy as np

# The measured width of a sharp harmonic with noise phases. Here it is called the width of the window's lobe. It is more
# than the 1.44 bins of a Hann window, because the window of the synthesis widens the spectrum's own lobe.
NOISE_LOBE_BINS = 1.67
# Two widths of a harmonic, as multiples of the window's lobe. Between these widths, the harmonic's bins fade from
# coherent phases to noise phases, because a random walk of coherent phases makes a harmonic at most 1.1 lobes wide.
_NOISE_BEGINS_AT, _ALL_NOISE_AT = 0.9, 1.1


def relative_width(bandwidth_cents: float) -> float:
    """Width of a harmonic with this bandwidth, divided by the harmonic's frequency."""
    return 2.0 ** (bandwidth_cents / 2400.0) - 2.0 ** (-bandwidth_cents / 2400.0)


class NoiseShare:
    """The share of the coherent phases' power that becomes noise, 0 to 1 in each bin."""

    def __init__(self, n_bins: int):
        self._bins = np.arange(n_bins) / (NOISE_LOBE_BINS * (_ALL_NOISE_AT - _NOISE_BEGINS_AT))
        self._made_for, self._share = 0.0, np.zeros(n_bins)

    def of(self, bandwidth_cents: float) -> np.ndarray:
        """The share of noise in each bin for this bandwidth, (n_bins,), valid until the next call."""
        if self._made_for != bandwidth_cents:
            self._made_for = bandwidth_cents
            x = relative_width(bandwidth_cents) * self._bins - _NOISE_BEGINS_AT / (_ALL_NOISE_AT - _NOISE_BEGINS_AT)
            np.clip(x, 0.0, 1.0, out=x)
            np.multiply(x * x, 3.0 - 2.0 * x, out=self._share)
        return self._share


def kernel_target(widths: np.ndarray, noise_amplitude: float) -> np.ndarray:
    """The widths that sharp harmonics must get so that they are heard with the wanted `widths`.

    noise_amplitude: weight of the noise phases in the blend, 0 to 1.
    Returns sqrt(larger^2 + (noise_amplitude * smaller)^2) for each wanted width, as a width measured with noise phases.
    `larger` and `smaller` are the larger and the smaller of the wanted width and the width of the window's lobe.
    With noise phases alone, the two widths are added in quadrature. With coherent phases alone, the larger width is
    enough: noise replaces coherent phases only where the wanted width is larger than the lobe's.
    """
    larger, smaller = np.maximum(widths, NOISE_LOBE_BINS), np.minimum(widths, NOISE_LOBE_BINS)
    return np.hypot(larger, noise_amplitude * smaller)
