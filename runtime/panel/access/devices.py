"""The paired devices."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file

MOST_DEVICES = 32
DAY_S = 86400.0
LONGEST_ABSENCE_S = 90 * DAY_S
_LARGEST_BYTES = 64 * 2**10
_BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("OPR/", "Opera"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip


class Device(msgspec.Struct, forbid_unknown_fields=True):
    """A paired device.

    id: its number.
    token_sha256: hash of the secret that its browser keeps.
    name: browser and system, as the browser reports them.
    paired_s: time of the pairing, in seconds since 1970.
    seen_s: time of the last visit, to within a day.
    """

    id: int
    token_sha256: str
    name: str
    paired_s: float
    seen_s: float


class _File(msgspec.Struct):
    devices: list[Device] = []
    devices_version: int = 1


class Devices:
    """The paired devices, kept in a file. The file contains hashes of the devices' secrets, never the secrets.

    path: the file. If it cannot be read, no device is paired; if it cannot be written, pairings are lost when this
    process ends.
    say: called with each line for the user.
    clock: returns seconds since 1970.
    """

    def __init__(self, path: Path, say: Callable[[str], object], clock: Callable[[], float] = time.time):
        self._path, self._say, self._clock = path, say, clock
        self._devices = {device.id: device for device in self._read()}

    def all(self) -> list[Device]:
        """All devices, the most recently seen first."""
        self._forget_absent()
        return sorted(self._devices.values(), key=lambda device: -device.seen_s)

    def add(self, user_agent: str) -> tuple[Device, str]:
        """Add a device; return it and the secret for its browser.

        If there are too many devices, the one whose last visit is the oldest is forgotten.
        """
        token, now_s = secrets.token_urlsafe(32), self._clock()
        for gone in self.all()[MOST_DEVICES - 1 :]:
            del self._devices[gone.id]
        device = Device(max(self._devices, default=0) + 1, _hashed(token), name_of(user_agent), now_s, now_s)
        self._devices[device.id] = device
        self._write()
        self._say(f"Paired: {device.name}")
        return device, token

    def find(self, token: str) -> Device | None:
        """Return the device with this secret, and note the visit; None if no such device is paired."""
        hashed, now_s = _hashed(token), self._clock()
        device = next((each for each in self._devices.values() if each.token_sha256 == hashed), None)
        if device is None or now_s - device.seen_s > LONGEST_ABSENCE_S:
            return None
        if now_s - device.seen_s > DAY_S:
            device.seen_s = now_s
            self._write()
        return device

    def end(self, number: int) -> Device:
        """Forget a device; UserError if none has this number."""
        device = self._devices.pop(number, None)
        if device is None:
            raise UserError("request paired.end", f"device {number}", "one that is paired", "look at the list again")
        self._write()
        return device

    def _forget_absent(self) -> None:
        oldest_s = self._clock() - LONGEST_ABSENCE_S
        self._devices = {number: each for number, each in self._devices.items() if each.seen_s > oldest_s}

    def _read(self) -> list[Device]:
        if not self._path.exists():
            return []
        try:
            content = read_bounded_file(self._path, "the list of paired devices", _LARGEST_BYTES)
            return msgspec.json.decode(content, type=_File).devices[:MOST_DEVICES]
        except (UserError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._say(f"The paired devices must be paired again: {self._path}: {error}")
            return []

    def _write(self) -> None:
        try:
            with atomic_write(self._path, "wb") as stream:
                stream.write(msgspec.json.encode(_File(list(self._devices.values()))))
        except (OSError, UserError) as error:
            self._say(f"The paired devices are forgotten when the page's process ends: {error}")


def name_of(user_agent: str) -> str:
    """The known names of a browser and a system in a User-Agent header, or "Another program" if there are none."""
    words = [
        next((name for mark, name in table if re.search(re.escape(mark), user_agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, words)) or "Another program"


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
