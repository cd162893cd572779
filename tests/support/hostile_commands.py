"""Makes harmful files, gives the command that reads each kind of file, and runs the real program on them."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.places import DATA

TINY, SCALE = str(DATA / "tiny.onnx"), str(DATA / "scale.mid")
LONGEST_S, LARGEST_MB = 10.0, 500
GIVEN_UP_S = 90.0  # a command that runs longer is killed: it probably waits for something
KINDS = ("config", "sound", "map", "state", "midi", "recorded", "scala", "wav", "flac", "ogg", "onnx", "card",
         "trajectory", "package")  # fmt: skip
Make = Callable[[Path], list[str]]


ODD = "odd.yaml"  # names of sounds and maps must end in .yaml; names of other files may


class Outcome(NamedTuple):
    """The outcome of a command.

    seconds: processor time of the command and its children.
    fault: what the command did wrong, or None.
    """

    status: int
    seconds: float
    peak_mb: int
    fault: str | None


def command_of(kind: str, path: Path, folder: Path) -> list[str]:
    """The arguments of the command that reads a file of this kind.

    path: the file to read.
    folder: the folder for the output and for further files.
    """
    out = str(folder / "out.wav")
    render, tiny = ["render", SCALE, out], ["--instrument", TINY]
    config = folder / "by.yaml"
    if kind in ("map", "scala"):
        said = f"midi: {{map: {str(path)!r}}}" if kind == "map" else f"tuning: {{scale: {str(path)!r}}}"
        config.write_text(said + "\n")
        return [*render, *tiny, "--config", str(config)]
    if kind == "trajectory":
        (folder / "by.yaml").write_text(f"sound_version: 1\ntrajectory: {{file: {path.name}}}\n")
        return [*render, *tiny, "--sound", str(config)]
    if kind == "state":
        place = folder / "state" / "timbrebox" / "state.json"
        place.unlink(missing_ok=True)
        place.symlink_to(path)
        return ["presets", "save", "mine"]
    return {
        "config": [*render, *tiny, "--config", str(path)],
        "sound": [*render, *tiny, "--sound", str(path)],
        "midi": ["render", str(path), out, *tiny],
        "recorded": ["render", str(path), out, *tiny],
        "onnx": [*render, "--instrument", str(path)],
        "card": [*render, "--instrument", str(path)],
        "package": ["presets", "import", str(path)],
    }.get(kind) or ["through", str(path), out]


def run_command(arguments: list[str], folder: Path, env: dict[str, str], name: str) -> Outcome:
    command = [sys.executable, "-m", "runtime", *arguments]
    with open(folder / "said", "w+b") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        timer = threading.Timer(GIVEN_UP_S, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        # ru_maxrss would be too high: it includes the memory of this test, which the child has between fork and exec.
        peak_mb = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak_mb = max(peak_mb, _peak_mb(process.pid))
            time.sleep(0.01)
        timer.cancel()
        status = process.returncode = os.waitstatus_to_exitcode(ended[1])
        seconds = round(ended[2].ru_utime + ended[2].ru_stime, 2)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return Outcome(status, seconds, peak_mb, _fault(name, status, seconds, peak_mb, text))


def _peak_mb(process: int) -> int:
    """Peak memory of a process in MB; 0 if the process has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def _fault(name: str, status: int, seconds: float, peak_mb: int, text: str) -> str | None:
    if status not in (0, 2):
        return f"{name}: status {status}: {text[-400:]}"
    if status == 2 and not (text.count("\n") == 1 and text[:-1].isprintable()):
        return f"{name}: {text.count(chr(10))} lines: {text[-400:]!a}"
    if seconds > LONGEST_S or peak_mb > LARGEST_MB:
        return f"{name}: {seconds} s, {peak_mb} MB"
    return None


# Hand-made files.


def _special(kind: str, make: Callable[[Path], Path]) -> Make:
    return lambda folder: command_of(kind, make(folder), folder)


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / ODD)
    return folder / ODD


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / ODD))
    return folder / ODD


def _folder(folder: Path) -> Path:
    (folder / ODD).mkdir()
    return folder / ODD


def _link(target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / ODD).symlink_to(target)
        return folder / ODD

    return make


