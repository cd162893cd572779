"""The report that a user can send, without private names."""

from __future__ import annotations

import getpass
import os
import platform
import pwd
import re
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from runtime.base.user_folders import data_folder
from runtime.doctor.findings import text_of

SOUND_FILES = r"wav|flac|mp3|ogg|opus|aiff?|m4a|mid|midi"
# Names that stay in the report: they are not private, and the report would be hard to read without them.
_COMMON = {"root", "timbrebox", "localhost", "audio", "pi", "linux", "debian", "raspberrypi", "user", "play", "sound"}
_LEAST = 3  # names with fewer letters are not hidden: they would match too many words
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
_PACKAGES = ("numpy", "onnxruntime", "PyAudio", "python-rtmidi", "JACK-Client", "alsa-midi")


def version() -> str:
    """Timbrebox's version in pyproject.toml."""
    found = re.search(r'^version = "(.*?)"', text_of(PROJECT), re.MULTILINE)
    return found[1] if found else "unknown"


def report_text(lines: Iterable[str], root: Path = Path("/")) -> str:
    """The whole report.

    lines: what `doctor` shows on the screen.
    root: the folder that contains proc and sys.
    """
    packages = ", ".join(f"{name} {_version_of(name)}" for name in _PACKAGES)
    cards = text_of(root / "proc/asound/cards")
    head = f"Report of timbrebox doctor, version {version()}\nKernel {platform.release()}; {packages}\n"
    tail = f"\nSound cards, as the kernel lists them:\n{cards}\n" if cards else ""
    note = "Replaced: home folders, the user's and the machine's name, own files' names, serial numbers.\n"
    return without_private(f"{head}{note}\n" + "\n".join(lines) + f"\n{tail}", private_names(root))


def private_names(root: Path = Path("/")) -> dict[str, str]:
    """For each private name or serial number, what the report shows instead."""
    found = {platform.node(): "HOST", platform.node().partition(".")[0]: "HOST"}
    users = {getpass.getuser()} if "LOGNAME" in os.environ or os.geteuid() != 0 else set()
    users |= {os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")}
    with suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        users |= {entry.pw_name, *re.split(r"[,\s]+", entry.pw_gecos)}
    found |= dict.fromkeys(users, "USER")
    with suppress(OSError):
        found |= {path.stem: "OWN" for path in data_folder().rglob("*") if path.is_file()}
    found |= {text_of(path): "SERIAL" for path in root.glob("sys/bus/usb/devices/*/serial")}
    return {name: shown for name, shown in found.items() if len(name) >= _LEAST and name.lower() not in _COMMON}


def without_private(text: str, names: dict[str, str]) -> str:
    """Replace home folders, names of sound files and private names in a text.

    names: the replacement for each private name.
    """
    homes = {os.path.expanduser("~"), str(Path.home())} - {"/", ""}
    for home in sorted(homes, key=len, reverse=True):
        text = re.sub(rf"{re.escape(home)}(?=/|\b)", "~", text)
    text = re.sub(r"(/home|/Users|/run/media|/media)/[^/\s'\",;]+", r"\1/USER", text)
    text = re.sub(rf"[^/\s'\"]+\.({SOUND_FILES})\b", r"RECORDING.\1", text, flags=re.IGNORECASE)
    for name, shown in sorted(names.items(), key=lambda each: -len(each[0])):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", shown, text)
    return text


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
