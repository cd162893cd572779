"""Pitch, loudness and knobs are measured correctly on instruments with known figures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.synthetic_instrument import SPEC, SyntheticInstrument
from training.instrument.points import Points
from training.measure.pitch_map import HIGH, RIGHT, pitch_kinds, plot_pitch_maps
from training.measure.playability import measure_knobs, measure_points, render_points


def bright_saw(latents: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """The first knob makes the sound brighter, the second does nothing."""
    return harmonics ** -(2.0 - latents[0])


def octave_up_above_the_middle(latents: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """With the second knob above 0.5, only even harmonics sound, an octave too high."""
    even_only = latents[1] > 0.5 and len(harmonics) > 1
    return np.where(even_only & (harmonics % 2 == 1), 0.0, 1.0 / harmonics)


def test_an_instrument_without_holes_is_in_tune_everywhere_and_evenly_loud():
    figures = measure_points(SyntheticInstrument(bright_saw), n=60, seed=1)
    assert figures["in_tune"] == 1.0
    assert figures["octave_off"] == 0.0
    assert figures["harmonic_energy"] > 0.99
    assert figures["loudness_sd_db"] < 0.5
    assert set(figures["by_octave"]) <= {f"C{octave}" for octave in range(2, 8)}


def test_a_hole_is_found_and_counted():
    instrument = SyntheticInstrument(octave_up_above_the_middle)
    points = Points.draw(instrument, 60, seed=1)
    figures = measure_points(instrument, n=60, seed=1)
    in_the_hole = np.mean(points.positions[:, 1] > 0.5)
    assert 0.2 < in_the_hole < 0.8
    assert figures["octave_off"] == pytest.approx(in_the_hole, abs=0.02)
    assert figures["in_tune"] == pytest.approx(1.0 - in_the_hole, abs=0.02)


def test_points_are_the_same_for_one_seed_and_fill_the_travel():
    instrument = SyntheticInstrument(bright_saw)
    first, again, other = (Points.draw(instrument, 500, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.positions, again.positions)
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.positions, other.positions)
    assert first.positions.min() < 0.02
    assert first.positions.max() > 0.98
    assert set(first.notes.tolist()) == set(range(36, 97))


def test_the_rendered_sound_follows_the_knobs():
    instrument = SyntheticInstrument(bright_saw)
    points = Points(np.array([60, 60]), np.array([[0.0, 0.0], [1.0, 0.0]]))
    spectra, _ = render_points(instrument, points)
    frequency_hz = np.arange(SPEC.n_bins) * SPEC.bin_hz
    dull, bright = spectra @ frequency_hz / spectra.sum(axis=1)
    assert bright > 1.5 * dull


def test_a_knob_that_does_nothing_has_no_travel_and_brightness_is_followed():
    first, second = measure_knobs(SyntheticInstrument(bright_saw, note_range=(60, 72)))
    assert first["travel_db"] > 5.0
    assert first["follows"]["brightness"] == pytest.approx(1.0)
    assert first["unevenness"] < 0.3
    assert second["travel_db"] == second["least_travel_db"] == 0.0


def test_the_map_shows_the_hole_where_it_is():
    instrument = SyntheticInstrument(octave_up_above_the_middle, note_range=(60, 71))
    kinds = pitch_kinds(instrument, 60)
    positions = np.linspace(0.0, 1.0, len(kinds))
    assert (kinds[positions > 0.5] == HIGH).all()
    assert (kinds[positions <= 0.5] == RIGHT).all()
    figure = plot_pitch_maps(instrument, "a hole")
    assert figure.axes[0].get_title() == "C4: 51 % in tune"
