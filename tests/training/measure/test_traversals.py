"""A traversal moves one latent; a latent that the decoder ignores changes nothing."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from tests.support.harmonic_store import NOTES
from tests.support.places import TRAINING_CONFIGS
from training.corpus.frames import FrameStore
from training.instrument.embedding import embed_rows
from training.learning.train import train
from training.measure.traversals import N_BANDS, N_STEPS, SECONDS_PER_LATENT, Traversals, traverse
from training.model.recipe import load_recipe
from training.model.run_folder import TrainedRun

TINY = TRAINING_CONFIGS / "tiny.yaml"


@pytest.fixture(scope="module")
def folder(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "tones"
    train(load_recipe(TINY, epochs=30), store, folder, on_epoch=lambda record: None)
    return folder


def traversals_of(run: TrainedRun, store: FrameStore) -> Traversals:
    return traverse(run, store, embed_rows(run, store, store.rows("train")))


def test_the_sound_is_a_training_note_and_ends_in_silence(folder: Path, store: FrameStore):
    found = traversals_of(TrainedRun.open(folder), store)
    assert found.note in NOTES
    sound, rate_hz = soundfile.read(io.BytesIO(found.encoded_sound()))
    assert rate_hz == 44100
    assert len(sound) == len(found.sound) >= 2 * SECONDS_PER_LATENT * rate_hz
    assert len(found.encoded_sound()) < 60_000
    spectrum = np.abs(np.fft.rfft(found.sound[: 2 * 44100]))
    peak_hz = 440.0 * 2.0 ** ((found.note - 69) / 12.0)
    assert abs(np.argmax(spectrum) / 2.0 - peak_hz) < 65.0  # one and a half bins of the store's spectra
    assert np.abs(found.sound[-1000:]).max() < 1e-3  # the note was released and has faded away


def test_strips_are_levels_below_each_step_s_peak(folder: Path, store: FrameStore):
    found = traversals_of(TrainedRun.open(folder), store)
    assert found.strips_db.shape == (2, N_BANDS, N_STEPS)
    assert np.allclose(found.strips_db.max(axis=1), 0.0, atol=1e-4)
    assert found.strips_db.min() >= -60.001
    band_hz = found.band_hz[found.strips_db[0].mean(axis=1).argmax()]
    assert band_hz == pytest.approx(440.0 * 2.0 ** ((found.note - 69) / 12.0), rel=0.1)


def test_a_latent_that_the_decoder_ignores_changes_neither_pitch_nor_strip(folder: Path, store: FrameStore):
    run = TrainedRun.open(folder)
    kernel = run.decoder.get_layer("decoder_1").kernel
    deaf = np.array(kernel.numpy())
    deaf[1] = 0.0
    kernel.assign(deaf)
    found = traversals_of(run, store)
    assert found.pitch_changes[1] == 0.0
    assert np.allclose(found.strips_db[1], found.strips_db[1][:, :1], atol=1e-3)


def test_where_the_latents_must_carry_the_pitch_they_change_it(folder: Path, store: FrameStore, tmp_path: Path):
    recipe = load_recipe(TINY, epochs=30)
    model = msgspec.structs.replace(recipe.model, conditioning="none")
    train(msgspec.structs.replace(recipe, model=model), store, tmp_path / "run", on_epoch=lambda record: None)
    unconditioned = traversals_of(TrainedRun.open(tmp_path / "run"), store)
    assert max(unconditioned.pitch_changes) > 0.3
    assert max(traversals_of(TrainedRun.open(folder), store).pitch_changes) < 0.05
