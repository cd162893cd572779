"""`gallery` writes a page, pictures, and audio files that are equally loud."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from export.gallery.audio import LARGEST_BYTES, integrated_lufs
from export.gallery.cast import Heard, cast
from export.gallery.morph import STAYS_S, TRAVELS_S, play_morph
from runtime.acoustics.pitch import note_to_hz
from runtime.base.command_line import run_package
from runtime.config import Config
from runtime.instrument.library import DEFAULT_INSTRUMENT, load
from runtime.sound.patch import Patch
from runtime.sound.store import instrument_sounds
from tests.support.places import DATA
from tests.support.playing import SAMPLE_RATE_HZ, decoder

TINY = str(DATA / "tiny.onnx")


def gallery(*arguments: object) -> int:
    return run_package("export", ["gallery", *map(str, arguments)])


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "tiny").mkdir()
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    rows = ["file,note,sound,velocity,licence,source"]
    for note in (60, 64, 67):
        harmonics = [np.sin(2 * np.pi * k * note_to_hz(note) * time_s) / k for k in range(1, 25)]
        noise = np.random.default_rng(note).normal(size=len(time_s))
        for sound, samples in (("bright", sum(harmonics)), ("mellow", noise)):
            name = f"{sound}-{note}.wav"
            soundfile.write(folder / "tiny" / name, 0.1 * samples, SAMPLE_RATE_HZ)
            rows.append(f"{name},{note},{sound},100,CC0,here")
    (folder / "tiny" / "manifest.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def made(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs")
    assert gallery(DEFAULT_INSTRUMENT, TINY, "--recordings", recordings, "--out", out) == 0
    return out


def test_all_files_are_there_and_small(made: Path) -> None:
    names = {path.name for path in (made / "gallery").iterdir()}
    shared = {f"{name}{end}" for name in (DEFAULT_INSTRUMENT, "tiny") for end in ("-piece.ogg", "-morph.ogg", ".png")}
    assert names == shared | {"tiny-pairs.ogg"}
    for path in (made / "gallery").iterdir():
        assert 10_000 < path.stat().st_size <= LARGEST_BYTES, path


def test_the_page_links_to_every_file_and_to_no_other(made: Path) -> None:
    linked = set(re.findall(r"\]\((gallery/.+?)\)", (made / "gallery.md").read_text(encoding="utf-8")))
    assert linked == {f"gallery/{path.name}" for path in (made / "gallery").iterdir()}


@pytest.mark.parametrize(("kind", "shortest_s", "longest_s"), [("piece", 10.0, 20.0), ("morph", 5.0, 20.0)])
def test_pieces_have_their_length(made: Path, kind: str, shortest_s: float, longest_s: float) -> None:
    for path in made.glob(f"gallery/*-{kind}.ogg"):
        assert shortest_s <= soundfile.info(path).duration <= longest_s, path


def test_all_audio_is_equally_loud(made: Path) -> None:
    loudness = [integrated_lufs(soundfile.read(path, dtype="float32")[0]) for path in made.glob("gallery/*.ogg")]
    assert max(loudness) - min(loudness) <= 2.0


def test_a_full_scale_sine_has_the_loudness_of_the_standard() -> None:
    # ITU-R BS.1770-4: a sine of 997 Hz at 0 dBFS in one channel has -3.01 LKFS; pauses do not count.
    sine = np.sin(2 * np.pi * 997.0 * np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    one_side = np.stack([sine, np.zeros_like(sine)], axis=1)
    assert integrated_lufs(one_side) == pytest.approx(-3.01, abs=0.1)
    assert integrated_lufs(np.pad(one_side, ((0, 9 * SAMPLE_RATE_HZ), (0, 0)))) == pytest.approx(-3.01, abs=0.3)


def test_the_page_names_every_sound(made: Path) -> None:
    page = (made / "gallery.md").read_text(encoding="utf-8")
    for name, instrument in ((DEFAULT_INSTRUMENT, load(None)), ("tiny", decoder())):
        for sound in instrument_sounds(instrument.card, name):
            assert sound in page


def test_the_distance_of_a_pair_is_small_only_if_they_are_alike(made: Path) -> None:
    page = (made / "gallery.md").read_text(encoding="utf-8")
    distances = {sound: float(db) for sound, db in re.findall(r"(mellow|bright) E4 \(([\d.]+) dB\)", page)}
    assert distances["bright"] < 6.0 < 12.0 < distances["mellow"]


def test_an_instrument_without_recordings_says_so(made: Path) -> None:
    first, second = (made / "gallery.md").read_text(encoding="utf-8").split("<!-- instrument: tiny -->")
    assert "No recordings to compare" in first
    assert "No recordings to compare" not in second


def test_the_picture_is_one_of_many_pixels(made: Path) -> None:
    picture = Image.open(io.BytesIO((made / "gallery" / "tiny.png").read_bytes()))
    assert picture.width >= 800
    assert picture.height >= 400


def test_sections_of_other_instruments_stay(tmp_path: Path) -> None:
    (tmp_path / "gallery.md").write_text(
        f"# Old\n\n<!-- instrument: {DEFAULT_INSTRUMENT} -->\n## As it was\n\n<!-- instrument: gone -->\n## Gone\n"
    )
    assert gallery(TINY, "--out", tmp_path) == 0
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert page.startswith("# Gallery\n")
    assert "## As it was\n" in page
    assert "## tiny\n" in page
    assert "Gone" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nothing-of-this-name"], "nothing-of-this-name"), ([TINY, "--recordings", "missing"], "no folder missing")],
)
def test_a_mistake_writes_nothing(arguments: list[str], said: str, tmp_path: Path, capsys) -> None:
    assert gallery(*arguments, "--out", tmp_path / "docs") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "docs").exists()


def test_the_morph_reaches_each_sound() -> None:
    dark, bright = (_heard(str(position), position=position) for position in (0.0, 1.0))
    sound = play_morph(decoder(), [dark, bright, dark])
    starts_s = [number * (STAYS_S + TRAVELS_S) + 0.3 for number in range(3)]
    shares = [_share_above(sound[round(at * SAMPLE_RATE_HZ) :][:SAMPLE_RATE_HZ]) for at in starts_s]
    assert shares[1] > 100.0 * max(shares[0], shares[2])


def test_a_struck_sound_plays_the_broken_chords_and_the_lowest_the_bass() -> None:
    struck, low = _heard("struck", fall_db=20.0), _heard("low", lowness=-40.0)
    sounds = [_heard("a"), struck, _heard("b"), low, _heard("c", fall_db=10.0)]
    first, second = cast(sounds)
    assert (first["figure"].name, first["bass"].name) == ("struck", "low")
    assert second["figure"].name == "c"
    assert len({heard.name for heard in first.values()}) == 4


def _heard(name: str, *, position: float = 0.0, lowness: float = -60.0, fall_db: float = 0.0) -> Heard:
    return Heard(name, Patch(Config(), positions=(position, position)), 60, lowness, 0.05, fall_db)


def _share_above(sound: np.ndarray, edge_hz: float = 1000.0) -> float:
    power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    return float(power[np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ) > edge_hz].sum() / power.sum())
