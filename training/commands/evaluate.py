"""`evaluate`: measures a trained model or an instrument."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runtime.acoustics.pitch import PITCH_CLASSES
from runtime.base.errors import UserError
from runtime.base.files import write_json
from runtime.instrument.decoder import Decoder
from training.corpus.frames import FrameStore
from training.instrument.run_instrument import RunInstrument
from training.measure.evaluation import REPORT, _write, evaluate
from training.measure.playability import N_POINTS, refuse_no_points
from training.measure.playing_report import measure_playing, print_playing, write_pitch_map
from training.model.run_folder import TrainedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `evaluate`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="run folder that `train` wrote, or F.onnx")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the run's frames, if they lie elsewhere by now")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where tables and figures go (default: RUN/evaluation)")
    parser.add_argument("--points", type=int, metavar="N", default=N_POINTS, help="notes played at random knobs (2000)")
    parser.add_argument("--json", type=Path, metavar="F", help="write the report there as well")
    parser.add_argument("--mesh", type=int, metavar="N", help="points per axis of the mesh (default: the paper's)")
    parser.add_argument("--weights", choices=["last", "best"], default="last", help="of the last or the best epoch")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate as the command line says: report, table and figure on disk, a summary on the screen."""
    if arguments.mesh is not None and arguments.mesh < 2:
        raise UserError("--mesh", str(arguments.mesh), "at least 2", "give a larger number")
    refuse_no_points(arguments.points)
    if arguments.run_folder.suffix == ".onnx":
        return _evaluate_instrument(arguments)
    trained = TrainedRun.open(arguments.run_folder, arguments.weights)
    store = trained.open_store(arguments.corpus)
    from training.instrument.even_knobs import with_even_knobs

    trained = with_even_knobs(trained, store)
    folder = arguments.out or arguments.run_folder / "evaluation"
    evaluation = evaluate(trained, store, arguments.mesh)
    names = []
    if trained.record.conditioning.kind == "chroma+octave":
        instrument = RunInstrument(trained, store, evaluation.latents)
        evaluation.report["playing"] = measure_playing(instrument, store, trained, arguments.points)
        names.append(write_pitch_map(instrument, folder))
    names += _write(evaluation, trained, folder)
    if arguments.json:
        write_json(arguments.json, evaluation.report)
    _print_summary(evaluation.report)
    if "playing" in evaluation.report:
        print_playing(evaluation.report["playing"])
    print(f"{folder}: {', '.join(names)}")
    return 0


def _evaluate_instrument(arguments: argparse.Namespace) -> int:
    """How an exported instrument plays: of its making only what a corpus of held-out frames can tell."""
    for option in ("mesh", "json"):
        if getattr(arguments, option) is not None:
            raise UserError(f"--{option}", "it with an instrument", "it with a run folder", "leave it out")
    path = arguments.run_folder
    instrument = Decoder(path)
    store = FrameStore.open(arguments.corpus) if arguments.corpus else None
    folder = arguments.out or path.with_suffix(".evaluation")
    report = {"instrument": path.name, "playing": measure_playing(instrument, store, None, arguments.points)}
    write_json(folder / REPORT, report)
    names = [REPORT, write_pitch_map(instrument, folder)]
    print_playing(report["playing"])
    print(f"{folder}: {', '.join(names)}")
    return 0


def _print_summary(report: dict[str, Any]) -> None:
    mse = ", ".join(f"{split} {'-' if error is None else f'{error:.3e}'}" for split, error in report["mse"].items())
    print(f"mean squared error: {mse}")
    print(f"trained: {report['n_epochs']} epochs in {report['training_s']:.0f} s")
    bounds = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in report["embedding"]["bounds"])
    print(f"embedding: {bounds}; {100.0 * report['embedding']['density']:.1f} % of cells used")
    if report["divergence_nats"]:
        nats = ", ".join(f"{value:.3g}" for value in report["divergence_nats"])
        print(f"divergence of each latent: {nats} nats")
    if report["mesh"]:
        share, n_points = report["mesh"]["accuracy"], report["mesh"]["n_points"]
        print(f"mesh: the chroma asked for at {100.0 * share:.1f} % of {n_points} points")
        print(f"mesh: heard in tune at {100.0 * report['mesh']['heard']:.1f} % of {report['mesh']['n_heard_points']}")
        missing = [name for name in PITCH_CLASSES if name not in report["mesh"]["accuracy_by_pitch_class"]]
        if missing:
            print(f"not in the training frames, so not asked for: {', '.join(missing)}")
