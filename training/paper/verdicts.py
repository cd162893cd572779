"""Verdicts: one model counts as better than another only if chance alone would hardly make such a difference.

The difference is that of the mean logarithms of the two models' values. With two seeds or more, the spread between
seeds, pooled over all models, gives the difference's standard error. The difference counts if it is larger than this
error times the two-sided 95 % point of Student's distribution. With one seed, a difference counts if it is larger than
10 % and larger than twice the combined wobble of the two validation errors (`wobble`). If the errors of many sounds are
known, there is one more condition: the difference must also be larger than the spread between sounds makes likely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

Verdict = Literal["holds", "does not hold", "not separable", "not run"]

ONE_SEED_ALLOWANCE = 0.10
PAPER_EPOCHS, SEPARATING_SEEDS = 300, 3  # with fewer epochs or seeds, a verdict is not firm (`to_settle`)
SMALLEST = 1e-9  # replaces smaller values, because 0 has no logarithm


@dataclass(frozen=True)
class Values:
    """The values of a measure for one model.

    by_seed: the value of each seed's run.
    wobble: the largest `wobble` of these runs.
    n_epochs: the fewest epochs of these runs; None for a measure that does not depend on epochs.
    """

    name: str
    by_seed: tuple[float, ...]
    wobble: float = 0.0
    n_epochs: int | None = None

    @property
    def mean(self) -> float:
        """Geometric mean over the seeds."""
        return float(np.exp(self.logs.mean()))

    @property
    def logs(self) -> np.ndarray:
        """Natural logarithms of the values."""
        return np.log(np.maximum(self.by_seed, SMALLEST))


@dataclass(frozen=True)
class Spread:
    """How far a measure varies from seed to seed.

    deviation: the standard deviation of the measure's logarithm, pooled over models.
    freedom: degrees of freedom of the deviation.
    """

    deviation: float
    freedom: int


@dataclass(frozen=True)
class Comparison:
    """The result of one test that a finding needs.

    text: the models compared, and their figures.
    n_seeds: the fewest seeds of a compared model; None where seeds play no part.
    n_epochs: the fewest epochs of a compared run; None where epochs play no part.
    ratio: the ratio of the two values; None where no values were compared.
    needed: what the ratio, or its inverse, had to exceed; None where no values were compared.
    """

    verdict: Verdict
    text: str
    n_seeds: int | None = None
    n_epochs: int | None = None
    ratio: float | None = None
    needed: float | None = None


def pooled_spread(values: Iterable[Values]) -> Spread | None:
    """The spread between seeds, pooled over all models with at least two seeds; None without such models."""
    several = [value.logs for value in values if len(value.by_seed) > 1]
    freedom = sum(len(logs) - 1 for logs in several)
    if not freedom:
        return None
    squares = sum(float(np.sum((logs - logs.mean()) ** 2)) for logs in several)
    return Spread(float(np.sqrt(squares / freedom)), freedom)


def is_less(smaller: Values, larger: Values, spread: Spread | None, ratios: np.ndarray | None = None) -> Comparison:
    """Test whether `smaller` is smaller than `larger`, as the paper found.

    spread: None if no model has two seeds.
    ratios: the error of `larger` divided by the error of `smaller` on each sound, (n_sounds,). Only for values that are
        geometric means of errors over sounds; None for other values.
    """
    difference = float(larger.logs.mean() - smaller.logs.mean())
    n_seeds = min(len(smaller.by_seed), len(larger.by_seed))
    needed = _needed(smaller, larger, spread if n_seeds > 1 else None)
    if ratios is not None:
        needed = max(needed, _needed_over_sounds(np.log(ratios)))
    verdict: Verdict = "holds" if difference > 0.0 else "does not hold"
    if abs(difference) <= needed:
        verdict = "not separable"
    ratio, needed = float(np.exp(difference)), float(np.exp(needed))
    text = f"{smaller.name} {smaller.mean:.3g}, {larger.name} {larger.mean:.3g}: ratio {ratio:.3g}, needed {needed:.3g}"
    n_epochs = min((v.n_epochs for v in (smaller, larger) if v.n_epochs is not None), default=None)
    return Comparison(verdict, text, n_seeds, n_epochs, ratio, needed)


def is_so(name: str, by_seed: Iterable[bool], text: str, n_epochs: int) -> Comparison:
    """Test whether a statement is true for every seed; "not separable" if the seeds disagree.

    name: the model.
    by_seed: for each seed, whether the statement is true.
    text: the figures on which `by_seed` rests.
    n_epochs: the fewest epochs of the seeds' runs.
    """
    found = list(by_seed)
    verdict: Verdict = "holds" if all(found) else "not separable" if any(found) else "does not hold"
    return Comparison(verdict, f"{name}: {text}", len(found), n_epochs)


def overall(comparisons: list[Comparison], complete: bool) -> Verdict:
    """The verdict on a finding that holds only if all its comparisons hold.

    complete: whether no comparison is missing.
    """
    verdicts = {comparison.verdict for comparison in comparisons}
    if "does not hold" in verdicts:
        return "does not hold"
    if not comparisons or not complete:
        return "not run"
    return "not separable" if "not separable" in verdicts else "holds"


def cautious(verdict: Verdict, comparisons: list[Comparison]) -> str:
    """The verdict in bold, with the remark "one seed" if it rests on a single seed."""
    on_one_seed = verdict in ("holds", "does not hold") and _fewest(comparisons)[0] == 1
    return f"**{verdict}** (one seed)" if on_one_seed else f"**{verdict}**"


def strength(comparisons: list[Comparison]) -> str:
    """What a verdict rests on: the fewest seeds, the fewest epochs, and the narrowest ratio with its needed ratio.

    The narrowest ratio is the one with the smallest |log(ratio)| / log(needed ratio).
    """
    parts = []
    n_seeds, n_epochs = _fewest(comparisons)
    if n_seeds is not None:
        parts.append(f"{n_seeds} seed{'s' if n_seeds > 1 else ''} a model")
    if n_epochs is not None:
        parts.append(f"{n_epochs} epochs")
    compared = [one for one in comparisons if one.ratio is not None and one.needed is not None]
    if compared:
        narrowest = min(compared, key=lambda one: abs(np.log(one.ratio)) / max(np.log(one.needed), SMALLEST))
        parts.append(f"narrowest ratio {narrowest.ratio:.3g}, needed {narrowest.needed:.3g}")
    return ", ".join(parts) or "-"


def to_settle(verdict: Verdict, comparisons: list[Comparison]) -> str:
    """What would make a verdict firmer: missing models, more epochs or more seeds; "-" for nothing."""
    n_seeds, n_epochs = _fewest(comparisons)
    asked = ["the missing models"] if verdict == "not run" else []
    if n_epochs is not None and n_epochs < PAPER_EPOCHS:
        asked.append(f"{PAPER_EPOCHS} epochs")
    if n_seeds is not None and n_seeds < SEPARATING_SEEDS:
        asked.append(f"{SEPARATING_SEEDS} seeds")
    if verdict == "not separable" and not asked:
        asked.append("more seeds, and more test sounds")
    return ", ".join(asked) or "-"


def _fewest(comparisons: list[Comparison]) -> tuple[int | None, int | None]:
    seeds = (one.n_seeds for one in comparisons if one.n_seeds is not None)
    epochs = (one.n_epochs for one in comparisons if one.n_epochs is not None)
    return min(seeds, default=None), min(epochs, default=None)


def wobble(val_losses: np.ndarray) -> float:
    """How unsteady a run's validation error is over the last tenth of the epochs, or the last 3 epochs if that is more.

    This is the standard deviation of these errors' logarithms from their best-fitting straight line. It is 0 if there
    are fewer than 3 epochs, or if one of these errors is not finite.

    val_losses: the validation error of every epoch, (n_epochs,).
    """
    last = np.log(np.maximum(val_losses[-max(len(val_losses) // 10, 3) :], SMALLEST))
    if len(last) < 3 or not np.isfinite(last).all():
        return 0.0
    epochs = np.arange(len(last))
    return float(np.std(last - np.polyval(np.polyfit(epochs, last, 1), epochs)))


def _needed_over_sounds(logs: np.ndarray) -> float:
    """How large the mean of `logs` must be to count: its standard error times Student's two-sided 95 % point.

    logs: logarithm of the ratio of two models' errors on each sound, (n_sounds,).
    """
    if len(logs) < 2:
        return np.inf
    return float(student.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs)))


def _needed(smaller: Values, larger: Values, spread: Spread | None) -> float:
    """How large the difference of the two mean logarithms must be to count.

    spread: None if a model has a single seed.
    """
    if spread is None:
        return max(float(np.log1p(ONE_SEED_ALLOWANCE)), 2.0 * float(np.hypot(smaller.wobble, larger.wobble)))
    error = spread.deviation * np.sqrt(1.0 / len(smaller.by_seed) + 1.0 / len(larger.by_seed))
    return float(student.ppf(0.975, spread.freedom) * error)
