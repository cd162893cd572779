"""Build the bundled instruments again, from free sources."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from runtime.base.signals import signals_as_exceptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `family`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="orchestra, strings, fm, … (default: all)")
    work = "recordings, corpora and runs (default: family); what is there already is not made again"
    parser.add_argument("--work", type=Path, default=Path("family"), metavar="DIR", help=work)
    presets = "only choose the presets of the instruments that are there again; nothing is trained"
    parser.add_argument("--presets", action="store_true", help=presets)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the instruments go (default: the bundled ones)")


@signals_as_exceptions()
def run(arguments: argparse.Namespace) -> int:
    """Build the chosen instruments, or only choose their presets again; print the size of each written file."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # tf2onnx reads TensorFlow graphs only
    from export.family import FAMILY, build_member, renew_member
    from runtime.instrument.library import BUNDLED_FOLDER

    members = {member.file: member for member in FAMILY}
    for name in arguments.names:
        if name not in members:
            raise UserError("NAME", repr(name), f"one of {', '.join(members)}", did_you_mean(name, members))
    make = renew_member if arguments.presets else build_member
    for name in arguments.names or members:
        for path in make(members[name], arguments.work, arguments.out or BUNDLED_FOLDER):
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0
