"""Every method of finding phases puts the sound at the right time. The study's figures tell good sound from bad."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from tests.support.amsynth import needs_amsynth
from tests.support.harmonic_store import tone, write_store
from training.corpus import amsynth
from training.studies.moving_voice import METHODS, MovingVoice
from training.studies.true_phase import likeness, main, padded

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz
PLAYED = slice(2, 1800)
CLOSE = ("coherent", "griffin_lim", "rtpghi", "rtpghi_ahead")


@pytest.fixture(scope="module")
def voice() -> MovingVoice:
    return MovingVoice(SPEC)


def swell(n_samples: int = 16384) -> np.ndarray:
    """A harmonic tone that swells and falls, loudest at the middle sample."""
    return (tone(60, 1.0, SPEC, 1.0)[:n_samples] * np.hanning(n_samples)).astype(np.float32)


def middle(sound: np.ndarray) -> float:
    """The centroid of a sound's energy over time, in samples."""
    return float(np.arange(len(sound)) @ np.square(sound) / np.square(sound).sum())


def followed(voice: MovingVoice, method: str, true: np.ndarray) -> np.ndarray:
    return voice.follow(method, magnitude_frames(true, SPEC))


@pytest.mark.parametrize("method", METHODS)
def test_a_sound_lies_where_the_true_one_lies(voice: MovingVoice, method: str):
    true = padded(swell(), SPEC)
    assert abs(middle(followed(voice, method, true)) - middle(true)) < 300


@pytest.mark.parametrize("method", CLOSE)
def test_a_tone_is_followed_closely(voice: MovingVoice, method: str):
    true = padded(swell(), SPEC)
    sound = followed(voice, method, true)
    noise = followed(voice, "noise", true)
    error, of_noise = (likeness(each, true[: len(each)], PLAYED, SPEC)["error"] for each in (sound, noise))
    assert error < 0.15
    assert of_noise > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_a_resting_spectrum_sounds_from_the_first_sample_to_the_last(voice: MovingVoice, method: str):
    sound = voice.rest(method, magnitude_frames(tone(60, 1.0, SPEC, 0.2))[0], 20)
    assert len(sound) == 20 * SPEC.hop_size
    levels = np.sqrt(np.mean(np.square(sound.reshape(10, -1)), axis=1))
    assert levels.min() > (0.5 if method == "noise" else 0.8) * levels.max()


def test_a_sound_is_like_itself_at_any_level_and_unlike_another():
    true = padded(swell(), SPEC)
    same = likeness(0.3 * true, true, PLAYED, SPEC)
    assert max(same.values()) < 1e-5
    beaten = true * (1.0 + 0.5 * np.sin(np.arange(len(true)) / 300.0))
    other = likeness(beaten, true, PLAYED, SPEC)
    assert other["unsteadiness"] == pytest.approx(0.5 / 2**0.5, abs=0.1)
    assert other["error"] > 0.05


def test_a_padded_sound_is_silent_for_a_frame_at_either_end_and_falls_to_zero():
    sound = padded(np.ones(10000, np.float32), SPEC)
    assert len(sound) % SPEC.hop_size == 0
    assert not sound[: SPEC.frame_size].any()
    assert not sound[-SPEC.frame_size :].any()
    assert np.abs(np.diff(sound[SPEC.frame_size :])).max() < 1e-3
    assert padded(np.ones(100, np.float32), SPEC)[SPEC.frame_size] < 0.1  # a sound shorter than the fade


@needs_amsynth
def test_the_table_has_the_spectra_their_notes_and_the_recordings(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "p.csv").write_text(
        "bank,index,split\namsynth_factory,10,train\namsynth_factory,11,val\namsynth_factory,12,test\n"
    )
    amsynth.build(tmp_path / "corpus", amsynth.Scale("c-major", 1), tmp_path / "p.csv")
    (tmp_path / "bells").mkdir()
    for name in "abc":
        soundfile.write(tmp_path / "bells" / f"{name}.wav", tone(72, 1.0, SPEC, 0.3), RATE_HZ)
    options = ["--corpus", str(tmp_path / "corpus"), "--recordings", str(tmp_path / "bells"), "--spectra", "2"]
    assert main([*options, "--out", str(tmp_path / "t.csv")]) == 0
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["group"] for row in rows] == ["resting"] * 2 + ["amsynth"] * 2 + ["bells"] * 3
    assert all(float(row[f"{method}_error"]) >= 0.0 for row in rows for method in METHODS)
    assert "us for a hop" in capsys.readouterr().out


def test_a_corpus_of_other_sounds_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    write_store(tmp_path / "tones")
    assert main(["--corpus", str(tmp_path / "tones"), "--out", str(tmp_path / "t.csv")]) == 2
    assert "one of amsynth" in capsys.readouterr().err
    assert not (tmp_path / "t.csv").exists()
