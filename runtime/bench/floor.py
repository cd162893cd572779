"""Measures the load of the work that no engine can avoid."""

from __future__ import annotations

import time

import numpy as np

from runtime.acoustics.spectrum import periodic_hann
from runtime.engine.narrow_buffers import narrow_buffers
from runtime.engine.synthesis.hops import N_OVERLAPS
from runtime.instrument.decoder import Decoder


def floor_load(decoder: Decoder, n_voices: int, moving: bool, n_hops: int) -> float:
    """CPU seconds, per second of sound, for the work that no engine can avoid.

    For each hop, an engine must multiply the spectra by phases, do an inverse FFT, apply the window and overlap-add.
    If the spectra change from hop to hop, it must also run the decoder for each hop.

    n_voices: number of voices, all in one batch.
    moving: whether each hop needs a decoder run.
    n_hops: number of hops to measure.
    """
    # With NumPy's default buffer size, windowing takes seven times as long in some processes.
    return narrow_buffers().run(_floor_load, decoder, n_voices, moving, n_hops)


def _floor_load(decoder: Decoder, n_voices: int, moving: bool, n_hops: int) -> float:
    spec = decoder.card.spec
    random = np.random.default_rng(0)
    angles = random.random((n_voices, spec.n_bins), np.float32)
    phasors = np.exp(2j * np.pi * angles).astype(np.complex64)
    magnitudes = random.random((n_voices, spec.n_bins), np.float32)
    spectra = np.empty((n_voices, spec.n_bins), np.complex64)
    grains = np.empty((n_voices, spec.frame_size), np.float32)
    rings = np.zeros((n_voices, spec.frame_size), np.float32)
    window = periodic_hann(spec.frame_size)
    decoder.inputs[:n_voices] = random.random((n_voices, decoder.card.n_inputs), np.float32)
    for warm in (True, False):
        begin_s = time.process_time()
        for _ in range(N_OVERLAPS if warm else n_hops):
            if moving:
                decoder.decode(n_voices)
            np.multiply(magnitudes, phasors, out=spectra)
            np.fft.irfft(spectra, spec.frame_size, axis=-1, out=grains)
            np.multiply(grains, window, out=grains)
            np.add(rings, grains, out=rings)
    return (time.process_time() - begin_s) / (n_hops * spec.hop_size / spec.sample_rate_hz)
