"""Collects the kept runs (see kept.py) by model, and computes measures of them.

A further sound is a test patch that is not in the corpus (`further_patches` of CorpusPlan in plan.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.paper.kept import KeptRun
from training.paper.verdicts import SMALLEST, Spread, Values, pooled_spread, wobble

Measure = Callable[[KeptRun], float | None]


def held_out_error(run: KeptRun) -> float | None:
    """Mean squared error on the test frames."""
    return run.report["mse"]["test"]


def error_per_sound(run: KeptRun) -> float | None:
    """Geometric mean of `errors_by_sound`; None if there are no errors."""
    errors = errors_by_sound(run)
    return float(np.exp(np.mean(np.log(np.maximum(list(errors.values()), SMALLEST))))) if errors else None


def errors_by_sound(run: KeptRun) -> dict[str, float]:
    """Mean squared error of each test sound and further sound; {} if the run was not measured on further sounds."""
    further = run.report.get("further")
    return run.report["test_mse_by_sound"] | further["mse_by_sound"] if further else {}


def density(run: KeptRun) -> float | None:
    """How densely the frames fill the space of the latents, 0 to 1: the `density` of `measure_embedding`."""
    return run.report["embedding"]["density"]


def correlation(run: KeptRun) -> float | None:
    """Absolute correlation of the first two latents, 0 to 1; None without two latents, or if either is constant."""
    matrix = run.report["embedding"]["correlation"]
    return None if len(matrix) < 2 or matrix[0][1] is None else abs(matrix[0][1])


def mesh_measure(name: str) -> Measure:
    """A Measure that returns one figure of a run's mesh, such as `accuracy`, or None if the run has no mesh."""
    return lambda run: run.report["mesh"][name] if run.report["mesh"] else None


def epoch_s(run: KeptRun) -> float:
    """The median time that an epoch took, in s."""
    return float(np.median(run.history["seconds"]))


@dataclass(frozen=True)
class Results:
    """The results of all models.

    runs: for each config, the kept runs of its model in the order of their seeds.
    speed: the figures that training.paper.speed.measure_speed returned, or None.
    """

    runs: dict[str, list[KeptRun]]
    speed: dict[str, Any] | None = None

    def of(self, config: str) -> list[KeptRun]:
        """The runs of a model in the order of their seeds; empty if there are none."""
        return self.runs.get(config, [])

    def values(self, config: str, measure: Measure) -> Values | None:
        """A model's values of a measure, one for each seed; None if there is no run, or a run has no value."""
        found = [measure(run) for run in self.of(config)]
        if not found or any(value is None for value in found):
            return None
        of_errors = measure in (held_out_error, error_per_sound)
        wobbles = [wobble(run.history["val_loss"]) for run in self.of(config)] if of_errors else [0.0]
        by_seed = tuple(float(value) for value in found)
        return Values(short_name(config), by_seed, max(wobbles), self.n_epochs(config))

    def n_epochs(self, config: str) -> int:
        """The fewest epochs among a model's runs; the model must have at least one run."""
        return min(run.n_epochs for run in self.of(config))

    def error_by_sound(self, config: str, further: bool = False) -> dict[str, float]:
        """A model's mean squared error on each test sound, averaged over the seeds.

        further: whether to include the further sounds.

        With `further`, the result is empty if a seed's run was not measured on the further sounds.
        """
        errors = [errors_by_sound(run) if further else run.report["test_mse_by_sound"] for run in self.of(config)]
        if not all(errors):
            return {}
        return {sound: float(np.mean([error[sound] for error in errors])) for sound in errors[0]}

    def spread(self, measure: Measure) -> Spread | None:
        """The spread of a measure between seeds, pooled over all models; None if no model has two seeds."""
        values = [self.values(config, measure) for config in self.runs]
        return pooled_spread(value for value in values if value is not None)

    def environments(self) -> list[dict[str, Any]]:
        """The environments (versions and device) of the runs, each once."""
        seen: list[dict[str, Any]] = []
        for runs in self.runs.values():
            seen += [run.report["environment"] for run in runs if run.report["environment"] not in seen]
        return seen


def short_name(config: str) -> str:
    """A config's name without the prefix `paper-`."""
    return config.removeprefix("paper-")
