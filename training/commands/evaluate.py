"""Measure how well a trained model or an instrument plays."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target, write_json
from runtime.instrument.decoder import Decoder
from training.corpus.frames import FrameStore
from training.instrument.run_instrument import RunInstrument
from training.measure.evaluation import REPORT, evaluate, print_evaluation, write_evaluation
from training.measure.likeness import measure_likeness, print_likeness
from training.measure.playability import N_POINTS
from training.measure.playing_report import measure_playing, print_playing, write_pitch_map
from training.model.run_folder import TrainedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the model, the thoroughness of the measurement and the folder of the results."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder that `train` wrote, or an .onnx file")
    corpus = "the run's corpus, if it has moved; with an .onnx file, a corpus to compare it with"
    parser.add_argument("--corpus", type=Path, metavar="DIR", help=corpus)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the results go (default: RUN/evaluation)")
    points = f"notes to play at random knob positions (default: {N_POINTS})"
    parser.add_argument("--points", type=at_least(1), metavar="N", default=N_POINTS, help=points)
    parser.add_argument("--json", type=Path, metavar="F", help="also write the report to this file")
    parser.add_argument(
        "--mesh", type=at_least(2), metavar="N", help="points per axis of the mesh (default: the paper's)"
    )
    weights = "the model's weights after the last or the best epoch (default: last)"
    parser.add_argument("--weights", choices=["last", "best"], default="last", help=weights)


def run(arguments: argparse.Namespace) -> int:
    """Write report, tables and pictures, and print a summary."""
    if arguments.run_folder.suffix == ".onnx":
        return _evaluate_instrument(arguments)
    folder = arguments.out or arguments.run_folder / "evaluation"
    for target in (folder / REPORT, arguments.json):
        if target:
            refuse_bad_target(target)
    trained = TrainedRun.open(arguments.run_folder, arguments.weights)
    store = trained.open_store(arguments.corpus)
    from training.instrument.even_knobs import with_even_knobs

    trained = with_even_knobs(trained, store)
    evaluation = evaluate(trained, store, arguments.mesh)
    names = []
    if trained.record.conditioning.kind == "chroma+octave":
        instrument = RunInstrument(trained, store, evaluation.latents)
        evaluation.report["playing"] = measure_playing(instrument, store, trained, arguments.points)
        evaluation.report["likeness"] = measure_likeness(instrument, instrument.encode, store)
        names.append(write_pitch_map(instrument, folder))
    names += write_evaluation(evaluation, trained, folder)
    if arguments.json:
        write_json(arguments.json, evaluation.report)
    print_evaluation(evaluation.report)
    if "playing" in evaluation.report:
        print_playing(evaluation.report["playing"])
        print_likeness(evaluation.report["likeness"])
    print(f"{folder}: {', '.join(names)}")
    return 0


def _evaluate_instrument(arguments: argparse.Namespace) -> int:
    """Measure how an exported instrument plays. With a corpus, also measure how close it comes to held-out sounds."""
    for option in ("mesh", "json"):
        if getattr(arguments, option) is not None:
            raise UserError(f"--{option}", "this option with an .onnx file", "it with a run folder", "leave it out")
    path = arguments.run_folder
    folder = arguments.out or path.with_suffix(".evaluation")
    refuse_bad_target(folder / REPORT)
    instrument = Decoder(path)
    store = FrameStore.open(arguments.corpus) if arguments.corpus else None
    report = {"instrument": path.name, "playing": measure_playing(instrument, store, None, arguments.points)}
    write_json(folder / REPORT, report)
    names = [REPORT, write_pitch_map(instrument, folder)]
    print_playing(report["playing"])
    print(f"{folder}: {', '.join(names)}")
    return 0
