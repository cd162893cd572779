"""`devices`: what this machine can play through and be played from."""

from __future__ import annotations

import argparse

from runtime.audio.devices import list_outputs, load_portaudio
from runtime.base.quiet import quiet_stderr
from runtime.midi.ports import api_names, list_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`devices` takes no options."""


def run(_arguments: argparse.Namespace) -> int:
    """Print both lists."""
    for line in [*output_lines(), "", *input_lines()]:
        print(line)
    return 0


def output_lines() -> list[str]:
    """The audio outputs in columns, or a line that says why there are none."""
    portaudio = load_portaudio()
    try:
        outputs = list_outputs(portaudio)
    finally:
        with quiet_stderr():
            portaudio.terminate()
    if not outputs:
        return ["Audio outputs: none. Plug a sound card in, or start the audio server; play takes it when it comes."]
    rows = [("host API", "device", "channels", "rate", "")]
    for output in outputs:
        rate, default = f"{output.default_rate_hz} Hz", "default" if output.is_default else ""
        rows.append((output.host_api, output.name, str(output.n_channels), rate, default))
    return ["Audio outputs (name one, by a part of its name, with --audio)", *columns(rows)]


def input_lines() -> list[str]:
    """The MIDI inputs of every API in columns, with the reason where an API has none."""
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
        return ["MIDI inputs: none. Plug a keyboard in; play takes it when it comes.", *reasons]
    return ["MIDI inputs (play listens to all; name one, by a part of its name, with --midi)", *columns(rows), *reasons]


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as indented, aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [f"  {'  '.join(row)}".rstrip() for row in padded]
