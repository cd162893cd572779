"""Reach: near where the knobs can go, far where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.synthetic_instrument import SPEC, SyntheticInstrument, lobes
from training.corpus.frames import Clip, FrameStore, FrameWriter
from training.hearing.spectral_distance import log_spectral_distance_db
from training.measure.reach import held_out_rows, measure_reach

HARMONICS = np.arange(1, 41)


def tilted(latents: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """One knob: from a tilt of 2 to one of 1."""
    return harmonics ** -(2.0 - latents[0])


def store_of(folder: Path, held_out_tilt: float) -> FrameStore:
    """Training frames of two tilts, held-out frames of another."""
    about = {"kind": "test", "name": "lobes", "licence": "CC0-1.0"}
    with FrameWriter(folder, SPEC, about) as writer:
        for split, tilts in (("train", (1.0, 2.0)), ("val", (held_out_tilt,)), ("test", (held_out_tilt,))):
            for tilt in tilts:
                for note in (48, 60):
                    frame = lobes(note, HARMONICS**-tilt)
                    writer.add(frame[None] / frame.max(), Clip(f"{split} {tilt} {note}", split, note))
    return FrameStore.open(folder)


def test_a_sound_between_is_reached_and_one_beyond_is_not(tmp_path: Path):
    instrument = SyntheticInstrument(tilted, n_latents=1)
    between = measure_reach(instrument, store_of(tmp_path / "between", 1.37))
    beyond = measure_reach(instrument, store_of(tmp_path / "beyond", 0.3))
    assert between["n_frames"] == 4
    assert between["nearest_db"] < 0.3 < between["corpus_mean_db"]
    assert beyond["nearest_db"] > 3.0


def test_held_out_rows_are_never_training_rows(tmp_path: Path):
    store = store_of(tmp_path / "frames", 1.5)
    assert set(store.split[held_out_rows(store)].tolist()) == {1, 2}
    assert len(held_out_rows(store, n=3)) == 3


def test_distance_is_the_level_difference_and_does_not_know_loudness():
    frame = lobes(60, HARMONICS**-1.0)
    assert log_spectral_distance_db(frame, 3.0 * frame, SPEC) == pytest.approx(0.0, abs=1e-4)
    low, high = np.full(SPEC.n_bins, 0.1), np.full(SPEC.n_bins, 0.1)
    low[100] = high[100] = 1.0
    high[101:1101] = 0.2
    n_heard = int(20000.0 / SPEC.bin_hz) - SPEC.first_heard_bin
    expected = 20.0 * np.log10(2.0) * np.sqrt(1000 / n_heard)
    assert log_spectral_distance_db(low, high, SPEC) == pytest.approx(expected, rel=1e-3)


def test_without_held_out_frames_of_known_notes_there_is_no_reach(tmp_path: Path):
    about = {"kind": "test", "name": "lobes", "licence": "CC0-1.0"}
    with FrameWriter(tmp_path / "frames", SPEC, about) as writer:
        for split, note in (("train", 48), ("val", 49), ("test", 50)):
            writer.add(lobes(note, HARMONICS**-1.0)[None], Clip(split, split, note))
    assert measure_reach(SyntheticInstrument(tilted, n_latents=1), FrameStore.open(tmp_path / "frames")) is None
