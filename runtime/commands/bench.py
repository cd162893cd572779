"""The command line of `bench`."""

from __future__ import annotations

import argparse
import gc

from runtime.base.files import write_json
from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench import blocks as measures
from runtime.bench import process
from runtime.config import DEFAULT_CONFIG, load_config
from runtime.instrument.library import find, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench`."""
    parser.add_argument("--json", metavar="F", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="the same, shorter: half a minute")
    parser.add_argument("--config", metavar="F", help="settings, YAML: which device the live run plays on")
    parser.add_argument("--instrument", metavar="NAME|F.onnx", help="what is played")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print as it goes, and write the JSON if asked for."""
    config = load_config(arguments.config)
    path = find(arguments.instrument or config.instrument)
    decoder = load(str(path))
    quick = arguments.quick
    figures: dict[str, object] = {"machine": process.machine(), "instrument": decoder.card.name}
    print(f"{figures['machine']['processor']}, {figures['machine']['cores']} cores; instrument {decoder.card.name}")
    with promoted(AUDIO_PRIORITY) as permitted:
        figures["real_time_priority"] = permitted
    _tell("blocks are rendered " + ("at the audio thread's priority" if permitted else "without real-time priority"))
    cold_start_s, rss_mb = process.start_and_memory(path)
    gc.freeze()
    gc.disable()  # as in the audio process
    figures["engine"] = measures.engine_rows(decoder, 1.0 if quick else 10.0, _tell)
    figures["gestures"] = measures.gesture_rows(decoder, 1.0 if quick else 10.0, _tell)
    figures["note_on_ms"] = measures.note_on_ms(decoder, 1, 20 if quick else 200)
    figures["chord_on_ms"] = measures.note_on_ms(decoder, 16, 10 if quick else 100)
    figures["knob_ms"] = measures.knob_ms(decoder, 10 if quick else 100)
    live = process.live_underruns(config, decoder, 2.0 if quick else 20.0)
    figures |= {"cold_start_s": cold_start_s, "rss_mb": rss_mb, "install_mb": process.install_mb()}
    figures |= {"underruns": None if live is None else live["underruns"], "live": live}
    for key, text in (
        ("note_on_ms", "key to sound, 64 frames, 16 voices sounding"),
        ("chord_on_ms", "the last note of a 16-note chord"),
        ("knob_ms", "knob to 90 % of its change"),
    ):
        row = figures[key]
        _tell(f"{text}: p50 {row['p50']:.1f}, p99 {row['p99']:.1f}, max {row['max']:.1f} ms")
    size = f", environment {figures['install_mb']:.0f} MB" if figures["install_mb"] else ""
    _tell(f"start to first block {cold_start_s:.2f} s, memory {rss_mb:.0f} MB{size}")
    _tell("no audio device, so no live run" if live is None else
          f"{live['device']}: {live['underruns']} underruns in {live['seconds']:.0f} s with 8 voices")  # fmt: skip
    if arguments.json:
        inputs = (path, arguments.config or DEFAULT_CONFIG)
        write_json(arguments.json, figures, inputs=inputs, makes_folder=False)
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)
