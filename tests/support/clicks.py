"""Detects clicks: above 15 kHz, a click is louder than the sound before and after the click."""

from __future__ import annotations

import numpy as np

from tests.support.playing import SAMPLE_RATE_HZ

HIGHPASS_HZ = 15000.0
WINDOW = 220  # frames: 5 ms
ALLOWED_DB, INAUDIBLE_DB = 6.0, -72.0


def high_levels_db(sound: np.ndarray) -> np.ndarray:
    """The level above 15 kHz in the 5 ms around each sample, in dBFS: float64 (n,).

    sound: (n,), must end in silence.
    """
    spectrum = np.fft.rfft(sound, 2 * len(sound))
    spectrum[np.fft.rfftfreq(2 * len(sound), 1.0 / SAMPLE_RATE_HZ) < HIGHPASS_HZ] = 0.0
    high = np.fft.irfft(spectrum)[: len(sound)]
    return 10.0 * np.log10(np.convolve(high**2, np.ones(WINDOW) / WINDOW, "same") + 1e-20)


def excess_db(sound: np.ndarray, at: int) -> float:
    """How many dB the sound around frame `at` is above the allowed level; over 0 is a click.

    Levels are measured above 15 kHz. The allowed level is ALLOWED_DB above the louder of the levels before and after
    `at`, and at least INAUDIBLE_DB.
    """
    levels = high_levels_db(sound * np.hanning(2 * len(sound))[len(sound) :] ** 0.05)
    steady = max(np.percentile(part, 99.0) for part in (levels[at - 8000 : at - 500], levels[at + 7000 : at + 15000]))
    event = levels[at - WINDOW : at + 5000].max()
    return float(min(event - steady - ALLOWED_DB, event - INAUDIBLE_DB))


def moving_excess_db(sound: np.ndarray, still: list[np.ndarray]) -> float:
    """How many dB a moving sound is above the allowed level; over 0 is a click.

    Levels are measured above 15 kHz. The allowed level is ALLOWED_DB above the loudest of `still`, and at least
    INAUDIBLE_DB. The first 8000 frames and the last 2000 are not judged.

    still: the sound without movement, at each end of the movement, and in some tests also between the ends.
    """
    fade = np.hanning(2 * len(sound))[len(sound) :] ** 0.05
    moving, *resting = (high_levels_db(each * fade)[8000:-2000] for each in (sound, *still))
    steady = max(np.percentile(each, 99.0) for each in resting)
    return float(min(moving.max() - steady - ALLOWED_DB, moving.max() - INAUDIBLE_DB))


SPIKE, NEAR, FAR = 66, 88, 1764  # frames: 1.5, 2 and 40 ms
SPIKE_DB, INAUDIBLE_SPIKE_DB = 9.0, -60.0


def spikes_db(sound: np.ndarray) -> float:
    """How many dB the worst spike of a sound (n_frames,) is above the allowed level; over 0 is a click.

    A spike is 1.5 ms of sound above 15 kHz. It is SPIKE_DB louder than everything from 40 to 2 ms before and from 2 to
    40 ms after, and at least INAUDIBLE_SPIKE_DB loud. The first and last 40 ms are not judged.
    """
    spectrum = np.fft.rfft(sound, 2 * len(sound))
    spectrum[np.fft.rfftfreq(2 * len(sound), 1.0 / SAMPLE_RATE_HZ) < HIGHPASS_HZ] = 0.0
    power = np.convolve(np.fft.irfft(spectrum)[: len(sound)] ** 2, np.ones(SPIKE) / SPIKE, "same")
    levels_db = 10.0 * np.log10(power[:: SPIKE // 3] + 1e-20)
    near, far = NEAR * 3 // SPIKE, FAR * 3 // SPIKE
    around = np.lib.stride_tricks.sliding_window_view(levels_db, 2 * far + 1)
    usual_db = np.maximum(around[:, : far - near].max(axis=1), around[:, far + near + 1 :].max(axis=1))
    there_db = around[:, far]
    return float(np.minimum(there_db - usual_db - SPIKE_DB, there_db - INAUDIBLE_SPIKE_DB).max())
