"""Sound files of any format, rate and number of channels become mono samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.recordings.reading import UnusableError, mono_blocks


def tone(rate_hz: int, seconds: float = 1.0, frequency_hz: float = 441.0) -> np.ndarray:
    return 0.5 * np.sin(2.0 * np.pi * frequency_hz * np.arange(round(rate_hz * seconds)) / rate_hz)


def read(path: Path, speed: float = 1.0) -> np.ndarray:
    return np.concatenate(list(mono_blocks(path, 44100, speed)))


def frequency_hz(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * 44100.0 / len(samples))


@pytest.mark.parametrize(
    ("name", "rate_hz", "subtype"),
    [
        ("a.wav", 44100, "PCM_24"),
        ("a.wav", 96000, "FLOAT"),
        ("a.flac", 48000, None),
        ("a.ogg", 22050, None),
        ("a.mp3", 44100, None),
        ("a.aiff", 32000, None),
    ],
)
def test_every_format_and_rate_gives_the_same_tone(tmp_path: Path, name: str, rate_hz: int, subtype: str | None):
    stereo = np.stack([tone(rate_hz), 0.5 * tone(rate_hz)], axis=1)
    soundfile.write(tmp_path / name, stereo, rate_hz, subtype=subtype)
    samples = read(tmp_path / name)
    assert abs(len(samples) - 44100) < 2500
    assert samples.dtype == np.float32
    assert frequency_hz(samples) == pytest.approx(441.0, abs=2.0)
    assert np.sqrt(np.mean(np.square(samples[5000:-5000]))) == pytest.approx(0.375 / 2**0.5, rel=0.05)


def test_a_speed_of_2_is_an_octave_up_and_half_as_long(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", tone(44100), 44100)
    samples = read(tmp_path / "a.wav", 2.0)
    assert len(samples) == pytest.approx(22050, abs=2)
    assert frequency_hz(samples) == pytest.approx(882.0, abs=3.0)


def test_what_is_no_recording_is_refused(tmp_path: Path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(UnusableError, match="not a readable recording"):
        read(tmp_path / "text.wav")
    with pytest.raises(UnusableError, match="no such file"):
        read(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 44100, subtype="FLOAT")
    with pytest.raises(UnusableError, match="NaN or infinite"):
        read(tmp_path / "nan.wav")
