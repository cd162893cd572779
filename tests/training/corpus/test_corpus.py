"""`corpus DIR`: recordings of any format become frames; unusable ones are named and skipped."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from training.__main__ import main
from training.corpus.frames import SPLITS, FrameStore
from training.corpus.recordings import split_by_clip

SPEC = StftSpec()


def tone(note: float, seconds: float = 1.0, rate_hz: int = 44100, n_channels: int = 1) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 0.3 * np.sin(2.0 * np.pi * note_to_hz(note) * time_s)
    return np.repeat(wave[:, None], n_channels, axis=1)


def save(path: Path, samples: np.ndarray, rate_hz: int = 44100, **options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, **options)
    return path


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    for index, note in enumerate((57, 60, 64, 67)):
        save(tmp_path / "sounds" / f"{index}.wav", tone(note))
    return tmp_path / "sounds"


def corpus(folder: Path, out: Path, *options: object) -> int:
    return main(["corpus", str(folder), "--out", str(out), *map(str, options)])


def error_line(capsys: pytest.CaptureFixture) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("timbrebox: ")]
    assert len(lines) == 1
    return lines[0]


def test_every_format_rate_and_channel_count_keeps_its_pitch(tmp_path: Path) -> None:
    kinds = [("wav", 48000, 2), ("flac", 22050, 1), ("ogg", 44100, 2), ("mp3", 32000, 2), ("aiff", 96000, 6)]
    for suffix, rate_hz, n_channels in kinds:
        save(tmp_path / "in" / "deep" / f"{suffix}.{suffix.upper()}", tone(69, 2.0, rate_hz, n_channels), rate_hz)
    save(tmp_path / "in" / "float.wav", tone(69, 2.0), subtype="FLOAT")
    assert corpus(tmp_path / "in", tmp_path / "out") == 0
    store = FrameStore.open(tmp_path / "out")
    assert {clip.name for clip in store.clips} == {"float.wav", *(f"deep/{s}.{s.upper()}" for s, _, _ in kinds)}
    for index in range(len(store.clips)):
        mine = store.clip == index
        assert abs(np.count_nonzero(mine) - 83) <= 2  # two seconds have 83 frames
        assert set(store.magnitudes[mine].argmax(axis=1)) == {round(440.0 / SPEC.bin_hz)}
    assert set(store.chroma) == {9}
    assert set(store.note) == {-1}


def test_streaming_a_long_recording_gives_the_frames_of_one_transform(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 44100 * 30 + 77)
    long = save(tmp_path / "in" / "long.flac", noise)
    for index in range(2):
        save(tmp_path / "in" / f"{index}.wav", tone(60))
    assert corpus(tmp_path / "in", tmp_path / "out") == 0
    store = FrameStore.open(tmp_path / "out")
    index = [clip.name for clip in store.clips].index("long.flac")
    whole, _ = unit_peak_frames(magnitude_frames(soundfile.read(long, dtype="float32")[0], SPEC))
    np.testing.assert_array_equal(store.magnitudes[store.clip == index], whole)


@pytest.mark.parametrize("n_clips", [3, 7, 80, 400])
def test_split_by_clip_fills_every_split_and_is_seeded(n_clips: int) -> None:
    splits = split_by_clip(n_clips, 0)
    n_held_out = max(1, round(n_clips / 16))
    counts = {split: splits.count(split) for split in SPLITS}
    assert counts == {"train": n_clips - 2 * n_held_out, "val": n_held_out, "test": n_held_out}
    assert splits == split_by_clip(n_clips, 0)
    assert n_clips == 3 or splits != split_by_clip(n_clips, 1)


def test_unusable_files_are_named_and_skipped(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (sounds / "text.wav").write_text("not a sound")
    (sounds / "empty.flac").touch()
    whole = save(sounds / "cut.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 44100 * 20))
    whole.write_bytes(whole.read_bytes()[:900_000])
    whole = save(sounds / "cut.mp3", tone(60, 20.0))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    late = tone(60, 15.0)  # longer than one read block, so that frames are added before the NaN is read
    late[-100] = np.nan
    save(sounds / "nan.wav", late, subtype="FLOAT")
    save(sounds / "silent.wav", np.zeros(44100))
    save(sounds / "short.wav", tone(60, 0.05))
    (sounds / "notes.txt").write_text("a text file with an honest name")
    assert corpus(sounds, tmp_path / "out") == 0
    output = capsys.readouterr()
    bad = {"text.wav", "empty.flac", "cut.flac", "cut.mp3", "nan.wav", "silent.wav", "short.wav"}
    named = {Path(line.split(": ")[0]).name: line for line in output.err.splitlines() if line.startswith("skipped ")}
    assert named.keys() == bad
    assert "from 15.00 s on" in named["nan.wav"]
    assert "silence" in named["silent.wav"]
    assert "4 of 11 recordings used" in output.out
    store = FrameStore.open(tmp_path / "out")
    assert [clip.name for clip in store.clips] == [f"{index}.wav" for index in range(4)]
    assert store.about["options"]["n_skipped"] == 7
    assert np.isfinite(store.magnitudes).all()


def test_strict_stops_at_an_unusable_file(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (sounds / "text.wav").write_text("not a sound")
    assert corpus(sounds, tmp_path / "out", "--strict") == 2
    assert "text.wav" in error_line(capsys)
    assert os.listdir(tmp_path) == ["sounds"]


def no_sounds(folder: Path) -> None:
    folder.mkdir()


def two_sounds(folder: Path) -> None:
    for index in range(2):
        save(folder / f"{index}.wav", tone(60))


def silence(folder: Path) -> None:
    for index in range(4):
        save(folder / f"{index}.wav", np.zeros(44100))


def two_sounds_and_silence(folder: Path) -> None:
    silence(folder)
    two_sounds(folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_sounds, "no recordings"),
        (two_sounds, "2 usable recordings"),
        (silence, "no usable recording"),
        (two_sounds_and_silence, "2 usable recordings"),
        (lambda folder: None, "no such folder"),
    ],
)
def test_folders_without_enough_sounds_are_refused(
    make, message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make(tmp_path / "in")
    assert corpus(tmp_path / "in", tmp_path / "out") == 2
    assert message in error_line(capsys)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.partial").exists()


def test_frames_are_replaced_only_with_force(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert corpus(sounds, tmp_path / "out") == 0
    before = FrameStore.open(tmp_path / "out").fingerprint()
    save(sounds / "more.wav", tone(62))
    assert corpus(sounds, tmp_path / "out") == 2
    assert "--force" in error_line(capsys)
    assert FrameStore.open(tmp_path / "out").fingerprint() == before
    assert corpus(sounds, tmp_path / "out", "--force") == 0
    assert FrameStore.open(tmp_path / "out").fingerprint() != before


def test_manifest_gives_notes_splits_and_licences(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "\ufefffile, split, note, midi, licence, source, mood\n"
        "0.wav,train_solo,A3,57,CC0,first,glad\n"
        '1.wav,train,C4,,"CC-BY, Ann",second,\n'
        "2.wav,validation,64,,CC0,first,sad\n"
        "3.wav,test,,,CC0,first,\n"
        "gone.wav,test,,,CC0,first,\n"
    )
    assert corpus(sounds, tmp_path / "out", "--manifest", manifest) == 0
    output = capsys.readouterr()
    store = FrameStore.open(tmp_path / "out")
    assert [(clip.split, clip.note) for clip in store.clips] == [
        ("train", 57),
        ("train", 60),
        ("val", 64),
        ("test", None),
    ]
    assert store.about["licence"] == "CC-BY, Ann; CC0"
    assert store.about["sources"] == ["first", "second"]
    assert set(store.chroma[store.rows("test")]) == {7}  # pitch class G, detected from the sound
    assert "gone.wav: no such file" in output.err
    missing = next(line for line in output.out.splitlines() if line.startswith("train has no frame"))
    assert missing.split(": ")[0].split(" of ")[1] == "C#, D, D#, E, F, F#, G, G#, A#, B"
    row = next(line for line in output.out.splitlines() if line.split()[:1] == ["G"])
    assert row.split()[1:] == ["0", "0", "40", "40"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,split\n0.wav,train\n", "no column 'file'"),
        ("file,split\n", "no rows"),
        ("file,split\n0.wav,train\n1.wav,tset\n2.wav,val\n", "line 3: found split 'tset'.*did you mean 'test'"),
        ("file,split\n0.wav,train\n1.wav,\n2.wav,val\n", "line 3: found no split"),
        ("file,note\n0.wav,60\n1.wav,H4\n2.wav,\n", "line 3: found note 'H4'"),
        ("file,note\n0.wav,60\n1.wav,128\n2.wav,\n", "line 3: found note '128'"),
        ("file\n0.wav\n1.wav\n./0.wav\n", "line 4: found './0.wav' again"),
        ("file,split\n0.wav,train\n1.wav,train\n2.wav,val\n", "nothing in split 'test'"),
        ("file\n0.wav\n1.wav\n", "2 usable recordings"),
        ("file,split\n0.wav,train\n1.wav,val\ngone.wav,test\n", "nothing in split 'test'"),
    ],
)
def test_wrong_manifests_are_refused(
    sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture, text: str, message: str
) -> None:
    (tmp_path / "list.csv").write_text(text)
    assert corpus(sounds, tmp_path / "out", "--manifest", tmp_path / "list.csv") == 2
    line = error_line(capsys)
    assert re.search(message, line), line
    assert not (tmp_path / "out").exists()


def test_options_of_the_other_source_are_refused(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert corpus(sounds, tmp_path / "out", "--octaves", 1) == 2
    assert "--octaves" in error_line(capsys)
    assert main(["corpus", "amsynth", "--strict"]) == 2
    assert "--strict" in error_line(capsys)


def saw(note: float, seconds: float = 1.0) -> np.ndarray:
    return sum(tone(note + 12.0 * np.log2(k), seconds) / k for k in range(1, 9))


def test_clear_gives_each_sound_its_heard_note_and_names_the_sounds_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name, note in {"a": 57, "b": 60.1, "c": 64, "d": 67}.items():
        save(tmp_path / "in" / f"{name}.wav", saw(note))
    save(tmp_path / "in" / "glide.wav", np.concatenate([saw(note, 0.2) for note in range(40, 64, 3)]))
    save(tmp_path / "in" / "between.wav", saw(70.45))
    assert corpus(tmp_path / "in", tmp_path / "out", "--clear") == 0
    store = FrameStore.open(tmp_path / "out")
    assert {clip.name: clip.note for clip in store.clips} == {"a.wav": 57, "b.wav": 60, "c.wav": 64, "d.wav": 67}
    said = capsys.readouterr().err
    assert "glide.wav: no single note is heard in it" in said
    assert "between.wav: nothing in it is heard at its note, A#4" in said


def test_clear_leaves_out_sounds_heard_at_another_note_than_in_the_manifest(tmp_path: Path) -> None:
    for name, note in {"right": 60, "octave": 72, "also": 62, "third": 64}.items():
        save(tmp_path / "in" / f"{name}.wav", saw(note))
    rows = ["file,note", "right.wav,60", "octave.wav,60", "also.wav,62", "third.wav,64"]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    assert corpus(tmp_path / "in", tmp_path / "out", "--clear", "--manifest", tmp_path / "list.csv") == 0
    assert {clip.name for clip in FrameStore.open(tmp_path / "out").clips} == {"right.wav", "also.wav", "third.wav"}
