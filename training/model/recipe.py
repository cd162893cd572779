"""The recipe: everything that makes a model besides the recordings, as one checked YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA
from runtime.base.checked_yaml import load_yaml
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning
from training.corpus.frames import FrameStore

Positive = Annotated[int, msgspec.Meta(ge=1)]
Widths = Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1)]

Weight = Annotated[float, msgspec.Meta(ge=0.0)]

PAPER_WIDTHS = (1024, 512, 256, 128, 64, 32, 16)


class ModelRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Topology of the autoencoder; the paper's by default.

    augmentation: what the encoder sees beside the frame; conditioning: what the decoder sees beside the latents
    (the paper's skip connection is conditioning `chroma`, its models without skip are `none`).
    output_training_slope: that of the output ReLU's negative side while training; above 0 no bin can die.
    compression: the network reads and writes this root of the magnitudes; 3 is about how loudness grows.
    comb_floor_db: how far the decoder holds down what lies between the harmonics of the note; needs known octaves.
    Source: Colonel and Keene 2020; the slope is that of their code.
    """

    n_latents: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    bottleneck: Literal["sigmoid", "lrelu", "variational"] = "sigmoid"
    augmentation: Literal["none", "first_order_difference", "chroma"] = "none"
    conditioning: Literal["none", "chroma", "chroma+octave"] = "none"
    encoder_widths: Widths = PAPER_WIDTHS
    decoder_widths: Widths = PAPER_WIDTHS[::-1]
    leaky_slope: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.1
    output_training_slope: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0
    compression: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    comb_floor_db: Annotated[float, msgspec.Meta(ge=-120.0, le=0.0)] | None = None


class BetaRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weight of a variational bottleneck's divergence grows: `start`, and `step` more after each early epoch.

    Source: the authors' code, whose divergence is summed over the latents and whose squared error is a mean.
    """

    start: Annotated[float, msgspec.Meta(ge=0.0)] = 3e-7
    step: Annotated[float, msgspec.Meta(ge=0.0)] = 2e-5
    n_steps: Annotated[int, msgspec.Meta(ge=0)] = 6

    def at(self, epoch: int) -> float:
        """The weight during an epoch, counted from 1."""
        return self.start + self.step * min(epoch - 1, self.n_steps)


class FitRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weights are found: Adam on the mean squared error plus an L2 penalty; the paper's figures by default.

    final_learning_rate: where training ends, if not where it begins. beta: with bottleneck `variational` only.
    The rest is for a latent space without holes (objective.py). mixup: mixtures of two frames of one note are learned,
    from the same mixture of their latents. pitch_penalty: weight of the penalty on places where a note would not be
    heard as itself. spread_penalty: weight of the distance between the latents and an even density. knobs: the
    descriptors that the first latents follow; knob_penalty: how strictly those of the encoder do; effect_penalty: how
    strictly what is decoded does.
    """

    epochs: Positive = 300
    batch_size: Positive = 200
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 5e-4
    l2: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1e-7
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    beta: BetaRecipe | None = None
    final_learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] | None = None
    mixup: bool = False
    pitch_penalty: Weight = 0.0
    spread_penalty: Weight = 0.0
    knobs: tuple[Literal["brightness", "hollowness", "body", "noise"], ...] = ()
    knob_penalty: Weight = 0.1
    effect_penalty: Weight = 0.0

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, from 1: where a final one is named, it falls towards that by equal ratios."""
        if self.final_learning_rate is None:
            return self.learning_rate
        done = (epoch - 1) / max(self.epochs - 1, 1)
        return self.learning_rate * (self.final_learning_rate / self.learning_rate) ** done


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the project.

    labels: whether chroma comes from the corpus's known notes or is detected from the spectrum, as in the paper.
    even_knobs: whether the latents' travel is bent, once trained, so that equal turns are equal steps of timbre.
    """

    labels: Literal["detected", "known"] = "detected"
    model: ModelRecipe = ModelRecipe()
    fit: FitRecipe = FitRecipe()
    even_knobs: bool = False

    @property
    def uses_labels(self) -> bool:
        """Whether the model looks at chroma or notes at all."""
        return self.model.augmentation == "chroma" or self.model.conditioning != "none"


