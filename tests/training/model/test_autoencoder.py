"""The recipes build the paper's models; a broken recipe is a one-line error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning
from tests.support.places import TRAINING_CONFIGS
from training.model.backend import prepare_keras
from training.model.batches import FrameBatches
from training.model.recipe import PAPER_WIDTHS, ModelRecipe, Recipe, load_recipe, resolve_conditioning

prepare_keras()

from tests.support.harmonic_store import NOTES, SPEC, write_store  # noqa: E402
from training.learning.steps import l2_penalty, weighted_mean  # noqa: E402
from training.model.autoencoder import build_autoencoder  # noqa: E402

RECIPES = sorted(TRAINING_CONFIGS.glob("*.yaml"))
SMALL = {"encoder_widths": (8,), "decoder_widths": (8,)}
NOTHING, CHROMA, OCTAVES = Conditioning(), Conditioning("chroma"), Conditioning("chroma+octave", 36, 6)
CONDITIONINGS = {conditioning.kind: conditioning for conditioning in (NOTHING, CHROMA, OCTAVES)}
OCTAVE = "labels: known\nmodel: {conditioning: chroma+octave}\n"
SHORT = StftSpec(frame_size=64, hop_size=16)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_committed_recipe_builds(path: Path):
    recipe = load_recipe(path)
    conditioning = CONDITIONINGS[recipe.model.conditioning]
    model = build_autoencoder(recipe.model, StftSpec(), conditioning, recipe.fit.seed)
    assert model.decoder.input_shape == (None, recipe.model.n_latents + conditioning.size)
    assert model.decoder.output_shape == model.full.output_shape == (None, 2049)
    assert model.encoder.output_shape == (None, recipe.model.n_latents)


def test_the_paper_s_recipes_have_the_paper_s_settings():
    papers = [load_recipe(path) for path in RECIPES if path.stem.startswith("paper")]
    assert len(papers) >= 4
    for recipe in papers:
        assert (recipe.model.encoder_widths, recipe.model.decoder_widths) == (PAPER_WIDTHS, PAPER_WIDTHS[::-1])
        assert (recipe.fit.epochs, recipe.fit.batch_size, recipe.fit.learning_rate, recipe.fit.l2) == (
            300,
            200,
            5e-4,
            0.0 if recipe.model.bottleneck == "variational" else 1e-7,
        )
        assert (recipe.labels, recipe.model.leaky_slope) == ("detected", 0.1)


@pytest.mark.parametrize(("augmentation", "width"), [("none", 33), ("first_order_difference", 65), ("chroma", 45)])
def test_augmentation_widens_the_encoder_s_input(augmentation: str, width: int):
    model = build_autoencoder(ModelRecipe(augmentation=augmentation, **SMALL), SHORT, NOTHING, 0)
    assert model.encoder.get_layer("encoder_1").kernel.shape[0] == width
    assert [tensor.name for tensor in model.encoder.inputs] == ["magnitude", "chroma"][: len(model.encoder.inputs)]


def test_bottlenecks_and_output_stay_in_their_ranges():
    frames = np.random.default_rng(0).random((64, 33), np.float32) * 50.0
    for seed in range(3):
        sigmoid = build_autoencoder(ModelRecipe(bottleneck="sigmoid", **SMALL), SHORT, NOTHING, seed)
        latents = sigmoid.encoder.predict_on_batch(frames)
        assert latents.min() >= 0.0
        assert latents.max() <= 1.0
        assert sigmoid.full.predict_on_batch(frames).min() >= 0.0
    leaky = build_autoencoder(ModelRecipe(bottleneck="lrelu", **SMALL), SHORT, NOTHING, 0)
    assert np.abs(leaky.encoder.predict_on_batch(frames)).max() > 1.0


def test_conditioning_reaches_the_decoder():
    model = build_autoencoder(ModelRecipe(conditioning="chroma", **SMALL), SHORT, CHROMA, 0)
    frames = np.random.default_rng(0).random((1, 33), np.float32)
    outputs = [model.full.predict_on_batch([frames, np.eye(12, dtype=np.float32)[[k]]]) for k in (0, 7)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


def test_equal_seeds_give_equal_weights():
    models = [build_autoencoder(ModelRecipe(**SMALL), SHORT, NOTHING, seed) for seed in (3, 3, 4)]
    first, again, other = (model.weights() for model in models)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_rows_of_weight_0_do_not_count_and_biases_are_not_penalised():
    errors = np.array([1.0, 9.0, 10000.0], np.float32)
    assert float(weighted_mean(errors, np.array([1.0, 1.0, 0.0], np.float32))) == pytest.approx(5.0)
    assert float(l2_penalty([np.full((2, 3), 2.0), np.full(7, 9.0)], 0.5)) == pytest.approx(12.0)


def test_octaves_begin_at_the_c_below_the_lowest_note(tmp_path: Path):
    store = write_store(tmp_path / "frames", notes=(59, 60, 76))
    conditioning = resolve_conditioning(Recipe(labels="known", model=ModelRecipe(conditioning="chroma+octave")), store)
    assert (conditioning.lowest_note, conditioning.n_octaves) == (48, 3)


def test_detected_labels_of_clear_tones_are_their_notes(tmp_path: Path):
    store = write_store(tmp_path / "frames")
    recipe = ModelRecipe(conditioning="chroma", augmentation="chroma", **SMALL)
    rows = store.rows("train")
    known, detected = (
        FrameBatches(store, r, resolve_conditioning(r, store)).inputs(rows)
        for r in (Recipe(labels="known", model=recipe), Recipe(labels="detected", model=recipe))
    )
    assert known[1].shape == known[2].shape == (len(rows), 12)
    assert all(np.array_equal(a, b) for a, b in zip(known, detected, strict=True))
    assert set(np.argmax(known[1], axis=1)) == {note % 12 for note in NOTES}
    assert known[0].shape == (len(rows), SPEC.n_bins)


def test_known_labels_need_known_notes(tmp_path: Path):
    store = write_store(tmp_path / "frames", known=False)
    recipe = Recipe(labels="known", model=ModelRecipe(conditioning="chroma"))
    with pytest.raises(UserError, match=r"without a known note.*labels: detected"):
        resolve_conditioning(recipe, store)
    assert resolve_conditioning(Recipe(labels="known"), store).kind == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {n_latent: 2}", "n_latent.*did you mean 'n_latents'"),
        ("model: {bottleneck: tanh}", "tanh.*model.bottleneck"),
        ("fit: {batch_size: 0}", "batch_size"),
        ("labels: detected\nmodel: {conditioning: chroma+octave}", "labels known"),
        ("model: {comb_floor_db: -30}", "model.comb_floor_db with conditioning none"),
        ("fit: {pitch_penalty: 1}", "fit.pitch_penalty with conditioning none"),
        (OCTAVE + "fit: {knobs: [brightness, body, noise]}", "3 fit.knobs.*1 to 2 knobs"),
        (OCTAVE + "fit: {effect_penalty: 1}", "0 fit.knobs"),
        (OCTAVE + "fit: {knobs: [warmth]}", "warmth"),
        ("fit: {mixup: true, batch_size: 201}", "an even number"),
    ],
)
def test_a_broken_recipe_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_recipe(path)
