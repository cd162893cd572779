"""The instrument's commands: python -m runtime COMMAND, or ./timbrebox COMMAND."""

import os
import sys
from functools import partial

from runtime.base.command_line import run_package

# NumPy's library for matrices would divide even small products among threads, and those wait for each other: on a busy
# machine 70 ms instead of 1, which the audio thread cannot afford. It reads this when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

main = partial(run_package, "runtime")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
