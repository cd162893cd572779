"""Computes, for a bandwidth in cents, how wide the harmonic at each bin must be and what share of its power is noise.

Widths are full widths at half power, in bins.
"""

from __future__ import annotations

import numpy as np

# The width that was measured for a sharp harmonic with noise phases. This module calls it the width of the window's
# lobe. In the spectrum, a sharp harmonic is the lobe of a Hann window, 1.44 bins wide. The window of the synthesis
# makes it wider.
NOISE_LOBE_BINS = 1.67
# Two widths of a harmonic, as multiples of the width of the window's lobe. From the first width to the second, the
# harmonic's bins fade from coherent phases to noise phases. A random walk of the coherent phases is not enough for
# wider harmonics: it makes them at most 1.1 lobes wide.
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

    For each wanted width, the result is sqrt(larger^2 + (noise_amplitude * smaller)^2). It is the width that the
    harmonic would have with noise phases. `larger` and `smaller` are two widths in order of size: the wanted width and
    the width of the window's lobe.
    With noise phases alone, this adds the two widths in quadrature. With coherent phases alone, the larger width is
    enough: noise replaces coherent phases only where the wanted width is about as large as the lobe's, or larger.

    noise_amplitude: weight of the noise phases in the blend, 0 to 1.
    """
    larger, smaller = np.maximum(widths, NOISE_LOBE_BINS), np.minimum(widths, NOISE_LOBE_BINS)
    return np.hypot(larger, noise_amplitude * smaller)
