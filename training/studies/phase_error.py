"""Measures how closely the spectrum of a sound matches the magnitude frame from which the sound was made.

The sound is made in three ways: with noise phases, with coherent phases, and with Griffin-Lim. The table is
docs/coherent-phase.csv, explained in docs/coherent-phase.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from runtime.acoustics.loudness import k_weighting, spectrum_lufs
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, periodic_hann
from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target
from runtime.base.progress import Progress
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.phases.noise import N_NOISE_SPECTRA
from runtime.engine.synthesis.phases.taps import N_OVERLAPS, neighbour_pairs, new_pairs, write_pairs
from training.corpus.csv_table import write_csv
from training.corpus.frames import FrameStore

SECONDS = 2.0
N_SPECTRA = 48
N_ITERATIONS = 100
ANALYSIS_HOP_S = 0.01  # differs from the synthesis hop, so that the analysed frames begin at all places within a hop
LANE = slice(0, 1)  # the first lane of the engine's arrays; only this one is used here
METHODS = ("noise", "coherent", "griffin_lim")


class SteadyVoice:
    """A voice that plays one magnitude frame from beginning to end, at the sample rate of `spec`."""

    def __init__(self, spec: StftSpec, seed: int = 0):
        self.spec = spec
        self._synthesis = HopSynthesis(spec, spec.sample_rate_hz, seed)
        self.hop_size = self._synthesis.hop_size
        n_bins, fft_size = self._synthesis.n_bins, self._synthesis.fft_size
        self._phases = CoherentPhases(1, n_bins, fft_size, self.hop_size, spec.bin_hz, seed)
        self._pairs = new_pairs(1, n_bins)
        self._n_hops = 0
        self._n_notes = 0

    def playable(self, magnitudes: np.ndarray) -> np.ndarray:
        """A copy of a frame without the bins above 20 kHz: they are 0, because the engine does not play them."""
        kept = np.array(magnitudes)
        kept[self._synthesis.n_bins :] = 0.0
        return kept

    def _own_magnitudes(self, magnitudes: np.ndarray) -> np.ndarray:
        return np.asarray(magnitudes[None, : self._synthesis.n_bins], np.float32)

    def sound(self, method: str, magnitudes: np.ndarray, n_hops: int) -> np.ndarray:
        """The sound of a frame that does not change: float32 (n_hops * hop_size,).

        magnitudes: the frame, (n_bins,).
        method: one of METHODS, or `blend` (half noise, half coherent).
        """
        if method == "griffin_lim":
            return griffin_lim(magnitudes, n_hops, self.spec)
        self._n_notes += 1
        self._phases.start(0, self._n_notes)
        self._phases.plan(LANE, self._n_hops, self._own_magnitudes(magnitudes))
        blend = {"noise": 0.0, "blend": 0.5, "coherent": 1.0}[method]
        return np.concatenate([hop.copy() for hop in self._hops(magnitudes, n_hops, blend)])

    def _hops(self, magnitudes: np.ndarray, n_hops: int, blend: float) -> Iterator[np.ndarray]:
        """Yield a frame's sound hop by hop: arrays of (hop_size,). An array is valid until the next one is yielded.

        blend: 0 is noise, 1 is coherent.
        """
        write_pairs(np.asarray(magnitudes, np.float32)[None], self._pairs)
        pairs = neighbour_pairs(self._pairs)
        for _ in range(n_hops):
            self._n_hops += 1
            coherent = self._phases.spectra(LANE, self._n_hops) if blend else None
            sound = self._synthesis.hops(pairs, self._n_hops % N_NOISE_SPECTRA, 0, blend, coherent)
            yield sound[0, : self.hop_size]

    def costs_us(self, frames: np.ndarray) -> dict[str, float]:
        """The times that coherent phases take for frames (n, n_bins): medians in µs.

        `plan`: the time to plan the phases of a frame.
        `hop`: the time to compute a hop's spectrum from the plan.
        """
        plan_s, hop_s = [], []
        for _ in range(20):
            for frame in frames:
                own = self._own_magnitudes(frame)
                start_s = time.perf_counter()
                self._phases.plan(LANE, self._n_hops, own)
                planned_s = time.perf_counter()
                self._phases.spectra(LANE, self._n_hops)
                plan_s.append(planned_s - start_s)
                hop_s.append(time.perf_counter() - planned_s)
        return {"plan": 1e6 * float(np.median(plan_s)), "hop": 1e6 * float(np.median(hop_s))}


def griffin_lim(magnitudes: np.ndarray, n_hops: int, spec: StftSpec, seed: int = 0) -> np.ndarray:
    """The sound of magnitude frames, as a loop without a seam: float32 (n_hops * hop_size,).

    The first phases are random. They are improved N_ITERATIONS times.
    magnitudes: one frame for all hops, (n_bins,), or a frame for each hop, (n_hops, n_bins).

    Source: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP, 1984.
    """
    random = np.random.default_rng(seed)
    window = periodic_hann(spec.frame_size)
    places = (np.arange(n_hops)[:, None] * spec.hop_size + np.arange(spec.frame_size)) % (n_hops * spec.hop_size)
    phasors = np.exp(2j * np.pi * random.random((n_hops, spec.n_bins), np.float32))
    for _ in range(N_ITERATIONS):
        spectra = np.fft.rfft(overlap_added(phasors * magnitudes, window, spec)[places] * window)
        phasors = spectra / np.maximum(np.abs(spectra), np.float32(1e-12))
    return overlap_added(phasors * magnitudes, window, spec)


def overlap_added(spectra: np.ndarray, window: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The sound of spectra: their inverse transforms, windowed and added where they overlap, (n_hops * hop_size,).

    The end overlaps the start, so that the sound can repeat.
    spectra: (n_hops, n_bins).
    """
    grains = np.fft.irfft(spectra.astype(np.complex64), spec.frame_size) * window
    parts = grains.reshape(len(grains), N_OVERLAPS, spec.hop_size)
    return sum(np.roll(parts[:, k], k, axis=0) for k in range(N_OVERLAPS)).ravel() / np.float32(1.5)


