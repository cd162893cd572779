"""Findings hold on invented runs that agree with the paper, and fail on others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.paper.claims import CLAIMS, CONDITIONED, VARIATIONAL, Outcome, outcomes
from training.paper.kept import KeptRun
from training.paper.plan import load_plan
from training.paper.results import Results

CONFIGS = [model.config for model in load_plan().models]
# Invented errors on the test split. Where a finding compares models, these errors rank the models as the paper's errors
# do. Keys: names of configs without "paper-".
ERRORS = {
    "five-octave-8-lrelu-chroma": 1.0,
    "five-octave-8-lrelu-none": 2.0,
    "five-octave-8-lrelu-first-order-difference": 3.0,
    "one-octave-2-sigmoid-no-skip": 1.0,
    "one-octave-2-sigmoid-skip": 2.0,
    "one-octave-2-lrelu-skip": 3.0,
    "one-octave-2-lrelu-no-skip": 4.0,
    "violin-2-sigmoid-skip": 1.0,
    "violin-2-lrelu-skip": 2.0,
    "violin-2-sigmoid-no-skip": 3.0,
    "violin-2-lrelu-no-skip": 4.0,
    "one-octave-3-sigmoid-skip": 1.0,
    "one-octave-3-sigmoid-no-skip": 2.0,
    "violin-3-sigmoid-skip": 1.0,
    "violin-3-sigmoid-no-skip": 2.0,
}
SPEED = {
    "augmentation_step_ms": {
        "none": [100.0, 100.1, 99.9],
        "chroma": [106.0, 106.1, 105.9],
        "first_order_difference": [126.0, 126.2, 125.8],
    }
}


def run_of(config: str, **changes: Any) -> KeptRun:
    sigmoid, skip = "sigmoid" in config, config.endswith("-skip") and not config.endswith("no-skip")
    error = ERRORS.get(config.removeprefix("paper-"), 1.0)
    report = {
        "n_epochs": 50,
        "mse": {"test": error},
        "test_mse_by_sound": {"soft": 0.5 * error, "loud": 1.5 * error},
        "embedding": {
            "density": 0.5 if skip else 0.2,
            "bounds": [[0.1, 0.9], [0.0, 1.0]] if sigmoid else [[-3.0, 8.0], [-1.0, 4.0]],
            "correlation": [[1.0, 0.1], [0.1, 1.0]] if sigmoid else [[1.0, -0.8], [-0.8, 1.0]],
        },
        "mesh": None,
        "divergence_nats": [2.0, 1e-4, 1.0] if config == VARIATIONAL else None,
        "pitch_changes": [0.4, 0.0, 0.3],
    }
    if config in CONDITIONED:
        shares = dict.fromkeys("CDEFGAB", 0.9)
        report["mesh"] = {"mismatch_border": 0.2, "mismatch_inside": 0.01, "accuracy_by_pitch_class": shares}
    history = {"val_loss": np.exp(-0.01 * np.arange(50)), "seconds": np.ones(50)}
    return KeptRun(Path(config), report | changes, history, {})


def verdicts(results: Results) -> dict[str, str]:
    return {outcome.claim.key: outcome.verdict for outcome in outcomes(results)}


def paper_results(**runs: list[KeptRun]) -> Results:
    return Results({config: [run_of(config)] for config in CONFIGS} | runs, SPEED)


def test_every_model_that_a_finding_needs_is_in_the_plan_and_only_our_own_are_in_none():
    needed = {f"paper-{name}" for name in ERRORS} | set(CONDITIONED) | {VARIATIONAL}
    assert set(CONFIGS) - needed == {
        "paper-one-octave-8-variational-skip",
        "paper-one-octave-2-sigmoid-skip-living",
        "paper-one-octave-2-sigmoid-no-skip-living",
        "paper-one-octave-2-lrelu-skip-living",
        "paper-one-octave-2-lrelu-no-skip-living",
    }
    assert needed <= set(CONFIGS)
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)


def test_on_the_paper_s_own_orderings_everything_holds():
    assert verdicts(paper_results()) == {claim.key: "holds" for claim in CLAIMS}


def test_on_the_opposite_orderings_nothing_holds():
    results = paper_results()
    opposite = {}
    for config, (run,) in results.runs.items():
        report, embedding = run.report, run.report["embedding"]
        lrelu = "lrelu" in config
        embedding |= {"density": 0.1 / embedding["density"], "bounds": [[0.1, 0.9]] * 2 if lrelu else [[-1.0, 2.0]] * 2}
        embedding["correlation"] = [[1.0, 0.1 if lrelu else 0.8]] * 2
        report["mse"]["test"] = 1.0 / report["mse"]["test"]
        if report["mesh"]:
            by_class = dict.fromkeys(["C", "F#"], 0.5)
            report["mesh"] = {"mismatch_border": 0.01, "mismatch_inside": 0.2, "accuracy_by_pitch_class": by_class}
        if report["divergence_nats"]:
            report |= {"divergence_nats": [2.0, 1.0, 1.0], "pitch_changes": [0.4, 0.0, 0.3]}
        opposite[config] = [run]
    steps = SPEED["augmentation_step_ms"]
    slower = {
        "none": steps["first_order_difference"],
        "chroma": steps["chroma"],
        "first_order_difference": steps["none"],
    }
    found = verdicts(Results(opposite, {"augmentation_step_ms": slower}))
    assert found == {claim.key: "does not hold" for claim in CLAIMS}


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ("paper-one-octave-2-lrelu-skip", {"table2-sigmoid", "table2-best", "table5-border", "table5-sharps"}),
        ("paper-violin-3-sigmoid-no-skip", {"table4-violin"}),
        (VARIATIONAL, {"vae-collapse", "vae-pitch"}),
    ],
)
def test_a_missing_model_leaves_its_findings_open(config: str, keys: set[str]):
    results = paper_results()
    del results.runs[config]
    open_keys = {key for key, verdict in verdicts(results).items() if verdict == "not run"}
    assert keys <= open_keys
    assert not {key for key in open_keys if key.startswith("table") and key not in keys}


def test_models_of_different_epochs_are_not_compared():
    config = "paper-one-octave-3-sigmoid-skip"
    outcome = next(
        o
        for o in outcomes(paper_results(**{config: [run_of(config, n_epochs=20)]}))
        if o.claim.key == "table4-one-octave"
    )
    assert outcome.verdict == "not separable"
    assert "3-sigmoid-skip for 20 and one-octave-3-sigmoid-no-skip for 50" in outcome.comparisons[0].text


def test_seeds_that_differ_much_separate_nothing():
    def seeds(config: str) -> list[KeptRun]:
        error = run_of(config).report["mse"]["test"]
        return [run_of(config, mse={"test": error * factor}) for factor in (0.2, 1.0, 5.0)]

    found = verdicts(Results({config: seeds(config) for config in CONFIGS}, SPEED))
    assert {found[key] for key in ("table1-error", "table2-sigmoid", "table3-skip", "table4-violin")} == {
        "not separable"
    }


def test_busy_rounds_do_not_separate_training_times():
    busy = {
        "none": [100.0, 150.0, 80.0],
        "chroma": [106.0, 90.0, 130.0],
        "first_order_difference": [126.0, 90.0, 120.0],
    }
    assert verdicts(Results(paper_results().runs, {"augmentation_step_ms": busy}))["table1-time"] == "not separable"
    assert verdicts(Results(paper_results().runs, None))["table1-time"] == "not run"


def test_the_text_says_that_one_sound_outweighs_the_rest():
    config = "paper-one-octave-3-sigmoid-skip"
    outweighed = run_of(config, mse={"test": 4.0}, test_mse_by_sound={"soft": 0.1, "loud": 8.0})
    outcome = next(o for o in outcomes(paper_results(**{config: [outweighed]})) if o.claim.key == "table4-one-octave")
    assert outcome.verdict == "does not hold"
    assert outcome.comparisons[0].text.endswith("less on 1 of 2 test sounds")


def with_further(config: str, factors: list[float], **changes: Any) -> KeptRun:
    """A run that was also measured on further sounds, one for each factor; a sound's error is 1e-3 times its factor."""
    errors = {f"patch {index}": 1e-3 * factor for index, factor in enumerate(factors)}
    further = {"mse": float(np.mean(list(errors.values()))), "mse_by_sound": errors}
    return run_of(config, further=further, **changes)


