"""Measures a trained model: its errors, its embedding, and how well it plays each pitch class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES
from runtime.base.files import atomic_write, write_json
from training.corpus.csv_table import write_csv
from training.corpus.frames import SPLITS, FrameStore, refuse_bad_frames, sound_name
from training.instrument.embedding import (
    decode_at,
    divergence_per_latent,
    embed_rows,
    mean_by_split,
    row_errors,
    row_errors_by_split,
)
from training.measure.mesh import Mesh, sample_mesh
from training.measure.traversals import Traversals, traverse
from training.model.recipe import label_notes
from training.model.run_folder import TrainedRun

N_DENSITY_CELLS = 2500
N_SAMPLED = 4000
# Names of the files that `write_evaluation` writes.
REPORT, TABLE, SCATTER = "evaluation.json", "pitch_classes.csv", "embedding.png"
MAP, STRIPS, SOUND = "mesh.png", "traversals.png", "traversals.ogg"


@dataclass(frozen=True)
class Evaluation:
    """The figures of a run, and the data for its plots and its sound.

    report: the figures, as plain values.
    latents: latents of the training frames, (n, n_latents).
    pitch_classes: labels of the training frames, 0 to 11, (n,).
    mesh: None if the decoder has no conditioning.
    """

    report: dict[str, Any]
    latents: np.ndarray
    pitch_classes: np.ndarray
    mesh: Mesh | None
    traversals: Traversals


def evaluate(
    run: TrainedRun,
    store: FrameStore,
    n_per_axis: int | None = None,
    on_share: Callable[[float], None] | None = None,
) -> Evaluation:
    """Measure a run on its corpus; UserError if a frame is silent or not finite.

    n_per_axis, on_share: see `sample_mesh`.
    """
    refuse_bad_frames(store)
    rows = store.rows("train")
    latents = embed_rows(run, store, rows)
    errors = row_errors_by_split(run, store)
    mesh = sample_mesh(run, store, latents, n_per_axis, on_share)
    table, traversals = mesh.summary() if mesh else None, traverse(run, store, latents)
    divergence, silent = divergence_per_latent(run, store, rows), silent_bins(run, store, latents)
    report = {
        "run": run.record.name,
        "weights": run.weights,
        "recipe": msgspec.to_builtins(run.recipe),
        "corpus": {"name": store.about.get("name"), "fingerprint": run.record.corpus.fingerprint},
        "environment": run.record.sessions[-1],
        "n_epochs": run.history[-1]["epoch"],
        "training_s": sum(row["seconds"] for row in run.history),
        "mse": mean_by_split(errors),
        "test_mse_by_sound": _errors_by_sound(store, errors["test"]),
        "silent_bins": int(np.count_nonzero(silent)),
        "test_mse_of_silent_bins": _error_of_silent_bins(store, silent),
        "embedding": measure_embedding(latents),
        "divergence_nats": None if divergence is None else divergence.astype(float).tolist(),
        "pitch_changes": traversals.pitch_changes,
        "mesh": table,
        "pitch_classes": _pitch_class_rows(run, store, errors["test"], table),
    }
    classes = label_notes(run.recipe, store, rows) % N_CHROMA
    return Evaluation(report, latents, classes, mesh, traversals)


def silent_bins(run: TrainedRun, store: FrameStore, latents: np.ndarray) -> np.ndarray:
    """Whether each bin stays 0 when at most N_SAMPLED random training frames are decoded, bool (n_bins,).

    latents: latents of all training frames, (n, n_latents).
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(latents))[:N_SAMPLED])
    notes = label_notes(run.recipe, store, store.rows("train")[chosen])
    return decode_at(run, latents[chosen], notes).max(axis=0) == 0.0


def _error_of_silent_bins(store: FrameStore, silent: np.ndarray) -> float | None:
    """How much the silent bins add to the mean squared error of the test frames; None without test frames.

    silent: from `silent_bins`. The output is taken to be 0 in these bins.
    """
    frames = store.magnitudes[store.rows("test")]
    return float(np.square(frames[:, silent], dtype=np.float64).sum() / frames.size) if len(frames) else None


def measure_further(run: TrainedRun, store: FrameStore) -> dict[str, Any]:
    """Measure a run on the test frames of another corpus than the one that it was trained on.

    Returns:
    - `mse`: mean squared error over all these frames
    - `mse_by_sound`: mean squared error of each sound, by name
    """
    errors = row_errors(run, store, store.rows("test"))
    return {"mse": float(errors.mean()), "mse_by_sound": _errors_by_sound(store, errors)}


def _errors_by_sound(store: FrameStore, errors: np.ndarray) -> dict[str, float]:
    sounds = np.array([sound_name(clip) for clip in store.clips])[store.clip[store.rows("test")]]
    return {name: float(errors[sounds == name].mean()) for name in sorted(set(sounds.tolist()))}


