"""Command lines whose mistakes are one line and exit status 2."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from runtime.errors import UserError, did_you_mean


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
