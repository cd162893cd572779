"""The only place where `make` measures and exports a trained run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from export.instrument import export_instrument
from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.instrument.card import Card
from training.corpus.frames import FrameStore
from training.instrument.embedding import decode_at, embed_rows
from training.instrument.points import Points
from training.instrument.run_instrument import RunInstrument
from training.measure.likeness import measure_likeness
from training.measure.playability import measure_points, render_points
from training.model.run_folder import TrainedRun

N_POINTS = 2000  # notes at random knob positions, for the share that is in tune
N_POINTS_IN_CARD = 200  # the card's figures of knobs and points, which `export` measures again
POINTS_PER_KEY, LEAST_IN_TUNE = 8, 0.75  # a key counts as out of tune if fewer of its points are in tune
N_EMBEDDED = 2000  # training frames that tell the travel of the knobs of a preview
N_CLIPS = 60  # of a corpus without notes, whose likeness is measured here


@dataclass(frozen=True)
class Trained:
    """A trained run and its corpus, and both halves of the network in a form that can be measured and played."""

    run: TrainedRun
    store: FrameStore

    @classmethod
    def open(cls, folder: Path, store: FrameStore, even: bool = True) -> Trained:
        """Read a run; even: whether its knobs are made even, as in the finished instrument."""
        run = TrainedRun.open(folder)
        if even:
            from training.instrument.even_knobs import with_even_knobs

            run = with_even_knobs(run, store)
        return cls(run, store)

    @cached_property
    def playable(self) -> RunInstrument:
        """The run as an instrument that the engine plays."""
        rows = self.store.rows("train")
        chosen = rows[np.linspace(0, len(rows) - 1, min(N_EMBEDDED, len(rows))).round().astype(int)]
        return RunInstrument(self.run, self.store, embed_rows(self.run, self.store, chosen))

    @property
    def card(self) -> Card:
        """The card that the instrument has before it is exported."""
        return self.playable.card

    @property
    def knows_notes(self) -> bool:
        """Whether the instrument has keys of its own, and not only pitch classes."""
        return self.run.record.conditioning.kind == "chroma+octave"

    def encode(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        """Latents, float32 (n, n_latents), of unit-peak frames (n, n_bins) at MIDI notes (n,)."""
        return self.playable.encode(frames, notes)

    def decode(self, latents: np.ndarray, notes: np.ndarray) -> np.ndarray:
        """Frames, float32 (n, n_bins), of latents (n, n_latents) at MIDI notes (n,)."""
        return decode_at(self.run, latents, notes)


def measure(trained: Trained) -> dict[str, Any]:
    """The figures of an instrument, by the names of the contract and of `measure_likeness`; None for what is unknown.

    in_tune, octave_off: shares of N_POINTS; keys_out_of_tune: MIDI notes.
    """
    figures: dict[str, Any] = {"in_tune": None, "octave_off": None, "keys_out_of_tune": []}
    if not trained.knows_notes:
        return figures | _likeness_without_notes(trained)
    points = measure_points(trained.playable, N_POINTS)
    figures |= {"in_tune": points["in_tune"], "octave_off": points["octave_off"]}
    figures["keys_out_of_tune"] = keys_out_of_tune(trained)
    return figures | measure_likeness(trained.playable, trained.encode, trained.store)


def keys_out_of_tune(trained: Trained, seed: int = 1) -> list[int]:
    """The MIDI notes of the instrument's range that are out of tune at many knob positions."""
    lowest, highest = trained.card.note_range
    notes = np.repeat(np.arange(lowest, highest + 1), POINTS_PER_KEY)
    positions = np.random.default_rng(seed).random((len(notes), trained.card.n_latents))
    spectra, _ = render_points(trained.playable, Points(notes, positions))
    good = np.abs(cents_off(spectra, notes, trained.card.spec)) <= IN_TUNE_CENTS
    shares = good.reshape(-1, POINTS_PER_KEY).mean(axis=1)
    return (lowest + np.flatnonzero(shares < LEAST_IN_TUNE)).tolist()


def export(trained: Trained, out: Path, name: str, force: bool) -> list[Path]:
    """Write the instrument and its encoder; returns their paths."""
    return export_instrument(trained.run, trained.store, out, name, force, N_POINTS_IN_CARD)


def _likeness_without_notes(trained: Trained) -> dict[str, Any]:
    """Path and still distance of training clips whose notes are unknown, in dB; None for the other figures."""
    store, spec = trained.store, trained.store.spec
    rows, paths, stills = store.rows("train"), [], []
    clips = np.unique(store.clip[rows])
    for clip in clips[np.linspace(0, len(clips) - 1, min(N_CLIPS, len(clips))).round().astype(int)]:
        own = rows[store.clip[rows] == clip][:96]
        asked_db, chroma = band_levels_db(store.magnitudes[own], spec), store.chroma[own].astype(int)
        latents = embed_rows(trained.run, store, own)
        still = latents.mean(axis=0, keepdims=True).repeat(len(own), axis=0)
        paths.append(distance_db(band_levels_db(trained.decode(latents, chroma), spec), asked_db))
        stills.append(distance_db(band_levels_db(trained.decode(still, chroma), spec), asked_db))
    unknown = ("heldout_path_db", "change_correlation", "told_apart_still", "told_apart_path", "corpus_mean_db")
    return {"path_db": float(np.mean(paths)), "still_db": float(np.mean(stills))} | dict.fromkeys(unknown)
