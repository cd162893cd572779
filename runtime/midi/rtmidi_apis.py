"""rtmidi's APIs, such as ALSA and JACK, and their inputs."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.base.errors import UserError, did_you_mean
from runtime.base.quiet import quiet_stderr

if TYPE_CHECKING:
    import rtmidi

CLIENT_NAME = "timbrebox"
_LIST_TRIES = 20
_ALSA_SEQUENCER = Path("/dev/snd/seq")


def stable_name(port: str) -> str:
    """A port's name without ALSA's address, which changes from boot to boot: `Keys 20:0` becomes `Keys`."""
    return re.sub(r"\s+\d+:\d+$", "", port)


def wanted_ports(ports: Iterable[str], inputs: tuple[str, ...]) -> list[str]:
    """The ports whose names contain one of `inputs`, ignoring case.

    Without `inputs`: all ports except `Midi Through` and those of rtmidi and of this program.
    """
    if inputs:
        return [port for port in ports if any(wish.lower() in stable_name(port).lower() for wish in inputs)]
    return [port for port in ports if not re.search(r"midi.?through|^(rtmidi|timbrebox)", port, re.IGNORECASE)]


def list_inputs(api: int) -> list[str]:
    """The names of an API's inputs; OSError if its server does not run."""
    client = open_client(api)
    try:
        return [stable_name(port) for port in port_names(client)]
    finally:
        client.delete()


def api_names() -> dict[str, int]:
    """rtmidi's numbers for its APIs, by name (`UNIX_JACK`, `LINUX_ALSA`, …)."""
    import rtmidi

    compiled = set(rtmidi.get_compiled_api())
    return {
        name.removeprefix("API_"): getattr(rtmidi, name)
        for name in dir(rtmidi)
        if name.startswith("API_") and getattr(rtmidi, name) in compiled
    }


def api_number(name: str | None) -> int:
    """rtmidi's number for an API; UserError for an unknown name.

    name: such as `UNIX_JACK`, or mido's `mido.backends.rtmidi/UNIX_JACK`; None for this system's usual API.
    """
    known = api_names()
    if name is None:
        usual = "LINUX_ALSA" if sys.platform == "linux" else "MACOSX_CORE"
        return known.get(usual, next(iter(known.values()), 0))
    name = name.rpartition("/")[2]
    if name not in known:
        raise UserError("midi api", repr(name), "an API that this rtmidi has", did_you_mean(name, known))
    return known[name]


def open_client(api: int, name: str = CLIENT_NAME) -> rtmidi.MidiIn:
    """Create a client of an API; OSError if its server does not run."""
    import rtmidi

    # Without the sequencer, rtmidi itself would fail, but its error would not say why.
    if api == rtmidi.API_LINUX_ALSA and sys.platform == "linux" and not _ALSA_SEQUENCER.exists():
        raise OSError(f"the ALSA sequencer ({_ALSA_SEQUENCER}) is not there")
    try:
        with quiet_stderr():
            return rtmidi.MidiIn(rtapi=api, name=name)
    except driver_errors() as error:
        raise OSError(str(error)) from None


def port_names(client: rtmidi.MidiIn) -> list[str]:
    """The names of the ports that a client can connect to; OSError if the ports change too often to be listed.

    rtmidi asks for each name separately, and raises an error for a port that has gone meanwhile.
    """
    import rtmidi

    for _ in range(_LIST_TRIES):
        with contextlib.suppress(rtmidi.InvalidPortError):
            return client.get_ports()
    raise OSError("MIDI ports come and go too often to be listed")


def clients_are_slow(api: int) -> bool:
    """Whether to reuse clients, because creating and deleting them is slow.

    On JACK, creating a client holds the interpreter for 24 ms, and deleting one holds it for 20 ms.
    """
    import rtmidi

    return api == rtmidi.API_UNIX_JACK


def driver_errors() -> tuple[type[Exception], ...]:
    """The exceptions that rtmidi and `open_client` raise."""
    import rtmidi

    return (rtmidi.RtMidiError, OSError)
