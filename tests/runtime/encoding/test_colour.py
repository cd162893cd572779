"""A fitted colour brings a spectrum close to another one, and leaves its loudness as it is."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.mel_bands import N_BANDS
from runtime.acoustics.timbre_distance import distance_db
from runtime.encoding.colour import Colours
from runtime.encoding.decoding import decode
from tests.support.playing import decoder


@pytest.mark.parametrize("note", [48, 60, 83])
def test_the_colour_of_a_coloured_spectrum_is_found(note: int) -> None:
    instrument = decoder()
    colours = Colours(instrument.card.spec, note, 0.0)
    plain = decode(instrument, np.array([[0.8, 0.8], [0.5, 0.5]]), note)
    asked = np.stack([np.linspace(6.0, -12.0, N_BANDS), 8.0 * np.sin(np.arange(N_BANDS) / 4.0)])
    target_db = colours.band_levels_db(colours.coloured(plain, asked))
    found = colours.fit(plain, target_db)
    assert distance_db(colours.band_levels_db(plain), target_db) > 2.5
    assert distance_db(colours.band_levels_db(colours.coloured(plain, found)), target_db) < 0.5


def test_a_colour_leaves_the_loudness_as_it_is() -> None:
    instrument = decoder()
    colours = Colours(instrument.card.spec, 60, 0.0)
    plain = decode(instrument, np.array([[0.8, 0.8]]), 60)
    levelled = colours.levelled(plain, np.full((1, N_BANDS), 7.0))
    assert np.allclose(levelled, 0.0, atol=1e-3)


def test_the_decoded_positions_are_those_of_the_knobs() -> None:
    instrument = decoder()
    frames = decode(instrument, np.random.default_rng(0).random((70, 2)), 60)
    instrument.inputs[0] = np.concatenate([[0.0, 0.0], instrument.card.conditioning.rows(np.array([60]))[0]])
    fundamental = instrument.decode(1)[0]
    peak = int(np.argmax(fundamental))
    assert frames.shape == (70, 2049)
    assert np.allclose(frames[:, peak], fundamental[peak], rtol=0.02)
