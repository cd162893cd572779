"""The instrument's commands: python -m runtime COMMAND, or ./timbrebox COMMAND."""

import sys
from functools import partial

from runtime.base.command_line import run_package

main = partial(run_package, "runtime")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
