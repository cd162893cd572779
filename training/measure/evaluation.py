"""Measure a trained model: its errors, its embedding, and how often it plays the pitch class that it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES
from runtime.base.files import write_json, written_whole
from training.corpus.frames import SPLITS, FrameStore, refuse_bad_frames, sound_name
from training.instrument.embedding import decode_at, divergence_per_latent, embed_rows, row_errors
from training.measure.mesh import Mesh, sample_mesh
from training.measure.traversals import Traversals, traverse
from training.model.recipe import label_notes
from training.model.run_folder import TrainedRun

N_DENSITY_CELLS = 2500
N_SAMPLED = 4000
REPORT, TABLE, SCATTER = "evaluation.json", "pitch_classes.csv", "embedding.png"
MAP, STRIPS, SOUND = "mesh.png", "traversals.png", "traversals.ogg"


@dataclass(frozen=True)
class Evaluation:
    """What is measured of a run: `report`, every figure as plain values, and what its pictures are drawn from.

    latents: (n, n_latents), and pitch_classes: (n,), of the training frames; mesh: None without conditioning.
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
    """Measure a run on its corpus; on_share: as `sample_mesh` has it. UserError if a frame is silent or no number."""
    refuse_bad_frames(store)
    rows = store.rows("train")
    latents = embed_rows(run, store, rows)
    errors = {split: row_errors(run, store, store.rows(split)) for split in SPLITS}
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
        "mse": {split: float(error.mean()) if len(error) else None for split, error in errors.items()},
        "test_mse_by_sound": _errors_by_sound(store, errors["test"]),
        "silent_bins": int(np.count_nonzero(silent)),
        "test_mse_of_silent_bins": _error_of_silence(store, silent),
        "embedding": measure_embedding(latents),
        "divergence_nats": None if divergence is None else divergence.astype(float).tolist(),
        "pitch_changes": traversals.pitch_changes,
        "mesh": table,
        "pitch_classes": _pitch_class_table(run, store, errors["test"], table),
    }
    classes = label_notes(run.recipe, store, rows) % N_CHROMA
    return Evaluation(report, latents, classes, mesh, traversals)


def silent_bins(run: TrainedRun, store: FrameStore, latents: np.ndarray) -> np.ndarray:
    """Which bins the decoder leaves at 0 for each of up to N_SAMPLED training frames, latents (n, n_latents); bool."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(latents))[:N_SAMPLED])
    notes = label_notes(run.recipe, store, store.rows("train")[chosen])
    return decode_at(run, latents[chosen], notes).max(axis=0) == 0.0


def _error_of_silence(store: FrameStore, silent: np.ndarray) -> float | None:
    """How much of the test frames' mean squared error lies in silent bins (n_bins,), where nothing can lower it."""
    frames = store.magnitudes[store.rows("test")]
    return float(np.square(frames[:, silent], dtype=np.float64).sum() / frames.size) if len(frames) else None


def _errors_by_sound(store: FrameStore, errors: np.ndarray) -> dict[str, float]:
    """Mean squared error of each test sound: a patch with all its notes, or a recording; errors (n,) of test frames."""
    sounds = np.array([sound_name(clip) for clip in store.clips])[store.clip[store.rows("test")]]
    return {name: float(errors[sounds == name].mean()) for name in sorted(set(sounds.tolist()))}


def measure_embedding(latents: np.ndarray) -> dict[str, Any]:
    """Bounds, density and correlation of an embedding (n, n_latents).

    density: share of about 2,500 equal cells between the bounds that hold at least one frame; correlation: Pearson's,
    None where a latent never changes.
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


def _pitch_class_table(
    run: TrainedRun, store: FrameStore, test_errors: np.ndarray, mesh: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """One row per pitch class, as labelled; None where the corpus has none of it."""
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


def _write(evaluation: Evaluation, run: TrainedRun, folder: Path) -> list[str]:
    """Put report, table, figures and sound into the folder; returns their names."""
    from training.measure.latent_plots import mesh_map, traversal_strips
    from training.measure.plots import save_figure, scatter_by_pitch_class

    report, mesh, name = evaluation.report, evaluation.mesh, run.record.name
    write_json(folder / REPORT, report)
    with written_whole(folder / TABLE) as stream:
        stream.write(",".join(report["pitch_classes"][0]) + "\n")
        for row in report["pitch_classes"]:
            stream.write(",".join("" if value is None else str(value) for value in row.values()) + "\n")
    title = f"{name}:\ntraining frames by pitch class ({run.recipe.labels})"
    figures = {SCATTER: scatter_by_pitch_class(evaluation.latents, evaluation.pitch_classes, title)}
    if mesh:
        title = f"{name}: where the decoder plays the pitch class asked for"
        figures[MAP] = mesh_map(mesh.map(), mesh.bounds, list(mesh.notes), title)
    figures[STRIPS] = traversal_strips(evaluation.traversals, f"{name}: each latent from end to end")
    for file_name, figure in figures.items():
        save_figure(figure, folder / file_name)
    with written_whole(folder / SOUND, "wb") as stream:
        stream.write(evaluation.traversals.encoded_sound())
    return [REPORT, TABLE, *figures, SOUND]
