"""Builds the family: the bundled instruments.

All but one are trained on free recordings from a source. For the virtual analogue, only an encoder is made.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from export.instrument import export_instrument, renew_presets
from export.taught_encoder import write_taught_encoder
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from runtime.instrument.library import BUNDLED_FOLDER
from training.corpus.frames import INDEX, FrameStore
from training.corpus.manifest import read_manifest
from training.corpus.recordings import Recording, build, hold_out_pitches
from training.learning.train import train
from training.making.survey import listen_to_file
from training.model.recipe import Recipe, load_recipe
from training.model.run_folder import TrainedRun
from training.sources.folder import MANIFEST
from training.sources.render import render

RECIPE = Path(__file__).parents[1] / "configs" / "training" / "own-notes.yaml"
TRANSPOSE, MOST_FRAMES = 3, 32  # explained in `add_recording`, which gets them from `build`
LEAST_STEPS = 16_000  # least number of training steps; a small corpus gets more epochs to reach it
N_POINTS = 2000
FARTHEST_CENTS = 60.0


class Member(NamedTuple):
    """A bundled instrument.

    file: name of its file, without ".onnx".
    source: the source of its recordings, a key of SOURCES in training/sources/render.py; None if only its encoder is
        made.
    left_out: names of sounds that the instrument learns, but that get no preset.
    """

    file: str
    source: str | None
    left_out: tuple[str, ...] = ()


FAMILY = (
    *(Member(name, name) for name in ("orchestra", "strings", "fm")),
    Member("pads", "pads", ("Cindi - C",)),  # only 2.3 dB from Sortofvoce, a sound of fm
    Member("virtual-analogue", None),
)


def build_member(member: Member, work: Path, out: Path = BUNDLED_FOLDER) -> list[Path]:
    """Render an instrument's recordings, train the instrument and export it; returns the files written.

    If an earlier call was interrupted, this call resumes its work. If the instrument has no source, only its encoder
    is made.

    work: the folder of recordings, corpora and runs.
    """
    if member.source is None:
        return [write_taught_encoder(out / f"{member.file}.onnx")]
    store, recordings = corpus_of(member, work)
    run = work / "runs" / member.file
    recipe = load_recipe(RECIPE)
    train(recipe.with_epochs(n_epochs(recipe, len(store.rows("train")))), store, run)
    target = out / f"{member.file}.onnx"
    told = {"n_points": N_POINTS, "recordings": recordings, "left_out": member.left_out}
    return export_instrument(TrainedRun.open(run), store, target, member.file, force=True, **told)


def n_epochs(recipe: Recipe, n_frames: int) -> int:
    """The number of epochs to train on n_frames frames.

    It is the recipe's number, or the number that gives LEAST_STEPS steps if that is larger.
    """
    steps = -(-n_frames // recipe.fit.batch_size)
    return max(recipe.fit.epochs, -(-LEAST_STEPS // steps))


def renew_member(member: Member, work: Path, out: Path = BUNDLED_FOLDER) -> list[Path]:
    """Choose an instrument's presets again, and train nothing; returns the files written.

    work: as in `build_member`. UserError for an instrument without recordings.
    """
    if member.source is None:
        raise UserError(member.file, "no recordings", "an instrument that was taught recordings", "leave it out")
    return [renew_presets(out / f"{member.file}.onnx", *corpus_of(member, work), member.left_out)]


def corpus_of(member: Member, work: Path) -> tuple[FrameStore, Path]:
    """The corpus of an instrument that has a source, and the folder of the recordings; both are made if missing."""
    recordings = work / "recordings" / member.source
    if not (recordings / MANIFEST).is_file():
        print(render(member.source, recordings))
    corpus = work / "corpora" / member.file
    if not (corpus / INDEX).is_file():
        found = hold_out_pitches(put_in_tune(read_manifest(recordings / MANIFEST, recordings)))
        build(corpus, member.file, found, strict=True, force=False, transpose=TRANSPOSE, most_frames=MOST_FRAMES)
    return FrameStore.open(corpus), recordings


def put_in_tune(recordings: list[Recording]) -> list[Recording]:
    """Set each recording's `cents` to its measured tuning; leave out those more than FARTHEST_CENTS off their note.

    Recordings are often several cents out of tune. Without `cents`, an instrument would learn these errors.
    """
    kept = []
    with Progress("tuning", len(recordings)) as progress:
        for number, recording in enumerate(recordings):
            heard = listen_to_file(recording.path)[0]
            cents = 0.0 if heard is None or heard.pitch is None else 100.0 * (heard.pitch - recording.note)
            if abs(cents) <= FARTHEST_CENTS:
                kept.append(replace(recording, cents=round(cents, 1)))
            progress.update(number + 1, recording.name)
    return kept
