"""An instrument with known spectra: the main lobe of a Hann window at each harmonic."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.card import CARD_VERSION, Card, Check, Latent
from runtime.instrument.conditioning import Conditioning
from training.hearing.harmonics import hann_lobe

SPEC = StftSpec()
CONDITIONING = Conditioning("chroma+octave", 36, 6)
Amplitudes = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (latents, harmonics' numbers) -> harmonics' amplitudes


@lru_cache(maxsize=256)
def _lobes_of(note: float, n_harmonics: int, spec: StftSpec) -> np.ndarray:
    """The main lobe of a Hann window at each harmonic of a MIDI note: float32 (n_bins, n_harmonics)."""
    apart = np.arange(spec.n_bins)[:, None] - np.arange(1, n_harmonics + 1) * note_to_hz(note) / spec.bin_hz
    return hann_lobe(apart).astype(np.float32)


def lobes(note: float, amplitudes: np.ndarray, spec: StftSpec = SPEC) -> np.ndarray:
    """A spectrum with a note's harmonics, float32 (n_bins,). amplitudes: (n_harmonics,), the fundamental first."""
    return _lobes_of(note, len(amplitudes), spec) @ np.asarray(amplitudes, np.float32)


class SyntheticInstrument:
    """A stand-in for a trained instrument (`Playable`); amplitudes: function that returns the harmonics' amplitudes."""

    batch_invariant = True

    def __init__(self, amplitudes: Amplitudes, n_latents: int = 2, note_range: tuple[int, int] = (36, 96)):
        self._amplitudes = amplitudes
        self.card = Card(
            card_version=CARD_VERSION,
            name="synthetic",
            latents=tuple(Latent(f"latent {k}", 0.0, 1.0, 0.5) for k in range(1, n_latents + 1)),
            conditioning=CONDITIONING,
            note_range=note_range,
            check=Check([], []),
        )
        self.inputs = np.zeros((64, self.card.n_inputs), np.float32)
        self.magnitudes = np.zeros((64, SPEC.n_bins), np.float32)

    def decode(self, n_rows: int) -> np.ndarray:
        n_latents = self.card.n_latents
        for row, out in zip(self.inputs[:n_rows], self.magnitudes, strict=False):
            chroma, octaves = row[n_latents : n_latents + 12], row[n_latents + 12 :]
            note = CONDITIONING.lowest_note + int(chroma.argmax()) + 12 * int(octaves.argmax())
            n_harmonics = min(40, int(18000.0 / note_to_hz(note)))
            out[:] = lobes(note, self._amplitudes(row[:n_latents], np.arange(1, n_harmonics + 1)))
        return self.magnitudes[:n_rows]
