"""`corpus amsynth` always renders the same demo corpus, and refuses wrong patch lists."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.heard_pitch import in_tune
from runtime.acoustics.pitch import detect_chroma
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.base.errors import UserError
from tests.support.amsynth import needs_amsynth
from tests.support.places import ROOT
from training.__main__ import main
from training.corpus import amsynth
from training.corpus.frames import SPLITS, FrameStore

THREE = """bank,index,name,split
BriansBank01,96,NicePoly12,train
BriansBank05,24,Hollowe2,val
PatriksBank02,83,Metallic Stack,test
"""
SPEC = StftSpec()


def build(tmp_path: Path, name: str, patches: str) -> FrameStore:
    (tmp_path / f"{name}.csv").write_text(patches)
    options = ["--scale", "c-major", "--octaves", "1", "--patches", str(tmp_path / f"{name}.csv")]
    assert main(["corpus", "amsynth", "--out", str(tmp_path / name), *options]) == 0
    return FrameStore.open(tmp_path / name)


def test_scales_are_the_papers_and_by_default_chromatic() -> None:
    assert amsynth.Scale().notes == list(range(36, 97))
    assert amsynth.Scale("c-major", 1).notes == [60, 62, 64, 65, 67, 69, 71, 72]
    assert len(amsynth.Scale("c-major", 5).notes) == 36
    assert (amsynth.Scale("c-major", 5).notes[0], amsynth.Scale("c-major", 5).notes[-1]) == (36, 96)


@needs_amsynth
def test_the_committed_list_names_real_patches_in_the_papers_split() -> None:
    patches = amsynth.read_patches(amsynth.PATCHES, amsynth.find_banks(amsynth.find_plugin()))
    assert [sum(patch.split == split for patch in patches) for split in SPLITS] == [70, 5, 5]


@needs_amsynth
def test_frames_are_bit_identical_in_any_order_of_the_patches(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    first = build(tmp_path, "first", THREE)
    assert "train has no frame of C#, D#, F#, G#, A#" in capsys.readouterr().out
    assert first.fingerprint() == build(tmp_path, "again", THREE).fingerprint()
    header, *rows = THREE.splitlines()
    backwards = build(tmp_path, "backwards", "\n".join([header, *reversed(rows)]))
    assert len(first.clips) == len(backwards.clips) == 24
    for index, clip in enumerate(first.clips):
        frames = backwards.magnitudes[backwards.clip == backwards.clips.index(clip)]
        np.testing.assert_array_equal(first.magnitudes[first.clip == index], frames)
    assert first.clips[0].name == "BriansBank01/96 NicePoly12 C4"
    assert {clip.split for clip in first.clips if "Hollowe2" in clip.name} == {"val"}
    assert "GPL" in first.about["licence"]


@needs_amsynth
def test_patches_sound_at_their_pitch_and_with_their_banks_controls(tmp_path: Path) -> None:
    (tmp_path / "three.csv").write_text(THREE)
    plugin = amsynth.find_plugin()
    nice, hollow, _ = amsynth.read_patches(tmp_path / "three.csv", amsynth.find_banks(plugin))
    notes = amsynth.Scale("chromatic", 1)

    def spectra(patch: amsynth.Patch) -> np.ndarray:
        samples = amsynth.render_patch(patch, notes, plugin, SPEC.sample_rate_hz, str(tmp_path))
        assert samples.shape == (13, 26460)
        return np.stack([magnitude_frames(note, SPEC).mean(axis=0) for note in samples])

    heard = spectra(nice)
    assert detect_chroma(heard, SPEC.bin_hz).tolist() == [note % 12 for note in notes.notes]
    silent = amsynth.Patch("silent", "train", {**nice.controls, "master_vol": 0.0})
    assert spectra(silent).max() < 1e-3 * heard.max()
    assert np.corrcoef(heard[0], spectra(hollow)[0])[0, 1] < 0.9
    wrong = amsynth.Patch("wrong", "train", {"no_such_knob": 1.0})
    with pytest.raises(UserError, match="no_such_knob"):
        spectra(wrong)


def test_without_amsynth_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("DSSI_PATH", str(tmp_path))
    assert main(["corpus", "amsynth", "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("sudo apt-get install amsynth")
    assert not (tmp_path / "out").exists()


@needs_amsynth
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("PatrikBank05,96,,train", "did you mean 'PatriksBank05'"),
        ("BriansBank01,9999,,train", "found index '9999'"),
        ("BriansBank01,100,Orgel,train", "expected 'Organ2'"),
        ("BriansBank01,100,Organ2,trian", "did you mean 'train'"),
        ("BriansBank01,96,,val", "each patch once"),
    ],
)
def test_wrong_patch_lists_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture, row: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(f"{THREE}{row}\n")
    assert main(["corpus", "amsynth", "--out", str(tmp_path / "out"), "--patches", str(tmp_path / "list.csv")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "list.csv, line 5" in lines[0]
    assert message in lines[0]


@needs_amsynth
def test_a_list_without_a_split_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "list.csv").write_text("\n".join(THREE.splitlines()[:3]))
    assert main(["corpus", "amsynth", "--out", str(tmp_path / "out"), "--patches", str(tmp_path / "list.csv")]) == 2
    assert "nothing in split 'test'" in capsys.readouterr().err


@needs_amsynth
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "corpus", "amsynth", "--out", str(tmp_path / "out")]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        frames = tmp_path / ".out.partial" / "magnitudes.f32"
        while run.poll() is None and not (frames.is_file() and frames.stat().st_size):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130
    assert errors.splitlines()[-1] == "timbrebox: interrupted"
    assert os.listdir(tmp_path) == []


@needs_amsynth
def test_clear_keeps_frames_heard_at_their_note_and_every_4_keeps_one_in_four(tmp_path: Path) -> None:
    (tmp_path / "three.csv").write_text(THREE)
    sizes = {}
    for name, options in {"all": [], "clear": ["--clear"], "fourth": ["--every", "4"]}.items():
        options = ["--scale", "c-major", "--octaves", "1", "--patches", str(tmp_path / "three.csv"), *options]
        assert main(["corpus", "amsynth", "--out", str(tmp_path / name), *options]) == 0
        sizes[name] = len(FrameStore.open(tmp_path / name).note)
    clear = FrameStore.open(tmp_path / "clear")
    assert in_tune(clear.magnitudes, clear.note, SPEC).all()
    assert 0 < sizes["clear"] < sizes["all"]
    assert sizes["fourth"] == pytest.approx(sizes["all"] / 4, rel=0.15)


@pytest.mark.parametrize("every", ["0", "-3"])
def test_every_below_1_is_refused(every: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["corpus", "amsynth", "--out", str(tmp_path / "out"), "--every", every]) == 2
    assert f"--every: found {every}; expected at least 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
