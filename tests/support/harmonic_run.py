"""The recipe of a small model for the corpus of tests.support.harmonic_store. One knob has a name: brightness."""

from __future__ import annotations

from training.model.recipe import FitRecipe, ModelRecipe, Recipe

MODEL = ModelRecipe(
    n_latents=2,
    augmentation="chroma",
    conditioning="chroma+octave",
    output_training_slope=0.1,
    compression=3,
    comb_floor_db=-30.0,
    encoder_widths=(32, 16),
    decoder_widths=(16, 32),
)
FIT = FitRecipe(
    epochs=25,
    batch_size=16,
    learning_rate=0.005,
    mixup=True,
    pitch_penalty=0.3,
    spread_penalty=1.0,
    knobs=("brightness",),
    effect_penalty=0.05,
)
RECIPE = Recipe(labels="known", model=MODEL, fit=FIT, even_knobs=True)