def load_recipe(path: str | Path, epochs: int | None = None) -> Recipe:
    """The recipe of a YAML file, with another number of epochs where one is given; UserError if it is broken."""
    recipe = load_yaml(path, Recipe)
    refuse_contradictions(recipe, path)
    if epochs is None:
        return recipe
    return msgspec.structs.replace(recipe, fit=msgspec.structs.replace(recipe.fit, epochs=epochs))


def refuse_contradictions(recipe: Recipe, where: object) -> None:
    """UserError, naming `where`, if parts of a recipe do not go together."""
    model, fit = recipe.model, recipe.fit
    if model.conditioning == "chroma+octave" and recipe.labels != "known":
        raise UserError(
            where,
            "conditioning chroma+octave with labels detected",
            "labels known, because an octave cannot be detected reliably",
            "set labels: known, or conditioning: chroma",
        )
    if (model.bottleneck == "variational") != (fit.beta is not None):
        raise UserError(
            where,
            f"bottleneck {model.bottleneck} {'with' if fit.beta else 'without'} fit.beta",
            "beta with bottleneck variational, and only there",
            "add or remove one of the two",
        )
    of_notes = {
        "model.comb_floor_db": model.comb_floor_db is not None,
        "fit.pitch_penalty": fit.pitch_penalty,
        "fit.knobs": fit.knobs,
    }
    named = next((name for name, asked in of_notes.items() if asked), None)
    if named and model.conditioning != "chroma+octave":
        remedy = "set conditioning: chroma+octave, or leave it out"
        raise UserError(where, f"{named} with conditioning {model.conditioning}", "chroma+octave with it", remedy)
    if len(fit.knobs) > model.n_latents or (fit.effect_penalty and not fit.knobs):
        found = f"{len(fit.knobs)} fit.knobs and effect_penalty {fit.effect_penalty:g}"
        raise UserError(where, found, f"1 to {model.n_latents} knobs, one for each latent", "change fit.knobs")
    if fit.mixup and fit.batch_size % 2:
        remedy = "change fit.batch_size"
        raise UserError(where, f"mixup with batch_size {fit.batch_size}", "an even one, as rows come in pairs", remedy)


def resolve_conditioning(recipe: Recipe, store: FrameStore) -> Conditioning:
    """The conditioning with its octaves fitted to the corpus: from the C at or below its lowest note.

    UserError if the recipe needs known notes, or frames of a split, that the corpus does not have.
    """
    if len(store.rows("train")) == 0:
        raise UserError(store.folder, "no training frames", "at least one", "build the corpus again with more clips")
    if recipe.uses_labels and recipe.labels == "known":
        n_unknown = int(np.count_nonzero(np.asarray(store.note) < 0))
        if n_unknown:
            raise UserError(
                store.folder,
                f"{n_unknown} of {len(store.note)} frames without a known note",
                "a known note for every frame, as the recipe says labels: known",
                "give notes in the corpus's manifest, or set labels: detected and conditioning: chroma",
            )
    if recipe.model.conditioning != "chroma+octave":
        return Conditioning(kind=recipe.model.conditioning)
    lowest_note = int(store.note.min()) // N_CHROMA * N_CHROMA
    n_octaves = (int(store.note.max()) - lowest_note) // N_CHROMA + 1
    return Conditioning(kind="chroma+octave", lowest_note=lowest_note, n_octaves=n_octaves)


def label_notes(recipe: Recipe, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """What the labels say of these frames, int (n,): known MIDI notes, or detected pitch classes 0 to 11."""
    labels = store.note if recipe.labels == "known" else store.chroma
    return np.asarray(labels)[rows].astype(int)
