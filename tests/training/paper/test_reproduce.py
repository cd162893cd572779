"""`reproduce` on tiny models writes every file, and trains no model twice."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from tests.support.harmonic_store import write_store
from tests.support.small_paper import (
    FURTHER_TILTS,
    MODELS,
    NO_SKIP,
    SKIP,
    VARIATIONAL,
    VIOLIN,
    reproduce,
    write_plan,
    write_tones,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished quick reproduction without violin recordings."""
    folder = tmp_path_factory.mktemp("paper")
    write_plan(folder / "plan")
    write_tones(folder)
    assert reproduce(folder) == 0
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def error_line(capsys: pytest.CaptureFixture) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert lines, "no error was shown"
    return lines[-1]


def test_every_table_figure_and_sound_is_there(finished: Path):
    out = finished / "out"
    report = (out / "report.md").read_text()
    for name in ("table2", "table5", "figures23", "vae", "corpora"):
        tree = json.loads((out / "tables" / f"{name}.json").read_text())
        rows = list(csv.DictReader((out / "tables" / f"{name}.csv").open()))
        assert len(rows) == len(tree["rows"]) > 0
        assert tree["environments"][0]["keras"]
    linked = re.findall(r"\]\(((?:figures|runs|tables)/[^)]+)\)", report)
    assert len(linked) > 15
    for path in linked:
        assert (out / path).stat().st_size > 50, path
    for path in (out / "figures").iterdir():
        assert imread(path).std() > 0.01, path
    page = (out / "report.html").read_text()
    assert page.count("<audio ") == len(list(out.glob("runs/*/traversals.ogg"))) == 3
    assert "<table>" in page
    assert soundfile.info(out / "runs" / f"{SKIP}-seed0" / "traversals.ogg").duration > 2.0


def test_what_is_kept_is_small(finished: Path):
    kept = sum(path.stat().st_size for path in (finished / "out" / "runs").rglob("*"))
    assert kept < 3 * 80_000


def test_the_column_of_a_pitch_class_that_the_corpus_lacks_says_not_trained(finished: Path):
    rows = list(csv.DictReader((finished / "out" / "tables" / "table5.csv").open()))
    assert {row["measure"] for row in rows} == {"strongest chroma", "heard in tune"}
    for row in rows:
        assert row["C#"] == "not trained"
        assert 0.0 <= float(row["C"]) <= 1.0


def test_without_violin_its_tables_are_named_and_the_rest_is_done(finished: Path):
    report = (finished / "out" / "report.md").read_text()
    assert re.search(r"\*\*Left out: table3.\*\* 1 of 1 models: no recordings for the violin corpus", report)
    outcomes = {
        outcome["key"]: outcome["verdict"] for outcome in json.loads((finished / "out/outcomes.json").read_text())
    }
    assert outcomes["table3-best"] == "not run"
    assert outcomes["vae-collapse"] in ("holds", "does not hold")
    assert "violin" not in {path.name for path in (finished / "data" / "quick").iterdir()}


def test_what_is_kept_is_enough_on_a_fresh_machine(copied: Path):
    before = (copied / "out" / "report.md").read_text()
    for name in ("data", "runs"):
        shutil.rmtree(copied / name)
    assert reproduce(copied) == 0
    assert not (copied / "runs").exists()
    assert not (copied / "data").exists()
    assert (copied / "out" / "report.md").read_text() == before


def test_more_epochs_go_on_and_fewer_are_done_already(copied: Path):
    evaluation = copied / "out" / "runs" / f"{VARIATIONAL}-seed0" / "evaluation.json"
    assert reproduce(copied, "--only", "vae", "--epochs", 2) == 0
    assert json.loads(evaluation.read_text())["n_epochs"] == 4
    assert reproduce(copied, "--only", "vae", "--epochs", 5) == 0
    assert json.loads(evaluation.read_text())["n_epochs"] == 5
    epochs = [int(row["epoch"]) for row in csv.DictReader((evaluation.parent / "history.csv").open())]
    assert epochs == [1, 2, 3, 4, 5]
    sessions = json.loads((copied / "runs" / "quick" / VARIATIONAL / "run.json").read_text())["sessions"]
    assert [session["from_epoch"] for session in sessions] == [1, 5]


def test_errors_on_further_sounds_are_kept_and_shown_in_their_table(finished: Path):
    kept = json.loads((finished / "out" / "runs" / f"{SKIP}-seed0" / "evaluation.json").read_text())
    assert set(kept["further"]["mse_by_sound"]) == set(FURTHER_TILTS)
    assert kept["further"]["mse"] == pytest.approx(np.mean(list(kept["further"]["mse_by_sound"].values())), rel=0.1)
    assert kept["further"]["corpus"]["n_train_frames"] == 0
    rows = list(csv.DictReader((finished / "out" / "tables" / "further.csv").open()))
    assert [f"paper-{row['model']}" for row in rows] == [SKIP, NO_SKIP, VARIATIONAL]
    assert {row["further sounds"] for row in rows} == {"2"}