def _content(name: str | bytes, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / os.fsdecode(name)
        path.write_bytes(content)
        return path

    return make


def _sparse(size: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with open(folder / ODD, "wb") as stream:
            stream.truncate(size)
        return folder / ODD

    return make


ODD_PLACES = {
    "a pipe": _pipe,
    "a socket": _socket,
    "a folder": _folder,
    "/dev/zero": _link("/dev/zero"),
    "a link to nothing": _link("nowhere"),
    "a link to itself": _link(ODD),
    "a file of 1 TB": _sparse(2**40),
    "an empty file": _content(ODD, b""),
}


def midi(track: bytes, division: int = 96, kind: int = 0, n_tracks: int = 1) -> bytes:
    """A MIDI file with one track. The other arguments are written into its header, even if they are wrong."""
    head = struct.pack(">4sIHHH", b"MThd", 6, kind, n_tracks, division)
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


def wav(rate_hz: int, n_bytes: int, content: bytes, channels: int = 1, bits: int = 16) -> bytes:
    """A WAV file that holds `content`. The other arguments are written into its header, even if they are wrong."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels & 0xFFFF, rate_hz, rate_hz * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    head = b"RIFF" + struct.pack("<I", (n_bytes + 36) & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", n_bytes & 0xFFFFFFFF) + content


def _alias_bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


def _zip_bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / ODD, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sound.yaml", "sound_version: 1\n")
        for number in range(2):
            archive.writestr(f"{number}.onnx", bytes(200 * 2**20))
    return folder / ODD


def _long_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / ODD, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.trajectory", b"")
    return folder / ODD


def _odd_models() -> dict[str, bytes]:
    from tests.support.hostile_models import MODELS

    return MODELS


_ENDLESS_NOTE = b"\x00\x90\x3c\x40" + b"\xff\xff\xff\x7f\x80\x3c\x40" + b"\x00\xff\x2f\x00"
_NOTES = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * ((2**21 - 100) // 3)
_ODD_NAMES = {"a bell": "x\x07.yaml", "right to left": "x\u202e.yaml", "a newline": "x\ny.yaml",
              "an escape": "x\x1b[2J.yaml", "no UTF-8": b"x\xff.yaml", "a long name": "x" * 250 + ".yaml"}  # fmt: skip
_PLACES = ("config", "sound", "map", "midi", "scala", "wav", "onnx", "trajectory", "package", "state")

HARMFUL: dict[str, Make] = {
    f"{place} as {kind}": _special(kind, make) for kind in _PLACES for place, make in ODD_PLACES.items()
}
HARMFUL |= {
    f"{kind} with {name} in its name": _special(kind, _content(odd, b"\x00"))
    for name, odd in _ODD_NAMES.items()
    for kind in ("config", "sound", "midi")
}
HARMFUL |= {
    name: _special(kind, _content(ODD + suffix, content))
    for name, (kind, suffix, content) in {
        "aliases in aliases": ("config", ".yaml", _alias_bomb()),
        "a list that holds itself": ("sound", ".yaml", b"sound_version: 1\nlatents: &a {x: *a}\n"),
        "100,000 values": ("sound", ".yaml", b"a: [" + b"1," * 100_000 + b"]"),
        "a number of 9,000 digits": ("sound", ".yaml", b"sound_version: 0x" + b"F" * 9000),
        "a base-60 number": ("config", ".yaml", b"volume_db: " + b"1:" * 100_000 + b"1"),
        "brackets without end": ("config", ".yaml", b"[" * 200_000),
        "a key of 200,000 characters": ("config", ".yaml", b"a" * 200_000 + b": 1"),
        "a tag that runs code": ("config", ".yaml", b"!!python/object/apply:os.system ['touch hacked']"),
        "a scale with a huge ratio": ("scala", ".scl", b"x\n1\n" + b"9" * 4000 + b"/1\n"),
        "a scale of 60,000 degrees": ("scala", ".scl", b"x\n60000\n" + b"2/1\n" * 60_000),
        "days of music in 40 bytes": ("midi", ".mid", midi(_ENDLESS_NOTE * 4, 1)),
        "film time": ("midi", ".mid", midi(b"\0\xff\x2f\0", 0xE728)),
        "no ticks": ("midi", ".mid", midi(b"\0\xff\x2f\0", 0)),
        "65,535 tracks": ("midi", ".mid", midi(b"", kind=1, n_tracks=65535)),
        "2 MB of notes": ("midi", ".mid", midi(_NOTES)),
        "10 MB of notes": ("midi", ".mid", midi(_NOTES * 5)),
        "a number without an end": ("midi", ".mid", midi(b"\x80" * 2**20)),
        "a tempo of 0": ("midi", ".mid", midi(b"\0\xff\x51\x03\0\0\0" + _ENDLESS_NOTE)),
        "1 Hz": ("wav", ".wav", wav(1, 2**20, bytes(2**20))),
        "4,294,967,295 Hz": ("wav", ".wav", wav(2**32 - 1, 2**20, bytes(2**20))),
        "4 billion frames": ("wav", ".wav", wav(44100, 2**32 - 1, bytes(1000))),
        "1,000 channels": ("wav", ".wav", wav(44100, 2**24, bytes(2**24), 1000)),
        "0 channels": ("wav", ".wav", wav(44100, 1000, bytes(1000), 0)),
        "no number in a recording": ("wav", ".wav", wav(44100, 40, b"\0\0\xc0\x7f" * 10, 1, 32).replace(
            b"fmt \x10\0\0\0\1", b"fmt \x10\0\0\0\3")),
    }.items()
}  # fmt: skip
HARMFUL |= {"an archive that grows": _special("package", _zip_bomb), "a long archive": _special("package", _long_zip)}
HARMFUL |= {
    f"a model {name}": _special("onnx", lambda folder, name=name: _content("odd.onnx", _odd_models()[name])(folder))
    for name in ("of Loop", "of folded 2 GB", "with weights outside", "with an empty check", "with weights that are no "
                 "numbers", "that takes memory", "that takes time", "of too many rows", "in another format")
}  # fmt: skip


def _bad_list(folder: Path) -> list[str]:
    """Put bad files into the folder `instruments`; return the arguments of the command that lists instruments."""
    here = folder / "instruments"
    here.mkdir()
    for name, content in _odd_models().items():
        if name not in ("that takes time",):
            (here / f"{name}.onnx").write_bytes(content)
    (here / "x\x07\u202e.onnx").write_bytes(b"\0")
    (here / os.fsdecode(b"y\xff.onnx")).write_bytes(b"\0")
    os.mkfifo(here / "pipe.onnx")
    (here / "zero.onnx").symlink_to("/dev/zero")
    return ["instruments"]


HARMFUL["instruments with bad ones"] = _bad_list
