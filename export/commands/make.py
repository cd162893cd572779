"""Make an instrument from a folder of sounds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.signals import signals_as_exceptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `make`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="recordings, in subfolders, too; any common format")
    parser.add_argument("--name", help="the instrument's name (default: the folder's)")
    out = "the instrument to write (default: instruments/ and its name)"
    parser.add_argument("--out", type=Path, metavar="F.onnx", help=out)
    tuning = "leave recordings as much out of tune as they are (default: each is put right)"
    parser.add_argument("--keep-tuning", action="store_true", help=tuning)
    trust = "where a file's name and the ear disagree about the note, believe the name"
    parser.add_argument("--trust-names", action="store_true", help=trust)
    manifest = "table: file, optional note, sound, velocity, split, licence, source (default: FOLDER/manifest.csv)"
    parser.add_argument("--manifest", type=Path, metavar="CSV", help=manifest)
    minutes = "time to spend in all (default: 3 for a few recordings, 13 for 100 and more)"
    parser.add_argument("--minutes", type=_minutes, metavar="N", help=minutes)
    parser.add_argument("--recipe", type=Path, metavar="YAML", help="train this recipe (default: by what is heard)")
    parser.add_argument("--json", type=Path, metavar="F", help="also write the figures to this file")
    work = "report, previews, and what an interrupted make goes on from (default: beside the instrument)"
    parser.add_argument("--work", type=Path, metavar="DIR", help=work)
    parser.add_argument("--force", action="store_true", help="replace an instrument that is already there")


@signals_as_exceptions()
def run(arguments: argparse.Namespace) -> int:
    """Listen, train, measure, export and report; the same command resumes after an interruption."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # tf2onnx reads TensorFlow graphs only
    from export.making.stages import Order, make

    name = arguments.name or arguments.folder.resolve().name or "instrument"
    out = arguments.out or Path("instruments") / f"{name.replace('/', '-')}.onnx"
    order = Order(
        folder=arguments.folder,
        name=name,
        out=out,
        work=arguments.work or out.with_name(f"{out.stem}.make"),
        keep_tuning=arguments.keep_tuning,
        trust_names=arguments.trust_names,
        manifest=arguments.manifest,
        json=arguments.json,
        minutes=arguments.minutes,
        recipe=arguments.recipe,
        force=arguments.force,
    )
    make(order)
    return 0


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid float value: {text!r}") from None
    if not 0.0 < number < 1e5:
        raise argparse.ArgumentTypeError(f"found {text}; expected more than 0; give a number of minutes")
    return number
