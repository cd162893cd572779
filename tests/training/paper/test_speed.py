"""Training steps and their matrix products are timed alternately."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harmonic_store import write_store
from tests.support.places import TRAINING_CONFIGS
from training.model.backend import prepare_keras
from training.model.recipe import load_recipe
from training.paper.speed import AUGMENTATIONS, Effort, Products, layer_products, measure_speed

TINY = TRAINING_CONFIGS / "tiny.yaml"

prepare_keras()


def test_a_layer_costs_three_products_and_the_first_two():
    assert layer_products([(10, 4), (4, 7)], 200) == [
        (200, 10, 4),
        (10, 200, 4),
        (200, 4, 7),
        (4, 200, 7),
        (200, 7, 4),
    ]
    assert Products(layer_products([(10, 4), (4, 7)], 200)).flop == 2.0 * 200 * (2 * 40 + 3 * 28)


def test_large_products_run_at_a_higher_rate_than_small_ones():
    small, large = Products([(4, 8, 4)]), Products([(256, 512, 256)])
    for products in (small, large):
        for _ in range(3):
            products.time()
    assert large.best_s() > small.best_s() > 0.0
    assert large.flop / large.best_s() > 20.0 * small.flop / small.best_s()


def test_steps_and_augmentations_are_timed_in_turns(tmp_path: Path):
    speed = measure_speed(load_recipe(TINY), write_store(tmp_path / "frames"), Effort(n_rounds=3, n_batches=2))
    assert set(speed["augmentation_step_ms"]) == set(AUGMENTATIONS)
    assert all(len(times) == 3 and min(times) > 0.0 for times in speed["augmentation_step_ms"].values())
    assert speed["share_of_gemm_rate"] == pytest.approx(speed["gemm_s"] / speed["step_s"])
    assert speed["step_s"] > 0.0
    assert speed["step_s"] <= speed["median_step_s"]
    assert speed["gemm_s"] * speed["gemm_gflop_per_s"] == pytest.approx(speed["gflop_per_step"])
    assert speed["environment"]["device"]
    assert speed["load_before"] >= 0.0
