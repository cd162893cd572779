"""Export a trained run as an instrument that the runtime plays."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runtime.base.command_line import Parser, run_command


def main(argv: list[str]) -> int:
    """Run `export`, RUN -> NAME.onnx and NAME.encoder.onnx, and return its exit status."""
    return run_command(lambda: _run(argv))


def _run(argv: list[str]) -> int:
    parser = Parser(prog="timbrebox export", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder that `train` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.onnx", help="the instrument to write")
    parser.add_argument("--name", help="the instrument's name (default: that of its file)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the run's frames, if they lie elsewhere by now")
    parser.add_argument("--weights", choices=["last", "best"], default="last", help="of the last or the best epoch")
    parser.add_argument("--points", type=int, metavar="N", default=2000, help="notes played at random knobs (2000)")
    parser.add_argument("--force", action="store_true", help="replace files that are already there")
    return _export(parser.parse_args(argv))


def _export(arguments: argparse.Namespace) -> int:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # tf2onnx reads TensorFlow graphs, whatever backend trained the weights
    from export.instrument import export_instrument, instrument_paths
    from training.measure.playability import refuse_no_points
    from training.model.run_folder import TrainedRun

    refuse_no_points(arguments.points)
    instrument_paths(arguments.out, arguments.force)  # refuse at once, before TensorFlow takes its seconds
    run = TrainedRun.open(arguments.run, arguments.weights)
    from training.instrument.even_knobs import with_even_knobs

    store = run.open_store(arguments.corpus)
    run = with_even_knobs(run, store)
    name = arguments.name or arguments.out.stem
    for path in export_instrument(run, store, arguments.out, name, arguments.force, arguments.points):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