def test_further_sounds_are_measured_later_without_training_if_the_weights_are_there(copied: Path):
    evaluation = copied / "out" / "runs" / f"{VARIATIONAL}-seed0" / "evaluation.json"
    before = json.loads(evaluation.read_text())
    without = json.dumps({key: value for key, value in before.items() if key != "further"})
    evaluation.write_text(without)
    metrics = (copied / "runs" / "quick" / VARIATIONAL / "metrics.csv").read_bytes()
    assert reproduce(copied, "--only", "vae") == 0
    assert json.loads(evaluation.read_text())["further"] == before["further"]
    assert (copied / "runs" / "quick" / VARIATIONAL / "metrics.csv").read_bytes() == metrics
    shutil.rmtree(copied / "runs")
    evaluation.write_text(without)
    assert reproduce(copied, "--only", "vae") == 0
    assert evaluation.read_text() == without
    assert not (copied / "runs").exists()


def test_recordings_have_no_further_patches(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = write_plan(tmp_path / "plan")
    path.write_text(path.read_text().replace("folder: violin", "folder: violin\n    further_patches: amsynth20.csv"))
    assert reproduce(tmp_path) == 2
    assert re.search(r"further_patches for violin.*with a scale", error_line(capsys))
    assert not (tmp_path / "runs").exists()


def test_a_second_seed_is_a_run_of_its_own_and_the_report_has_both(copied: Path):
    assert reproduce(copied, "--only", "vae", "--seeds", 2) == 0
    kept = [json.loads((copied / f"out/runs/{VARIATIONAL}-seed{seed}/evaluation.json").read_text()) for seed in (0, 1)]
    assert [report["recipe"]["fit"]["seed"] for report in kept] == [0, 1]
    assert kept[0]["mse"] != kept[1]["mse"]
    assert (copied / "runs" / "quick" / f"{VARIATIONAL}-seed1").is_dir()
    assert "seeds per model: 1 to 2" in (copied / "out" / "report.md").read_text()


def test_a_run_of_another_config_is_kept_unless_forced(copied: Path, capsys: pytest.CaptureFixture):
    write_plan(copied / "plan", learning_rate=1e-3)
    kept = copied / "out" / "runs" / f"{VARIATIONAL}-seed0" / "evaluation.json"
    before = kept.read_bytes()
    assert reproduce(copied, "--only", "vae") == 2
    assert re.search(r"seed0: found a run of another config.*--force", error_line(capsys))
    shutil.rmtree(copied / "out" / "runs")
    assert reproduce(copied, "--only", "vae") == 2
    assert re.search(r"runs/quick/paper-.*found a run of another config.*--force", error_line(capsys))
    kept.parent.mkdir(parents=True)
    kept.write_bytes(before)
    shutil.copytree(copied / "out" / "tables", kept.parent, dirs_exist_ok=True)
    assert reproduce(copied, "--only", "vae") == 2  # pictures.npz is missing
    assert "damaged" in error_line(capsys)
    shutil.rmtree(copied / "out" / "runs")
    assert reproduce(copied, "--only", "vae", "--force") == 0
    assert json.loads(kept.read_text())["recipe"]["fit"]["learning_rate"] == 1e-3


def test_a_run_of_another_corpus_is_kept_unless_forced(copied: Path, capsys: pytest.CaptureFixture):
    shutil.rmtree(copied / "data")
    write_store(copied / "data" / "quick" / "tones", notes=(84, 86, 88))
    assert reproduce(copied, "--only", "vae", "--epochs", 6) == 2
    assert re.search(r"found a run of another corpus.*--force", error_line(capsys))


def test_bad_frames_end_it_before_anything_is_trained(copied: Path, capsys: pytest.CaptureFixture):
    path = copied / "data" / "quick" / "tones" / "magnitudes.f32"
    np.memmap(path, "<f4", "r+")[513 * 40] = np.inf
    shutil.rmtree(copied / "runs")
    shutil.rmtree(copied / "out" / "runs")
    assert reproduce(copied) == 2
    assert re.search(r"not numbers in frame 40, clip 'soft .*build it again", error_line(capsys))
    assert not (copied / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "tabel2"], r"'tabel2'.*did you mean 'table2'"),
        (["--seeds", "0"], r"--seeds.*at least 1"),
        (["--epochs", "0"], r"--epochs.*at least 1"),
        (["--plan", "nowhere.yaml"], r"nowhere.yaml"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, finished: Path, capsys: pytest.CaptureFixture):
    assert reproduce(finished, *arguments) == 2
    captured = capsys.readouterr().err
    assert len(captured.splitlines()) == 1
    assert re.search(message, captured)


