"""The recipe: all settings of a model and of its training, read from a YAML file and checked."""

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
    """The structure of an autoencoder; the default values are the paper's.

    bottleneck: activation of the latents. `variational` draws the latents at random in training.
    augmentation: the encoder's input in addition to the frame.
    conditioning: the decoder's input in addition to the latents. The paper's models with a skip connection have
    `chroma`; its other models have `none`.
    encoder_bands: number of bands, evenly spaced in mel, that the encoder reads instead of bins; None for bins.
    encoder_widths, decoder_widths: numbers of units of the hidden layers, from input to output.
    leaky_slope: slope of the hidden layers' leaky ReLU for negative inputs, from the authors' code.
    output_training_slope: slope of the output ReLU for negative inputs, in training. At slope 0 most bins die (see
    OutputReLU).
    compression: which roots of the magnitudes the layers work on: 1 for the magnitudes themselves, 2 to 4 for the
    second to fourth roots. A higher root gives soft partials more weight in the error.
    comb_floor_db: gain, in dB, of a comb on the decoder's output between the note's harmonics; None for no comb. Needs
    conditioning `chroma+octave`. Source: Colonel and Keene 2020.
    ceiling: whether each bin of the decoder's output is at most as loud as in the recordings (see ceiling.py).
    """

    n_latents: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    bottleneck: Literal["sigmoid", "lrelu", "variational"] = "sigmoid"
    augmentation: Literal["none", "first_order_difference", "chroma"] = "none"
    conditioning: Literal["none", "chroma", "chroma+octave"] = "none"
    encoder_bands: Annotated[int, msgspec.Meta(ge=8, le=512)] | None = None
    encoder_widths: Widths = PAPER_WIDTHS
    decoder_widths: Widths = PAPER_WIDTHS[::-1]
    leaky_slope: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.1
    output_training_slope: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0
    compression: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    comb_floor_db: Annotated[float, msgspec.Meta(ge=-120.0, le=0.0)] | None = None
    ceiling: bool = False


class BetaRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weight of a variational model's divergence.

    It is `start` in epoch 1, grows by `step` in each of the next n_steps epochs, and then stays.

    Source: the authors' code, which sums the divergence over the latents but averages the squared error over the bins.
    """

    start: Annotated[float, msgspec.Meta(ge=0.0)] = 3e-7
    step: Annotated[float, msgspec.Meta(ge=0.0)] = 2e-5
    n_steps: Annotated[int, msgspec.Meta(ge=0)] = 6

    def at(self, epoch: int) -> float:
        """The weight in an epoch. Epochs are counted from 1."""
        return self.start + self.step * min(epoch - 1, self.n_steps)


class FitRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is trained: Adam on the mean squared error plus an L2 penalty; the default values are the paper's.

    loss_reduction: how the errors and penalties of a batch's frames become one loss. `mean` averages them; `sum` adds
    them up. The L2 penalty is then added; it is the same in both cases. So with `sum`, it counts less beside the errors
    and the other penalties. The reported errors are means in both cases. Apart from this, the choice matters only where
    gradients are about as small as Adam's epsilon, 1e-7, such as those of a variational encoder's mean. The authors'
    code uses the sum for the beta-VAE only.
    l2: weight of the L2 penalty.
    beta: required with bottleneck `variational`, and allowed only there.
    final_learning_rate: learning rate of the last epoch; None keeps the learning rate constant.

    The other settings make a model sound good at every knob position (training/learning/objective.py):
    mixup: whether the decoder must turn a mixture of the latents of two frames of one note into the same mixture of the
    frames.
    exchange: whether the decoder must reproduce a frame even after the frame's latents have been mixed with those of a
    partner. A partner is a frame of the same sound and velocity, from the same part of its recording.
    pitch_penalty: weight of the penalty on knob positions at which a note would be heard at another pitch.
    band_penalty: weight of the squared difference, in units of 20 dB, between the levels of output and target in the
    bands of runtime/acoustics/timbre_distance.py.
    sound_penalty: weight of the squared distance of the latents from their mean over the sound.
    spread_penalty: weight of the distance between the distribution of the latents and an even distribution.
    knobs: the descriptors that the first latents follow, one latent each.
    knob_penalty: weight of (latent - rank) ** 2 for each latent that follows a descriptor. `rank` is the frame's rank
    by this descriptor among the frames of the same note, from 0 to 1.
    effect_penalty: weight of the difference between the descriptors of decoded frames and the values that the knob
    positions ask for.
    """

    epochs: Positive = 300
    batch_size: Positive = 200
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 5e-4
    loss_reduction: Literal["mean", "sum"] = "mean"
    l2: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1e-7
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    beta: BetaRecipe | None = None
    final_learning_rate: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] | None = None
    mixup: bool = False
    exchange: bool = False
    pitch_penalty: Weight = 0.0
    band_penalty: Weight = 0.0
    sound_penalty: Weight = 0.0
    spread_penalty: Weight = 0.0
    knobs: tuple[Literal["brightness", "hollowness", "body", "noise"], ...] = ()
    knob_penalty: Weight = 0.1
    effect_penalty: Weight = 0.0

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate in an epoch. Epochs are counted from 1.

        With `final_learning_rate`, the rate is multiplied by the same factor after every epoch. In the last epoch it is
        `final_learning_rate`.
        """
        if self.final_learning_rate is None:
            return self.learning_rate
        done = (epoch - 1) / max(self.epochs - 1, 1)
        return self.learning_rate * (self.final_learning_rate / self.learning_rate) ** done


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe: one model and how it is trained.

    labels: `known` uses the corpus's notes; `detected` uses the chroma detected in the spectrum, as in the paper.
    even_knobs: whether, after training, a curve bends each latent so that equal turns of its knob are equal steps of
    timbre (training/instrument/even_knobs.py).
    """

    labels: Literal["detected", "known"] = "detected"
    model: ModelRecipe = ModelRecipe()
    fit: FitRecipe = FitRecipe()
    even_knobs: bool = False

    @property
    def uses_labels(self) -> bool:
        """Whether the model reads labels: as the encoder's chroma, or as the decoder's conditioning."""
        return self.model.augmentation == "chroma" or self.model.conditioning != "none"

    def with_fit(self, **changes: object) -> Recipe:
        """A copy of the recipe with other values in `fit`."""
        return msgspec.structs.replace(self, fit=msgspec.structs.replace(self.fit, **changes))

    def with_epochs(self, epochs: int) -> Recipe:
        """A copy of the recipe with another number of epochs."""
        return self.with_fit(epochs=epochs)


