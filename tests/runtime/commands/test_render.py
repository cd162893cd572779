"""`render` plays in tune, and writes the same bytes for the same seed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest

from runtime.__main__ import main
from runtime.instrument.library import BUNDLED_FOLDER, DEFAULT_INSTRUMENT
from tests.support.hearing import cents_off, read_wav
from tests.support.places import ROOT

DATA = ROOT / "tests" / "data"
TINY, SCALE = str(DATA / "tiny.onnx"), str(DATA / "scale.mid")
BUNDLED = str(BUNDLED_FOLDER / f"{DEFAULT_INSTRUMENT}.onnx")


def write_midi(path: str | Path, *messages: mido.Message | mido.MetaMessage, ticks_per_beat: int = 480) -> str:
    midi_file = mido.MidiFile(tracks=[mido.MidiTrack(messages)], ticks_per_beat=ticks_per_beat)
    midi_file.save(path)
    return str(path)


def note(time: int) -> mido.Message:
    return mido.Message("note_on", note=60, velocity=100, time=time)


def test_a_chromatic_scale_of_the_default_preset_is_in_tune(tmp_path: Path) -> None:
    out = tmp_path / "scale.wav"
    assert main(["render", SCALE, str(out)]) == 0
    sound, rate_hz = read_wav(out)
    starts = [time_s for time_s, event in timed_note_ons(SCALE)]
    assert len(starts) == 36
    off = []
    for note, start_s in zip(range(48, 84), starts, strict=True):
        first = round((start_s + 0.03) * rate_hz)
        off.append(cents_off(sound[first : first + round(0.45 * rate_hz), 0], rate_hz, note))
    assert max(np.abs(off)) < 20.0, np.round(off, 1)


def timed_note_ons(path: str) -> list[tuple[float, mido.Message]]:
    time_s, found = 0.0, []
    for message in mido.MidiFile(path):
        time_s += message.time
        if message.type == "note_on" and message.velocity:
            found.append((time_s, message))
    return found


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert main(["render", SCALE, str(tmp_path / name), "--instrument", TINY, "--seed", seed]) == 0
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same != other


def test_the_file_is_stereo_44100_hz_16_bit_with_its_tail_and_without_drums(tmp_path: Path) -> None:
    song = write_midi(
        tmp_path / "song.mid",
        mido.MetaMessage("set_tempo", tempo=1_000_000),
        mido.Message("note_on", note=60, velocity=100, channel=9),
        mido.Message("note_on", note=60, velocity=100, channel=3, time=480),
        mido.MetaMessage("set_tempo", tempo=250_000, time=480),
        mido.Message("note_off", note=60, channel=3, time=480),
    )
    assert main(["render", song, str(tmp_path / "song.wav"), "--instrument", TINY]) == 0
    sound, rate_hz = read_wav(tmp_path / "song.wav")
    assert (rate_hz, sound.shape[1]) == (44100, 2)
    heard = np.flatnonzero(np.abs(sound[:, 0]) > 1e-3)
    assert heard[0] / rate_hz == pytest.approx(1.0, abs=0.005)
    assert 2.25 < heard[-1] / rate_hz < 2.6  # the key comes up at 2.25 s, then the note fades


def test_knob_positions_change_the_sound(tmp_path: Path) -> None:
    def brightness(latents: str) -> float:
        assert main(["render", SCALE, str(tmp_path / "k.wav"), "--instrument", TINY, "--latents", latents]) == 0
        spectrum = np.abs(np.fft.rfft(read_wav(tmp_path / "k.wav")[0][:, 0]))
        return float((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())

    assert brightness("1,1") > 1.5 * brightness("0,0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.mid", "out.wav"], "none.mid: found no such file"),
        (["words.mid", "out.wav"], "expected a MIDI file"),
        (["cut.mid", "out.wav"], "found a truncated MIDI file"),
        (["empty.mid", "out.wav"], "MIDI file"),
        ([SCALE, "none/out.wav"], "expected a writable place"),
        (["endless-number.mid", "out.wav"], "found a damaged MIDI file (a number without an end)"),
        (["film.mid", "out.wav"], "found a damaged MIDI file (times in frames of film"),
        (["large.mid", "out.wav"], "expected a MIDI file of at most 2,097,152"),
        (["long.mid", "out.wav"], "found 1,250,999.82 hours of music; expected at most 6.75"),
        ([SCALE, "out.wav", "--instrument", "large.onnx"], "expected an .onnx instrument of at most 67,108,864"),
        ([SCALE, "out.wav", "--config", "large.yaml"], "expected a readable YAML file of at most 262,144"),
        ([SCALE, "out.wav", "--config", "bomb.yaml"], "bomb.yaml, line 4: found more than 10 aliases"),
        ([SCALE, "out.wav", "--config", "deep.yaml"], "found lists inside lists without end"),
        ([SCALE, "out.wav", "--config", "date.yaml"], "found a value that cannot be read"),
        ([SCALE, "out.wav", "--config", "scale.yaml"], "expected a Scala file (.scl) of at most 262,144"),
        ([SCALE, "out.wav", "--instrument", "virtual-analog"], "did you mean 'virtual-analogue'?"),
        ([SCALE, "out.wav", "--instrument", "none.onnx"], "none.onnx: found no such file"),
        ([SCALE, "out.wav", "--instrument", "words.onnx"], "an ONNX model ("),
        ([SCALE, "out.wav", "--instrument", TINY, "--preset", "brigt"], "did you mean 'bright'?"),
        ([SCALE, "out.wav", "--instrument", TINY, "--latents", "0.5"], "expected 2 numbers from 0 to 1"),
        ([SCALE, "out.wav", "--instrument", TINY, "--latents", "0.5,1.5"], "expected 2 numbers from 0 to 1"),
        ([SCALE, "out.wav", "--instrument", TINY, "--seed", "x"], "'x' is no whole number"),
        ([SCALE, "out.wav", "--instrument", TINY, "--phase", "noisy"], "did you mean 'noise'?"),
        ([SCALE, "out.wav", "--config", "bad.yaml"], "unknown key 'voicse'"),
        ([SCALE, "out.wav", "--config", "range.yaml"], "found 99 at voice.n_voices"),
        ([SCALE, "out.wav", "--now", "--sound", "x"], "--sound: found --now, which has one"),
        (["long.mid", "out.wav", "--most-minutes", "30"], "minutes of music; expected at most 30"),
        ([SCALE], "OUT.wav"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.mid").write_text("no music, only words")
    Path("words.onnx").write_text("no model, only words")
    Path("cut.mid").write_bytes(Path(SCALE).read_bytes()[:-60])
    Path("empty.mid").write_bytes(b"")
    Path("bad.yaml").write_text("voicse: {}")
    Path("range.yaml").write_text("voice: {n_voices: 99}")
    write_odd_midi_files()
    write_odd_yaml_files()
    for name in ("large.mid", "large.onnx", "large.yaml", "large.scl"):
        with open(name, "wb") as stream:
            stream.truncate(2**28 + 1)
    assert main(["render", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not Path("out.wav").exists()


def write_odd_midi_files() -> None:
    write_midi("long.mid", mido.MetaMessage("set_tempo", tempo=2**24 - 1), note(2**28 - 1), ticks_per_beat=1)
    write_midi("film.mid", note(480), ticks_per_beat=-25 * 256 + 40)
    delta = note(480).bin()
    write_midi("endless-number.mid", note(0))
    content = Path("endless-number.mid").read_bytes()
    Path("endless-number.mid").write_bytes(content.replace(b"\x00" + delta, b"\xff" * 100_000 + b"\x00" + delta))


def write_odd_yaml_files() -> None:
    levels = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 4)}]" for i in range(1, 30))]
    Path("bomb.yaml").write_text("\n".join(levels))
    Path("deep.yaml").write_text("[" * 50_000)
    Path("date.yaml").write_text("preset: 2001-99-99")
    Path("scale.yaml").write_text("tuning: {scale: large.scl}")


def test_a_few_aliases_are_allowed(tmp_path: Path) -> None:
    config = tmp_path / "alias.yaml"
    config.write_text("seed: &number 3\nvoice: {n_voices: *number}")
    assert main(["render", SCALE, str(tmp_path / "out.wav"), "--instrument", TINY, "--config", str(config)]) == 0


def test_what_was_there_stays_when_rendering_fails(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"an earlier take")
    assert main(["render", str(tmp_path / "none.mid"), str(out), "--instrument", TINY]) == 2
    assert out.read_bytes() == b"an earlier take"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_an_instrument_of_the_user_s_own_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "instruments").mkdir()
    shutil.copy(TINY, tmp_path / "instruments" / "mine.onnx")
    command = [sys.executable, "-m", "runtime", "render", SCALE, "out.wav", "--instrument", "mine"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.wav").exists()