def test_a_bad_folder_of_runs_is_refused_before_a_corpus_is_built(copied: Path, capsys: pytest.CaptureFixture):
    for name in ("data", "runs", "out/runs"):
        shutil.rmtree(copied / name)
    (copied / "runs").touch()
    assert reproduce(copied) == 2
    assert "run.json: found Not a directory" in error_line(capsys)
    assert not (copied / "data").exists()


def test_a_folder_of_other_files_or_kind_is_refused(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "thesis.txt").write_text("years of work")
    for force in ([], ["--force"]):
        assert reproduce(copied, "--out", thesis, *force) == 2
        assert "folder of other things" in error_line(capsys)
    assert [path.name for path in thesis.iterdir()] == ["thesis.txt"]
    (copied / "out" / "reproduce.json").write_text('{"kind": "whole"}')
    assert reproduce(copied) == 2
    assert re.search(r"a whole reproduction.*a quick one", error_line(capsys))


def test_speed_is_measured_once_and_again_where_asked_for(copied: Path):
    assert "**50 % of this machine's rate**" in (copied / "out" / "report.md").read_text()
    speed = copied / "out" / "speed.json"
    speed.write_text(speed.read_text().replace("0.5", "0.75"))
    assert reproduce(copied, "--only", "vae") == 0
    assert "**75 % of this machine's rate**" in (copied / "out" / "report.md").read_text()
    assert reproduce(copied, "--only", "speed") == 0
    assert "**50 % of this machine's rate**" in (copied / "out" / "report.md").read_text()


def test_notes_say_why(copied: Path, capsys: pytest.CaptureFixture):
    notes = "vae-collapse: |\n  Beta is large.\nmissing: |\n  Two cores are few.\n"
    (copied / "out" / "notes.yaml").write_text(notes)
    assert reproduce(copied, "--report") == 0
    report = (copied / "out" / "report.md").read_text()
    assert "**Why:** Beta is large." in report
    assert "**What is missing, and why.** Two cores are few." in report
    (copied / "out" / "notes.yaml").write_text("- a list\n")
    assert reproduce(copied, "--report") == 2
    assert "notes.yaml" in error_line(capsys)


def test_violin_recordings_of_one_s_own(copied: Path, capsys: pytest.CaptureFixture):
    sounds = copied / "violin"
    sounds.mkdir()
    time_s = np.arange(22050) / 44100
    lines = ["file,split,note"]
    for index, split in enumerate(("train", "train", "train", "validation", "test")):
        sound = sum(np.sin(2 * np.pi * k * 440.0 * 2 ** (index / 12) * time_s) / k for k in range(1, 9))
        soundfile.write(sounds / f"{index}.wav", 0.2 * sound, 44100)
        lines.append(f"{index}.wav,{split},{'' if index > 2 else 69 + index}")
    (sounds / "manifest.csv").write_text("\n".join(lines) + "\n")
    (sounds / "bare.csv").write_text("file\n" + "\n".join(f"{index}.wav" for index in range(5)) + "\n")
    bare = ["--violin-manifest", sounds / "bare.csv"]
    assert reproduce(copied, "--only", "table3", "--violin", sounds, *bare) == 2
    assert re.search(r"bare.csv: found no column split.*performances", error_line(capsys))
    (sounds / "few.csv").write_text("file,split\n0.wav,train\n3.wav,val\n")
    assert reproduce(copied, "--only", "table3", "--violin", sounds, "--violin-manifest", sounds / "few.csv") == 2
    assert "2 usable recordings" in error_line(capsys)
    assert reproduce(copied, "--only", "table3", "--violin", sounds) == 0
    corpus = json.loads((copied / f"out/runs/{VIOLIN}-seed0/evaluation.json").read_text())["corpus"]
    assert corpus["options"]["n_clips"] == 4  # 4 of 5: the quick plan takes only two of the three training notes
    assert corpus["n_val_frames"] > 0
    assert "Left out" not in (copied / "out" / "report.md").read_text()
    path = copied / f"out/runs/{VIOLIN}-seed0/evaluation.json"
    older = json.loads(path.read_text())
    del older["corpus"]["options"]["transpose"]  # as in runs that were kept before this option existed
    path.write_text(json.dumps(older))
    assert reproduce(copied, "--only", "table3", "--violin", sounds) == 0
    assert set(MODELS) == {path.name.removesuffix("-seed0") for path in (copied / "out" / "runs").iterdir()}
    shutil.rmtree(copied / "data" / "quick" / "violin")
    kept = (copied / f"out/runs/{VIOLIN}-seed0/evaluation.json").read_text()
    assert reproduce(copied, "--only", "table3", "--epochs", 9) == 0  # a new run would need recordings
    assert (copied / f"out/runs/{VIOLIN}-seed0/evaluation.json").read_text() == kept
