"""Finds a package's commands, runs one, and reports a user's mistake in one line with exit status 2."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from runtime.base.errors import UserError, did_you_mean


def run_package(package: str, arguments: Sequence[str]) -> int:
    """Run one of a package's commands, and return the exit status.

    arguments: the command's name, then its arguments.

    Each command is a file in the package's folder `commands`, or in a folder below it. A file whose name begins with an
    underscore is no command. A command's file defines `add_arguments(parser)` and `run(arguments)`. Only the chosen
    command's file is imported, so that the command starts fast.
    """
    return run_command(lambda: _run_chosen(package, list(arguments)))


def run_program(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int | None],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a program that has no commands, and return the exit status.

    run: called with the parsed arguments.
    arguments: the command-line arguments; None to use the process's own.
    """
    return run_command(lambda: run(parser.parse_args(arguments)))


def run_command(command: Callable[[], int | None]) -> int:
    """Call `command` and return the exit status.

    The status is the result of `command`, or 0 for the result None. After a UserError it is 2, and after an
    interruption 130.
    """
    # A file name may contain characters that stdout cannot encode. They are printed escaped.
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return command() or 0
    except UserError as error:
        _complain(str(error))
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130


def find_commands(package: str) -> dict[str, str]:
    """The names of a package's commands, each with the first line of the docstring in the command's file."""
    return {path.stem: _first_line(path) for path in _files(package)}


def at_least(lowest: int) -> Callable[[str], int]:
    """A `type` for argparse that accepts whole numbers from `lowest` up."""

    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None
        if number < lowest:
            raise argparse.ArgumentTypeError(f"found {number}; expected at least {lowest}; give a larger number")
        return number

    return whole_number


def number_between(lowest: float, highest: float) -> Callable[[str], float]:
    """A `type` for argparse that accepts numbers from `lowest` to `highest`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not lowest <= value <= highest:
            expected = f"a number from {lowest:g} to {highest:g}"
            raise argparse.ArgumentTypeError(f"found {text}; expected {expected}; change it")
        return value

    return number


class Parser(argparse.ArgumentParser):
    """An argument parser that raises a UserError for a wrong command line, and accepts no abbreviated flags."""

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        choice = re.match(r"argument (.+?): invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            where, found, known = choice.groups()
            names = [name.strip(" '") for name in known.split(",")]
            raise UserError(where, repr(found), "a known one", did_you_mean(found, names))
        too_small = re.fullmatch(r"argument (.+?): found (.+); expected (.+); (.+)", message)
        if too_small:
            raise UserError(*too_small.groups())
        where = self.prog.removeprefix("timbrebox ")
        raise UserError(where, message, "a command line as --help shows it", f"see: {self.prog} --help")


def _run_chosen(package: str, arguments: list[str]) -> int | None:
    parser = Parser(prog="timbrebox", description="A neural synthesizer.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, text in find_commands(package).items():
        subparser = subparsers.add_parser(name, help=text.replace("%", "%%"), description=text)
        if arguments[:1] == [name]:
            _command(package, name).add_arguments(subparser)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        subparsers.choices[parsed.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return _command(package, parsed.command).run(parsed)


def _command(package: str, name: str) -> object:
    path = next(path for path in _files(package) if path.stem == name)
    folders = path.parent.relative_to(_folder(package)).parts
    return importlib.import_module(".".join((package, "commands", *folders, name)))


def _folder(package: str) -> Path:
    return Path(importlib.import_module(f"{package}.commands").__path__[0])


def _files(package: str) -> list[Path]:
    return sorted(_folder(package).rglob("[!_]*.py"), key=lambda path: path.stem)


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as stream:
        return stream.readline().strip().strip('"')


def _complain(text: str) -> None:
    # If stderr is closed, sys.stderr is None, and print would write to stdout.
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"timbrebox: {text}", file=sys.stderr)
