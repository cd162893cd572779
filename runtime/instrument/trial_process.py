"""Tries a stranger's ONNX model, read from stdin. This module runs as a separate process."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.foreign.trial import GOOD, LARGEST_GROWTH_BYTES, LONGEST_CPU_S
from runtime.instrument.session import MAX_BATCH, new_session

_LONGEST_REASON = 160


def main() -> None:
    """Try the model; prints GOOD, or what is wrong with the model."""
    _give_way()
    content = sys.stdin.buffer.read()
    _limit()
    try:
        _run(new_session(content))
    except Exception as error:  # onnxruntime's exceptions have no public base class to catch
        lines = str(error).splitlines() or [type(error).__name__]
        print(f"not a usable ONNX model ({lines[0][:_LONGEST_REASON]})")
    else:
        print(GOOD)


def _give_way() -> None:
    """Lower this process's priority, which may be high because an urgent thread started the process."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with suppress(OSError):
        os.nice(5)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    latest_s = math.ceil(time.process_time()) + LONGEST_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (latest_s, latest_s + 1))
    with suppress(OSError, ValueError):
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + LARGEST_GROWTH_BYTES,) * 2)


def _run(session: onnxruntime.InferenceSession) -> None:
    """Run the model with 1 to MAX_BATCH rows; ValueError if an output has another shape than the model declares.

    A model whose inputs are not rows of float32 is not run: `refuse_other_ends` refuses it later.
    """
    inputs = session.get_inputs()
    for each in inputs:
        fits = each.type == "tensor(float)" and len(each.shape) == 2 and not isinstance(each.shape[0], int)
        if not fits or not isinstance(each.shape[1], int):
            return
    random = np.random.default_rng(0)
    for n_rows in range(1, MAX_BATCH + 1):
        given = {each.name: random.random((n_rows, each.shape[1]), np.float32) for each in inputs}
        for end, computed in zip(session.get_outputs(), session.run(None, given), strict=True):
            is_usual = len(end.shape) == 2 and isinstance(end.shape[1], int)  # other shapes are refused later
            if is_usual and computed.shape != (n_rows, end.shape[1]):
                raise ValueError(f"{end.name} of the shape {computed.shape} for {n_rows} rows")


if __name__ == "__main__":
    main()
