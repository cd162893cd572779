"""A difference between models counts only if chance alone would rarely produce it."""

from __future__ import annotations

import numpy as np
import pytest

from training.paper.verdicts import (
    Comparison,
    Spread,
    Values,
    cautious,
    is_less,
    is_so,
    overall,
    pooled_spread,
    strength,
    to_settle,
    wobble,
)


def values(*by_seed: float, wobble: float = 0.0) -> Values:
    return Values("model", by_seed, wobble)


@pytest.mark.parametrize(
    ("smaller", "larger", "verdict"),
    [(1.0, 1.2, "holds"), (1.2, 1.0, "does not hold"), (1.0, 1.05, "not separable"), (1.05, 1.0, "not separable")],
)
def test_with_one_seed_a_difference_of_a_tenth_is_needed(smaller: float, larger: float, verdict: str):
    assert is_less(values(smaller), values(larger), None).verdict == verdict
    # With one seed, a spread measured on other models does not change the verdict.
    assert is_less(values(smaller), values(larger), Spread(1e-6, 9)).verdict == verdict


def test_with_one_seed_a_wobbling_run_needs_more():
    assert is_less(values(1.0), values(1.2), None).verdict == "holds"
    assert is_less(values(1.0, wobble=0.1), values(1.2, wobble=0.1), None).verdict == "not separable"


def test_with_seeds_their_spread_decides():
    smaller, larger = values(1.00, 1.02, 0.98), values(1.05, 1.07, 1.03)
    spread = pooled_spread([smaller, larger])
    assert spread.freedom == 4
    assert spread.deviation == pytest.approx(0.02, rel=0.05)
    assert is_less(smaller, larger, spread).verdict == "holds"
    assert is_less(larger, smaller, spread).verdict == "does not hold"
    wide = pooled_spread([values(1.0, 1.3, 0.7), values(1.05, 1.35, 0.75)])
    assert is_less(smaller, larger, wide).verdict == "not separable"


def test_a_difference_must_be_larger_than_the_spread_of_its_ratio_between_sounds():
    # The mean of the ratios' logarithms is 0.3. Its standard error is 0.046, so chance would rarely give a mean above
    # 0.096.
    ratios = np.exp(np.resize([0.5, 0.1], 20))
    smaller, larger = values(1.0), values(float(np.exp(0.3)))
    assert is_less(smaller, larger, None, ratios=ratios).verdict == "holds"
    assert is_less(larger, smaller, None, ratios=1.0 / ratios).verdict == "does not hold"
    wide = np.exp(0.3 + np.resize([1.0, -1.0], 20))
    assert is_less(smaller, larger, None, ratios=wide).verdict == "not separable"
    assert is_less(smaller, larger, None, ratios=ratios[:1]).verdict == "not separable"


def test_two_alike_models_are_rarely_told_apart():
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(2000):
        first, second = (Values("model", tuple(np.exp(rng.normal(0.0, 0.1, 3)))) for _ in range(2))
        verdicts.append(is_less(first, second, pooled_spread([first, second])).verdict)
    assert 0.93 < verdicts.count("not separable") / len(verdicts) < 0.97


def test_without_two_seeds_no_spread_is_known():
    assert pooled_spread([values(1.0), values(2.0)]) is None


def test_what_seeds_disagree_on_is_not_separable():
    assert is_so("x", [True, True], "", 300).verdict == "holds"
    assert is_so("x", [True, False], "", 300).verdict == "not separable"
    assert is_so("x", [False], "", 300).verdict == "does not hold"


@pytest.mark.parametrize(
    ("verdicts", "complete", "expected"),
    [
        (["holds", "holds"], True, "holds"),
        (["holds", "not separable"], True, "not separable"),
        (["not separable", "does not hold"], True, "does not hold"),
        (["holds"], False, "not run"),
        (["does not hold"], False, "does not hold"),
        ([], True, "not run"),
    ],
)
def test_a_finding_needs_all_its_comparisons(verdicts: list[str], complete: bool, expected: str):
    assert overall([Comparison(verdict, "") for verdict in verdicts], complete) == expected


def test_an_error_that_still_falls_does_not_wobble():
    falling = np.exp(-0.01 * np.arange(100))
    assert wobble(falling) == pytest.approx(0.0, abs=1e-12)
    noisy = falling * np.exp(np.resize([0.1, -0.1], 100))
    assert wobble(noisy) == pytest.approx(0.1, rel=0.1)
    assert wobble(np.full(5, np.nan)) == 0.0


def test_a_verdict_says_what_it_rests_on_and_what_it_lacks():
    wide = is_less(Values("a", (1.0,), n_epochs=300), Values("b", (2.0,), n_epochs=40), None)
    narrow = is_less(Values("a", (1.0, 1.0)), Values("b", (1.2, 1.2)), Spread(0.01, 2))
    assert strength([wide]) == "1 seed a model, 40 epochs, narrowest ratio 2, needed 1.1"
    assert strength([narrow, wide]) == "1 seed a model, 40 epochs, narrowest ratio 1.2, needed 1.04"
    assert to_settle("holds", [wide]) == "300 epochs, 3 seeds"
    assert to_settle("not run", [wide]).startswith("the missing models, ")


def test_a_verdict_of_enough_seeds_and_epochs_lacks_nothing_unless_it_is_open():
    full = is_so("x", [True, True, False], "", 300)
    assert to_settle("holds", [full]) == "-"
    assert to_settle("not separable", [full]) == "more seeds, and more test sounds"
    assert strength([]) == "-"


def test_an_order_that_rests_on_one_seed_says_so():
    one, two = (is_so("x", found, "", 300) for found in ([True], [True, True]))
    assert cautious("holds", [one, two]) == "**holds** (one seed)"
    assert cautious("holds", [two]) == "**holds**"
    assert cautious("not separable", [one]) == "**not separable**"
