"""How an instrument plays wherever its knobs stand: points drawn over its notes and knobs, rendered by the engine.

What counts is what is heard: the sound that the runtime makes of a point, its pitch by heard_pitch.py, its loudness by
ITU-R BS.1770.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.pitch import N_CHROMA, detect_chroma
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from runtime.config import Adsr, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn
from training.hearing.descriptors import DESCRIPTORS, describe
from training.hearing.harmonics import energy_shares
from training.hearing.heard_pitch import IN_TUNE_CENTS, heard_notes
from training.hearing.spectral_distance import log_spectral_distance_db
from training.instrument.points import N_LINES, N_STEPS, Playable, Points, decode_points, knob_steps_db

N_POINTS = 2000
VELOCITY = 100
RELEASE_S = 0.01
N_ANALYSED_FRAMES = 4
COHERENT = 1.0


def refuse_no_points(n: int) -> None:
    """UserError if the number of points that a command line asks for is no number to measure."""
    if n < 1:
        raise UserError("--points", str(n), "at least 1", "give a larger number")


def render_points(instrument: Playable, points: Points) -> tuple[np.ndarray, np.ndarray]:
    """What the engine makes of points in coherent phase: its spectra, float32 (n, n_bins), and loudness in LUFS (n,).

    Each point sounds by itself; the spectrum is the mean power of a few frames in the steady part.
    """
    spec = instrument.card.spec
    voice = VoiceConfig(n_voices=1, envelope=Adsr(attack_s=0.0, release_s=RELEASE_S))
    engine = Engine(instrument, 1, spec.sample_rate_hz, seed=0, voice=voice, phase_blend=COHERENT)
    weights = k_weighting(np.arange(spec.n_bins) * spec.bin_hz)
    sounding = np.zeros((spec.frame_size + (N_ANALYSED_FRAMES + 3) * spec.hop_size, 2), np.float32)
    fading = np.zeros((int(4 * RELEASE_S * spec.sample_rate_hz), 2), np.float32)
    spectra, loudness = np.empty((len(points.notes), spec.n_bins), np.float32), np.empty(len(points.notes))
    with Progress("heard pitch", len(points.notes)) as progress:
        for index, (note, place) in enumerate(zip(points.notes.tolist(), points.positions, strict=True)):
            for latent, position in enumerate(place.tolist()):
                engine.post(KnobTurn(latent, position))
            engine.post(NoteOn(0, note, VELOCITY))
            engine.render(sounding)
            engine.post(NoteOff(0, note))
            engine.render(fading)
            frames = magnitude_frames(sounding[3 * spec.hop_size :, 0], spec)
            power = np.square(frames).mean(axis=0)
            spectra[index] = np.sqrt(power)
            loudness[index] = _lufs(power, weights, spec)
            progress.update(index + 1)
    return spectra, loudness


def _lufs(power: np.ndarray, weights: np.ndarray, spec: StftSpec) -> float:
    """Source: ITU-R BS.1770-4, of both channels, which are alike; a Hann window's mean square is 3/8."""
    mean_square = 2.0 * float(power @ weights) / (spec.frame_size**2 * 3.0 / 8.0)
    return -0.691 + 10.0 * float(np.log10(2.0 * max(mean_square, 1e-20)))


def measure_points(instrument: Playable, n: int = N_POINTS, seed: int = 0) -> dict[str, Any]:
    """Shares of points in tune and an octave off, energy on harmonics, chroma as the paper counts it, loudness spread.

    By octave too. An instrument that knows no octaves is judged by the octave that the engine asks it for.
    """
    points = Points.draw(instrument, n, seed)
    spec = instrument.card.spec
    spectra, loudness = render_points(instrument, points)
    decoded = decode_points(instrument, points)
    cents = 100.0 * (heard_notes(spectra, spec) - points.notes)
    octave_off = np.abs(cents - 1200.0 * np.round(cents / 1200.0)) <= IN_TUNE_CENTS
    figures = {
        "in_tune": np.abs(cents) <= IN_TUNE_CENTS,
        "octave_off": octave_off & (np.abs(cents) > IN_TUNE_CENTS),
        "harmonic_energy": energy_shares(decoded, points.notes, spec)[:, 0],
        "chroma": detect_chroma(decoded, spec.bin_hz) == points.notes % N_CHROMA,
    }
    octaves = points.notes // N_CHROMA - 1
    return {
        "n_points": n,
        "seed": seed,
        **{name: float(np.mean(values)) for name, values in figures.items()},
        "loudness_sd_db": float(loudness.std()),
        "loudness_peak_to_peak_db": float(np.ptp(loudness)),
        "by_octave": {
            f"C{octave}": {name: float(np.mean(values[octaves == octave])) for name, values in figures.items()}
            for octave in np.unique(octaves).tolist()
        },
    }


def measure_knobs(instrument: Playable, seed: int = 0) -> list[dict[str, Any]]:
    """For each knob: how far the timbre goes from end to end, how evenly, and which descriptors follow it.

    N_LINES lines through the space, on each the knob at N_STEPS + 1 places. travel_db: log-spectral distance between
    the ends, mean over lines; least_travel_db: exceeded on 95 % of them; unevenness: of the mean steps along the
    travel, the standard deviation over the mean; follows: mean rank correlation with each descriptor.
    """
    spec, knobs = instrument.card.spec, []
    for index, latent in enumerate(instrument.card.latents):
        lines, steps, notes = knob_steps_db(instrument, index, seed)
        travel = log_spectral_distance_db(lines[:, 0], lines[:, -1], spec)
        profile, frames = steps.mean(axis=0), lines.reshape(len(notes), -1)
        follows = {name: _mean_rank_correlation(describe(name, frames, notes, spec)) for name in DESCRIPTORS}
        knobs.append(
            {
                "name": latent.name,
                "travel_db": float(travel.mean()),
                "least_travel_db": float(np.percentile(travel, 5.0)),
                "steps_db": profile.tolist(),
                "unevenness": float(profile.std() / max(profile.mean(), 1e-9)),
                "follows": follows,
            }
        )
    return knobs


def _mean_rank_correlation(values: np.ndarray) -> float:
    """Spearman's correlation of each line's values with the knob's position, mean over lines."""
    order = np.argsort(np.argsort(values.reshape(N_LINES, -1), axis=1), axis=1) - N_STEPS / 2.0
    position = np.arange(N_STEPS + 1) - N_STEPS / 2.0
    return float((order @ position / (position @ position)).mean())
