"""The search finds a path of latents that is near to the recording, and smooth."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.timbre_distance import distance_db
from runtime.encoding.colour import Colours
from runtime.encoding.decoding import decode
from runtime.encoding.search import MOST_ROUNDS, MOST_TRIED, Target, refined
from tests.support.playing import decoder

NOTE = 60


def test_a_refined_path_is_nearer_to_what_was_played_and_is_smooth() -> None:
    instrument = decoder()
    colours = Colours(instrument.card.spec, NOTE, 0.0)
    played = np.stack([np.linspace(0.2, 0.8, 40), np.full(40, 0.7)], axis=1)
    target_db = colours.band_levels_db(decode(instrument, played, NOTE))
    begun = np.full((40, 2), 0.4)
    found = refined(instrument, NOTE, colours, Target(target_db), begun)

    def plain_db(path: np.ndarray) -> float:
        return distance_db(colours.band_levels_db(decode(instrument, path, NOTE)), target_db)

    assert plain_db(found) < 0.5 * plain_db(begun)
    assert np.abs(np.diff(found, axis=0)).mean() < 0.06


def test_a_long_note_is_not_refined_much_longer_than_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = decoder()
    colours = Colours(instrument.card.spec, NOTE, 0.0)
    n_rows: list[int] = []
    decode_rows = instrument.decode
    monkeypatch.setattr(instrument, "decode", lambda n: n_rows.append(n) or decode_rows(n))
    path = np.full((900, 2), 0.5)
    refined(instrument, NOTE, colours, Target(np.zeros((900, 64))), path)
    assert 900 < sum(n_rows) <= MOST_TRIED + 900 < MOST_ROUNDS * 900
