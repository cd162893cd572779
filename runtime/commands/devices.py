"""List the sound cards and the MIDI inputs that `play` can use."""

from __future__ import annotations

import argparse

from runtime.audio.devices import list_outputs, load_portaudio
from runtime.base.quiet import quiet_stderr
from runtime.midi.rtmidi_apis import api_names, list_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: `devices` has no options."""


def run(_arguments: argparse.Namespace) -> int:
    """Print the audio outputs, then the MIDI inputs."""
    for line in [*output_lines(), "", *input_lines()]:
        print(line)
    return 0


def output_lines() -> list[str]:
    """The audio outputs in columns, or one line that says what to do when there are none."""
    portaudio = load_portaudio()
    try:
        outputs = list_outputs(portaudio)
    finally:
        with quiet_stderr():
            portaudio.terminate()
    if not outputs:
        return ["Audio outputs: none. Plug in a sound card or start the audio server; play finds it by itself."]
    rows = [("host API", "device", "channels", "rate", "")]
    for output in outputs:
        rate, default = f"{output.default_rate_hz} Hz", "default" if output.is_default else ""
        rows.append((output.host_api, output.name, str(output.n_channels), rate, default))
    return ["Audio outputs (to choose one: play --audio with a part of its name)", *columns(rows)]


def input_lines() -> list[str]:
    """The MIDI inputs of every API in columns, and the reason for each API that has none."""
    rows, reasons = [("API", "input")], []
    for name, api in api_names().items():
        try:
            inputs = list_inputs(api)
            reason = "nothing is plugged in"
        except OSError as error:
            inputs, reason = [], str(error)
        rows += [(name, port) for port in inputs]
        if not inputs:
            reasons.append(f"  {name}: none ({reason})")
    if len(rows) == 1:
        return ["MIDI inputs: none. Plug in a keyboard; play finds it by itself.", *reasons]
    return ["MIDI inputs (play hears all; for one only: play --midi with a part of its name)", *columns(rows), *reasons]


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as indented lines whose columns align."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [f"  {'  '.join(row)}".rstrip() for row in padded]
