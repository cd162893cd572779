"""Engines with a bandwidth and a width, and measures of their sounds."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.playing import SAMPLE_RATE_HZ, decoder

# Controls that move the bandwidth and the width of `movable_engine`.
BANDWIDTH_CONTROL, WIDTH_CONTROL = 102, 103


def shaped_engine(cents: float = 0.0, width: float = 0.0, n_voices: int = 4) -> Engine:
    return engine_of(Sound(bandwidth_cents=cents, width=width), n_voices)


def movable_engine(cents: float = 0.0, width: float = 0.0, n_voices: int = 4) -> Engine:
    """An engine with this bandwidth and width. Two controls can add to them."""
    modulation = (
        Modulation(f"cc_{BANDWIDTH_CONTROL}", "bandwidth", 1.0),
        Modulation(f"cc_{WIDTH_CONTROL}", "width", 1.0),
    )
    return engine_of(Sound(bandwidth_cents=cents, width=width, modulation=modulation), n_voices)


def swinging_engine(n_voices: int = 4, lfo_hz: float = 3.0) -> Engine:
    modulation = (
        Modulation("lfo_1", "bandwidth", 0.2),
        Modulation("lfo_2", "width", 0.7),
        Modulation(f"cc_{BANDWIDTH_CONTROL}", "bandwidth", 1.0),
        Modulation(f"cc_{WIDTH_CONTROL}", "width", 1.0),
    )
    sound = Sound(
        bandwidth_cents=5.0,
        width=0.1,
        lfo_1=Lfo(rate_hz=lfo_hz, phase="note"),
        lfo_2=Lfo(rate_hz=0.7 * lfo_hz, shape="triangle", per_voice=True),
        modulation=modulation,
    )
    return engine_of(sound, n_voices)


def engine_of(sound: Sound, n_voices: int = 4) -> Engine:
    return Engine(decoder(), patch=Patch(Config(voice=VoiceConfig(n_voices=n_voices), seed=3), sound))


def moved_to(cents: float, width: float) -> list[Event]:
    """The control changes that add this bandwidth and width, both rounded to a 127th of their range."""
    values = (BANDWIDTH_CONTROL, cents / 100.0), (WIDTH_CONTROL, width)
    return [ControlChange(0, control, round(127.0 * value)) for control, value in values]


def correlation(sound: np.ndarray) -> float:
    left, right = sound.astype(np.float64).T
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))


def harmonic_levels_db(sound: np.ndarray, note: float, n_harmonics: int = 8) -> np.ndarray:
    """Levels in dB of a note's first harmonics in a sound (n_frames,)."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ)
    centres = float(note_to_hz(note)) * np.arange(1, n_harmonics + 1)
    return 10.0 * np.log10([power[np.abs(frequencies - centre) < 20.0].sum() for centre in centres])
