"""How an instrument plays wherever its knobs stand: points drawn over its notes and knobs, rendered by the engine.

What counts is what is heard: the sound that the runtime makes of a point, its pitch by heard_pitch.py, its loudness by
ITU-R BS.1770.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.config import VoiceConfig
from runtime.decoder import Decoder
from runtime.engine import Engine
from runtime.envelope import Adsr
from runtime.errors import UserError
from runtime.events import KnobTurn, NoteOff, NoteOn
from runtime.loudness import k_weighting
from runtime.pitch import N_CHROMA, detect_chroma
from runtime.spectrum import StftSpec, magnitude_frames
from training.descriptors import DESCRIPTORS, describe
from training.harmonics import energy_shares
from training.heard_pitch import IN_TUNE_CENTS, heard_notes
from training.progress import Progress
from training.run_instrument import RunInstrument
from training.spectral_distance import log_spectral_distance_db

Playable = Decoder | RunInstrument

N_POINTS = 2000
N_LINES, N_STEPS = 100, 16
VELOCITY = 100
RELEASE_S = 0.01
N_ANALYSED_FRAMES = 4
COHERENT = 1.0


@dataclass(frozen=True)
class Points:
    """Notes, int (n,), and knob positions, float (n, n_latents), 0 to 1 of each knob's travel."""

    notes: np.ndarray
    positions: np.ndarray

    @classmethod
    def draw(cls, instrument: Playable, n: int, seed: int) -> Points:
        """n points, evenly drawn over the instrument's notes and the whole travel of every knob."""
        random = np.random.default_rng(seed)
        lowest, highest = instrument.card.note_range
        notes = random.integers(lowest, highest + 1, n)
        return cls(notes, random.random((n, instrument.card.n_latents)))


def refuse_no_points(n: int) -> None:
    """UserError if the number of points that a command line asks for is no number to measure."""
    if n < 1:
        raise UserError("--points", str(n), "at least 1", "give a larger number")


def decode_points(instrument: Playable, points: Points) -> np.ndarray:
    """The decoder's frames of points, float32 (n, n_bins)."""
    card, n_at_once = instrument.card, len(instrument.inputs)
    rows = np.concatenate([card.latents_at(points.positions), card.conditioning.rows(points.notes)], axis=1)
    frames = np.empty((len(rows), card.spec.n_bins), np.float32)
    for first in range(0, len(rows), n_at_once):
        n = len(rows[first : first + n_at_once])
        instrument.inputs[:n] = rows[first : first + n]
        # Always a full batch: a model compiles anew for every other size.
        frames[first : first + n] = instrument.decode(n_at_once)[:n]
    return frames


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


def knob_steps_db(instrument: Playable, index: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One knob along N_LINES lines: frames (N_LINES, N_STEPS + 1, n_bins), the distances between neighbours in dB
    (N_LINES, N_STEPS), and the note of each frame (N_LINES * (N_STEPS + 1),).
    """
    starts, n_places = Points.draw(instrument, N_LINES, seed + 1), N_STEPS + 1
    positions = np.repeat(starts.positions, n_places, axis=0)
    positions[:, index] = np.tile(np.linspace(0.0, 1.0, n_places), N_LINES)
    notes = np.repeat(starts.notes, n_places)
    lines = decode_points(instrument, Points(notes, positions)).reshape(N_LINES, n_places, -1)
    return lines, log_spectral_distance_db(lines[:, 1:], lines[:, :-1], instrument.card.spec), notes


def _mean_rank_correlation(values: np.ndarray) -> float:
    """Spearman's correlation of each line's values with the knob's position, mean over lines."""
    order = np.argsort(np.argsort(values.reshape(N_LINES, -1), axis=1), axis=1) - N_STEPS / 2.0
    position = np.arange(N_STEPS + 1) - N_STEPS / 2.0
    return float((order @ position / (position @ position)).mean())