def spectral_error(sound: np.ndarray, magnitudes: np.ndarray, spec: StftSpec) -> float:
    """How far the spectrum of a sound is from the magnitudes that it should have; 0 is exact.

    A magnitude frame Z of the sound has the error |a Z - M| / |M|; |.| is the Euclidean norm. The result is the mean
    of these errors.
    M: `magnitudes`, (n_bins,).
    a: one gain for the whole sound. It makes the sum of |a Z - M|^2 over all frames least.
    sound: (n_samples,).
    """
    hop_size = round(ANALYSIS_HOP_S * spec.sample_rate_hz)
    again = magnitude_frames(sound, StftSpec(spec.sample_rate_hz, spec.frame_size, hop_size))
    gain = float((again @ magnitudes).sum() / np.square(again).sum())
    return float(np.mean(np.linalg.norm(gain * again - magnitudes, axis=1)) / np.linalg.norm(magnitudes))


def unsteadiness(sound: np.ndarray, sample_rate_hz: int) -> float:
    """How much the level of a sound (n_samples,) wavers.

    The standard deviation of the RMS values of all stretches of 10 ms, divided by the mean of these values.
    """
    n = sample_rate_hz // 100
    rms = np.sqrt(np.mean(np.square(sound[: len(sound) // n * n].reshape(-1, n)), axis=1))
    return float(rms.std() / rms.mean())


def loudness_lufs(sound: np.ndarray, sample_rate_hz: int) -> float:
    """Loudness in LUFS of a sound (n_samples,)."""
    power = np.square(np.abs(np.fft.rfft(sound * periodic_hann(len(sound)))))
    weight = k_weighting(np.arange(len(power)) * sample_rate_hz / len(sound))
    return spectrum_lufs(power, weight, len(sound))


def measure(voice: SteadyVoice, magnitudes: np.ndarray) -> dict[str, float]:
    """Measure one frame, (n_bins,). Returns the figures by the names of their columns in the table."""
    spec = voice.spec
    n_hops = round(SECONDS * spec.sample_rate_hz / voice.hop_size)
    figures, loudness = {}, {}
    for method in METHODS:
        sound = voice.sound(method, magnitudes, n_hops)
        figures[f"{method}_error"] = spectral_error(sound, magnitudes, spec)
        figures[f"{method}_unsteadiness"] = unsteadiness(sound, spec.sample_rate_hz)
    for method in ("noise", "coherent", "blend"):
        # The sound lasts one whole loop of the stored noise, because parts of the loop differ in loudness.
        loudness[method] = loudness_lufs(voice.sound(method, magnitudes, N_NOISE_SPECTRA), spec.sample_rate_hz)
    figures["coherent_over_griffin_lim"] = figures["coherent_error"] / figures["griffin_lim_error"]
    figures["coherent_less_noise_db"] = loudness["coherent"] - loudness["noise"]
    figures["blend_less_noise_db"] = loudness["blend"] - loudness["noise"]
    return figures


def run(arguments: argparse.Namespace) -> int:
    """Measure random training frames, write the table, and print means, extremes and costs."""
    refuse_bad_target(arguments.out)
    store = FrameStore.open(arguments.corpus)
    if store.spec.frame_size != N_OVERLAPS * store.spec.hop_size:
        raise UserError(arguments.corpus, f"{store.spec}", "a hop of a quarter of the frame", "use another corpus")
    rows = store.rows("train")
    chosen = np.random.default_rng(arguments.seed).choice(rows, min(arguments.spectra, len(rows)), replace=False)
    voice = SteadyVoice(store.spec, arguments.seed)
    table = []
    with Progress("spectra", len(chosen)) as progress:
        for row in np.sort(chosen):
            frame = voice.playable(store.magnitudes[row])
            about = {"frame": int(row), "clip": store.clips[store.clip[row]].name, "note": int(store.note[row])}
            table.append(about | measure(voice, frame))
            progress.update(len(table))
    rows = [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in line.items()} for line in table]
    write_csv(arguments.out, rows)
    for column in list(table[0])[3:]:
        values = [line[column] for line in table]
        print(f"{column:32s} mean {np.mean(values):7.4f}  least {min(values):7.4f}  most {max(values):7.4f}")
    costs = voice.costs_us(np.array(store.magnitudes[np.sort(chosen)]))
    print(f"{arguments.out}; a plan takes {costs['plan']:.0f} us, a hop {costs['hop']:.1f} us")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.phase_error", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="frames that `corpus` wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/coherent-phase.csv"), metavar="F", help="the table")
    parser.add_argument("--spectra", type=at_least(1), default=N_SPECTRA, metavar="N", help="how many training frames")
    parser.add_argument("--seed", type=int, default=48, metavar="N", help="chooses the frames")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
