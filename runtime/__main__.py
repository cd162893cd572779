"""The runtime's command line: python -m runtime COMMAND, or ./timbrebox COMMAND."""

from __future__ import annotations

import importlib
import sys

from runtime.base.command_line import Parser, run_command

COMMANDS = {
    "play": ("runtime.commands.play", "play live, from a MIDI keyboard"),
    "render": ("runtime.commands.render", "render a MIDI file to a WAV file"),
    "bench": ("runtime.commands.bench", "measure this machine"),
    "devices": ("runtime.commands.devices", "list audio outputs and MIDI inputs"),
    "instruments": ("runtime.commands.instruments", "list the instruments and their knobs"),
    "service": ("runtime.commands.service", "start at boot: install, remove, status"),
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
