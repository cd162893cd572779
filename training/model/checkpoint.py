"""The state of a training run after an epoch, in one file: everything that going on from there needs."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import written_whole

HISTORY, WEIGHT, MOMENT = "history", "weight_", "optimizer_"


@dataclass
class Checkpoint:
    """weights: the model's variables; moments: the optimizer's; history: one entry per finished epoch."""

    weights: list[np.ndarray]
    moments: list[np.ndarray] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        arrays = {f"{WEIGHT}{index:03d}": value for index, value in enumerate(self.weights)}
        arrays |= {f"{MOMENT}{index:03d}": value for index, value in enumerate(self.moments)}
        with written_whole(path, "wb") as stream:
            np.savez(stream, **arrays, **{HISTORY: np.array(json.dumps(self.history))})

    @classmethod
    def load(cls, path: Path, weights_only: bool = False) -> Checkpoint:
        """The checkpoint in a file; UserError if it is not one."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = sorted(arrays.files)
                weights = [arrays[name] for name in names if name.startswith(WEIGHT)]
                moments = [] if weights_only else [arrays[name] for name in names if name.startswith(MOMENT)]
                return cls(weights, moments, json.loads(str(arrays[HISTORY])))
        except FileNotFoundError:
            raise UserError(path, "no such file", "a checkpoint", "train the run first: timbrebox train") from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(path, f"a damaged file ({error})", "a checkpoint", "train again with --force") from None
