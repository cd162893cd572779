"""The workshop's command line: recordings -> frames -> model -> tables."""

from __future__ import annotations

import argparse
import importlib
import sys

from runtime.errors import run_command

COMMANDS = {
    "corpus": "turn recordings into frames",
    "train": "train a model on frames",
    "evaluate": "measure a trained model",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; only that command's module is imported, so that help comes at once."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="timbrebox", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, description in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=description, description=description.capitalize() + ".")
        if argv[:1] == [name]:
            module = importlib.import_module(f"training.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return run_command(lambda: arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
