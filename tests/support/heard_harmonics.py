"""Measures single harmonics of a tone with coherent phases: their levels, and their amplitudes over time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import Event, NoteOn
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.playing import SHORT, play
from tests.support.synthetic_instrument import SyntheticInstrument

RATE_HZ = 44100
QUIET_DB = -40.0  # at this volume, the limiter changes nothing
# Source of the window: Harris, On the Use of Windows for Harmonic Analysis, 1978; all side lobes are below -92 dB.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)


def saw_instrument(n_latents: int = 2) -> SyntheticInstrument:
    """An instrument whose harmonic k has amplitude k^-(0.5 + latent 1): at most 40 harmonics, up to 18 kHz."""
    return SyntheticInstrument(lambda latents, k: k ** -(0.5 + latents[0]), n_latents)


def window(n: int) -> np.ndarray:
    """A Blackman-Harris window whose sum is 1."""
    x = 2.0 * np.pi * np.arange(n) / n
    shape = sum(factor * np.cos(order * x) for order, factor in enumerate(_BLACKMAN_HARRIS))
    return shape / shape.sum()


def component(values: np.ndarray, frequency_hz: float, rate_hz: float = RATE_HZ) -> complex:
    """The complex amplitude of the sinusoid at frequency_hz in real samples.

    At 0 Hz, it is twice the constant part of the samples.
    values: the samples, (n,).
    """
    turning = np.exp(-2j * np.pi * frequency_hz / rate_hz * np.arange(len(values)))
    return complex(2.0 * (values * window(len(values))) @ turning)


def harmonic_levels_db(sound: np.ndarray, note: float, n_harmonics: int) -> np.ndarray:
    """Level of each harmonic of a steady mono sound, the fundamental first. An amplitude of 1 is 0 dB."""
    return 20.0 * np.log10(np.abs(_components(len(sound), note, n_harmonics) @ sound) + 1e-12)


@functools.lru_cache(maxsize=4)
def _components(n: int, note: float, n_harmonics: int) -> np.ndarray:
    """A matrix whose product with n samples is the `component` of each harmonic: complex (n_harmonics, n)."""
    turning = np.exp(-2j * np.pi * float(note_to_hz(note)) / RATE_HZ * np.arange(n))
    factors = np.empty((n_harmonics, n), np.complex128)
    factors[0] = 2.0 * window(n) * turning
    for row in range(1, n_harmonics):
        np.multiply(factors[row - 1], turning, out=factors[row])
    return factors


def track(sound: np.ndarray, frequency_hz: float, width_hz: float) -> np.ndarray:
    """Amplitude over time of the sinusoid at frequency_hz, without modulation faster than 2 * width_hz.

    The first and last tenth of a second are not valid.
    """
    spectrum, n = np.fft.fft(sound), len(sound)
    apart_hz = np.abs(np.fft.fftfreq(n, 1.0 / RATE_HZ) - frequency_hz)
    # The filter's gain is 1 up to width_hz. From there to 2 * width_hz, it falls to 0 as a raised cosine, so that the
    # filter hardly rings.
    edge = np.clip((apart_hz - width_hz) / width_hz, 0.0, 1.0)
    return np.abs(2.0 * np.fft.ifft(spectrum * (0.5 + 0.5 * np.cos(np.pi * edge))))


def play_sound(
    sound: Sound,
    note: int = 60,
    duration_s: float = 1.5,
    *,
    at: int = 0,
    velocity: int = 100,
    events: Sequence[tuple[int, Event]] = (),
    trajectories: tuple[PlayedTrajectory, ...] = (),
    **settings: Any,
) -> np.ndarray:
    """Play one note of the saw instrument at frame `at`; returns the sound, (n_frames, 2).

    velocity: 0 for no note.
    events: further events, (frame, event).
    settings: fields of Config and VoiceConfig. The defaults are coherent phases, no attack, a short release, and a
        volume at which the limiter changes nothing.
    """
    voice = {name: settings.pop(name) for name in VoiceConfig.__struct_fields__ if name in settings}
    config = Config(
        voice=VoiceConfig(**{"n_voices": 4, "envelope": SHORT, **voice}),
        **{"phase_blend": 1.0, "seed": 3, "volume_db": QUIET_DB, **settings},
    )
    instrument = saw_instrument()
    patch = with_sound(config, sound, instrument.card, "test")
    patch = msgspec.structs.replace(patch, trajectories=trajectories)
    engine = Engine(instrument, sample_rate_hz=RATE_HZ, patch=patch)
    notes = [(at, NoteOn(0, note, velocity))] if velocity else []
    return play(engine, [*events, *notes], round(duration_s * RATE_HZ)).astype(np.float64)
