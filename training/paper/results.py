"""The kept runs by model and seed, and the figures that tables and claims read of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.paper.kept import KeptRun
from training.paper.verdicts import Spread, Values, pooled_spread, wobble

Figure = Callable[[KeptRun], float | None]


def held_out_error(run: KeptRun) -> float | None:
    """Mean squared error on the test frames."""
    return run.report["mse"]["test"]


def density(run: KeptRun) -> float | None:
    """Share of the embedding's cells that hold a frame."""
    return run.report["embedding"]["density"]


def correlation(run: KeptRun) -> float | None:
    """Size of the correlation of the first two latents, 0 to 1."""
    matrix = run.report["embedding"]["correlation"]
    return None if len(matrix) < 2 or matrix[0][1] is None else abs(matrix[0][1])


def mesh_figure(name: str) -> Figure:
    """A figure of the mesh, such as `accuracy`; None without a mesh."""
    return lambda run: run.report["mesh"][name] if run.report["mesh"] else None


def epoch_s(run: KeptRun) -> float:
    """Median seconds of an epoch."""
    return float(np.median(run.history["seconds"]))


@dataclass(frozen=True)
class Results:
    """The kept runs of each model, by its config's name, and what training.paper.speed measured."""

    runs: dict[str, list[KeptRun]]
    speed: dict[str, Any] | None = None

    def of(self, config: str) -> list[KeptRun]:
        """The runs of a model, by seed; none if it is missing."""
        return self.runs.get(config, [])

    def values(self, config: str, figure: Figure) -> Values | None:
        """A figure of a model over its seeds; None if the model is missing or has no such figure."""
        found = [figure(run) for run in self.of(config)]
        if not found or any(value is None for value in found):
            return None
        wobbles = [wobble(run.history["val_loss"]) for run in self.of(config)] if figure is held_out_error else [0.0]
        return Values(short_name(config), tuple(float(value) for value in found), max(wobbles))

    def error_by_sound(self, config: str) -> dict[str, float]:
        """A model's mean squared error on each sound of the test set, a patch or a recording, over its seeds."""
        errors = [run.report["test_mse_by_sound"] for run in self.of(config)]
        return {sound: float(np.mean([error[sound] for error in errors])) for sound in errors[0]}

    def spread(self, figure: Figure) -> Spread | None:
        """The spread of a figure between seeds, pooled over all models."""
        values = [self.values(config, figure) for config in self.runs]
        return pooled_spread(value for value in values if value is not None)

    def environments(self) -> list[dict[str, Any]]:
        """The environments that the runs were trained in, each once."""
        seen: list[dict[str, Any]] = []
        for runs in self.runs.values():
            seen += [run.report["environment"] for run in runs if run.report["environment"] not in seen]
        return seen


def short_name(config: str) -> str:
    """A config's name without what every one begins with."""
    return config.removeprefix("paper-")
