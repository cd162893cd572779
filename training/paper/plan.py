"""The plan of the reproduction, configs/paper.yaml, and its runs."""

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

ONLY_SPEED = "speed"  # `--only speed` measures the speed of training and nothing else

Count = Annotated[int, msgspec.Meta(ge=1)]


class CorpusPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A corpus of the paper.

    folder: name of its folder in the data folder.
    scale, octaves: what amsynth plays; both None for a corpus of recordings.
    further_patches: name of a patch list next to configs/amsynth80.csv, or None. The corpus's models are also measured
        on these patches. They are not in the corpus; the split of each in the list is `test`.
    """

    folder: str
    scale: str | None = None
    octaves: int | None = None
    further_patches: str | None = None


class ModelPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the paper: the names of its config, of its corpus and of its tables."""

    config: str
    corpus: str
    tables: tuple[str, ...]


class QuickPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sizes of a quick reproduction.

    epochs: epochs of every model.
    patches, recordings: for each split, how many of them are used at most.
    mesh: for each number of latents, the number of points on each axis.
    """

    epochs: Count
    patches: dict[str, Count]
    recordings: dict[str, Count]
    mesh: dict[int, Count]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All corpora and models of the reproduction.

    configs: folder of the models' configs. In a plan's file, it is relative to the file's folder; `load_plan`
        completes it.
    """

    corpora: dict[str, CorpusPlan]
    models: tuple[ModelPlan, ...]
    quick: QuickPlan
    configs: str = "training"

    @property
    def tables(self) -> list[str]:
        """Names of the tables that show at least one model, sorted."""
        return sorted({table for model in self.models for table in model.tables})

    @property
    def figures23(self) -> list[str]:
        """The names of the configs of the models that the paper's Figures 2-3 show: those of Tables II and III."""
        return [model.config for model in self.models if {"table2", "table3"} & set(model.tables)]


@dataclass(frozen=True)
class PlannedRun:
    """A model to train with one seed."""

    model: ModelPlan
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """The run folder's name: the config's name, followed by the seed if the seed is not 0."""
        return self.model.config if self.seed == 0 else f"{self.model.config}-seed{self.seed}"

    @property
    def kept_name(self) -> str:
        """The name under which the run's small files (see kept.py) and its checkpoint are kept."""
        return f"{self.model.config}-seed{self.seed}"


def load_plan(path: Path = PLAN) -> Plan:
    """Read a plan from a YAML file; UserError if it is broken or contradicts itself."""
    plan = load_yaml(path, Plan)
    for model in plan.models:
        if model.corpus not in plan.corpora:
            raise UserError(
                path, f"corpus {model.corpus!r}", "one of its corpora", did_you_mean(model.corpus, plan.corpora)
            )
    for name, corpus in plan.corpora.items():
        if corpus.further_patches and not corpus.scale:
            found = f"further_patches for {name}, a corpus of recordings"
            raise UserError(path, found, "further_patches with a scale", "remove further_patches")
    for counts in (plan.quick.patches, plan.quick.recordings):
        if sorted(counts) != sorted(SPLITS):
            raise UserError(path, f"counts for {', '.join(counts)}", f"for {', '.join(SPLITS)}", "change quick")
    return msgspec.structs.replace(plan, configs=str(path.parent / plan.configs))


def choose_runs(plan: Plan, only: list[str], n_seeds: int, epochs: int | None = None) -> list[PlannedRun]:
    """The runs of all models in the tables `only`, or of all models if `only` is empty.

    The runs with seed 0 come first, then the runs with seed 1, and so on.

    n_seeds: number of seeds; the first seed is 0.
    epochs: number of epochs, None for the recipes' numbers.
    UserError for an unknown table.
    """
    for table in only:
        known = [*plan.tables, ONLY_SPEED]
        if table not in known:
            raise UserError("--only", repr(table), f"one of {', '.join(known)}", did_you_mean(table, known))
    models = [model for model in plan.models if not only or set(only) & set(model.tables)]
    recipes = [load_recipe(Path(plan.configs) / f"{model.config}.yaml", epochs) for model in models]
    return [
        PlannedRun(model, seed, recipe.with_fit(seed=seed))
        for seed in range(n_seeds)
        for model, recipe in zip(models, recipes, strict=True)
    ]
