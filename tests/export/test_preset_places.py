"""Presets move to knob positions at which they sound more like the recordings of their sounds."""

from __future__ import annotations

import numpy as np
import pytest

from export.preset_places import Place, better_places
from runtime.acoustics.timbre_distance import band_levels_db
from tests.support.synthetic_instrument import SyntheticInstrument
from training.instrument.points import Points, decode_points
from training.measure.likeness import Take

NOTES = (48, 54, 60, 66, 72)


def amplitudes(latents: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The first latent makes the sound dull, the second hollow."""
    return numbers ** -(1.0 + 2.0 * latents[0]) * np.where(numbers % 2, 1.0, 1.0 - 0.95 * latents[1])


INSTRUMENT = SyntheticInstrument(amplitudes)


def take(sound: str, note: int, positions: np.ndarray) -> Take:
    """A take of three equal frames: what the instrument plays at these knob positions."""
    frame = decode_points(INSTRUMENT, Points(np.array([note]), positions[None]))
    frames = np.repeat(frame, 3, axis=0)
    return Take((sound, None), note, False, 0, frames, band_levels_db(frames, INSTRUMENT.card.spec))


def test_a_place_lies_between_its_keys_and_stays_beyond_them():
    place = Place((48, 60), np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert [place.at(note).tolist() for note in (40, 48, 51, 60, 70)] == [
        [0.0, 1.0],
        [0.0, 1.0],
        [0.25, 0.75],
        [1.0, 0.0],
        [1.0, 0.0],
    ]
    assert Place((60,), np.array([[0.2, 0.4]])).at(72).tolist() == [0.2, 0.4]


def test_presets_move_to_where_they_sound_like_their_recordings():
    asked = {
        "dull": Place((48, 72), np.array([[0.9, 0.2], [0.5, 0.2]])),
        "hollow": Place((48, 72), np.array([[0.3, 0.9], [0.3, 0.6]])),
    }
    takes = [take(name, note, place.at(note)) for name, place in asked.items() for note in NOTES]
    wrong = {name: Place((48, 72), np.full((2, 2), 0.4)) for name in asked}
    found = better_places(INSTRUMENT, wrong, takes)
    for name, place in asked.items():
        assert found[name].keys == place.keys
        assert found[name].positions == pytest.approx(place.positions, abs=0.1)


def test_a_preset_without_recordings_stays():
    place = Place((60,), np.array([[0.2, 0.4]]))
    assert better_places(INSTRUMENT, {"here": place}, [take("elsewhere", 60, place.at(60))]) == {"here": place}
