"""Widens every harmonic of a spectrum by the same interval in cents, the bandwidth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.phases.line_width import kernel_target, relative_width

# Each full pass doubles the kernel's width: after n full passes, it is a triangle 2 ** n bins wide at half its height.
_N_PASSES = 7
# The widths that a Hann lobe with noise phases has after 0, 1/4, 2/4, ... passes. Each width is in bins, measured where
# the lobe has half its power. A quarter of a pass spreads a quarter as much power as a full pass.
_WIDTHS = (
    1.67, 1.82, 2.01, 2.22, 2.46, 2.66, 3.01, 3.55, 4.46, 4.81, 5.32, 6.30, 8.55, 9.18, 10.24, 12.06,
    16.7, 18.0, 20.0, 23.7, 33.0, 35.6, 39.6, 47.2, 65.5, 70.6, 78.6, 94.0, 131.0,
)  # fmt: skip
# The table `_by_width` has this many steps from any width to e (2.718...) times this width.
_STEPS_PER_E = 64
_LEAST_WIDTH, _GREATEST_WIDTH = 0.05, 131.0
# This many kernels are cached, each for one bandwidth and one weight of the noise phases.
_N_KEPT = 16


class Widening:
    """Widens spectra: spreads the power of each bin over its neighbours, more widely at higher frequencies.

    Each pass mixes a bin with two others, one on either side: in the first pass 1 bin away, then 2, 4, ... bins away
    (the "à trous" algorithm). A full pass has the weights 1/4, 1/2, 1/4. The power of a harmonic stays the same. No
    harmonic becomes wider than 131 bins.
    """

    def __init__(self, n_bins: int, max_rows: int):
        self._n_bins = n_bins
        n_steps = round(_STEPS_PER_E * np.log(_GREATEST_WIDTH / _LEAST_WIDTH)) + 1
        self._widths = _LEAST_WIDTH * np.exp(np.arange(n_steps) / _STEPS_PER_E)
        self._log_bins = np.log(np.maximum(np.arange(n_bins), 0.5)) * _STEPS_PER_E
        self._by_width, self._made_for = np.zeros((_N_PASSES, n_steps), np.float32), -1.0
        self._kept = [_Kernel(n_bins) for _ in range(_N_KEPT)]
        self._next = 0
        margin = 1 << _N_PASSES - 1
        # Silent bins at either end stand for the neighbours that the outermost bins lack.
        self._power = np.zeros((max_rows, n_bins + 2 * margin), np.float32)
        self._sides = np.empty((max_rows, n_bins), np.float32)
        self._twice = np.empty((max_rows, n_bins), np.float32)
        self._widened = np.empty((max_rows, n_bins), np.float32)
        self._margin = margin

    def widen(
        self, magnitudes: np.ndarray, bandwidths_cents: Sequence[float], noise_amplitudes: Sequence[float]
    ) -> np.ndarray:
        """Return the widened spectra, float32 (n, n_bins), valid until the next call.

        magnitudes: a spectrum in each row, (n, at least n_bins). Bins from n_bins on are left out.
        bandwidths_cents: each row's bandwidth; 0 leaves the row as it is.
        noise_amplitudes: the weight of noise phases in each row's blend.
        """
        n, heard, widened = len(magnitudes), magnitudes[:, : self._n_bins], self._widened[: len(magnitudes)]
        np.copyto(widened, heard)
        keys, first = list(zip(bandwidths_cents, noise_amplitudes, strict=True)), 0
        while first < n:
            end = first + 1
            while end < n and keys[end] == keys[first]:
                end += 1
            (bandwidth_cents, noise_amplitude), rows = keys[first], slice(first, end)
            if bandwidth_cents > 0.0:
                self._widen(heard[rows], self._kernel(bandwidth_cents, noise_amplitude), widened[rows])
            first = end
        return widened

    def _widen(self, magnitudes: np.ndarray, kernel: _Kernel, out: np.ndarray) -> None:
        n, margin, padded = len(magnitudes), self._margin, self._power[: len(magnitudes)]
        np.multiply(magnitudes, magnitudes, out=padded[:, margin:-margin])
        for number in range(kernel.n_passes):
            first, reach = kernel.begins_at[number], 1 << number
            begin, end = margin + first, padded.shape[1] - margin
            power = padded[:, begin:end]
            sides, twice = self._sides[:n, first:], self._twice[:n, first:]
            np.add(padded[:, begin - reach : end - reach], padded[:, begin + reach : end + reach], out=sides)
            np.add(power, power, out=twice)
            sides -= twice
            sides *= kernel.parts[number, first:]
            power += sides
        np.sqrt(padded[:, margin:-margin], out=out)

    def _kernel(self, bandwidth_cents: float, noise_amplitude: float) -> _Kernel:
        key = bandwidth_cents, noise_amplitude
        for kernel in self._kept:
            if kernel.key == key:
                return kernel
        kernel, self._next = self._kept[self._next], (self._next + 1) % _N_KEPT
        kernel.key = key
        if self._made_for != noise_amplitude:
            self._make_table(noise_amplitude)
        places = self._log_bins + _STEPS_PER_E * np.log(max(relative_width(bandwidth_cents), 1e-9) / _LEAST_WIDTH)
        places = np.clip(np.rint(places), 0, len(self._widths) - 1).astype(np.intp)
        np.take(self._by_width, places, axis=1, out=kernel.parts, mode="clip")
        kernel.n_passes = int(np.count_nonzero(kernel.parts[:, -1]))
        kernel.begins_at = [int(np.argmax(part > 0.0)) for part in kernel.parts[: kernel.n_passes]]
        return kernel

    def _make_table(self, noise_amplitude: float) -> None:
        """Fill `_by_width`: for each pass and width, how much of either neighbour's power a bin gets, 0 to 1/4."""
        targets = kernel_target(self._widths, noise_amplitude)
        n_passes = np.interp(targets, _WIDTHS, np.arange(len(_WIDTHS)) / 4.0)
        for number, parts in enumerate(self._by_width):
            parts[:] = 0.25 * np.clip(n_passes - number, 0.0, 1.0)
        self._made_for = noise_amplitude


class _Kernel:
    """The passes that widen a spectrum by one bandwidth.

    parts: for each pass and bin, how much of either neighbour's power the bin gets, 0 to 1/4; float32
        (_N_PASSES, n_bins).
    n_passes: number of passes that have an effect.
    begins_at: for each of these passes, the first bin that it changes.
    """

    def __init__(self, n_bins: int):
        self.key, self.n_passes = (-1.0, -1.0), 0
        self.begins_at: list[int] = []
        self.parts = np.zeros((_N_PASSES, n_bins), np.float32)
