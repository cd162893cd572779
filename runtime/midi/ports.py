"""rtmidi's APIs and the inputs that they show."""

from __future__ import annotations

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
_ALSA_SEQUENCER = Path("/dev/snd/seq")


def stable_name(port: str) -> str:
    """A port's name without ALSA's trailing `20:0`, which changes from boot to boot."""
    return re.sub(r"\s+\d+:\d+$", "", port)


def wanted_ports(ports: Iterable[str], inputs: tuple[str, ...]) -> list[str]:
    """The ports whose names contain one of `inputs`, in any case; where none is named all, but no loopback, not us."""
    if inputs:
        return [port for port in ports if any(wish.lower() in stable_name(port).lower() for wish in inputs)]
    return [port for port in ports if not re.search(r"midi.?through|^(rtmidi|timbrebox)", port, re.IGNORECASE)]


def list_inputs(api: int) -> list[str]:
    """Names of one API's inputs; OSError, with the reason, where the API has no service here."""
    client = open_client(api)
    try:
        return [stable_name(port) for port in client.get_ports()]
    finally:
        client.delete()


def api_names() -> dict[str, int]:
    """rtmidi's numbers of the APIs that it was built with, by name."""
    import rtmidi

    compiled = set(rtmidi.get_compiled_api())
    return {
        name.removeprefix("API_"): getattr(rtmidi, name)
        for name in dir(rtmidi)
        if name.startswith("API_") and getattr(rtmidi, name) in compiled
    }


def api_number(name: str | None) -> int:
    """rtmidi's number of an API name, as mido spells it with or without its module; None is this system's usual one."""
    known = api_names()
    if name is None:
        usual = "LINUX_ALSA" if sys.platform == "linux" else "MACOSX_CORE"
        return known.get(usual, next(iter(known.values()), 0))
    name = name.rpartition("/")[2]
    if name not in known:
        raise UserError("midi api", repr(name), "an API that this rtmidi has", did_you_mean(name, known))
    return known[name]


def open_client(api: int, name: str = CLIENT_NAME) -> rtmidi.MidiIn:
    """A new client of an API; OSError, with the reason, where the API has no service here."""
    import rtmidi

    # rtmidi itself fails without it too, but prints a line to the terminal at each try.
    if api == rtmidi.API_LINUX_ALSA and sys.platform == "linux" and not _ALSA_SEQUENCER.exists():
        raise OSError(f"the ALSA sequencer ({_ALSA_SEQUENCER}) is not there")
    try:
        with quiet_stderr():
            return rtmidi.MidiIn(rtapi=api, name=name)
    except driver_errors() as error:
        raise OSError(str(error)) from None


def driver_errors() -> tuple[type[Exception], ...]:
    """What rtmidi raises when a driver refuses."""
    import rtmidi

    return (rtmidi.RtMidiError, OSError)
