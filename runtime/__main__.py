"""The instrument's commands: python -m runtime COMMAND, or ./timbrebox COMMAND."""

import os
import sys
from functools import partial

from runtime.base.command_line import run_package

# OpenBLAS, NumPy's matrix library, divides even a small matrix product among threads, which wait for each other.
# On a busy machine such a product takes 70 ms instead of 1 ms. So one thread is set here; OpenBLAS reads the setting
# when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

main = partial(run_package, "runtime")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
