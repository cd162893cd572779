"""The one command of this package: python -m export RUN, or ./timbrebox export RUN."""

import sys
from collections.abc import Sequence

from runtime.base.command_line import run_package


def main(arguments: Sequence[str]) -> int:
    """Run `export` with these arguments, and return the exit status."""
    return run_package("export", ["export", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
