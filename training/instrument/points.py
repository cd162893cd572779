"""Draws points and decodes their frames. A point is a note and a position of every knob; a frame is one spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from runtime.instrument.card import Card
from training.hearing.spectral_distance import log_spectral_distance_db

# `knob_steps_db` draws N_LINES lines. On a line, one knob moves from end to end in N_STEPS steps, and the others stay.
N_LINES, N_STEPS = 100, 16


class Playable(Protocol):
    """An instrument to play or measure: a runtime.instrument.decoder.Decoder, or a RunInstrument.

    inputs: the decoder's input, float32 (n, card.n_inputs), which the caller writes.
    magnitudes: the decoded frames, float32 (n, n_bins), which `decode` writes.
    batch_invariant: whether a row's frame is bit-identical for any number of rows decoded together.
    """

    card: Card
    inputs: np.ndarray
    magnitudes: np.ndarray
    batch_invariant: bool

    def decode(self, n_rows: int) -> np.ndarray:
        """Decode the first n_rows rows of `inputs`; returns a view of `magnitudes`, float32 (n_rows, n_bins)."""


@dataclass(frozen=True)
class Points:
    """Notes and the knob positions to play them at.

    notes: MIDI notes, int (n,).
    positions: each knob's positions, 0 to 1, float (n, n_latents).
    """

    notes: np.ndarray
    positions: np.ndarray

    @classmethod
    def draw(cls, instrument: Playable, n: int, seed: int) -> Points:
        """Draw n points uniformly over the notes and the whole travel of every knob."""
        random = np.random.default_rng(seed)
        lowest, highest = instrument.card.note_range
        notes = random.integers(lowest, highest + 1, n)
        return cls(notes, random.random((n, instrument.card.n_latents)))


def decode_points(instrument: Playable, points: Points) -> np.ndarray:
    """The frame of each point: float32 (n, n_bins)."""
    return decode_latents(instrument, instrument.card.latents_at(points.positions), points.notes)


def decode_latents(instrument: Playable, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """Decode latents, (n, n_latents), at MIDI notes, (n,); returns the frames, float32 (n, n_bins).

    The latents are the decoder's own values, not knob positions.
    """
    card, n_at_once = instrument.card, len(instrument.inputs)
    rows = np.concatenate([latents, card.conditioning.rows(notes)], axis=1)
    frames = np.empty((len(rows), card.spec.n_bins), np.float32)
    for first in range(0, len(rows), n_at_once):
        n = len(rows[first : first + n_at_once])
        instrument.inputs[:n] = rows[first : first + n]
        # The batch is always full, because a Keras model compiles again for every new size.
        frames[first : first + n] = instrument.decode(n_at_once)[:n]
    return frames


def knob_steps_db(instrument: Playable, index: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move one knob from end to end N_LINES times, each time at a random note and with the other knobs put at random.

    index: number of the knob, from 0.
    Returns:
    the frames, float32 (N_LINES, N_STEPS + 1, n_bins);
    the distance in dB from each frame of a line to the next, (N_LINES, N_STEPS);
    each frame's MIDI note, line by line, (N_LINES * (N_STEPS + 1),).
    """
    starts, n_stops = Points.draw(instrument, N_LINES, seed + 1), N_STEPS + 1
    positions = np.repeat(starts.positions, n_stops, axis=0)
    positions[:, index] = np.tile(np.linspace(0.0, 1.0, n_stops), N_LINES)
    notes = np.repeat(starts.notes, n_stops)
    lines = decode_points(instrument, Points(notes, positions)).reshape(N_LINES, n_stops, -1)
    return lines, log_spectral_distance_db(lines[:, 1:], lines[:, :-1], instrument.card.spec), notes
