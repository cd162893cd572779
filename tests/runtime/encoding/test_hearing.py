"""A recording's notes are separated; the pitch, the tuning and the beginning of each are found."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec
from runtime.encoding.hearing import Take, takes_of
from tests.support.places import NEEDS_VIOLIN_NOTES, VIOLIN_NOTES

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz


def tone(note: float, seconds: float = 1.0, n_harmonics: int = 12, skip: int = 1) -> np.ndarray:
    """A note's harmonics 1, 1 + skip, ...: at most n_harmonics, all below 18 kHz. Harmonic k has amplitude 0.2 / k."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    f0_hz = float(note_to_hz(note))
    numbers = [k for k in range(1, n_harmonics * skip, skip) if k * f0_hz < 18000.0]
    sound = sum(np.sin(2.0 * np.pi * k * f0_hz * time_s + k) / k for k in numbers)
    fade = np.minimum(1.0, np.minimum(np.arange(len(time_s)), np.arange(len(time_s))[::-1]) / 441.0)
    return (0.2 * sound * fade).astype(np.float32)


def only(samples: np.ndarray, **options: bool) -> Take:
    (take,) = takes_of(samples, SPEC, **options)
    return take


@pytest.mark.parametrize("note", [30, 45, 60, 72, 84, 96])
@pytest.mark.parametrize("skip", [1, 2])
def test_the_note_and_its_tuning_are_heard(note: int, skip: int) -> None:
    pitch = only(tone(note + 0.3, skip=skip)).pitch
    assert (pitch.note, pitch.is_single, pitch.other_octave) == (note, True, None)
    assert pitch.cents == pytest.approx(30.0, abs=8.0 if note < 36 else 4.0)


def test_a_take_is_put_in_tune_unless_the_tuning_is_kept() -> None:
    tuned = only(np.concatenate([tone(60.4)]))
    again = only(tuned.samples)
    assert abs(again.pitch.cents) < 4.0
    kept = only(tone(60.4), keeps_tuning=True)
    assert only(kept.samples).pitch.cents == pytest.approx(40.0, abs=4.0)


@pytest.mark.skipif(not VIOLIN_NOTES.is_dir(), reason=NEEDS_VIOLIN_NOTES)
def test_the_notes_of_a_violin_are_heard() -> None:
    import soundfile

    from runtime.acoustics.pitch import parse_note

    heard = {}
    for path in sorted(VIOLIN_NOTES.glob("*.flac")):
        samples, _ = soundfile.read(path, dtype="float32")
        heard[path.stem] = takes_of(samples, SPEC)[0].pitch
    assert all(pitch.is_single for pitch in heard.values())
    assert all(pitch.note == parse_note(name.split("_")[2]) for name, pitch in heard.items()), heard


def test_a_sound_begins_where_it_is_first_heard() -> None:
    take = only(np.concatenate([np.zeros(12345, np.float32), tone(60)]))
    assert take.start_s == pytest.approx(12345 / RATE_HZ, abs=0.005)
    assert np.abs(take.samples[: take.before]).max() < 0.05 * np.abs(take.samples).max()


@pytest.mark.parametrize("notes", [(60, 64, 67), (57, 60, 64), (48, 55, 64, 70)])
def test_a_chord_is_no_single_note(notes: tuple[int, ...]) -> None:
    assert not takes_of(sum(tone(note) for note in notes), SPEC)[0].pitch.is_single


def test_noise_and_a_glide_are_no_single_note() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE_HZ).astype(np.float32)
    assert not takes_of(noise, SPEC)[0].pitch.is_single
    time_s = np.arange(RATE_HZ) / RATE_HZ
    glide = sum(np.sin(2.0 * np.pi * k * 120.0 * (time_s + time_s**2)) / k for k in range(1, 12))
    assert not takes_of(glide.astype(np.float32), SPEC)[0].pitch.is_single


def test_a_note_with_partials_an_octave_lower_has_a_second_reading() -> None:
    pitch = only(tone(69) + 0.06 * tone(57, skip=2)).pitch
    assert {pitch.note, pitch.other_octave} == {69, 57}


def test_the_notes_of_a_long_take_are_separated_the_longest_first() -> None:
    gap = np.zeros(RATE_HZ // 2, np.float32)
    takes = takes_of(np.concatenate([tone(60, 0.7), gap, tone(64, 1.2), gap, tone(67, 0.9)]), SPEC)
    assert [take.pitch.note for take in takes] == [64, 67, 60]
    assert [take.start_s for take in takes] == pytest.approx([1.2, 2.9, 0.0], abs=0.03)


def test_silence_has_no_takes() -> None:
    assert takes_of(np.zeros(RATE_HZ, np.float32), SPEC) == []
    assert takes_of(np.zeros(0, np.float32), SPEC) == []
