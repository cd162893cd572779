"""Measures playing: the time until it starts, the memory and the disk space that it needs, and its underruns.

Also describes the machine.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from runtime.audio.output import open_output
from runtime.base.private_onnxruntime import onnxruntime
from runtime.bench.playing import VELOCITY, spread_note
from runtime.config import Config
from runtime.engine.build import build_engine
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

ROOT = Path(__file__).parent.parent.parent


def machine() -> dict[str, object]:
    """The processor and its cores, the system, and the versions of the main packages."""
    return {
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _processor_name() -> str:
    board, processors = Path("/proc/device-tree/model"), Path("/proc/cpuinfo")
    if board.is_file():
        return board.read_text(errors="replace").strip(" \0\n")
    lines = processors.read_text().splitlines() if processors.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def start_and_memory(instrument: Path) -> tuple[float, float]:
    """Start a process that plays; returns the seconds to its first block, and its peak memory in MB."""
    begin_s = time.perf_counter()
    command = [sys.executable, "-m", "runtime.bench.first_block", str(instrument.resolve())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        process.stdout.readline()
        cold_start_s = time.perf_counter() - begin_s
        rss_mb = float(process.stdout.readline())
    return cold_start_s, rss_mb


def install_mb() -> float | None:
    """Size on disk, in MB, of this process's virtual environment; None without one."""
    if sys.prefix == sys.base_prefix:
        return None
    files = (Path(folder, name) for folder, _, names in os.walk(sys.prefix) for name in names)
    return sum(path.lstat().st_blocks * 512 for path in files) / 1e6


def live_underruns(
    config: Config, decoder: Decoder, n_seconds: int, on_second: Callable[[], None] = lambda: None
) -> dict[str, object] | None:
    """Play 8 voices on the configured device for `n_seconds`, and count underruns.

    on_second: called after each second.
    Returns the object `live` of bench's JSON, or None without a device.
    UserError if the device cannot be opened.
    """
    output = open_output(config.audio)
    if output is None or not output.is_device:
        return None
    engine = build_engine(Patch(config), decoder, output.sample_rate_hz)
    for number in range(8):
        engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY))
    output.start(engine)
    for _ in range(n_seconds):
        time.sleep(1.0)
        on_second()
    blocks = output.blocks
    output.close()
    return {
        "device": output.name,
        "buffer": output.buffer_frames,
        "seconds": n_seconds,
        "blocks": blocks.n_blocks,
        "underruns": blocks.n_underflows,
        "late": blocks.loads.n_late,
    }
