"""Measures notes that the engine plays, and corrects the sound's level: it then swells and fades like the recording."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.config import Config
from runtime.encoding.level import FULL_DB, level_curve_db, with_loudest_at_0
from runtime.encoding.reading import MEASURED_S, Reading
from runtime.engine.build import build_engine
from runtime.events import NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S
from runtime.sound.trajectory.use import PlayedTrajectory

# The level of each note fluctuates in its own way, because each note has other random phases. Only the error that all
# notes share is corrected, so the correction holds for any seed. A player's seed is unlikely to be SEED.
N_NOTES, SEED, VELOCITY = 12, 1_000_003, 100
# Times: from a note's measured part to its release, from its release to the next note, and of the fade at its end.
TAIL_S, GAP_S, RELEASE_S = 0.05, 0.15, 0.02
HIGHEST_HZ = 100.0  # a level is measured as for this pitch or a lower one, so its window lasts at least 20 ms
AUDIBLE_DB = -40.0  # relative to the recording's loudest level; below this, corrections are interpolated
MOST_DB = 6.0  # the largest correction
# If the sound goes on after the measured part, the correction fades out in the last FADE_S of the measured part.
FADE_S = 0.1
_SMOOTHING = np.array([0.25, 0.5, 0.25])
_NEARBY = np.hanning(23)[1:-1] / np.hanning(23).sum()  # weights for a mean over the levels within 50 ms
# A note should come to full level when the recording does. It may be early or late by at most ON_TIME_S, or
# ON_TIME_SHARE of the recording's time to full level, whichever is longer. For this, `on_time_db` changes the
# level by MARGIN_DB more than is needed, but by at most MOST_ON_TIME_DB.
ON_TIME_S, ON_TIME_SHARE, MARGIN_DB, MOST_ON_TIME_DB = 0.0175, 0.14, 0.6, 1.0
_LEAST_SQUARE = 1e-9
_ON_TIME_SMOOTHING = np.hanning(7)[1:-1] / np.hanning(7).sum()


def with_played_level(reading: Reading, sound: Sound, decoder: Decoder) -> Reading:
    """The reading, with its level corrected: in the first MEASURED_S, the engine's notes have the recording's level.

    sound: the sound that was made from the reading. It is measured with the reading's trajectory in place of its own.
    """
    rate_hz, hz = decoder.card.sample_rate_hz, min(float(note_to_hz(reading.note)), HIGHEST_HZ)
    level_db = reading.trajectory.level_db.astype(np.float64)
    asked_db = level_curve_db(reading.take.samples, rate_hz, hz, reading.take.before)
    n = min(len(level_db), len(asked_db), round(MEASURED_S / LEVEL_STEP_S))
    notes = _notes(reading, sound, decoder, n)
    played_db = np.array([level_curve_db(note, rate_hz, hz)[:n] for note in notes])
    correction_db = _correction_db(asked_db[:n], played_db)
    correction_db += on_time_db(asked_db[:n], played_db + correction_db)
    if n < len(level_db):
        correction_db *= np.minimum(1.0, np.arange(n)[::-1] * LEVEL_STEP_S / FADE_S)
    level_db[:n] += correction_db
    return replace(reading, trajectory=replace(reading.trajectory, level_db=with_loudest_at_0(level_db)))


def _notes(reading: Reading, sound: Sound, decoder: Decoder, n_levels: int) -> list[np.ndarray]:
    """N_NOTES notes of a sound, as the engine plays them: mono, each float32 (n_frames,).

    n_levels: how many levels of each note will be measured.
    """
    # Without a loop or a release, the engine plays the path from its beginning to its end.
    path = replace(reading.trajectory, loop_s=None, release_s=None, plays_once=True)
    envelope = msgspec.structs.replace(sound.envelope, release_s=RELEASE_S)
    use = PlayedTrajectory(path, colour=sound.trajectory.colour, key=reading.note)
    plain = msgspec.structs.replace(sound, envelope=envelope)
    patch = with_sound(Config(seed=SEED), plain, decoder.card, sound.name, trajectories=[use])
    rate_hz = decoder.card.sample_rate_hz
    engine = build_engine(patch, decoder, rate_hz, limits=False)
    n_frames = round((n_levels * LEVEL_STEP_S + TAIL_S) * rate_hz)
    n_apart = n_frames + round(GAP_S * rate_hz)
    out = np.zeros((N_NOTES * n_apart, 2), np.float32)
    for begin in range(0, len(out), n_apart):
        engine.post(NoteOn(0, reading.note, VELOCITY), begin)
        engine.post(NoteOff(0, reading.note, 0), begin + n_frames)
    engine.render(out)
    return [out[begin : begin + n_frames].mean(axis=1) for begin in range(0, len(out), n_apart)]


def _correction_db(asked_db: np.ndarray, played_db: np.ndarray) -> np.ndarray:
    """What to add to the level so that notes have, on average, the recording's level: in dB, (n,).

    asked_db: the recording's level, (n,). played_db: the notes' levels, (n_notes, n).
    """
    audible = asked_db >= asked_db.max() + AUDIBLE_DB
    weights = audible * 10.0 ** (asked_db / 10.0)
    errors_db = asked_db - played_db
    # The engine does not copy the recording's loudness, so a note's mean error does not count.
    errors_db -= (errors_db @ weights / weights.sum())[:, None]
    known = np.flatnonzero(audible)
    mean_db = np.interp(np.arange(len(asked_db)), known, errors_db.mean(axis=0)[known])
    # A mean of few notes is partly chance. Where it may be only chance, nothing is corrected. Source: the estimator of
    # James and Stein, 1961.
    chance = _smoothed(errors_db.var(axis=0, ddof=1) / len(errors_db), _NEARBY)
    trust = np.maximum(0.0, 1.0 - chance / np.maximum(_smoothed(np.square(mean_db), _NEARBY), _LEAST_SQUARE))
    return _smoothed(mean_db * trust, _SMOOTHING).clip(-MOST_DB, MOST_DB)


def on_time_db(asked_db: np.ndarray, played_db: np.ndarray) -> np.ndarray:
    """What to add to the level so that every note comes to full level when the recording does: in dB, (n,).

    Notes fluctuate, so a note may come to full level earlier or later than the recording.
    asked_db, played_db: the recording's level, (n,), and the notes' levels, (n_notes, n).
    """
    times_s = np.arange(len(asked_db)) * LEVEL_STEP_S
    full_s = times_s[np.argmax(asked_db >= asked_db.max() - FULL_DB)]
    late_s = times_s - full_s
    on_time_s = max(ON_TIME_S, ON_TIME_SHARE * full_s)
    near, before = np.abs(late_s) <= on_time_s, late_s < -on_time_s
    over_db = played_db - played_db.max(axis=1, keepdims=True) + FULL_DB
    missing_db = -over_db[:, near].max(axis=1).min()
    early_db = over_db[:, before].max(initial=-np.inf)
    raised_db, lowered_db = np.clip(np.array([missing_db, early_db]) + MARGIN_DB, 0.0, MOST_ON_TIME_DB)
    return _smoothed(raised_db * near - lowered_db * before, _ON_TIME_SMOOTHING)


def _smoothed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.convolve(np.pad(values, len(weights) // 2, mode="edge"), weights, mode="valid")
