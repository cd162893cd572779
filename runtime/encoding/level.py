"""Measures a recording's level over time, and finds its attack and release."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.acoustics.spectrum import periodic_hann
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S

SILENCE_DB = -100.0
SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 0.01, 0.06
# A Hann window of two periods has a frequency response of zero at the fundamental. So the level does not pulse at the
# fundamental's frequency.
N_PERIODS = 2
FULL_DB = 3.0  # a sound is at full level if it is at most this far below its highest level
DYING_DB = 12.0  # a sound dies away if its level falls by at least this much during the held part
# The held level is the median of the levels after the attack. During the release, the level is more than RELEASE_DB
# below the held level. At the release's end, it is at least RELEASE_FALL_DB below the held level.
RELEASE_DB = 6.0
RELEASE_FALL_DB = 15.0
SHORTEST_RELEASE_S, LONGEST_RELEASE_S = 0.03, 3.0
LOWEST_DB, HIGHEST_DB = -60.0, 12.0  # limits of a trajectory's level; its loudest LOUD_WINDOW_S has 0 dB
LOUD_WINDOW_S = 0.1


def level_curve_db(samples: np.ndarray, sample_rate_hz: int, pitch_hz: float, before: int = 0) -> np.ndarray:
    """The level in dB, one value per LEVEL_STEP_S, float64 (n,); a full-scale sine has -3 dB.

    The level is the mean power in a Hann window. The window is two periods of the fundamental long, but at least
    SHORTEST_WINDOW_S and at most LONGEST_WINDOW_S.

    samples: float (n_samples,).
    pitch_hz: frequency of the fundamental.
    before: number of samples before the first value's time, the onset.
    """
    window_s = float(np.clip(N_PERIODS / max(pitch_hz, 1.0), SHORTEST_WINDOW_S, LONGEST_WINDOW_S))
    half = max(1, round(0.5 * window_s * sample_rate_hz))
    weights = periodic_hann(2 * half).astype(np.float64)
    power = np.square(np.asarray(samples, np.float64))
    n_levels = int((len(samples) - before) / (LEVEL_STEP_S * sample_rate_hz)) + 1
    centres = before + np.rint(np.arange(n_levels) * LEVEL_STEP_S * sample_rate_hz).astype(int)
    padded = np.pad(power, (half, half + 1))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)[centres]
    return 10.0 * np.log10(np.maximum(windows @ weights / weights.sum(), 10.0 ** (SILENCE_DB / 10.0)))


def with_loudest_at_0(level_db: np.ndarray) -> np.ndarray:
    """A trajectory's level in dB, shifted so that its loudest LOUD_WINDOW_S has 0 dB.

    Values below LOWEST_DB or above HIGHEST_DB are replaced by these limits.
    """
    n = max(1, min(len(level_db), round(LOUD_WINDOW_S / LEVEL_STEP_S)))
    loudness = np.convolve(10.0 ** (level_db / 10.0), np.full(n, 1.0 / n), mode="valid")
    return (level_db - 10.0 * np.log10(loudness.max())).clip(LOWEST_DB, HIGHEST_DB)


@dataclass(frozen=True)
class Marks:
    """Where a sound's parts begin and end, in s from its onset.

    attack_s: when the sound reaches full level.
    release_s: when the release begins; None if the sound has no release, or if it dies away.
    end_s: when the sound is over.
    dies_away: whether the level falls far during the held part, as in struck and plucked sounds.
    """

    attack_s: float
    release_s: float | None
    end_s: float
    dies_away: bool


def marks_of(level_db: np.ndarray) -> Marks:
    """The marks of a level curve from `level_curve_db`."""
    loudest = float(level_db.max())
    end = len(level_db) - 1
    attack = int(np.argmax(level_db >= loudest - FULL_DB))
    release = _release(level_db, attack)
    last = end if release is None else release
    # Compare the mean levels of the held part's first and final fifth. A fifth is so long that vibrato and beating
    # average out.
    fifth = max(1, (last - attack) // 5)
    fall_db = float(level_db[attack : attack + fifth].mean() - level_db[last - fifth + 1 : last + 1].mean())
    dies_away = fall_db >= DYING_DB
    return Marks(
        attack_s=attack * LEVEL_STEP_S,
        release_s=None if release is None or dies_away else release * LEVEL_STEP_S,
        end_s=end * LEVEL_STEP_S,
        dies_away=dies_away,
    )


def _release(level_db: np.ndarray, attack: int) -> int | None:
    held_db = float(np.median(level_db[attack:]))
    loud = np.flatnonzero(level_db >= held_db - RELEASE_DB)
    release, end = int(loud[-1]), len(level_db) - 1
    longest, shortest = round(LONGEST_RELEASE_S / LEVEL_STEP_S), round(SHORTEST_RELEASE_S / LEVEL_STEP_S)
    falls = held_db - float(level_db[-1]) >= RELEASE_FALL_DB
    if release <= attack or not shortest <= end - release <= longest or not falls:
        return None
    return release
