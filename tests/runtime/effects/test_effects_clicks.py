"""Nothing clicks when an effect changes."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import ChorusConfig, EffectsConfig, EqualiserConfig, ReverbConfig
from runtime.effects.effects import Effects
from tests.support.clicks import excess_db
from tests.support.effects import SAMPLE_RATE_HZ, play, silence

AT, N_FRAMES, N_SOUND = 30000, 56000, 54000
REVERB_OFF, CHORUS_OFF = ReverbConfig(enabled=False), ChorusConfig(enabled=False)


def _reverb(**settings) -> EffectsConfig:
    return EffectsConfig(ReverbConfig(**settings), CHORUS_OFF)


def _chorus(**settings) -> EffectsConfig:
    return EffectsConfig(REVERB_OFF, ChorusConfig(**settings))


def _equaliser(**settings) -> EffectsConfig:
    return EffectsConfig(REVERB_OFF, CHORUS_OFF, EqualiserConfig(**settings))


OFF = EffectsConfig(REVERB_OFF, CHORUS_OFF)
CHANGES = {
    "reverb on": (OFF, _reverb()),
    "reverb off": (_reverb(), OFF),
    "reverb louder": (_reverb(level_db=-20.0), _reverb(level_db=12.0)),
    "larger": (_reverb(size_m=5.0), _reverb(size_m=50.0)),
    "smaller": (_reverb(size_m=50.0), _reverb(size_m=5.0)),
    "longer": (_reverb(decay_s=0.3), _reverb(decay_s=10.0)),
    "shorter": (_reverb(decay_s=10.0), _reverb(decay_s=0.3)),
    "pre-delay": (_reverb(pre_delay_s=0.0), _reverb(pre_delay_s=0.2)),
    "damping": (_reverb(damping=0.0, bass=0.5), _reverb(damping=1.0, bass=2.0)),
    "width": (_reverb(width=0.0), _reverb(width=1.0)),
    "chorus on": (OFF, _chorus()),
    "chorus off": (_chorus(), OFF),
    "ensemble": (_chorus(), _chorus(mode="ensemble")),
    "chorus faster": (_chorus(rate_hz=0.1), _chorus(rate_hz=5.0)),
    "chorus deeper": (_chorus(depth_ms=0.0), _chorus(depth_ms=6.0)),
    "equaliser on": (OFF, _equaliser(low_db=12.0, mid_db=-12.0, high_db=12.0)),
    "equaliser off": (_equaliser(low_db=12.0, mid_db=12.0, high_db=-12.0), OFF),
    "equaliser moves": (_equaliser(mid_db=12.0, mid_hz=200.0), _equaliser(mid_db=-12.0, mid_hz=6000.0)),
}


def _tone() -> np.ndarray:
    """A tone that fades in and out slowly, so that its ends do not click."""
    time_s = np.arange(N_FRAMES) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2.0 * np.pi * 110.0 * k * time_s + k * k) / k for k in range(1, 21))
    fade = np.clip(np.minimum(np.arange(N_FRAMES), N_SOUND - np.arange(N_FRAMES)) / 4000.0, 0.0, 1.0)
    return np.repeat((0.15 * harmonics * np.sin(0.5 * np.pi * fade) ** 2)[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("at", [AT, AT + 37])
def test_a_change_does_not_click(name: str, at: int) -> None:
    before, after = CHANGES[name]
    tone = _tone()
    dry = tone if "equaliser" in name else silence(N_FRAMES)
    sound = play(Effects(SAMPLE_RATE_HZ, before), dry, tone, tone, changes=[(at, after)])
    for side in sound.T:
        assert excess_db(side.astype(np.float64), at) < 0.0


def test_a_change_is_done_after_its_crossfade() -> None:
    tone = _tone()
    changed = play(Effects(SAMPLE_RATE_HZ, OFF), tone, tone, tone, changes=[(AT, _chorus())])
    chorus = play(Effects(SAMPLE_RATE_HZ, _chorus()), tone, tone, tone)
    assert (changed[:AT] == tone[:AT]).all()
    assert np.allclose(changed[AT + 2600 :], chorus[AT + 2600 :], atol=1e-6)
    assert np.abs(changed[AT + 1000 : AT + 2000] - tone[AT + 1000 : AT + 2000]).max() > 0.05
