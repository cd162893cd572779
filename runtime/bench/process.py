"""What `bench` measures of the whole process: its start, its memory, its size on disk, and a live run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from runtime.base.private_onnxruntime import onnxruntime
from runtime.bench.blocks import VELOCITY, spread_note
from runtime.config import InstrumentConfig
from runtime.engine.build import configured_engine
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder

ROOT = Path(__file__).parent.parent.parent
_FIRST_BLOCK = """
import resource, sys
import numpy as np
from runtime.config import load_config
from runtime.engine.build import configured_engine
from runtime.events import NoteOn
from runtime.instrument.library import load
import runtime.live.supervisor, runtime.midi.input, mido, rtmidi, pyaudio
decoder = load(sys.argv[1])
engine = configured_engine(load_config(), decoder, decoder.card.sample_rate_hz)
engine.post(NoteOn(0, 60, 100))
block = np.zeros((256, 2), np.float32)
engine.render(block)
print("first", flush=True)
for _ in range(200):
    engine.render(block)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak / (2**20 if sys.platform == "darwin" else 2**10), flush=True)
"""


def machine() -> dict[str, object]:
    """What this machine is: processor, cores, system, and the versions that matter."""
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
    """Seconds from the start of a process to its first block of sound, and its memory in MB when it plays."""
    begin_s = time.perf_counter()
    command = [sys.executable, "-c", _FIRST_BLOCK, str(instrument.resolve())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        process.stdout.readline()
        cold_start_s = time.perf_counter() - begin_s
        rss_mb = float(process.stdout.readline())
    return cold_start_s, rss_mb


def install_mb() -> float | None:
    """Size of the environment that runs this, in MB on the disk; None outside a virtual environment."""
    if sys.prefix == sys.base_prefix:
        return None
    files = (Path(folder, name) for folder, _, names in os.walk(sys.prefix) for name in names)
    return sum(path.lstat().st_blocks * 512 for path in files) / 1e6


def live_underruns(config: InstrumentConfig, decoder: Decoder, duration_s: float) -> dict[str, object] | None:
    """Underruns of a real device while 8 voices sound; None where there is no device."""
    from runtime.audio.output import NullOutput, open_output

    output = open_output(config.audio)
    if output is None or isinstance(output, NullOutput):
        return None
    engine = configured_engine(config, decoder, output.sample_rate_hz)
    for number in range(8):
        engine.post(NoteOn(0, spread_note(decoder, number), VELOCITY))
    output.start(engine)
    time.sleep(duration_s)
    blocks = output.blocks
    output.close()
    return {
        "device": output.name,
        "buffer": output.buffer_frames,
        "seconds": duration_s,
        "blocks": blocks.n_blocks,
        "underruns": blocks.n_underflows,
        "late": blocks.n_late,
    }
