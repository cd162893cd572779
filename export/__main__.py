"""The commands of this package. `python -m export RUN` names no command and runs the command `export`."""

import sys
from collections.abc import Sequence

from runtime.base.command_line import find_commands, run_package


def main(arguments: Sequence[str]) -> int:
    """Run a command with its arguments, or `export` if no command is named; return the exit status."""
    others = find_commands("export").keys() - {"export"}
    return run_package("export", arguments if arguments[:1] and arguments[0] in others else ["export", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
