"""The workshop's command line: recordings -> frames -> model -> tables."""

from __future__ import annotations

import importlib
import sys

from runtime.base.command_line import Parser, run_command

COMMANDS = {
    "corpus": "turn recordings into frames",
    "train": "train a model on frames",
    "evaluate": "measure a trained model",
    "reproduce": "train the paper's models and write the report",
}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    return run_command(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    # Only the command's own module is imported, so that help comes at once.
    parser = Parser(prog="timbrebox", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, description in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=description, description=description.capitalize() + ".")
        if arguments[:1] == [name]:
            importlib.import_module(f"training.commands.{name}").add_arguments(subparser)
    parsed = parser.parse_args(arguments)
    return importlib.import_module(f"training.commands.{parsed.command}").run(parsed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
