"""Lists the machine's audio outputs and inputs, and chooses one by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from runtime.base.errors import UserError, did_you_mean
from runtime.base.quiet import quiet_stderr

if TYPE_CHECKING:
    import pyaudio


class OutputDevice(NamedTuple):
    """One audio output, as PortAudio describes it.

    index: PortAudio's number for it.
    n_channels: the most channels that it can play.
    default_rate_hz: its preferred sample rate.
    is_default: whether it is the default output of its host API.
    """

    index: int
    name: str
    host_api: str
    n_channels: int
    default_rate_hz: int
    is_default: bool

    def __str__(self) -> str:
        return f"{self.host_api}: {self.name}"


class InputDevice(OutputDevice):
    """One audio input; `n_channels` is the most channels that it can record."""


def load_portaudio() -> pyaudio.PyAudio:
    """Start PortAudio. It finds devices only at its start, so a new device needs a new start.

    UserError if PyAudio cannot be imported.
    """
    try:
        import pyaudio
    except ImportError as error:
        found = f"PyAudio cannot be loaded ({error})"
        raise UserError("audio", found, "PyAudio with PortAudio", "run ./timbrebox, which installs them") from None
    with quiet_stderr():
        return pyaudio.PyAudio()


def list_outputs(portaudio: pyaudio.PyAudio) -> list[OutputDevice]:
    """Every device with an output, in PortAudio's order."""
    return _listed(portaudio, OutputDevice, "Output")


def list_inputs(portaudio: pyaudio.PyAudio) -> list[InputDevice]:
    """Every device with an input, in PortAudio's order."""
    return _listed(portaudio, InputDevice, "Input")


def _listed(portaudio: pyaudio.PyAudio, kind: type[OutputDevice], side: str) -> list[OutputDevice]:
    apis = [portaudio.get_host_api_info_by_index(i) for i in range(portaudio.get_host_api_count())]
    devices = []
    for index in range(portaudio.get_device_count()):
        info = portaudio.get_device_info_by_index(index)
        api = apis[info["hostApi"]]
        if info[f"max{side}Channels"] > 0:
            rate_hz, n_channels = int(info["defaultSampleRate"]), info[f"max{side}Channels"]
            is_default = api[f"default{side}Device"] == index
            devices.append(kind(index, info["name"], api["name"], n_channels, rate_hz, is_default))
    return devices


def choose_input(inputs: Sequence[InputDevice], host_api: str, device: str | None) -> InputDevice | None:
    """Choose an input of one host API.

    host_api: the whole name of the host API.
    device: as in `choose_output`.
    Returns None if the host API has no input and `device` is None.
    """
    beside = [given for given in inputs if given.host_api == host_api]
    if device is None and not beside:
        return None
    return _chosen(beside, device, "audio input")


def choose_output(outputs: Sequence[OutputDevice], host_api: str | None, device: str | None) -> OutputDevice | None:
    """Choose an output by parts of its name and of its host API's name, ignoring case.

    host_api: part of the host API's name; None for any host API.
    device: part of the output's name. If an output has exactly this name, only such outputs fit. None chooses the first
        default output. If no output is a default output, None chooses the first output.
    If `host_api` and `device` are None, and there is no output, returns None.
    UserError if no output fits, or if several fit `device`.
    """
    matching = list(outputs)
    if host_api is not None:
        matching = [output for output in outputs if host_api.lower() in output.host_api.lower()]
        if not matching:
            remedy = did_you_mean(host_api, {output.host_api for output in outputs})
            raise UserError("audio host_api", repr(host_api), "part of the name of a host API with an output", remedy)
    return _chosen(matching, device, "audio device")


def _chosen(matching: list[OutputDevice], device: str | None, where: str) -> OutputDevice | None:
    if device is None:
        return next((output for output in matching if output.is_default), matching[0] if matching else None)
    candidates = [output for output in matching if device.lower() in output.name.lower()]
    exact = [output for output in candidates if device.lower() == output.name.lower()]
    candidates = exact or candidates
    if not candidates:
        remedy = f"{did_you_mean(device, {output.name for output in matching})} (see: timbrebox devices)"
        kind = "output" if where == "audio device" else "input of the output's host API"
        raise UserError(where, repr(device), f"part of the name of one {kind}", remedy)
    if len(candidates) > 1:
        found = f"{device!r}, which fits {'; '.join(str(output) for output in candidates)}"
        raise UserError(where, found, "one of them", "write more of the name, or set audio: host_api")
    return candidates[0]
