"""The level of a sound is that of its recording, whatever the shape of the spectra that play it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.encoding.candidates import Coder, Options, coder_of, encode_recording, sound_of
from runtime.encoding.level import FULL_DB, level_curve_db
from runtime.encoding.played_level import on_time_db, with_played_level
from runtime.encoding.reading import Reading
from runtime.instrument.card import Card
from tests.soak.encode_recordings import FlatComb, NoEncoder, measure, rendered
from tests.support.playing import decoder

RATE_HZ, NOTE, SECONDS = 44100, 70, 1.2
SPEC = StftSpec()


class NoisyTone(FlatComb):
    """A decoder that outputs a tone. The first knob adds noise above it; at 1, the noise is louder than the tone."""

    def decode_apart(self, rows: np.ndarray) -> np.ndarray:
        low, high = self.card.latents_at(np.zeros(2)), self.card.latents_at(np.ones(2))
        amount = (rows[:, :1] - low[0]) / (high[0] - low[0])
        hz = np.arange(SPEC.n_bins) * SPEC.bin_hz
        noise = 0.3 * amount * (hz > 5000.0) * (hz < 9000.0)
        return (super().decode_apart(rows) * (hz < 3500.0) + noise).astype(np.float32)


class FromToneToNoise:
    """An encoder that finds both knobs at 0 in the first half of the frames, and at 1 in the second half."""

    def __init__(self, card: Card):
        self._card = card

    def latents(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        halves = np.arange(len(frames))[:, None] >= len(frames) / 2
        return np.where(halves, self._card.latents_at(np.ones(2)), self._card.latents_at(np.zeros(2)))


def write_tone(path: Path, level_db: np.ndarray | float = 0.0) -> Path:
    """Write a tone of NOTE. level_db: its level every 10 ms, or at all times."""
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    partials = (np.sin(2.0 * np.pi * k * note_to_hz(NOTE) * time_s + k * k) / k for k in range(1, 8))
    levels_db = np.atleast_1d(level_db)
    gain = 10.0 ** (np.interp(time_s * 100.0, np.arange(len(levels_db)), levels_db) / 20.0)
    soundfile.write(path, 0.2 * gain * sum(partials), RATE_HZ, subtype="FLOAT")
    return path


def halves_db(reading: Reading, coder: Coder) -> tuple[float, float]:
    """The mean levels of the two halves of a rendered sound."""
    level_db = level_curve_db(rendered(reading, coder), RATE_HZ, 100.0)
    return tuple(level_db[round(a / 0.005) : round(b / 0.005)].mean() for a, b in ((0.1, 0.5), (0.7, 1.1)))


def test_a_spectrum_whose_noise_the_colour_removes_is_as_loud_as_the_recording(tmp_path: Path) -> None:
    card = decoder().card
    coder = Coder(NoisyTone(card), FromToneToNoise(card), coder_of(decoder(), None).made_for)
    options = Options(most=1, around=np.full(2, 0.5))
    reading = encode_recording(write_tone(tmp_path / "a.wav"), coder, options)[0].reading
    first_db, second_db = halves_db(reading, coder)
    assert abs(first_db - second_db) < 0.27


def test_a_steady_sound_has_the_recordings_level(tmp_path: Path) -> None:
    card = decoder().card
    coder = Coder(NoisyTone(card), FromToneToNoise(card), coder_of(decoder(), None).made_for)
    options = Options(most=2, around=np.full(2, 0.5))
    steady = encode_recording(write_tone(tmp_path / "a.wav"), coder, options)[1]
    first_db, second_db = halves_db(steady.reading, coder)
    assert steady.kind == "steady"
    assert abs(first_db - second_db) < 0.27


@pytest.fixture(scope="module")
def coder() -> Coder:
    """A coder whose sounds do not fluctuate."""
    card = decoder().card
    return Coder(FlatComb(card), NoEncoder(card), coder_of(decoder(), None).made_for)


def skewed(reading: Reading, change_db: np.ndarray) -> Reading:
    """The reading with another level and without a loop.

    change_db: what is added to the level, one value for every 5 ms from the onset.
    """
    level_db = reading.trajectory.level_db.astype(float)
    level_db[: len(change_db)] += change_db
    path = replace(reading.trajectory, level_db=level_db, loop_s=None, release_s=None, plays_once=True)
    return replace(reading, trajectory=path)


def corrected(reading: Reading, coder: Coder) -> Reading:
    return with_played_level(reading, sound_of(reading, "a", coder, Options()), coder.decoder)


def test_what_the_engine_plays_too_loud_or_too_soft_is_corrected(tmp_path: Path, coder: Coder) -> None:
    path = write_tone(tmp_path / "a.wav", np.interp(np.arange(120), [0, 10, 119], [-30.0, 0.0, -20.0]))
    reading = encode_recording(path, coder, Options(most=1))[0].reading
    wrong = skewed(reading, 3.0 * np.sin(np.arange(220) / 15.0))
    errors_db = [measure(each, rendered(each, coder))[1][:2] for each in (wrong, corrected(wrong, coder))]
    assert np.abs(errors_db[0]).max() > 1.0
    assert np.abs(errors_db[1]).max() < 0.3


def test_a_first_crest_just_above_full_level_is_played_at_full_level(tmp_path: Path, coder: Coder) -> None:
    crest = np.interp(np.arange(120), [0, 10, 16, 30, 60, 119], [-30.0, -2.8, -2.8, -4.5, 0.0, -40.0])
    reading = encode_recording(write_tone(tmp_path / "a.wav", crest), coder, Options(most=1))[0].reading
    low = skewed(reading, np.interp(np.arange(60), [0, 20, 59], [0.0, -1.3, 0.0]))
    late_s = [float(np.subtract(*measure(each, rendered(each, coder))[2:])) for each in (low, corrected(low, coder))]
    assert late_s[0] > 0.2
    assert abs(late_s[1]) <= 0.025


def full_at(level_db: np.ndarray) -> np.ndarray:
    """The index at which a level curve first has full level (see FULL_DB); for rows of curves, one index a row."""
    return np.argmax(level_db >= level_db.max(axis=-1, keepdims=True) - FULL_DB, axis=-1)


@pytest.mark.parametrize("change_db", [-0.5, 0.5], ids=["late", "early"])
def test_notes_that_fluctuate_are_on_time(change_db: float) -> None:
    early_db = -FULL_DB - np.sign(change_db) * 0.1  # level of the recording's first crest, 0.1 s before its second
    asked_db = np.interp(np.arange(120), [0, 20, 30, 40, 50, 119], [-30.0, early_db, -4.0, -2.5, -4.0, 0.0])
    fluctuation_db = np.interp(np.arange(120), [10, 20, 30], [0.0, change_db, 0.0])
    played_db = asked_db + np.array([0.0, 0.5, 1.0])[:, None] * fluctuation_db
    change = on_time_db(asked_db, played_db)
    assert np.abs(full_at(played_db) - full_at(asked_db)).max() > 5
    assert np.abs(full_at(played_db + change) - full_at(asked_db)).max() <= 5
    assert np.abs(change).max() <= 1.0


def test_a_level_that_is_on_time_stays_as_it_is() -> None:
    asked_db = np.interp(np.arange(120), [0, 10, 119], [-30.0, 0.0, -20.0])
    assert not on_time_db(asked_db, np.stack([asked_db, asked_db + 0.2])).any()
