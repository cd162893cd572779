"""Applies the effect to the sound card's input, while it arrives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runtime.acoustics.spectrum import periodic_hann
from runtime.engine.limiter import limit
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import Encoder
from runtime.through.chain import Chain, spec_at
from runtime.through.offline import OVERLAPPED
from runtime.through.settings import EffectSettings

N_OVERLAPS = 4  # hops in an STFT frame
LARGEST_BLOCK = 8192
SLACK_SHARE = 4  # a hop's work may be late by up to 1 / SLACK_SHARE of the hop's duration
Positions = Callable[[], tuple[float, ...]]


class LiveThrough:
    """Adds the input, as changed by the effect, to the engine's blocks.

    A hop's work may wait a little for a block in which the engine has less to do. This does not change the output.

    decoder, encoder: for this effect alone.
    rate_hz: sample rate of input and output.
    positions: returns the knobs' positions, 0 to 1. A knob that stands where it stood at the start leaves its latent as
        encoded. If the knob has moved by a share of its travel, the latent moves by twice that share of its own travel.
    delay_frames: latency from input to output, without the sound card's buffers.
    """

    def __init__(self, decoder: Decoder, encoder: Encoder, rate_hz: float, positions: Positions):
        spec = spec_at(decoder.card.spec, rate_hz)
        self._chain = Chain(decoder, encoder, spec, 1)
        self._hop_size, self._slack = spec.hop_size, spec.hop_size // SLACK_SHARE
        self.delay_frames = spec.frame_size + self._slack
        hann = periodic_hann(spec.frame_size)
        # NumPy's rfft stays in float32 only if it scales: it then divides by the frame size. So the window multiplies
        # by the frame size.
        self._window = hann * np.float32(spec.frame_size)
        self._window_out = hann / np.float32(OVERLAPPED)
        self._given, self._sums = np.zeros((2, N_OVERLAPS, spec.hop_size), np.float32)
        self._heard, self._made = np.zeros((2, spec.hop_size), np.float32)
        self._sound = np.zeros(spec.frame_size, np.float32)
        self._spectra = np.zeros((1, spec.n_bins), np.complex64)
        self._n_given, self._is_due = 0, False
        self._scratch = np.zeros((2, LARGEST_BLOCK, 2), np.float32)
        self._positions = positions
        self._start = self._seen = positions()
        self._given[:] = 1e-3  # do one hop now, so that libraries initialise; a hop of silence would skip work
        self._cut()
        self._convert()
        self._given[:] = self._sums[:] = self._made[:] = 0.0

    def add(self, incoming: np.ndarray, block: np.ndarray, may_wait: bool = False) -> None:
        """Read the input's next frames, add the effect's output to `block`, and limit the sum.

        incoming: the input, float32 (n, n_channels).
        block: float32 (n, 2).
        may_wait: whether to leave a hop's work for a later block, if possible.
        """
        at, n = 0, min(len(incoming), len(block))
        while at < n:
            first = self._n_given
            heard = first - self._slack
            if heard == 0:
                if self._is_due:
                    self._convert()
                self._heard[:] = self._made
            k = min(n - at, (self._hop_size if heard >= 0 else self._slack) - first)
            np.add.reduce(incoming[at : at + k], axis=1, out=self._given[-1, first : first + k])
            if incoming.shape[1] > 1:
                self._given[-1, first : first + k] /= np.float32(incoming.shape[1])
            heard %= self._hop_size  # in a hop's first `_slack` frames, the end of the previous sound is heard
            block[at : at + k] += self._heard[heard : heard + k, None]
            at += k
            self._n_given += k
            if self._n_given == self._hop_size:
                self._n_given = 0
                self._cut()
        if self._is_due and not may_wait:
            self._convert()
        below, bend = self._scratch
        for first in range(0, len(block), LARGEST_BLOCK):
            part = block[first : first + LARGEST_BLOCK]
            limit(part, below[: len(part)], bend[: len(part)])

    def _cut(self) -> None:
        """Make the newest STFT frame ready for `_convert`, and take over the knobs' present positions."""
        self._follow_knobs()
        np.multiply(self._given.reshape(-1), self._window, out=self._sound)
        for hop in range(N_OVERLAPS - 1):
            self._given[hop] = self._given[hop + 1]
        self._is_due = True

    def _convert(self) -> None:
        sound, self._is_due = self._sound, False
        np.fft.rfft(sound, norm="forward", out=self._spectra[0])
        self._chain.convert(self._spectra)
        np.fft.irfft(self._spectra[0], len(sound), out=sound)
        sound *= self._window_out
        self._sums += sound.reshape(N_OVERLAPS, -1)
        self._made[:] = self._sums[0]
        for hop in range(N_OVERLAPS - 1):
            self._sums[hop] = self._sums[hop + 1]
        self._sums[-1] = 0.0

    def _follow_knobs(self) -> None:
        now = self._positions()
        if now == self._seen:
            return
        self._seen = now
        offsets = tuple(min(1.0, max(-1.0, 2.0 * (p - q))) for p, q in zip(now, self._start, strict=True))
        self._chain.set(EffectSettings(offsets))
