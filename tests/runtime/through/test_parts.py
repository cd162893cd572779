"""The modules of `runtime.through` follow the pitch, stretch spectra, move latents and add colour as they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.instrument.decoder import Decoder
from runtime.through.band_colour import BandColour
from runtime.through.pitch_follower import PitchFollower
from runtime.through.settings import EffectSettings, LatentMover, offsets_at
from runtime.through.stretching import Stretcher
from tests.support.places import DATA
from tests.support.tones import tone

SPEC = StftSpec()
CARD = Decoder(DATA / "tiny.onnx").card


def followed(*heard: float, card: object = CARD) -> PitchFollower:
    """A follower that has followed these pitches, one for each frame; NaN: no pitch is heard."""
    follower = PitchFollower(card)
    for note in heard:
        follower.follow(note)
    return follower


def test_a_leap_is_believed_when_two_frames_agree() -> None:
    assert followed(60.0, 72.0).pitch == 60.0
    assert followed(60.0, 72.0, 72.1).pitch == 72.1
    assert followed(60.0, 72.0, 60.1).pitch == 60.1
    assert followed(60.0, 72.0, math.nan, 72.0).pitch == 60.0
    assert followed(60.0, 60.7, 61.5, 62.4).pitch == 62.4


def test_where_no_pitch_is_heard_the_last_is_kept() -> None:
    follower = followed(64.3, math.nan, math.nan)
    assert (follower.pitch, follower.note) == (64.3, 64)
    assert CARD.note_range[0] <= followed(math.nan).note <= CARD.note_range[1]


def test_a_vibrato_about_the_middle_between_two_notes_stays_with_one() -> None:
    assert {followed(60.0, *[60.45, 60.55] * n).note for n in range(5)} == {60}
    assert followed(60.0, 60.55, 60.7).note == 61


def test_outside_the_range_the_nearest_note_is_decoded() -> None:
    assert followed(30.2).note == CARD.note_range[0]
    assert followed(100.0).note == CARD.note_range[1]
    chroma = Decoder(DATA / "tiny-chroma.onnx").card
    assert followed(60.0, card=chroma).note == chroma.nearest_note(60)


@pytest.mark.parametrize("step", [0.5, 0.97, 1.0, 1.03, 2.0])
def test_a_stretched_spectrum_has_its_peaks_elsewhere(step: float) -> None:
    source, out = np.zeros(200, np.float32), np.full(200, 9.0, np.float32)
    source[[40, 41, 42]] = 0.5, 1.0, 0.5
    Stretcher(200, 200).stretch(source, step, out)
    peak = 41.0 / step
    if peak < 200:
        assert abs(np.average(np.arange(200), weights=out) - peak) < 0.5 / step
    assert not out[math.ceil(199 / step) + 1 :].any()
    assert out.max() <= 1.0


def test_at_the_middle_of_the_knobs_latents_stay_and_at_the_ends_they_reach_the_ends_of_their_travel() -> None:
    low, high = (CARD.latents_at(np.full(CARD.n_latents, end)) for end in (0.0, 1.0))
    encoded = np.array([[low[0] + 0.3 * (high[0] - low[0]), high[1] + 0.5]], np.float32)
    for positions, expected in (
        ((0.5, 0.5), encoded[0]),
        ((0.0, 1.0), [low[0], encoded[0, 1]]),
        ((1.0, 0.0), [high[0], max(low[1], encoded[0, 1] - (high[1] - low[1]))]),
        ((0.6, 0.5), [encoded[0, 0] + 0.2 * (high[0] - low[0]), encoded[0, 1]]),
    ):
        mover, latents = LatentMover(CARD, 0.02), encoded.copy()
        mover.set(EffectSettings(offsets_at(positions)))
        mover.move(latents)
        assert np.allclose(latents[0], expected, atol=1e-5), positions


def test_motion_scales_how_far_latents_are_from_their_mean() -> None:
    wave = 0.5 + 0.3 * np.sin(np.arange(400) * 0.5)
    path = np.stack([wave, wave], axis=1).astype(np.float32)
    spreads = []
    for motion in (0.0, 0.5, 1.0):
        mover, latents = LatentMover(CARD, 0.023), path.copy()
        mover.set(EffectSettings(motion=motion))
        mover.move(latents)
        spreads.append(latents[200:].std())
    assert spreads[0] < 0.15 * spreads[2]
    assert spreads[1] == pytest.approx(0.5 * spreads[2], rel=0.1)
    assert spreads[2] == pytest.approx(path[200:].std(), rel=1e-5)


def test_the_colour_brings_one_spectrum_to_another() -> None:
    heard, decoded = (magnitude_frames(tone(57, 0.3, slope), SPEC) for slope in (0.5, 1.5))
    asked_db = band_levels_db(heard, SPEC)
    colour, out = BandColour(SPEC, len(heard)), decoded.copy()
    before_db = distance_db(band_levels_db(decoded, SPEC), asked_db)
    found = colour.find(decoded, 0.01 * heard)
    colour.put(found.copy(), 0.0, out)
    assert np.allclose(out, decoded, rtol=1e-6)
    colour.put(found, 1.0, out)
    assert before_db > 5.0
    assert distance_db(band_levels_db(out, SPEC), asked_db) < 1.5


def test_a_band_beyond_half_the_sample_rate_costs_nothing() -> None:
    spec = StftSpec(8000, 512, 128)
    frames = np.random.default_rng(0).random((2, spec.n_bins), np.float32)
    colour = BandColour(spec, 2)
    assert np.isfinite(colour.find(frames, frames)).all()
    assert np.abs(colour.find(frames, frames)).max() < 1e-3
