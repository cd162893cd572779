"""The chorus's copies have the delays of its formula, and the right level."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import ChorusConfig
from runtime.effects.chorus import Chorus
from tests.support.effects import noise, silence


def _wet(settings: ChorusConfig, sent: np.ndarray, rate_hz: int = 44100) -> np.ndarray:
    wet = silence(len(sent))
    Chorus(rate_hz, settings).add(0, wet, sent)
    return wet


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 192000])
@pytest.mark.parametrize(("mode", "n"), [("chorus", 2), ("ensemble", 3)])
def test_without_depth_the_copies_are_delayed_sounds(mode: str, n: int, rate_hz: int) -> None:
    time_s = np.arange(rate_hz // 4) / rate_hz
    sent = np.stack([np.sin(2.0 * np.pi * hz * time_s) for hz in (211.0, 503.0)], axis=1).astype(np.float32)
    wet = _wet(ChorusConfig(mode=mode, depth_ms=0.0), sent, rate_hz)
    delays_s = (0.0125 + 0.0023 * np.arange(n))[:, None]
    for side, hz in enumerate((211.0, 503.0)):
        expected = np.sin(2.0 * np.pi * hz * (time_s - delays_s)).sum(axis=0) / np.sqrt(n)
        late = time_s > 0.03
        assert np.allclose(wet[late, side], expected[late], atol=2e-3)


def test_the_pitch_of_a_copy_swings_at_the_rate() -> None:
    """The level of the copies' sum swings at a multiple of the chorus's rate r.

    The reason: a delay that swings by d sin(2 pi r t) moves the phase of a tone of frequency f by 2 pi f times as much.
    """
    rate_hz, hz = 44100, 1000.0
    time_s = np.arange(3 * rate_hz) / rate_hz
    sent = np.repeat(np.sin(2.0 * np.pi * hz * time_s)[:, None], 2, axis=1).astype(np.float32)
    wet = _wet(ChorusConfig(rate_hz=2.0, depth_ms=0.2), sent)[rate_hz:, 0]
    demodulated = wet * np.exp(-2j * np.pi * hz * time_s[rate_hz:])
    slow = np.convolve(demodulated, np.hanning(441) / np.hanning(441).sum(), "valid")
    levels = np.abs(slow) ** 2
    levels -= levels.mean()
    spectrum = np.abs(np.fft.rfft(levels * np.hanning(len(levels))))
    peak_hz = np.fft.rfftfreq(len(levels), 1.0 / rate_hz)[np.argmax(spectrum)]
    assert min(peak_hz % 2.0, 2.0 - peak_hz % 2.0) < 0.3
    assert peak_hz > 1.5


def test_interpolation_is_quiet_where_music_is() -> None:
    rate_hz, hz = 44100, 3000.0
    time_s = np.arange(rate_hz) / rate_hz
    sent = np.repeat(np.sin(2.0 * np.pi * hz * time_s)[:, None], 2, axis=1).astype(np.float32)
    wet = _wet(ChorusConfig(rate_hz=1.0, depth_ms=3.0), sent)[rate_hz // 4 :, 0].astype(np.float64)
    power = np.abs(np.fft.rfft(wet * np.blackman(len(wet)))) ** 2
    frequencies = np.fft.rfftfreq(len(wet), 1.0 / rate_hz)
    far = np.abs(frequencies - hz) > 300.0
    assert 10.0 * np.log10(power[far].sum() / power[~far].sum()) < -55.0


def test_width_sets_left_and_right_apart() -> None:
    sent = np.repeat(noise(88200)[:, :1], 2, axis=1)
    alike, apart = (_wet(ChorusConfig(width=width), sent) for width in (0.0, 1.0))
    assert (alike[:, 0] == alike[:, 1]).all()
    assert abs(np.corrcoef(apart[4000:].T)[0, 1]) < 0.5


@pytest.mark.parametrize("mode", ["chorus", "ensemble"])
def test_the_copies_together_are_as_loud_as_the_sound(mode: str) -> None:
    sent = noise(88200)
    wet = _wet(ChorusConfig(mode=mode), sent)[4000:]
    assert 20.0 * np.log10(wet.std() / sent.std()) == pytest.approx(0.0, abs=1.5)
    quiet = _wet(ChorusConfig(mode=mode, level_db=-12.0), sent)[4000:]
    assert 20.0 * np.log10(quiet.std() / wet.std()) == pytest.approx(-12.0, abs=0.01)
