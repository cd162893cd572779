"""The runtime's command line: python -m runtime COMMAND, or ./timbrebox COMMAND."""

from __future__ import annotations

import importlib
import sys

from runtime.command_line import Parser
from runtime.errors import run_command

COMMANDS = {
    "play": ("runtime.play", "play live, from a MIDI keyboard"),
    "render": ("runtime.offline", "render a MIDI file to a WAV file"),
    "bench": ("runtime.bench.command", "measure this machine"),
    "devices": ("runtime.devices", "list audio outputs and MIDI inputs"),
    "instruments": ("runtime.instruments", "list the instruments and their knobs"),
    "service": ("runtime.service.command", "start at boot: install, remove, status"),
}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    return run_command(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    # Only the command's own module is imported, so that each starts at once.
    parser = Parser(prog="timbrebox", description="A neural synthesizer.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, (module, text) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if arguments[:1] == [name]:
            importlib.import_module(module).add_arguments(subparser)
    parsed = parser.parse_args(arguments)
    return importlib.import_module(COMMANDS[parsed.command][0]).run(parsed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
