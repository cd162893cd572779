"""List the sound cards and the MIDI inputs that `play` can use."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from runtime.audio.devices import OutputDevice, list_outputs, load_portaudio
from runtime.audio.devices import list_inputs as list_audio_inputs
from runtime.base.quiet import quiet_stderr
from runtime.midi.rtmidi_apis import api_names, list_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: `devices` has no options."""


def run(_arguments: argparse.Namespace) -> int:
    """Print the audio outputs and inputs, then the MIDI inputs."""
    for line in [*output_lines(), "", *input_lines()]:
        print(line)
    return 0


def output_lines() -> list[str]:
    """The audio outputs and inputs in columns. If there are no outputs: one line that says what to do."""
    portaudio = load_portaudio()
    try:
        outputs, inputs = list_outputs(portaudio), list_audio_inputs(portaudio)
    finally:
        with quiet_stderr():
            portaudio.terminate()
    if not outputs:
        return ["Audio outputs: none. Plug in a sound card or start the audio server; play finds it by itself."]
    lines = ["Audio outputs (to choose one: play --audio with a part of its name)", *_table(outputs)]
    if inputs:
        lines += ["", "Audio inputs (to choose one: play --through --audio-in with a part of its name)"]
        lines += _table(inputs)
    return lines


def _table(devices: Sequence[OutputDevice]) -> list[str]:
    rows = [("host API", "device", "channels", "rate", "")]
    for device in devices:
        rate, default = f"{device.default_rate_hz} Hz", "default" if device.is_default else ""
        rows.append((device.host_api, device.name, str(device.n_channels), rate, default))
    return columns(rows)


def input_lines() -> list[str]:
    """The MIDI inputs of every API in columns; then, for each API that has none, a line that says why."""
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
