"""Measure a trained model: its errors, its embedding, and how often it plays the pitch class that it is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtime.errors import UserError
from runtime.pitch import N_CHROMA, PITCH_CLASSES, detect_chroma
from training.embedding import CHUNK, decoder_inputs, embed_rows, row_errors
from training.files import write_json, written_whole
from training.frames import SPLITS, FrameStore
from training.progress import Progress
from training.recipe import label_notes
from training.run_folder import TrainedRun

PAPER_MESH = {2: 350, 3: 50, 8: 5}  # points per axis for so many latents; the paper's, Figures 4-5 and Table V
LARGEST_MESH = 400_000
N_DENSITY_CELLS = 2500
REPORT, TABLE, SCATTER = "evaluation.json", "pitch_classes.csv", "embedding.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `evaluate`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="run folder that `train` wrote")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the run's frames, if they lie elsewhere by now")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where tables and figures go (default: RUN/evaluation)")
    parser.add_argument("--json", type=Path, metavar="F", help="write the report there as well")
    parser.add_argument("--mesh", type=int, metavar="N", help="points per axis of the mesh (default: the paper's)")
    parser.add_argument("--weights", choices=["last", "best"], default="last", help="of the last or the best epoch")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate as the command line says: report, table and figure on disk, a summary on the screen."""
    if arguments.mesh is not None and arguments.mesh < 2:
        raise UserError("--mesh", str(arguments.mesh), "at least 2", "give a larger number")
    trained = TrainedRun.open(arguments.run_folder, arguments.weights)
    store = trained.open_store(arguments.corpus)
    folder = arguments.out or arguments.run_folder / "evaluation"
    report, latents = evaluate(trained, store, arguments.mesh)
    _write(report, latents, trained, store, folder)
    if arguments.json:
        write_json(arguments.json, report)
    _print_summary(report)
    print(f"{folder}: {REPORT}, {TABLE}, {SCATTER}")
    return 0


def evaluate(run: TrainedRun, store: FrameStore, n_per_axis: int | None = None) -> tuple[dict[str, Any], np.ndarray]:
    """Every figure of a run as a tree of plain values, and the training frames' latents (n, n_latents)."""
    rows = store.rows("train")
    latents = embed_rows(run, store, rows)
    errors = {split: row_errors(run, store, store.rows(split)) for split in SPLITS}
    mesh = measure_mesh(run, store, latents, n_per_axis)
    report = {
        "run": run.record.name,
        "weights": run.weights,
        "recipe": msgspec.to_builtins(run.recipe),
        "corpus": {"name": store.about.get("name"), "fingerprint": run.record.corpus.fingerprint},
        "environment": run.record.sessions[-1],
        "n_epochs": run.history[-1]["epoch"],
        "training_s": sum(row["seconds"] for row in run.history),
        "mse": {split: float(error.mean()) if len(error) else None for split, error in errors.items()},
        "embedding": measure_embedding(latents),
        "mesh": mesh,
        "pitch_classes": _pitch_class_table(run, store, errors["test"], mesh),
    }
    return report, latents


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


def measure_mesh(
    run: TrainedRun, store: FrameStore, latents: np.ndarray, n_per_axis: int | None = None
) -> dict[str, Any] | None:
    """How often the decoder's output has the chroma asked for, over a mesh of latents; None without conditioning.

    The mesh fills a sigmoid's unit cube, or the bounds of the embedding (n, n_latents). Pitch classes that the
    training set lacks are left out. Where the model knows octaves it is asked for the middle of the known notes.
    Source: the paper's Table V.
    """
    if run.record.conditioning.kind == "none":
        return None
    n_latents = latents.shape[1]
    n_per_axis = n_per_axis or PAPER_MESH.get(n_latents) or max(int(LARGEST_MESH ** (1.0 / n_latents)), 2)
    unit = run.recipe.model.bottleneck == "sigmoid"
    low, high = (np.zeros(n_latents), np.ones(n_latents)) if unit else (latents.min(axis=0), latents.max(axis=0))
    axes = [np.linspace(a, b, n_per_axis) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, n_latents).astype(np.float32)
    notes = _asked_notes(run, store)
    progress = Progress("mesh", len(points) * len(notes))
    accuracy = {}
    for index, (pitch_class, note) in enumerate(notes.items()):
        n_right = 0
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK]
            decoded = run.decode(decoder_inputs(run, chunk, np.full(len(chunk), note)))
            n_right += int(np.count_nonzero(detect_chroma(decoded, store.spec.bin_hz) == pitch_class))
            progress.update(index * len(points) + start + len(chunk), PITCH_CLASSES[pitch_class])
        accuracy[PITCH_CLASSES[pitch_class]] = n_right / len(points)
    progress.close()
    return {
        "points_per_axis": n_per_axis,
        "n_points": len(points),
        "bounds": [[float(a), float(b)] for a, b in zip(low, high, strict=True)],
        "asked_notes": {PITCH_CLASSES[pitch_class]: note for pitch_class, note in notes.items()},
        "accuracy": float(np.mean(list(accuracy.values()))),
        "accuracy_by_pitch_class": accuracy,
    }


def _asked_notes(run: TrainedRun, store: FrameStore) -> dict[int, int]:
    """The note that stands for each pitch class of the training set: the one nearest the middle of those it has."""
    notes = np.unique(label_notes(run.recipe, store, store.rows("train")))
    middle = (notes.min() + notes.max()) / 2.0
    nearest_last = sorted(notes.tolist(), key=lambda note: -abs(note - middle))
    return dict(sorted({note % N_CHROMA: note for note in nearest_last}.items()))


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
        table.append(row)
    return table


def _write(report: dict[str, Any], latents: np.ndarray, run: TrainedRun, store: FrameStore, folder: Path) -> None:
    from training.plots import save_figure, scatter_by_pitch_class

    write_json(folder / REPORT, report)
    with written_whole(folder / TABLE) as stream:
        stream.write(",".join(report["pitch_classes"][0]) + "\n")
        for row in report["pitch_classes"]:
            stream.write(",".join("" if value is None else str(value) for value in row.values()) + "\n")
    classes = label_notes(run.recipe, store, store.rows("train")) % N_CHROMA
    title = f"{run.record.name}: training frames by pitch class ({run.recipe.labels})"
    save_figure(scatter_by_pitch_class(latents, classes, title), folder / SCATTER)


def _print_summary(report: dict[str, Any]) -> None:
    mse = ", ".join(f"{split} {'-' if error is None else f'{error:.3e}'}" for split, error in report["mse"].items())
    print(f"mean squared error: {mse}")
    print(f"trained: {report['n_epochs']} epochs in {report['training_s']:.0f} s")
    bounds = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in report["embedding"]["bounds"])
    print(f"embedding: {bounds}; {100.0 * report['embedding']['density']:.1f} % of cells used")
    if report["mesh"]:
        share, n_points = report["mesh"]["accuracy"], report["mesh"]["n_points"]
        print(f"mesh: the chroma asked for at {100.0 * share:.1f} % of {n_points} points")
        missing = [name for name in PITCH_CLASSES if name not in report["mesh"]["accuracy_by_pitch_class"]]
        if missing:
            print(f"not in the training frames, so not asked for: {', '.join(missing)}")
