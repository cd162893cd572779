"""The workshop's commands: python -m training COMMAND, or ./timbrebox COMMAND."""

import sys
from functools import partial

from runtime.base.command_line import run_package

main = partial(run_package, "training")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
