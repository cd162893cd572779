"""The real program, hindered from SIGUSR1 until SIGUSR2: python -m tests.support.hindered_play play ...

The environment variable HINDRANCE says how:
- a number: a slow machine, on which each voice takes this share of a block's duration as extra time
- `nan` or `inf`: each part that played before SIGUSR1 outputs this value in every block, even after SIGUSR2
- `stalls`: every STALL_EVERY-th block waits for STALL_S seconds, as if another program took the processor
- `unplugged`: after SIGUSR1 the output plays one more block and ends, as if the card were pulled out and put back
"""

from __future__ import annotations

import os
import signal
import sys
import time
import weakref

import numpy as np

from runtime.__main__ import main
from runtime.audio.output import DeviceOutput
from runtime.rack.parts import Part
from runtime.rack.rack import Rack

HINDRANCE = os.environ["HINDRANCE"]
STALL_S, STALL_EVERY = 0.02, 50
_render, _render_part = Rack.render, Part.render
_callback = DeviceOutput._callback
_is_slow = False
_n_blocks = 0
_seen: weakref.WeakSet[Part] = weakref.WeakSet()
_spoilt: weakref.WeakSet[Part] = weakref.WeakSet()


def _begin(*_: object) -> None:
    global _is_slow
    _is_slow = True
    _spoilt.update(_seen)


def _end(*_: object) -> None:
    global _is_slow
    _is_slow = False


def _slow_render(rack: Rack, out: np.ndarray) -> None:
    _render(rack, out)
    if _is_slow:
        share = float(HINDRANCE) * rack.status.n_active_voices
        end_s = time.thread_time() + share * len(out) / rack.sample_rate_hz
        while time.thread_time() < end_s:
            pass


def _stalled_render(rack: Rack, out: np.ndarray) -> None:
    global _n_blocks
    _render(rack, out)
    _n_blocks += 1
    if _is_slow and _n_blocks % STALL_EVERY == 0:
        time.sleep(STALL_S)


def _spoilt_render(part: Part, out: np.ndarray, scratch: np.ndarray) -> None:
    _render_part(part, out, scratch)
    _seen.add(part)
    if part in _spoilt:
        out[0, 0] = float(HINDRANCE)


def _last_callback(output: DeviceOutput, *given: object) -> tuple[np.ndarray, int]:
    global _is_slow
    import pyaudio

    block, goes_on = _callback(output, *given)
    if _is_slow:
        _is_slow = False
        return block, pyaudio.paComplete
    return block, goes_on


if __name__ == "__main__":
    if HINDRANCE == "unplugged":
        DeviceOutput._callback = _last_callback
    elif HINDRANCE in ("nan", "inf"):
        Part.render = _spoilt_render
    else:
        Rack.render = _stalled_render if HINDRANCE == "stalls" else _slow_render
    signal.signal(signal.SIGUSR1, _begin)
    signal.signal(signal.SIGUSR2, _end)
    sys.exit(main(sys.argv[1:]))
