"""When one model counts as better than another: only where the difference is larger than chance would make it.

With two seeds or more, the spread between the seeds of one model, pooled over all models, gives the standard error of a
difference; it counts beyond the two-sided 95 % point of Student's distribution. With one seed no spread is known. A
difference then counts only beyond 10 %, and beyond twice the wobble of the validation error over the last epochs, which
the spread between seeds is likely to exceed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

Verdict = Literal["holds", "does not hold", "not separable", "not run"]

ONE_SEED_ALLOWANCE = 0.10
SMALLEST = 1e-9  # so that a share of 0 has a logarithm


@dataclass(frozen=True)
class Values:
    """One figure of one model: its value for every seed, and the relative wobble that a single run shows by itself."""

    name: str
    by_seed: tuple[float, ...]
    wobble: float = 0.0

    @property
    def mean(self) -> float:
        """Geometric mean over the seeds."""
        return float(np.exp(self.logs.mean()))

    @property
    def logs(self) -> np.ndarray:
        """Natural logarithms, because what is compared is a ratio."""
        return np.log(np.maximum(self.by_seed, SMALLEST))


@dataclass(frozen=True)
class Spread:
    """Standard deviation between seeds of a figure's logarithm, pooled over models, and its degrees of freedom."""

    deviation: float
    freedom: int


@dataclass(frozen=True)
class Comparison:
    """One of the paper's orderings put to the test; text: what was compared and found, in figures."""

    verdict: Verdict
    text: str


def pooled_spread(values: Iterable[Values]) -> Spread | None:
    """The spread between seeds over all models that have at least two; None if none has."""
    several = [value.logs for value in values if len(value.by_seed) > 1]
    freedom = sum(len(logs) - 1 for logs in several)
    if not freedom:
        return None
    squares = sum(float(np.sum((logs - logs.mean()) ** 2)) for logs in several)
    return Spread(float(np.sqrt(squares / freedom)), freedom)


def is_less(smaller: Values, larger: Values, spread: Spread | None, unit: str = "") -> Comparison:
    """Whether `smaller` is the smaller one of the two, as the paper has it."""
    difference = float(larger.logs.mean() - smaller.logs.mean())
    n_seeds = min(len(smaller.by_seed), len(larger.by_seed))
    needed = _needed(smaller, larger, spread if n_seeds > 1 else None)
    verdict: Verdict = "holds" if difference > 0.0 else "does not hold"
    if abs(difference) <= needed:
        verdict = "not separable"
    ratio = np.exp(difference)
    text = (
        f"{smaller.name} {smaller.mean:.3g}{unit}, {larger.name} {larger.mean:.3g}{unit}: "
        f"ratio {ratio:.3g}, needed {np.exp(needed):.3g}"
    )
    return Comparison(verdict, text)


def is_so(name: str, by_seed: Iterable[bool], text: str) -> Comparison:
    """Whether something is so for every seed; "not separable" if seeds disagree."""
    found = list(by_seed)
    verdict: Verdict = "holds" if all(found) else "not separable" if any(found) else "does not hold"
    return Comparison(verdict, f"{name}: {text}")


def overall(comparisons: list[Comparison], complete: bool) -> Verdict:
    """What several comparisons, all of which the paper's finding needs, say together."""
    verdicts = {comparison.verdict for comparison in comparisons}
    if "does not hold" in verdicts:
        return "does not hold"
    if not comparisons or not complete:
        return "not run"
    return "not separable" if "not separable" in verdicts else "holds"


def wobble(val_losses: np.ndarray) -> float:
    """Standard deviation of the logarithm of the validation error over the last tenth of the epochs, (n_epochs,).

    A straight line is taken off first, because an error that still falls is no wobble.
    """
    last = np.log(np.maximum(val_losses[-max(len(val_losses) // 10, 3) :], SMALLEST))
    if len(last) < 3 or not np.isfinite(last).all():
        return 0.0
    epochs = np.arange(len(last))
    return float(np.std(last - np.polyval(np.polyfit(epochs, last, 1), epochs)))


def _needed(smaller: Values, larger: Values, spread: Spread | None) -> float:
    """The least difference of logarithms that counts."""
    if spread is None:
        return max(float(np.log1p(ONE_SEED_ALLOWANCE)), 2.0 * float(np.hypot(smaller.wobble, larger.wobble)))
    error = spread.deviation * np.sqrt(1.0 / len(smaller.by_seed) + 1.0 / len(larger.by_seed))
    return float(student.ppf(0.975, spread.freedom) * error)
