"""`make` turns a folder into an instrument that plays, and refuses unusable folders."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from export.__main__ import main
from export.making import stages, trained
from runtime.instrument.decoder import Decoder
from tests.support.own_folder import chord, drums, write, write_notes, write_own_folder
from tests.support.places import ROOT
from training.making import learning

TINY = str(ROOT / "configs" / "training" / "tiny.yaml")
KEYS = {
    "in_tune", "octave_off", "path_db", "still_db", "heldout_path_db", "change_correlation", "told_apart_still",
    "told_apart_path", "seconds", "used", "skipped",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_STEPS", 1)
    monkeypatch.setattr(learning, "MOST_FRAMES", 2000)
    monkeypatch.setattr(trained, "N_POINTS", 30)
    monkeypatch.setattr(trained, "POINTS_PER_KEY", 1)


def test_a_folder_as_people_have_them_becomes_an_instrument(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder, out, figures = tmp_path / "own sounds", tmp_path / "out" / "mine.onnx", tmp_path / "figures.json"
    write_own_folder(folder, take_s=32.0)
    arguments = ["make", str(folder), "--out", str(out), "--recipe", TINY, "--json", str(figures)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"play it: ./timbrebox play --instrument {out}" in said
    assert "WARNING: out of tune" in said  # because the model was hardly trained
    card = Decoder(out).card
    assert card.name == "own sounds"
    assert {preset.name for preset in card.presets} <= {"Trompete", "Blöde Flöte", "drone long"}
    assert out.with_name("mine.encoder.onnx").is_file()

    results = json.loads(figures.read_text(encoding="utf-8"))
    assert results.keys() >= KEYS
    assert len(results["used"]) == 10
    reasons = {row["file"]: row["reason"] for row in results["skipped"]}
    assert reasons["chord.wav"] == "a chord, not a single note"
    assert 0.0 <= results["in_tune"] <= 1.0
    assert results["path_db"] > 0.0

    work = out.with_name("mine.make")
    (preview,) = sorted(work.glob("preview-*.wav"))[:1]
    samples, rate_hz = soundfile.read(preview)
    assert rate_hz == 44100
    assert np.abs(samples).max() > 0.05
    page = (work / "report.html").read_text(encoding="utf-8")
    # The page shows 2 + 2 + 1 notes of three sounds. Each has a player for the recording and one for the instrument.
    assert page.count("<audio") == 2 * 5


def test_the_figures_of_an_unchanged_folder_are_found_again(tmp_path: Path) -> None:
    folder, out = tmp_path / "horn", tmp_path / "horn.onnx"
    write_notes(folder, {"C4": 0.0})
    arguments = ["make", str(folder), "--out", str(out), "--recipe", TINY]
    assert main(arguments) == 0
    assert main(arguments) == 2  # the instrument exists
    epochs = learning.read_history(tmp_path / "horn.make" / "run")
    assert main([*arguments, "--force"]) == 0
    assert learning.read_history(tmp_path / "horn.make" / "run") == epochs
    assert Decoder(out).card.note_range == (57, 63)


def test_sounds_of_any_kind_become_an_instrument_of_pitch_classes(tmp_path: Path) -> None:
    folder, out = tmp_path / "any", tmp_path / "any.onnx"
    write(folder / "loop.wav", drums())
    write(folder / "chord.wav", chord())
    recipe = tmp_path / "any.yaml"
    text = Path(TINY).read_text(encoding="utf-8").replace("labels: known", "labels: detected")
    recipe.write_text(text.replace("chroma+octave", "chroma"), encoding="utf-8")
    figures = tmp_path / "figures.json"
    assert main(["make", str(folder), "--out", str(out), "--recipe", str(recipe), "--json", str(figures)]) == 0
    results = json.loads(figures.read_text(encoding="utf-8"))
    assert results["in_tune"] is None
    assert results["path_db"] > 0.0
    assert Decoder(out).card.conditioning.kind == "chroma"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "found no files"),
        ({"read me.txt": b"hello"}, "1 file, none usable (not a sound)"),
        ({"a.wav": b"RIFF", "b.m4a": b"x"}, "2 files, none usable (broken, or not a sound; .m4a files are not read"),
    ],
)
def test_a_folder_of_nothing_usable_is_one_line(
    files: dict[str, bytes], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert main(["make", str(folder), "--out", str(tmp_path / "x.onnx")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_mistakes_are_refused_before_anything_is_heard(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"C4": 0.0})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing").write_text("mine")
    out = str(tmp_path / "x.onnx")
    for arguments, expected in [
        ([str(tmp_path / "nowhere"), "--out", out], "no such folder"),
        ([str(folder), "--out", str(tmp_path / "x.wav")], ".onnx"),
        ([str(folder), "--out", out, "--work", str(tmp_path / "other")], "a folder of other things"),
        ([str(folder), "--out", out, "--minutes", "0"], "--minutes"),
        ([str(folder), "--out", out, "--manifest", str(tmp_path / "no.csv")], "no.csv"),
    ]:
        assert main(["make", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert expected in line
    assert not (tmp_path / "x.onnx").exists()


def test_an_interrupted_make_goes_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "sounds", tmp_path / "sounds.onnx"
    write_notes(folder, {"C4": 0.0, "E4": 0.0, "G4": 0.1})
    program = (
        "import sys; from training.making import learning; from export.making import trained; "
        "learning.MOST_STEPS = int(sys.argv.pop(1)); trained.N_POINTS = 5; "
        "trained.POINTS_PER_KEY = 1; from export.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "{steps}", "make", str(folder), "--out", str(out), "--recipe", TINY]
    metrics = tmp_path / "sounds.make" / "run" / "metrics.csv"

    def start(steps: str) -> subprocess.Popen:
        words = [word.format(steps=steps) for word in command]
        return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    first = start("100000")
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) > 6) and first.poll() is None:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGINT)
    said = first.communicate(timeout=60)[0]
    assert first.returncode == 130, said
    assert "the same command goes on from there" in said
    assert not out.exists()
    n_before = len(metrics.read_text().splitlines()) - 1

    plan = tmp_path / "sounds.make" / "run-plan.json"
    # The changed plan asks for two more epochs.
    plan.write_text(json.dumps({"n_epochs": n_before + 2, "is_last_stretch": False}))
    second = start("1")
    said = second.communicate(timeout=120)[0]
    assert second.returncode == 0, said
    assert not re.search(r"training: \d+ epochs of", said)  # the second run did not plan anew
    assert len(metrics.read_text().splitlines()) - 1 == n_before + 2
    assert Decoder(out).card.note_range == (57, 70)


def test_more_training_than_helps_is_not_done() -> None:
    falling = [{"loss": 1.0, "val_loss": 0.97**n} for n in range(40)]
    assert not learning.no_longer_helps(falling, 60)
    flat = falling + [{"loss": 1.0, "val_loss": falling[-1]["val_loss"]}] * 22
    assert learning.no_longer_helps(flat, 60)
    assert not learning.no_longer_helps(flat[-8:], 60)


def test_the_keys_of_the_contract_are_written() -> None:
    assert set(stages.RESULTS) | {"seconds", "used", "skipped"} == KEYS


def test_a_table_of_another_kind_in_the_folder_is_said_and_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "sounds"
    write(folder / "loop.wav", np.zeros(44100))
    (folder / "manifest.csv").write_text("title,price\nlamp,12\n", encoding="utf-8")
    assert main(["make", str(folder), "--out", str(tmp_path / "x.onnx")]) == 2
    captured = capsys.readouterr()
    assert "not used: " in captured.out
    assert "none usable (silence)" in captured.err
