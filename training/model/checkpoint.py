"""The checkpoint: a training run's state after an epoch, from which training can continue."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from training.corpus.arrays import read_arrays

HISTORY, WEIGHT, MOMENT = "history", "weight_", "optimizer_"


@dataclass
class Checkpoint:
    """The state of a training run after an epoch.

    weights: values of the model's variables.
    moments: values of the optimizer's variables.
    history: one row per finished epoch.
    """

    weights: list[np.ndarray]
    moments: list[np.ndarray] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the checkpoint to a file, whole or not at all; UserError if writing fails."""
        arrays = {f"{WEIGHT}{index:03d}": value for index, value in enumerate(self.weights)}
        arrays |= {f"{MOMENT}{index:03d}": value for index, value in enumerate(self.moments)}
        with atomic_write(path, "wb") as stream:
            np.savez(stream, **arrays, **{HISTORY: np.array(json.dumps(self.history))})

    @classmethod
    def load(cls, path: Path, weights_only: bool = False) -> Checkpoint:
        """Read a checkpoint; UserError if the file is missing or damaged.

        weights_only: whether to leave `moments` empty.
        """
        if not path.exists():
            raise UserError(path, "no such file", "a checkpoint", "train the run first: timbrebox train")
        with read_arrays(path, "a checkpoint", "train again with --force") as arrays:
            names = sorted(arrays)
            weights = [arrays[name] for name in names if name.startswith(WEIGHT)]
            moments = [] if weights_only else [arrays[name] for name in names if name.startswith(MOMENT)]
            return cls(weights, moments, json.loads(str(arrays[HISTORY])))
