"""The filter, the tilt, the formants and the odd-even balance change each harmonic's level as they should."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from runtime.acoustics.pitch import note_to_hz
from runtime.sound.motion import DelayedEnvelope, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.heard_harmonics import RATE_HZ, harmonic_levels_db, play_sound

STEADY = RATE_HZ // 4  # frames before this are not measured
ALLOWED_DB = 1.0
SOFTEST_DB = -40.0
NOTES = (40, 60, 84)
OUTSIDE = 30  # a key below the instrument's range, so that its note is transposed


def frequencies_hz(note: int) -> np.ndarray:
    fundamental_hz = float(note_to_hz(note))
    return fundamental_hz * np.arange(1, min(40, int(18000.0 / fundamental_hz)) + 1)


def levels_db(sound: Sound, note: int, **how) -> np.ndarray:
    heard = play_sound(sound, note, 0.25 + 40.0 / frequencies_hz(note)[0] + 0.2, **how)
    return harmonic_levels_db(heard[STEADY:, 0], note, len(frequencies_hz(note)))


@functools.cache
def plain_db(note: int) -> np.ndarray:
    return levels_db(Sound(), note)


def gains_db(sound: Sound, note: int, **how) -> np.ndarray:
    """Each harmonic's level in the sound, minus its level in the plain instrument."""
    return levels_db(sound, note, **how) - plain_db(note)


def filter_db(kind: str, slope: int, cutoff_hz: float, frequency_hz: np.ndarray) -> np.ndarray:
    """The gain of a Butterworth filter; a band pass has -3 dB half an octave above and below the cutoff."""
    ratio = frequency_hz / cutoff_hz
    x = {"low": ratio, "high": 1.0 / ratio, "band": np.abs(ratio - 1.0 / ratio) / (2.0**0.5 - 2.0**-0.5)}[kind]
    return -10.0 * np.log10(1.0 + x ** (2.0 * slope / 6.0))


def assert_close(found_db: np.ndarray, expected_db: np.ndarray) -> None:
    """Each gain must be within ALLOWED_DB of the expected gain.

    Where a gain of at most SOFTEST_DB is expected, any gain below SOFTEST_DB + ALLOWED_DB is right.
    """
    heard = expected_db > SOFTEST_DB
    assert np.abs(found_db - expected_db)[heard].max(initial=0.0) <= ALLOWED_DB
    assert (found_db[~heard] < SOFTEST_DB + ALLOWED_DB).all()


@pytest.mark.parametrize("slope", [12, 24, 48])
@pytest.mark.parametrize("kind", ["low", "high", "band"])
def test_each_harmonic_has_the_filter_s_gain(kind: str, slope: int) -> None:
    for note in NOTES:
        for cutoff_hz in (200.0, 1000.0, 5000.0):
            sound = Sound(filter=Filter(type=kind, cutoff_hz=cutoff_hz, slope_db_per_octave=slope))
            assert_close(gains_db(sound, note), filter_db(kind, slope, cutoff_hz, frequencies_hz(note)))


@pytest.mark.parametrize("kind", ["low", "high", "band"])
def test_a_transposed_note_is_filtered_at_the_frequencies_that_are_heard(kind: str) -> None:
    for cutoff_hz in (150.0, 600.0):
        sound = Sound(filter=Filter(type=kind, cutoff_hz=cutoff_hz))
        assert_close(gains_db(sound, OUTSIDE), filter_db(kind, 24, cutoff_hz, frequencies_hz(OUTSIDE)))


@pytest.mark.parametrize("resonance_db", [6.0, 24.0])
@pytest.mark.parametrize("kind", ["low", "high", "band"])
def test_resonance_is_a_bell_at_the_cutoff(kind: str, resonance_db: float) -> None:
    for note in NOTES:
        cutoff_hz = 1200.0
        sound = Sound(filter=Filter(type=kind, cutoff_hz=cutoff_hz, resonance_db=resonance_db))
        octaves = np.log2(frequencies_hz(note) / cutoff_hz)
        bell_db = resonance_db / (1.0 + 8.0 * octaves**2) ** 2
        assert_close(gains_db(sound, note), filter_db(kind, 24, cutoff_hz, frequencies_hz(note)) + bell_db)


@pytest.mark.parametrize("tilt", [-12.0, -3.0, 6.0])
@pytest.mark.parametrize("note", [*NOTES, OUTSIDE])
def test_tilt_turns_about_1_khz(tilt: float, note: int) -> None:
    expected_db = tilt * np.log2(frequencies_hz(note) / 1000.0)
    # A tilt makes a low fundamental up to 53 dB louder, so the note is played 20 dB softer.
    assert_close(gains_db(Sound(tilt_db_per_octave=tilt, level_db=-20.0), note) + 20.0, expected_db)


@pytest.mark.parametrize("odd_even_db", [-48.0, -9.0, 9.0, 48.0])
def test_odd_harmonics_are_louder_than_even_ones(odd_even_db: float) -> None:
    for note in NOTES:
        is_odd = np.arange(len(frequencies_hz(note))) % 2 == 0
        expected_db = np.where(is_odd, min(0.0, odd_even_db), min(0.0, -odd_even_db))
        assert_close(gains_db(Sound(odd_even_db=odd_even_db), note), expected_db)


@pytest.mark.parametrize("semitones", [-12.0, -5.0, 3.0, 12.0])
def test_formants_move_the_envelope_and_leave_the_pitch(semitones: float) -> None:
    for note in (40, 60):
        plain, moved = plain_db(note), levels_db(Sound(formant_semitones=semitones), note)
        number = np.arange(1, len(plain) + 1)
        at = number / 2.0 ** (semitones / 12.0)
        inside = (at >= 1.0) & (at <= len(plain)) & (number > 1)
        expected = np.interp(at, number, plain)
        assert np.abs(moved - expected)[inside].max() <= ALLOWED_DB


@pytest.mark.parametrize("tracking", [0.0, 0.5, 1.0])
def test_key_tracking_moves_the_cutoff_with_the_key(tracking: float) -> None:
    for note in (48, 60, 79):
        sound = Sound(filter=Filter(type="low", cutoff_hz=900.0, key_tracking=tracking))
        cutoff_hz = 900.0 * 2.0 ** (tracking * (note - 60) / 12.0)
        assert_close(gains_db(sound, note), filter_db("low", 24, cutoff_hz, frequencies_hz(note)))


@pytest.mark.parametrize("octaves", [-2.0, 3.0])
def test_envelope_octaves_move_the_cutoff_by_envelope_2(octaves: float) -> None:
    sound = Sound(
        filter=Filter(type="low", cutoff_hz=1000.0, envelope_octaves=octaves),
        envelope_2=DelayedEnvelope(sustain=0.5, decay_s=0.02),
    )
    expected_db = filter_db("low", 24, 1000.0 * 2.0 ** (0.5 * octaves), frequencies_hz(60))
    assert_close(gains_db(sound, 60), expected_db)


def test_modulation_and_settings_stop_at_their_ranges() -> None:
    bent = Modulation("velocity", "tilt", 1.0)
    sound = Sound(tilt_db_per_octave=9.0, modulation=(bent,))
    found_db = gains_db(sound, 60, velocity=127)
    assert_close(found_db - found_db[0], 12.0 * np.log2(np.arange(1, 41)))
