"""Measures pitch, loudness and each knob's effect, at many notes and knob positions of an instrument.

`measure_points` measures heard pitch and loudness on the engine's sound. All else is measured on decoded frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off, split_octaves
from runtime.acoustics.loudness import k_weighting, spectrum_lufs
from runtime.acoustics.pitch import N_CHROMA, detect_chroma
from runtime.acoustics.spectrum import magnitude_frames
from runtime.base.progress import Progress
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn
from training.hearing.descriptors import DESCRIPTORS, describe
from training.hearing.harmonics import energy_shares
from training.hearing.spectral_distance import log_spectral_distance_db
from training.instrument.points import N_LINES, N_STEPS, Playable, Points, decode_points, knob_steps_db

N_POINTS = 2000
VELOCITY = 100
RELEASE_S = 0.01
N_SKIPPED_HOPS = 3  # at the start of each note, hops that are not analysed
N_ANALYSED_FRAMES = 5
# `range_in_tune` tries this many random points for each note. A note is good if at least this share of them is in tune.
POINTS_PER_NOTE, LEAST_OF_A_NOTE = 48, 0.9
# At each end of the range, `range_in_tune` leaves out at most this many notes. If more would have to be left out there,
# it leaves out none.
MOST_TRIMMED = 24
COHERENT = 1.0  # the phase_blend of coherent phases without noise


def render_points(instrument: Playable, points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Play points with coherent phases, and analyse N_ANALYSED_FRAMES frames of each steady sound.

    Returns the magnitudes of each sound, float32 (n, n_bins), and the loudness of each sound in LUFS, float (n,). A
    magnitude is the root of the mean power over the frames.
    """
    spec = instrument.card.spec
    voice = VoiceConfig(n_voices=1, envelope=Adsr(attack_s=0.0, release_s=RELEASE_S))
    engine = Engine(instrument, sample_rate_hz=spec.sample_rate_hz, config=Config(voice=voice, phase_blend=COHERENT))
    weights = k_weighting(np.arange(spec.n_bins) * spec.bin_hz)
    sounding = np.zeros((spec.frame_size + (N_SKIPPED_HOPS + N_ANALYSED_FRAMES - 1) * spec.hop_size, 2), np.float32)
    fading = np.zeros((int(4 * RELEASE_S * spec.sample_rate_hz), 2), np.float32)
    spectra, loudness = np.empty((len(points.notes), spec.n_bins), np.float32), np.empty(len(points.notes))
    with Progress("heard pitch", len(points.notes)) as progress:
        for index, (note, positions) in enumerate(zip(points.notes.tolist(), points.positions, strict=True)):
            for latent, position in enumerate(positions.tolist()):
                engine.post(KnobTurn(latent, position))
            engine.post(NoteOn(0, note, VELOCITY))
            engine.render(sounding)
            engine.post(NoteOff(0, note))
            engine.render(fading)
            frames = magnitude_frames(sounding[N_SKIPPED_HOPS * spec.hop_size :, 0], spec)
            power = np.square(frames).mean(axis=0)
            spectra[index] = np.sqrt(power)
            loudness[index] = spectrum_lufs(power, weights, spec.frame_size)
            progress.update(index + 1)
    return spectra, loudness


def measure_points(instrument: Playable, n: int = N_POINTS, seed: int = 0) -> dict[str, Any]:
    """Measure n random points; returns plain values.

    - `in_tune`: share of points heard within IN_TUNE_CENTS of the note
    - `octave_off`: share of points heard within IN_TUNE_CENTS of the note moved by one or more octaves
    - `harmonic_energy`: mean share of the decoded frame's energy that lies on the note's harmonics
    - `chroma`: share of points where the strongest pitch class of the decoded frame is the note's (the paper's measure)
    - `loudness_sd_db`, `loudness_peak_to_peak_db`: standard deviation and range of the loudness
    - `by_octave`: the first four figures for the points of each octave
    """
    points = Points.draw(instrument, n, seed)
    spec = instrument.card.spec
    spectra, loudness = render_points(instrument, points)
    decoded = decode_points(instrument, points)
    cents = cents_off(spectra, points.notes, spec)
    octave_off = np.abs(split_octaves(cents)[1]) <= IN_TUNE_CENTS
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


def range_in_tune(instrument: Playable, seed: int = 0) -> tuple[int, int]:
    """The instrument's lowest and highest note, without notes at the ends that are often out of tune.

    An end that would lose more than MOST_TRIMMED notes stays as it is. The notes between the ends are not checked.
    """
    lowest, highest = instrument.card.note_range
    notes = np.repeat(np.arange(lowest, highest + 1), POINTS_PER_NOTE)
    positions = np.random.default_rng(seed).random((len(notes), instrument.card.n_latents))
    cents = cents_off(decode_points(instrument, Points(notes, positions)), notes, instrument.card.spec)
    good = (np.abs(cents) <= IN_TUNE_CENTS).reshape(-1, POINTS_PER_NOTE).mean(axis=1) >= LEAST_OF_A_NOTE
    first, last = _trim(good), len(good) - 1 - _trim(good[::-1])
    return (lowest + first, lowest + last) if first < last else (lowest, highest)


def _trim(good: np.ndarray) -> int:
    """The number of notes before the first three good notes in a row; 0 if this number is above MOST_TRIMMED."""
    rows = good[:-2] & good[1:-1] & good[2:]
    first = int(np.argmax(rows)) if rows.any() else 0
    return first if first <= MOST_TRIMMED else 0


def measure_knobs(instrument: Playable, seed: int = 0) -> list[dict[str, Any]]:
    """Measure each knob on the lines that `knob_steps_db` draws; returns plain values for each knob.

    - `travel_db`: log-spectral distance between the ends of a line, mean over the lines
    - `least_travel_db`: the 5th percentile of that distance
    - `steps_db`: log-spectral distance of each step, mean over the lines
    - `unevenness`: standard deviation of `steps_db` divided by their mean
    - `follows`: for each descriptor, its rank correlation with the knob's position, mean over the lines
    - `name`: the knob's name
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
    """Spearman's rank correlation between a descriptor and the knob's position, as the mean over the lines.

    values: the descriptor's values, line after line, float (N_LINES * (N_STEPS + 1),).
    """
    order = np.argsort(np.argsort(values.reshape(N_LINES, -1), axis=1), axis=1) - N_STEPS / 2.0
    position = np.arange(N_STEPS + 1) - N_STEPS / 2.0
    return float((order @ position / (position @ position)).mean())
