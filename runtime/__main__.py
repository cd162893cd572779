"""The instrument's commands: python -m runtime COMMAND, or ./timbrebox COMMAND."""

import os
import sys
from functools import partial

from runtime.base.command_line import run_package

# OpenBLAS, NumPy's matrix library, divides even small products among threads that wait for each other.
# On a busy machine a product then takes 70 ms instead of 1. OpenBLAS reads this variable when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

main = partial(run_package, "runtime")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
