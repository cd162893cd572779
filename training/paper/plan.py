"""The plan of the reproduction, configs/paper.yaml, and the runs that a command line asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from runtime.base.checked_yaml import load_yaml
from runtime.base.errors import UserError, did_you_mean
from training.corpus.frames import SPLITS
from training.model.recipe import Recipe, load_recipe

PLAN = Path(__file__).resolve().parents[2] / "configs" / "paper.yaml"

ONLY_SPEED = "speed"  # what --only takes to measure it alone

Count = Annotated[int, msgspec.Meta(ge=1)]


class CorpusPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A corpus of the paper's. folder: its name below the data folder; without a scale it is made of recordings."""

    folder: str
    scale: str | None = None
    octaves: int | None = None


class ModelPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the paper's: its config's name, its corpus, and the tables that it is part of."""

    config: str
    corpus: str
    tables: tuple[str, ...]


class QuickPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the quick reproduction is smaller: how many patches and recordings of each split, points by n_latents."""

    epochs: Count
    patches: dict[str, Count]
    recordings: dict[str, Count]
    mesh: dict[int, Count]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the reproduction consists of. configs: the models' folder, beside the plan's file."""

    corpora: dict[str, CorpusPlan]
    models: tuple[ModelPlan, ...]
    quick: QuickPlan
    configs: str = "training"

    @property
    def tables(self) -> list[str]:
        """The names that --only takes."""
        return sorted({table for model in self.models for table in model.tables})


@dataclass(frozen=True)
class PlannedRun:
    """One training of one model; name: that of its run folder, its config's for seed 0."""

    model: ModelPlan
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """The run folder's name."""
        return self.model.config if self.seed == 0 else f"{self.model.config}-seed{self.seed}"

    @property
    def kept_name(self) -> str:
        """The name of the folder of small files that is kept of it."""
        return f"{self.model.config}-seed{self.seed}"


def load_plan(path: Path = PLAN) -> Plan:
    """The plan of a YAML file; UserError if it is broken or contradicts itself."""
    plan = load_yaml(path, Plan)
    for model in plan.models:
        if model.corpus not in plan.corpora:
            raise UserError(
                path, f"corpus {model.corpus!r}", "one of its corpora", did_you_mean(model.corpus, plan.corpora)
            )
    for counts in (plan.quick.patches, plan.quick.recordings):
        if sorted(counts) != sorted(SPLITS):
            raise UserError(path, f"counts for {', '.join(counts)}", f"for {', '.join(SPLITS)}", "mend quick")
    return msgspec.structs.replace(plan, configs=str(path.parent / plan.configs))


def choose_runs(plan: Plan, only: list[str], n_seeds: int, epochs: int | None = None) -> list[PlannedRun]:
    """The runs of these tables, of all where none is named, every model's first seed before any second.

    UserError for a table that is not there.
    """
    for table in only:
        known = [*plan.tables, ONLY_SPEED]
        if table not in known:
            raise UserError("--only", repr(table), f"one of {', '.join(known)}", did_you_mean(table, known))
    models = [model for model in plan.models if not only or set(only) & set(model.tables)]
    recipes = [load_recipe(Path(plan.configs) / f"{model.config}.yaml", epochs) for model in models]
    return [
        PlannedRun(model, seed, msgspec.structs.replace(recipe, fit=msgspec.structs.replace(recipe.fit, seed=seed)))
        for seed in range(n_seeds)
        for model, recipe in zip(models, recipes, strict=True)
    ]
