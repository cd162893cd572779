"""Starts an engine, as `play` does, and renders blocks: python -m runtime.bench.first_block F.onnx.

Prints `first block` when the first block is rendered. After 200 more blocks, prints the process's peak memory in MB.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

# `play` imports these packages, so their import time and memory belong to the measured values.
import mido  # noqa: F401
import numpy as np
import pyaudio  # noqa: F401
import rtmidi  # noqa: F401

import runtime.live.supervisor
import runtime.midi.inputs  # noqa: F401
from runtime.bench.playing import VELOCITY
from runtime.config import load_config
from runtime.events import NoteOn
from runtime.instrument.library import load
from runtime.rack.build import build_rack
from runtime.sound.patch import Patch

N_MORE_BLOCKS = 200


def main(path: str) -> None:
    """Load the instrument, play a note, and print `first block` and the peak memory."""
    decoder = load(path)
    engine = build_rack(Patch(load_config()), decoder, decoder.card.sample_rate_hz)
    engine.post(NoteOn(0, 60, VELOCITY))
    block = np.zeros((256, 2), np.float32)
    engine.render(block)
    print("first block", flush=True)
    for _ in range(N_MORE_BLOCKS):
        engine.render(block)
    print(peak_memory_mb(), flush=True)


def peak_memory_mb() -> float:
    """The most memory that this process has used so far, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux, where ru_maxrss may be the parent process's memory, if that is larger
        return int(re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


if __name__ == "__main__":
    main(sys.argv[1])