def load_recipe(path: str | Path, epochs: int | None = None) -> Recipe:
    """Read a recipe from a YAML file; UserError if it is broken. epochs: replaces the file's number of epochs."""
    recipe = load_yaml(path, Recipe)
    refuse_contradictions(recipe, path)
    return recipe if epochs is None else recipe.with_epochs(epochs)


def refuse_contradictions(recipe: Recipe, where: object) -> None:
    """UserError if parts of a recipe contradict each other; the error names `where`."""
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
    needs_octaves = {
        "model.comb_floor_db": model.comb_floor_db is not None,
        "fit.pitch_penalty": fit.pitch_penalty,
        "fit.knobs": fit.knobs,
    }
    named = next((name for name, asked in needs_octaves.items() if asked), None)
    if named and model.conditioning != "chroma+octave":
        remedy = f"set conditioning: chroma+octave, or leave {named} out"
        raise UserError(where, f"{named} with conditioning {model.conditioning}", "conditioning chroma+octave", remedy)
    if len(fit.knobs) > model.n_latents or (fit.effect_penalty and not fit.knobs):
        found = f"{len(fit.knobs)} fit.knobs and effect_penalty {fit.effect_penalty:g}"
        raise UserError(where, found, f"1 to {model.n_latents} knobs, one for each latent", "change fit.knobs")
    if (fit.mixup or fit.exchange) and fit.batch_size % 2:
        found, remedy = f"pairs of rows with batch_size {fit.batch_size}", "change fit.batch_size"
        raise UserError(where, found, "an even number", remedy)
    if fit.mixup and fit.exchange:
        raise UserError(where, "mixup and exchange", "only one of them", "leave one out")


def resolve_conditioning(recipe: Recipe, store: FrameStore) -> Conditioning:
    """The conditioning that a recipe asks for.

    Its octaves, if it has any, go from the C at or below the corpus's lowest note up to the highest note.
    UserError if the corpus has no training frames, or if the recipe needs known notes and a frame has none.
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
    """Labels of these rows: known MIDI notes or detected pitch classes 0 to 11, as the recipe says; int (n,)."""
    labels = store.note if recipe.labels == "known" else store.chroma
    return np.asarray(labels)[rows].astype(int)
