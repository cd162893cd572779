"""The real program, but a restored state is on trial for only 1 s: python -m tests.support.short_trial play ..."""

from __future__ import annotations

import sys

from runtime.__main__ import main
from runtime.live import remembering

if __name__ == "__main__":
    remembering.PROVEN_AFTER_S = 1.0
    sys.exit(main(sys.argv[1:]))
