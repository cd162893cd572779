"""Exports a trained run for `make`, collects its figures, and plays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from export.instrument import export_instrument
from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from training.corpus.frames import FrameStore
from training.instrument.embedding import decode_at, embed_rows
from training.instrument.points import Playable, Points
from training.instrument.run_instrument import RunInstrument
from training.measure.playability import render_points
from training.model.run_folder import TrainedRun

N_POINTS = 2000  # notes played at random knob positions, to measure how many are in tune
POINTS_PER_KEY, LEAST_IN_TUNE = 8, 0.75  # a key is out of tune if less than LEAST_IN_TUNE of its points are in tune
N_EMBEDDED = 2000  # `Trained.playable` gets its knobs' travel from the latents of at most this many training frames
N_CLIPS = 60  # in a corpus without notes, likeness is measured on at most this many clips


class Sounding(NamedTuple):
    """An instrument that can be played, and its encoder.

    encode(frames, notes): returns the latents of frames, float32 (n, n_latents). It takes:
    - frames: (n, n_bins), each with a highest magnitude of 1
    - notes: the frames' MIDI notes, (n,)
    """

    playable: Playable
    encode: Callable[[np.ndarray, np.ndarray], np.ndarray]


def exported(path: Path) -> Sounding:
    """Load a finished instrument."""
    decoder = Decoder(path)
    return Sounding(decoder, load_encoder(decoder).latents)


@dataclass(frozen=True)
class Trained:
    """A trained run and its corpus."""

    run: TrainedRun
    store: FrameStore

    @classmethod
    def open(cls, folder: Path, store: FrameStore, even: bool = True) -> Trained:
        """Read a run.

        even: whether to apply training/instrument/even_knobs.py, as `export` does, if the recipe sets `even_knobs`.
        """
        run = TrainedRun.open(folder)
        if even:
            from training.instrument.even_knobs import with_even_knobs

            run = with_even_knobs(run, store)
        return cls(run, store)

    @cached_property
    def playable(self) -> RunInstrument:
        rows = self.store.rows("train")
        chosen = rows[np.linspace(0, len(rows) - 1, min(N_EMBEDDED, len(rows))).round().astype(int)]
        return RunInstrument(self.run, self.store, embed_rows(self.run, self.store, chosen))

    @property
    def sounding(self) -> Sounding:
        return Sounding(self.playable, self.playable.encode)

    @property
    def knows_notes(self) -> bool:
        """Whether the model knows notes, and not only pitch classes."""
        return self.run.record.conditioning.kind == "chroma+octave"


def export(trained: Trained, out: Path, name: str, recordings: Path, measured: dict[str, Any]) -> dict[str, Any]:
    """Write the instrument and its encoder; returns the figures by name. An unknown figure is None.

    recordings: the folder to which the recordings' names are relative.
    measured: further figures for the card.
    """
    unknown = ("in_tune", "octave_off", "heldout_path_db", "change_correlation", "told_apart_still", "told_apart_path")
    figures = dict.fromkeys((*unknown, "path_db", "still_db", "corpus_mean_db"))
    if not trained.knows_notes:
        measured = measured | _likeness_without_notes(trained)
    export_instrument(trained.run, trained.store, out, name, True, N_POINTS, recordings, measured)
    return figures | Decoder(out).card.measured


def keys_out_of_tune(trained: Trained, seed: int = 1) -> list[int]:
    """The MIDI notes that are out of tune at many knob positions."""
    lowest, highest = trained.playable.card.note_range
    notes = np.repeat(np.arange(lowest, highest + 1), POINTS_PER_KEY)
    positions = np.random.default_rng(seed).random((len(notes), trained.playable.card.n_latents))
    spectra, _ = render_points(trained.playable, Points(notes, positions))
    good = np.abs(cents_off(spectra, notes, trained.playable.card.spec)) <= IN_TUNE_CENTS
    shares = good.reshape(-1, POINTS_PER_KEY).mean(axis=1)
    return (lowest + np.flatnonzero(shares < LEAST_IN_TUNE)).tolist()


def _likeness_without_notes(trained: Trained) -> dict[str, Any]:
    """Mean distances, in dB, between frames of training clips and what the model makes of them; no note is known.

    path_db: each frame is encoded and decoded again.
    still_db: each frame is decoded at the mean latents of its clip's frames.
    Only the first frames of a clip are used.
    """
    store, spec = trained.store, trained.store.spec
    rows, paths, stills = store.rows("train"), [], []
    clips = np.unique(store.clip[rows])
    for clip in clips[np.linspace(0, len(clips) - 1, min(N_CLIPS, len(clips))).round().astype(int)]:
        own = rows[store.clip[rows] == clip][:96]
        asked_db, chroma = band_levels_db(store.magnitudes[own], spec), store.chroma[own].astype(int)
        latents = embed_rows(trained.run, store, own)
        still = latents.mean(axis=0, keepdims=True).repeat(len(own), axis=0)
        paths.append(distance_db(band_levels_db(decode_at(trained.run, latents, chroma), spec), asked_db))
        stills.append(distance_db(band_levels_db(decode_at(trained.run, still, chroma), spec), asked_db))
    return {"path_db": float(np.mean(paths)), "still_db": float(np.mean(stills))}
