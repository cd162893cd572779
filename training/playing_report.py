"""All figures of how an instrument plays, for `evaluate`, the card and tables."""

from __future__ import annotations

from typing import Any

from training.frames import FrameStore
from training.playability import N_POINTS, measure_knobs, measure_points
from training.reach import measure_reach
from training.run_folder import TrainedRun
from training.run_instrument import RunInstrument


def measure_playing(run: TrainedRun, store: FrameStore, n_points: int = N_POINTS, seed: int = 0) -> dict[str, Any]:
    """Points over notes and knobs, each knob's travel, and reach, of a run that knows its notes' octaves."""
    instrument = RunInstrument(run, store)
    return {
        "points": measure_points(instrument, n_points, seed),
        "knobs": measure_knobs(instrument, seed),
        "reach": measure_reach(instrument, store, run),
    }


def summary_row(report: dict[str, Any], run: TrainedRun) -> dict[str, Any]:
    """The figures of a report that a table of models shows; shares 0 to 1, distances in dB."""
    points, knobs, reach = report["points"], report["knobs"], report["reach"]
    shares = {name: round(points[name], 4) for name in ("in_tune", "octave_off", "harmonic_energy", "chroma")}
    return shares | {
        "lowest_octave_in_tune": round(min(row["in_tune"] for row in points["by_octave"].values()), 4),
        "loudness_sd_db": round(points["loudness_sd_db"], 3),
        "nearest_db": round(reach["nearest_db"], 3),
        "reconstruction_db": round(reach["reconstruction_db"], 3),
        "corpus_mean_db": round(reach["corpus_mean_db"], 3),
        "mean_travel_db": round(sum(knob["travel_db"] for knob in knobs) / len(knobs), 2),
        "least_travel_db": round(min(knob["least_travel_db"] for knob in knobs), 2),
        "most_uneven": round(max(knob["unevenness"] for knob in knobs), 3),
        "n_parameters": int(run.decoder.count_params()),
        "epochs": run.record.n_epochs,
        "seconds": round(run.record.seconds, 1),
    }
