"""Measures how an instrument plays, and prints the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.corpus.frames import FrameStore
from training.instrument.points import Playable
from training.measure.playability import N_POINTS, measure_knobs, measure_points
from training.measure.reach import measure_reach
from training.model.run_folder import TrainedRun

PITCH_MAP = "pitch_map.png"


def measure_playing(
    instrument: Playable,
    store: FrameStore | None = None,
    run: TrainedRun | None = None,
    n_points: int = N_POINTS,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure an instrument at random points, along each knob, and its reach (see reach.py); returns plain values.

    store: the corpus whose held-out frames the knobs try to reach. Without a store or such frames, `reach` is None.
    run: the run from which the instrument was made, or None. With a run, its reconstruction is measured as well.
    n_points: number of random points.
    seed: seed of these points and of the lines along which the knobs are measured.
    UserError if the instrument knows none of the held-out frames' notes, or if the corpus's frames have another spec.
    """
    # Reach is measured first, so that `measure_reach` refuses an unfit corpus before the long measurements begin.
    reach = None if store is None else measure_reach(instrument, store, run)
    return {
        "points": measure_points(instrument, n_points, seed),
        "knobs": measure_knobs(instrument, seed),
        "reach": reach,
    }


def summary_row(report: dict[str, Any], run: TrainedRun) -> dict[str, Any]:
    """The main figures of `measure_playing`, rounded, as a row of a table; shares are 0 to 1, distances in dB.

    report: from `measure_playing`, called with a store and with this run.
    run: gives the number of the decoder's parameters, the epochs and the training time.
    """
    points, knobs, reach = report["points"], report["knobs"], report["reach"]
    shares = {name: round(points[name], 4) for name in ("in_tune", "octave_off", "harmonic_energy", "chroma")}
    return shares | {
        "worst_octave_in_tune": round(min(row["in_tune"] for row in points["by_octave"].values()), 4),
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


def print_playing(report: dict[str, Any]) -> None:
    """Print the figures of `measure_playing`."""
    points, reach = report["points"], report["reach"]
    print(
        f"played at {points['n_points']} notes and knob positions: in tune {100.0 * points['in_tune']:.1f} %, "
        f"an octave off {100.0 * points['octave_off']:.1f} %, energy on the note's harmonics "
        f"{100.0 * points['harmonic_energy']:.1f} %, strongest chroma right {100.0 * points['chroma']:.1f} %"
    )
    sd_db, span_db = points["loudness_sd_db"], points["loudness_peak_to_peak_db"]
    print(f"loudness: {sd_db:.2f} dB standard deviation, {span_db:.2f} dB peak to peak")
    for knob in report["knobs"]:
        print(
            f"knob {knob['name']}: {knob['travel_db']:.1f} dB from end to end, at least {knob['least_travel_db']:.1f}; "
            f"unevenness {knob['unevenness']:.2f}"
        )
    if reach:
        own = f"; by the encoder {reach['reconstruction_db']:.2f}" if "reconstruction_db" in reach else ""
        print(
            f"held-out sounds: {reach['nearest_db']:.2f} dB from the nearest knob position{own}; "
            f"the corpus's mean {reach['corpus_mean_db']:.2f}"
        )
        if "n_left_out" in reach:
            print(f"left out: {reach['n_left_out']} held-out frames at notes that the instrument does not know")


def write_pitch_map(instrument: Playable, folder: Path) -> str:
    """Write the pitch maps of the first two knobs as PNG; returns the file's name."""
    from training.measure.pitch_map import plot_pitch_maps
    from training.measure.plots import save_figure

    y = min(1, instrument.card.n_latents - 1)
    title = f"{instrument.card.name}: what is heard where, the other knobs in the middle"
    save_figure(plot_pitch_maps(instrument, title, 0, y), folder / PITCH_MAP)
    return PITCH_MAP
