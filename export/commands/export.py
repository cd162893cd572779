"""Turn a trained model into an instrument."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.signals import signals_as_exceptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder that `train` wrote")
    out = "the instrument to write; its encoder goes into NAME.encoder.onnx in the same folder"
    parser.add_argument("--out", type=Path, required=True, metavar="NAME.onnx", help=out)
    parser.add_argument("--name", help="the instrument's name (default: that of its file)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the run's corpus, if it has moved")
    weights = "the model's weights after the last or the best epoch (default: last)"
    parser.add_argument("--weights", choices=["last", "best"], default="last", help=weights)
    points = "notes to play at random knob positions, to measure the instrument (default: 2000)"
    parser.add_argument("--points", type=at_least(1), metavar="N", default=2000, help=points)
    recordings = "the corpus's recordings: the presets then move as they do"
    parser.add_argument("--recordings", type=Path, metavar="DIR", help=recordings)
    parser.add_argument("--force", action="store_true", help="replace files that are already there")


@signals_as_exceptions()
def run(arguments: argparse.Namespace) -> int:
    """Write the instrument, NAME.onnx, and its encoder, NAME.encoder.onnx; print the sizes of both files."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # JAX may have trained the model, but tf2onnx reads TensorFlow only
    from export.instrument import export_instrument, instrument_paths
    from training.model.run_folder import TrainedRun

    instrument_paths(arguments.out, arguments.force)  # refuse bad paths before TensorFlow takes seconds to load
    trained = TrainedRun.open(arguments.run, arguments.weights)
    from training.instrument.even_knobs import with_even_knobs

    store = trained.open_store(arguments.corpus)
    trained = with_even_knobs(trained, store)
    name = arguments.name or arguments.out.stem
    options = arguments.force, arguments.points, arguments.recordings
    for path in export_instrument(trained, store, arguments.out, name, *options):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0
