"""`encode` makes sounds that play like the recording."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.__main__ import main
from runtime.acoustics.pitch import note_to_hz
from runtime.encoding import writing
from runtime.encoding.candidates import Coder, Options, coder_of, encode_recording, sound_of
from runtime.instrument.encoder import load_encoder
from runtime.sound.file import load_sound
from tests.soak.encode_recordings import LEVEL_TIMES_S, measure, rendered
from tests.support.places import DATA
from tests.support.playing import decoder

TINY = str(DATA / "tiny.onnx")
RATE_HZ = 44100


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def coder() -> Coder:
    return coder_of(decoder(), load_encoder(decoder()))


def tone(note: float, level_db: np.ndarray, n_harmonics: int = 10) -> np.ndarray:
    """A tone whose harmonic k has amplitude 1 / k; level_db: the level every 10 ms."""
    n = (len(level_db) - 1) * RATE_HZ // 100
    time_s = np.arange(n) / RATE_HZ
    at_db = np.interp(time_s * 100.0, np.arange(len(level_db)), level_db)
    f0_hz = float(note_to_hz(note))
    partials = (np.sin(2.0 * np.pi * k * f0_hz * time_s + k * k) / k for k in range(1, n_harmonics + 1))
    return 0.3 * 10.0 ** (at_db / 20.0) * sum(partials)


HELD = np.interp(np.arange(250), [0, 15, 60, 200, 230], [-40.0, 0.0, -6.0, -6.0, -50.0])
STRUCK = np.linspace(0.0, -45.0, 250)


def encoded(path: Path, *options: str) -> int:
    return main(["encode", str(path), "--instrument", TINY, *options])


@pytest.mark.parametrize("level_db", [HELD, STRUCK], ids=["held", "struck"])
@pytest.mark.parametrize("note", [60, 55.2, 40, 90])
def test_what_is_rendered_has_the_recordings_level_and_colour(
    here: Path, coder: Coder, level_db: np.ndarray, note: float
) -> None:
    soundfile.write(here / "a.wav", tone(note, level_db), RATE_HZ, subtype="FLOAT")
    reading = encode_recording(here / "a.wav", coder, Options(most=1))[0].reading
    assert reading.note == round(note)
    distance_db, errors_db, ours_s, asked_s = measure(reading, rendered(reading, coder))
    without_db = measure(reading, rendered(reading, coder, 0.0))[0]
    assert distance_db < 4.0
    assert distance_db < without_db + 0.1
    known = [error for error in errors_db if np.isfinite(error)]
    assert len(known) >= len(LEVEL_TIMES_S) - 1
    assert np.abs(known).max() < 1.5
    assert abs(ours_s - asked_s) <= 0.025


def test_marks_loop_and_envelope_are_those_of_the_recording(here: Path, coder: Coder) -> None:
    soundfile.write(here / "held.wav", tone(60, HELD), RATE_HZ, subtype="FLOAT")
    soundfile.write(here / "struck.wav", tone(60, STRUCK), RATE_HZ, subtype="FLOAT")
    held, struck = (encode_recording(here / f"{name}.wav", coder, Options(1))[0] for name in ("held", "struck"))
    path = held.reading.trajectory
    assert path.release_s == pytest.approx(2.0, abs=0.1)
    assert path.loop_s is not None
    assert path.attack_s <= path.loop_s[0] < path.loop_s[1] <= path.release_s
    assert struck.reading.trajectory.plays_once
    assert struck.reading.trajectory.loop_s is None
    envelope = held.sound.envelope
    assert (envelope.attack_s, envelope.sustain) == (0.001, 1.0)
    assert envelope.release_s >= 0.25


def test_the_path_is_an_offset_from_the_knobs_of_the_steady_form(here: Path, coder: Coder) -> None:
    soundfile.write(here / "a.wav", tone(60, HELD), RATE_HZ)
    candidate = encode_recording(here / "a.wav", coder, Options(1))[0]
    reading, sound = candidate.reading, candidate.sound
    assert not reading.trajectory.replaces_knobs
    assert set(sound.latents) == set(reading.trajectory.knobs) == {"low harmonics", "high harmonics"}
    positions = reading.positions + reading.trajectory.latents
    assert positions.min() >= -1e-6
    assert positions.max() <= 1.0 + 1e-6
    assert sound.made_for.sha256 is not None
    trajectory = sound_of(reading, "x", coder, Options(colour=0.4)).trajectory
    assert trajectory.colour == 0.4
    assert trajectory.key == reading.note


def test_a_sound_moves_around_the_positions_that_are_asked_for(here: Path, coder: Coder) -> None:
    soundfile.write(here / "a.wav", tone(60, HELD), RATE_HZ)
    asked = np.array([0.9, 0.1])
    (searched,), (placed,) = (encode_recording(here / "a.wav", coder, Options(1, around=at)) for at in (None, asked))
    assert list(placed.sound.latents.values()) == asked.tolist()
    assert placed.reading.distance_db >= searched.reading.distance_db
    assert placed.reading.distance_db < 4.0  # the colour corrects most of what these positions get wrong


def test_the_command_writes_sounds_and_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(here / "bläser 1.wav", tone(60.25, HELD), RATE_HZ)
    assert encoded(here / "bläser 1.wav", "--out", "out/x.yaml", "--json", "x.json") == 0
    rows = json.loads((here / "x.json").read_text())["candidates"]
    assert [row["file"] for row in rows] == ["out/x.yaml", "out/x-2.yaml"][: len(rows)]
    assert rows[0]["note"] == 60
    assert rows[0]["cents"] == pytest.approx(25.0, abs=4.0)
    assert 0.0 < rows[0]["distance_db"] < rows[0]["nearest_trained_db"]
    sound = load_sound(here / "out" / "x.yaml")
    assert (sound.name, sound.made_for.name) == ("bläser 1", "tiny")
    assert "C4, +25 cents" in capsys.readouterr().out.replace("+24", "+25").replace("+26", "+25")
    assert main(["render", str(DATA / "scale.mid"), "a.wav", "--sound", "out/x.yaml", "--instrument", TINY]) == 0


def test_a_file_that_is_there_stays_unless_forced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(here / "a.wav", tone(60, HELD), RATE_HZ)
    (here / "a-2.yaml").write_text("mine")
    assert encoded(here / "a.wav") == 2
    assert "a-2.yaml: found a file that is already there" in capsys.readouterr().err
    assert not (here / "a.yaml").exists()
    assert encoded(here / "a.wav", "--candidates", "1") == 0
    assert (here / "a-2.yaml").read_text() == "mine"
    assert encoded(here / "a.wav", "--force") == 0


def test_sounds_are_written_all_or_none(here: Path, coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(here / "a.wav", tone(60, HELD), RATE_HZ)
    candidates = encode_recording(here / "a.wav", coder, Options(1)) * 3
    save, written = writing.save_sound, []

    def failing(path: Path, *arguments: object, **options: object) -> None:
        if len(written) == 2:
            raise OSError("the disk is full")
        written.append(path)
        save(path, *arguments, **options)

    monkeypatch.setattr(writing, "save_sound", failing)
    with pytest.raises(OSError, match="disk is full"):
        writing.write_candidates(here / "x.yaml", candidates, here / "a.wav")
    assert [path.name for path in written] == ["x.yaml", "x-2.yaml"]
    assert sorted(path.name for path in here.iterdir()) == ["a.wav"]


def test_a_chord_gives_its_nearest_sound_and_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(here / "chord.wav", 0.3 * sum(tone(note, HELD) for note in (60, 64, 67)), RATE_HZ)
    assert encoded(here / "chord.wav", "--json", "x.json") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "no single held note is heard in it (a chord, speech or noise?)" in line
    assert not json.loads((here / "x.json").read_text())["candidates"][0]["is_single_note"]
    assert load_sound(here / "chord.yaml").phase_blend is not None


def test_a_folder_becomes_a_bank_and_bad_files_are_skipped(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "in" / "sub").mkdir(parents=True)
    soundfile.write(here / "in" / "a.wav", tone(60, HELD), RATE_HZ)
    soundfile.write(here / "in" / "a.flac", tone(64, HELD), RATE_HZ)
    soundfile.write(here / "in" / "sub" / "b c.ogg", tone(55, STRUCK), 48000)
    soundfile.write(here / "in" / "silence.wav", np.zeros(RATE_HZ), RATE_HZ)
    (here / "in" / "broken.mp3").write_bytes(b"no sound" * 100)
    (here / "in" / "notes.txt").write_text("not meant")
    assert encoded(here / "in", "--json", "x.json") == 0
    told = capsys.readouterr()
    assert sorted(path.name for path in (here / "in-sounds").iterdir()) == ["a (2).yaml", "a.yaml", "sub-b c.yaml"]
    assert "in-sounds: 3 sounds, 2 skipped" in told.out
    assert "broken.mp3: found not a readable recording" in told.err
    assert "silence.wav: found nothing but silence" in told.err
    assert len(json.loads((here / "x.json").read_text())["candidates"]) == 3
    assert encoded(here / "in") == 2  # the output files exist already
    assert "none of 5 recordings usable" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("none.wav", (), "none.wav: found no such file; expected a recording"),
        ("text.wav", (), "text.wav: found not a readable recording"),
        ("silence.wav", (), "silence.wav: found nothing but silence"),
        ("short.wav", ("--out", "x.wav"), "--out: found x.wav; expected a name that ends in .yaml"),
        ("short.wav", ("--colour", "2"), "--colour: found 2; expected a number from 0 to 1"),
        ("empty", (), "empty: found no recordings"),
    ],
)
def test_a_mistake_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...], said: str
) -> None:
    (here / "text.wav").write_text("no sound")
    (here / "empty").mkdir()
    soundfile.write(here / "silence.wav", np.zeros(RATE_HZ), RATE_HZ)
    soundfile.write(here / "short.wav", tone(60, HELD), RATE_HZ)
    assert encoded(here / name, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(here.glob("*.yaml"))


def test_an_instrument_without_an_encoder_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(here / "a.wav", tone(60, HELD), RATE_HZ)
    shutil.copy(TINY, here / "alone.onnx")
    assert main(["encode", "a.wav", "--instrument", "./alone.onnx"]) == 2
    assert "alone.encoder.onnx: found no such file; expected the encoder of tiny" in capsys.readouterr().err


def test_a_very_short_sound_is_encoded(here: Path) -> None:
    soundfile.write(here / "a.wav", tone(72, np.array([0.0, 0.0, -10.0])), RATE_HZ)
    assert encoded(here / "a.wav", "--candidates", "1") == 0
    assert load_sound(here / "a.yaml").trajectory is not None
