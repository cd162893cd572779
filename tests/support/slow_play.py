"""The real program on a machine that is too slow: each voice costs a share of the block's time more, until a signal.

python -m tests.support.slow_play play ... runs like python -m runtime play ...; SIGUSR1 makes it slow, SIGUSR2 as fast
as the machine is. The environment variable SLOW_SHARE says what a voice costs.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np

from runtime.__main__ import main
from runtime.rack.rack import Rack

SHARE = float(os.environ.get("SLOW_SHARE", "0.09"))
_render = Rack.render
_is_slow = False


def _set(is_slow: bool) -> None:
    global _is_slow
    _is_slow = is_slow


def _slow_render(rack: Rack, out: np.ndarray) -> None:
    _render(rack, out)
    if _is_slow:
        time.sleep(SHARE * rack.status.n_active_voices * len(out) / rack.sample_rate_hz)


if __name__ == "__main__":
    Rack.render = _slow_render
    signal.signal(signal.SIGUSR1, lambda *_: _set(True))
    signal.signal(signal.SIGUSR2, lambda *_: _set(False))
    sys.exit(main(sys.argv[1:]))
