"""After training with pairs of frames of one sound, the latents describe the sound and not the note."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.base.errors import UserError
from tests.support.harmonic_run import FIT, MODEL
from training.corpus.frames import FrameStore, sound_name
from training.learning.train import train
from training.model.batches import FrameBatches
from training.model.recipe import Recipe, refuse_contradictions, resolve_conditioning
from training.model.run_folder import TrainedRun

# No penalty on pitch: it would also change the latents, which these tests compare.
EXCHANGING = msgspec.structs.replace(
    FIT, mixup=False, exchange=True, knobs=(), effect_penalty=0.0, band_penalty=0.1, pitch_penalty=0.0
)


def recipe(**fit: object) -> Recipe:
    return Recipe(labels="known", model=MODEL, fit=msgspec.structs.replace(EXCHANGING, **fit))


def test_the_rows_of_a_pair_are_one_sound_at_one_place_in_its_time(store: FrameStore):
    batches = FrameBatches(store, recipe(), resolve_conditioning(recipe(), store))
    pairs = batches.epoch(1).reshape(-1, 2)
    names = np.array([sound_name(clip) for clip in store.clips])[store.clip[pairs]]
    assert (names[:, 0] == names[:, 1]).all()
    place = np.arange(len(store.clip)) - np.searchsorted(store.clip, store.clip)
    assert np.abs(np.diff(place[pairs], axis=1)).max() <= 1
    assert (store.note[pairs][:, 0] != store.note[pairs][:, 1]).mean() > 0.7
    assert len(np.unique(pairs)) == pairs.size > 0.8 * len(store.rows("train"))
    assert not np.array_equal(batches.epoch(1), batches.epoch(2))


def test_a_sound_has_the_same_latents_at_every_note(store: FrameStore, tmp_path: Path):
    spreads = {}
    for exchange in (False, True):
        train(recipe(exchange=exchange, epochs=30, spread_penalty=0.1), store, tmp_path / str(exchange))
        run = TrainedRun.open(tmp_path / str(exchange))
        batches = FrameBatches(store, run.recipe, run.record.conditioning)
        rows = store.rows("train")
        latents, names = run.embed(batches.encoder_inputs(rows)), store.clip[rows]
        sounds = np.array([sound_name(clip) for clip in store.clips])[names]
        within = np.mean([latents[sounds == sound].std(axis=0).mean() for sound in np.unique(sounds)])
        spreads[exchange] = within / latents.std(axis=0).mean()
    assert spreads[True] < 0.8 * spreads[False]


def test_mixtures_and_exchange_exclude_each_other():
    with pytest.raises(UserError, match="mixup and exchange"):
        refuse_contradictions(recipe(mixup=True), "recipe.yaml")
