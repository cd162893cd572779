"""The knobs come close to a sound between the instrument's sounds, but not to one beyond them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning
from tests.support.places import DATA
from tests.support.synthetic_instrument import CONDITIONING, SPEC, SyntheticInstrument, lobes
from training.__main__ import main
from training.corpus.frames import Clip, FrameStore, FrameWriter
from training.hearing.spectral_distance import log_spectral_distance_db
from training.measure.reach import held_out_rows, measure_reach

HARMONICS = np.arange(1, 41)


def tilted(latents: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """One knob moves the amplitudes from 1 / harmonic^2 to 1 / harmonic."""
    return harmonics ** -(2.0 - latents[0])


def store_of(folder: Path, held_out_tilt: float, notes: tuple[int, ...] = (48, 60)) -> FrameStore:
    """Tones with amplitudes 1 / harmonic^tilt: tilts 1 and 2 in train, `held_out_tilt` in val and test."""
    about = {"kind": "test", "name": "lobes", "licence": "CC0-1.0"}
    with FrameWriter(folder, SPEC, about) as writer:
        for split, tilts in (("train", (1.0, 2.0)), ("val", (held_out_tilt,)), ("test", (held_out_tilt,))):
            for tilt in tilts:
                for note in notes:
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
    assert set(store.split[held_out_rows(store, CONDITIONING)[0]].tolist()) == {1, 2}
    assert len(held_out_rows(store, CONDITIONING, n=3)[0]) == 3


def test_notes_that_the_instrument_does_not_know_are_left_out_and_counted(tmp_path: Path):
    store = store_of(tmp_path / "frames", 1.5, notes=(35, 36, 107, 108))
    rows, n_left_out = held_out_rows(store, CONDITIONING)
    assert set(store.note[rows].tolist()) == {36, 107}
    assert n_left_out == 4
    everything, n_left_out = held_out_rows(store, Conditioning("chroma"))
    assert (len(everything), n_left_out) == (8, 0)
    low = store_of(tmp_path / "low", 1.5, notes=(20, 30))
    with pytest.raises(UserError, match=r"low: found no held-out frame.*at MIDI notes 36 to 107"):
        held_out_rows(low, CONDITIONING)


def test_the_command_says_how_many_held_out_frames_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture):
    arguments = ["evaluate", str(DATA / "tiny.onnx"), "--points", "4", "--out", str(tmp_path / "out"), "--corpus"]
    assert main([*arguments, str(store_of(tmp_path / "some", 1.5, notes=(60, 84, 86)).folder)]) == 0
    said = capsys.readouterr().out
    assert "left out: 4 held-out frames at notes that the instrument does not know" in said
    reach = json.loads((tmp_path / "out" / "evaluation.json").read_text())["playing"]["reach"]
    assert (reach["n_frames"], reach["n_left_out"]) == (2, 4)
    assert main([*arguments, str(store_of(tmp_path / "none", 1.5, notes=(84,)).folder)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "none: found no held-out frame at a note that the instrument knows" in lines[0]
    assert "expected some at MIDI notes 48 to 83" in lines[0]


@pytest.mark.parametrize("spec", [StftSpec(frame_size=2048, hop_size=512), StftSpec(48000)], ids=["size", "rate"])
def test_the_command_refuses_a_corpus_with_other_frames(spec: StftSpec, tmp_path: Path, capsys: pytest.CaptureFixture):
    with FrameWriter(tmp_path / "other", spec, {}) as writer:
        for split in ("train", "val", "test"):
            writer.add(np.ones((1, spec.n_bins), np.float32), Clip(split, split, 60))
    arguments = ["evaluate", str(DATA / "tiny.onnx"), "--out", str(tmp_path / "out"), "--corpus"]
    assert main([*arguments, str(tmp_path / "other")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    found = f"frames of {spec.frame_size} samples every {spec.hop_size} at {spec.sample_rate_hz} Hz"
    assert f"other: found {found}; expected frames of" in lines[0]
    assert lines[0].endswith("as the instrument has; give another --corpus")


def test_distance_is_the_level_difference_whatever_the_loudness():
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
