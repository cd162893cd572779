"""Command lines whose mistakes are one line and exit status 2."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from runtime.base.errors import UserError, did_you_mean


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command line's body and return its exit status: 0 done, 2 the user's mistake, 130 interrupted."""
    try:
        return command() or 0
    except UserError as error:
        print(f"timbrebox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("timbrebox: interrupted", file=sys.stderr)
        return 130


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UserError where argparse prints its usage; no abbreviated flags."""

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        choice = re.match(r"argument (.+?): invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            where, found, known = choice.groups()
            names = [name.strip(" '") for name in known.split(",")]
            raise UserError(where, repr(found), "a known one", did_you_mean(found, names))
        raise UserError(self.prog, message, "a command line as --help shows it", f"see: {self.prog} --help")