def table4(smaller: KeptRun, larger: KeptRun) -> Outcome:
    """The outcome of the finding of Table IV for one octave: skip connections make the error smaller.

    smaller: the run with skip connections.
    larger: the run without skip connections.
    """
    names = "paper-one-octave-3-sigmoid-skip", "paper-one-octave-3-sigmoid-no-skip"
    results = paper_results(**{names[0]: [smaller], names[1]: [larger]})
    return next(outcome for outcome in outcomes(results) if outcome.claim.key == "table4-one-octave")


def test_one_test_sound_cannot_turn_an_order_that_further_sounds_show():
    skip, no_skip = "paper-one-octave-3-sigmoid-skip", "paper-one-octave-3-sigmoid-no-skip"
    outweighed = {"mse": {"test": 4.0}, "test_mse_by_sound": {"soft": 0.1, "loud": 8.0}}
    rng = np.random.default_rng(0)
    levels = np.exp(rng.normal(0.0, 1.0, 20))  # errors differ more from sound to sound than from run to run
    ours, theirs = levels * np.exp(rng.normal(0.0, 0.1, 20)), 1.8 * levels
    found = table4(with_further(skip, ours.tolist(), **outweighed), with_further(no_skip, theirs.tolist()))
    assert found.verdict == "holds"
    assert "less on 21 of 22 sounds; test split alone: does not hold, " in found.comparisons[0].text


def test_further_sounds_that_disagree_leave_the_order_open():
    skip, no_skip = "paper-one-octave-3-sigmoid-skip", "paper-one-octave-3-sigmoid-no-skip"
    factors = [3.0, 0.4] * 10
    assert table4(with_further(skip, [1.0] * 20), with_further(no_skip, factors)).verdict == "not separable"
    assert table4(run_of(skip), with_further(no_skip, factors)).verdict == "holds"  # `skip` has no further sounds
    assert table4(with_further(skip, [1.0] * 19), with_further(no_skip, factors)).verdict == "holds"


def test_collapsed_latents_say_nothing_about_pitch():
    collapsed = run_of(VARIATIONAL, divergence_nats=[1e-7] * 3, pitch_changes=[0.0] * 3)
    found = verdicts(paper_results(**{VARIATIONAL: [collapsed]}))
    assert (found["vae-collapse"], found["vae-pitch"]) == ("holds", "not separable")
