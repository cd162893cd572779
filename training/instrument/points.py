"""Points of an instrument's knob travel, and the spectra there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.instrument.decoder import Decoder
from training.hearing.spectral_distance import log_spectral_distance_db
from training.instrument.run_instrument import RunInstrument

Playable = Decoder | RunInstrument
N_LINES, N_STEPS = 100, 16


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
