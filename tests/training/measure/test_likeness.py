"""The figures of likeness are right for an instrument that plays its recordings, and for one that plays their mean."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.timbre_distance import FLOOR_DB, band_levels_db, distance_db
from runtime.instrument.card import Card, CardPreset, Check, Latent
from runtime.instrument.conditioning import Conditioning
from tests.support.harmonic_store import NOTES, SPEC, TILTS
from training.corpus.frames import FrameStore, sound_name
from training.measure.likeness import change_correlation, measure_likeness, presets_nearest

SOUNDS = [name for name, (split, _) in TILTS.items() if split == "train"]


class Knowing:
    """An instrument whose one latent is a sound's index in SOUNDS.

    blur: from 0 to 1. A decoded frame is (1 - blur) * (the sound) + blur * (the mean of all sounds).
    """

    batch_invariant = True

    def __init__(self, store: FrameStore, blur: float):
        conditioning = Conditioning("chroma+octave", 84, 2)
        latent = Latent("sound", 0.0, len(SOUNDS) - 1.0, 0.0)
        presets = tuple(CardPreset(name, (place / (len(SOUNDS) - 1),)) for place, name in enumerate(SOUNDS))
        self.card = Card(
            card_version=2,
            name="knowing",
            frame_size=SPEC.frame_size,
            hop_size=SPEC.hop_size,
            latents=(latent,),
            conditioning=conditioning,
            note_range=(min(NOTES), max(NOTES)),
            presets=presets,
            check=Check([], []),
        )
        self.inputs = np.zeros((64, self.card.n_inputs), np.float32)
        self._means = {
            (sound_name(clip), clip.note): store.magnitudes[store.clip == index].mean(axis=0)
            for index, clip in enumerate(store.clips)
        }
        self._blur = blur

    def encode(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        places = []
        for frame, note in zip(frames, notes.tolist(), strict=True):
            known = np.array([self._means[sound, note] for sound in SOUNDS])
            places.append([np.square(known - frame).sum(axis=1).argmin()])
        return np.array(places)

    def decode(self, n_rows: int) -> np.ndarray:
        made = []
        for row in self.inputs[:n_rows]:
            note = 84 + int(row[1:13].argmax()) + 12 * int(row[13:].argmax())
            near = min(NOTES, key=lambda known: abs(known - note))
            own = self._means[SOUNDS[round(float(np.clip(row[0], 0, len(SOUNDS) - 1)))], near]
            mean = np.mean([self._means[sound, near] for sound in SOUNDS], axis=0)
            made.append((1.0 - self._blur) * own + self._blur * mean)
        return np.array(made, np.float32)


def test_an_instrument_that_knows_its_sounds_is_near_and_told_apart(store: FrameStore):
    instrument = Knowing(store, blur=0.0)
    figures = measure_likeness(instrument, instrument.encode, store)
    assert figures["path_db"] < 0.5 < figures["nearest_other_db"]
    assert figures["told_apart_still"] == figures["told_apart_path"] == 1.0
    assert abs(figures["knobs_behind_still_db"]) < 0.5
    assert (figures["n_recordings"], figures["n_held_out"]) == (4 * len(NOTES), 2 * len(NOTES))


def test_an_instrument_that_plays_the_mean_is_found_out(store: FrameStore):
    instrument = Knowing(store, blur=1.0)
    figures = measure_likeness(instrument, instrument.encode, store)
    assert figures["path_db"] > 2.0
    assert figures["told_apart_still"] < 0.7
    assert figures["n_strong_knobs"] == 0


def test_presets_named_after_sounds_are_those_sounds(store: FrameStore):
    instrument = Knowing(store, blur=0.0)
    places = np.array([preset.latents for preset in instrument.card.presets])
    assert presets_nearest(instrument, SOUNDS, store, lambda note: places) == 1.0
    assert presets_nearest(instrument, SOUNDS, store, lambda note: places[::-1]) < 0.2
    assert presets_nearest(instrument, [], store, lambda note: places[:0]) is None


def test_a_change_that_is_not_followed_has_no_correlation():
    time = np.linspace(0.0, 1.0, 20)[:, None]
    asked = time * np.linspace(-10.0, 10.0, 64)
    assert change_correlation(0.5 * asked, asked) == pytest.approx(1.0)
    assert change_correlation(np.zeros((20, 64)), asked) == 0.0
    assert change_correlation(-asked, asked) == pytest.approx(-1.0)


def test_levels_are_relative_to_the_loudest_band():
    frames = np.random.default_rng(0).random((3, SPEC.n_bins)).astype(np.float32)
    levels_db = band_levels_db(frames, SPEC)
    assert levels_db.shape == (3, 64)
    assert np.allclose(levels_db.max(axis=1), 0.0, atol=1e-5)
    assert distance_db(levels_db, band_levels_db(7.0 * frames, SPEC)) < 1e-3
    assert (band_levels_db(np.zeros((1, SPEC.n_bins)), SPEC) == FLOOR_DB).all()
