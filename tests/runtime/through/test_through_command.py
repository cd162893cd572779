"""The command `through` reads files of any kind, and writes a whole WAV or none."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.__main__ import main
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from runtime.through.chain import Chain
from runtime.through.offline import through_blocks
from tests.support.places import DATA
from tests.support.tones import RATE_HZ, tone

TINY = DATA / "tiny.onnx"


def through(*arguments: object, instrument: Path = TINY) -> int:
    return main(["through", *map(str, arguments), "--instrument", str(instrument)])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, tone(60, 0.5), RATE_HZ)
    return path


def test_a_recording_becomes_a_wav_of_its_length(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert through(recording, out) == 0
    assert (soundfile.info(out).samplerate, soundfile.info(out).channels) == (RATE_HZ, 1)
    assert soundfile.info(out).frames == soundfile.info(recording).frames
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{out}: 0.5 s through tiny")
    assert (printed.out.count("\n"), printed.err) == (1, "")


@pytest.mark.parametrize(("name", "rate_hz", "n_channels"), [("a.flac", 48000, 2), ("ä b.ogg", 22050, 1)])
def test_other_kinds_rates_and_channels_are_read(tmp_path: Path, name: str, rate_hz: int, n_channels: int) -> None:
    path, out = tmp_path / name, tmp_path / "out.wav"
    sound = tone(60, 0.5)
    soundfile.write(path, np.repeat(sound[:, None], n_channels, axis=1), rate_hz)
    assert through(path, out) == 0
    assert abs(soundfile.info(out).duration - len(sound) / rate_hz) < 0.001


def test_the_options_reach_the_sound(recording: Path, tmp_path: Path) -> None:
    sounds = {}
    for number, options in enumerate(
        ([], ["--latents", "0.5,0.5"], ["--latents", "0.5,1"], ["--colour", 0], ["--motion", 0], ["--dry-wet", 0])
    ):
        out = tmp_path / f"{number}.wav"
        assert through(recording, out, *options) == 0
        sounds[number] = soundfile.read(out)[0]
    given = soundfile.read(recording)[0]
    assert np.array_equal(sounds[0], sounds[1])
    for number in (2, 3, 4):
        assert not np.array_equal(sounds[number], sounds[0])
    assert np.abs(sounds[5] - given).max() < 1e-3


@pytest.mark.parametrize("n", [1, 1500, 2205])
def test_a_recording_shorter_than_a_frame_keeps_its_length(tmp_path: Path, n: int) -> None:
    short, out = tmp_path / "short.wav", tmp_path / "out.wav"
    soundfile.write(short, np.full(n, 0.1), RATE_HZ)
    assert through(short, out) == 0
    assert len(soundfile.read(out)[0]) == n


def test_the_input_is_never_overwritten(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, link = recording.read_bytes(), tmp_path / "link.wav"
    link.symlink_to(recording)
    for out in (recording, link):
        assert through(recording, out) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert recording.read_bytes() == before


def test_a_recording_that_breaks_off_leaves_no_file_and_the_old_one_as_it_was(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, out = tmp_path / "broken.wav", tmp_path / "out.wav"
    samples = np.full(RATE_HZ, 0.1, np.float32)
    samples[-1] = np.nan
    soundfile.write(broken, samples, RATE_HZ, subtype="FLOAT")
    assert through(broken, out) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.wav", "in.wav"]
    out.write_bytes(b"old")
    assert through(broken, out) == 2
    assert out.read_bytes() == b"old"
    assert "NaN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ("nothing.wav", [], "no such file"),
        (".", [], "a folder"),
        ("text.wav", [], "not a readable recording"),
        ("empty.wav", [], "no samples"),
        ("in.wav", ["--latents", "0.5"], "2 numbers from 0 to 1"),
        ("in.wav", ["--colour", "2"], "a number from 0 to 1"),
        ("in.wav", ["--motion", "many"], "a number from 0 to 2"),
        ("in.wav", ["--dry-wet", "-1"], ""),
    ],
)
def test_a_mistake_is_said_in_one_line(
    recording: Path, capsys: pytest.CaptureFixture[str], given: str, options: list[str], words: str
) -> None:
    folder = recording.parent
    (folder / "text.wav").write_text("no sound")
    soundfile.write(folder / "empty.wav", np.zeros(0), RATE_HZ)
    assert through(folder / given, folder / "out.wav", *options) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert words in said
    assert not (folder / "out.wav").exists()


def test_an_instrument_without_an_encoder_is_refused(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert through(recording, tmp_path / "out.wav", instrument=DATA / "tiny-none.onnx") == 2
    assert "tiny-none.encoder.onnx" in capsys.readouterr().err


def test_a_long_sound_needs_no_memory_of_its_length() -> None:
    decoder = Decoder(TINY)
    chain = Chain(decoder, load_encoder(decoder), decoder.card.spec)
    block = tone(60, 2.0)
    held: list[int] = []
    for number, ready in enumerate(through_blocks((block for _ in range(30)), chain)):
        held.append(len(ready))
        if number == 2:
            before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(held) == 30 * len(block)
    assert max(held) <= 64 * decoder.card.spec.hop_size
    # An array with the whole sound would need 40 MB or more.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 10_000