def measure_embedding(latents: np.ndarray) -> dict[str, Any]:
    """Measure an embedding: the latents of n frames, (n, n_latents).

    Returns:
    - `bounds`: each latent's smallest and largest value
    - `median`: each latent's median
    - `density`: the share of cells that hold a frame; about N_DENSITY_CELLS equal cells fill the space between the
      bounds
    - `cells_per_axis`: the number of cells along each latent
    - `correlation`: matrix of Pearson's correlation of each pair of latents, None where one of the two is constant
    """
    low, high = latents.min(axis=0), latents.max(axis=0)
    n_cells = max(round(N_DENSITY_CELLS ** (1.0 / latents.shape[1])), 2)
    scaled = (latents - low) / np.where(high > low, high - low, 1.0)
    cells = np.unique(np.minimum((scaled * n_cells).astype(int), n_cells - 1), axis=0)
    deviation = latents - latents.mean(axis=0, dtype=np.float64)
    covariance = deviation.T @ deviation
    spread = np.sqrt(np.diag(covariance))
    correlation = [
        [
            float(covariance[i, j] / (spread[i] * spread[j])) if spread[i] and spread[j] else None
            for j in range(len(spread))
        ]
        for i in range(len(spread))
    ]
    return {
        "bounds": [[float(a), float(b)] for a, b in zip(low, high, strict=True)],
        "median": np.median(latents, axis=0).astype(float).tolist(),
        "density": len(cells) / n_cells ** latents.shape[1],
        "cells_per_axis": n_cells,
        "correlation": correlation,
    }


def _pitch_class_rows(
    run: TrainedRun, store: FrameStore, test_errors: np.ndarray, mesh: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """A row of figures for each of the 12 pitch classes, from C to B; None for a figure without data.

    test_errors: mean squared errors of the test frames, (n,).
    mesh: from Mesh.summary, or None.
    """
    classes = {split: label_notes(run.recipe, store, store.rows(split)) % N_CHROMA for split in SPLITS}
    table = []
    for index, name in enumerate(PITCH_CLASSES):
        error = test_errors[classes["test"] == index]
        row: dict[str, Any] = {"pitch_class": name}
        row |= {f"n_{split}_frames": int(np.count_nonzero(classes[split] == index)) for split in SPLITS}
        row["test_mse"] = float(error.mean()) if len(error) else None
        row["mesh_accuracy"] = mesh["accuracy_by_pitch_class"].get(name) if mesh else None
        row["heard_in_tune"] = mesh["heard_by_pitch_class"].get(name) if mesh else None
        table.append(row)
    return table


def write_evaluation(evaluation: Evaluation, run: TrainedRun, folder: Path) -> list[str]:
    """Write the report, its table, plots and sound; returns the files' names."""
    from training.measure.latent_plots import mesh_map, traversal_strips
    from training.measure.plots import save_figure, scatter_by_pitch_class

    report, mesh, name = evaluation.report, evaluation.mesh, run.record.name
    write_json(folder / REPORT, report)
    write_csv(folder / TABLE, report["pitch_classes"])
    title = f"{name}:\ntraining frames by pitch class ({run.recipe.labels})"
    figures = {SCATTER: scatter_by_pitch_class(evaluation.latents, evaluation.pitch_classes, title)}
    if mesh:
        title = f"{name}: where the decoder plays the pitch class asked for"
        figures[MAP] = mesh_map(mesh.map(), mesh.bounds, list(mesh.notes), title)
    figures[STRIPS] = traversal_strips(evaluation.traversals, f"{name}: each latent from end to end")
    for file_name, figure in figures.items():
        save_figure(figure, folder / file_name)
    with atomic_write(folder / SOUND, "wb") as stream:
        stream.write(evaluation.traversals.encoded_sound())
    return [REPORT, TABLE, *figures, SOUND]


def print_evaluation(report: dict[str, Any]) -> None:
    """Print the main figures of a report."""
    mse = ", ".join(f"{split} {'-' if error is None else f'{error:.3e}'}" for split, error in report["mse"].items())
    print(f"mean squared error: {mse}")
    print(f"trained: {report['n_epochs']} epochs in {report['training_s']:.0f} s")
    bounds = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in report["embedding"]["bounds"])
    print(f"embedding: {bounds}; {100.0 * report['embedding']['density']:.1f} % of its cells hold a frame")
    if report["divergence_nats"]:
        nats = ", ".join(f"{value:.3g}" for value in report["divergence_nats"])
        print(f"divergence of each latent: {nats} nats")
    if report["mesh"]:
        share, n_points = report["mesh"]["accuracy"], report["mesh"]["n_points"]
        print(f"mesh: the chroma asked for at {100.0 * share:.1f} % of {n_points} points")
        heard, n_heard = report["mesh"]["heard"], report["mesh"]["n_heard_points"]
        print(f"mesh: heard in tune at {100.0 * heard:.1f} % of {n_heard} random points")
        missing = [name for name in PITCH_CLASSES if name not in report["mesh"]["accuracy_by_pitch_class"]]
        if missing:
            print(f"not asked for, because no training frame has it: {', '.join(missing)}")
