"""The source `pads`: PADsynth programs of ZynAddSubFX; configs/zynaddsubfx16.csv lists them."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from training.corpus.dssi import Plugin
from training.sources.folder import ALL, Origin, Take
from training.sources.packages import debian_file
from training.sources.programs import Player, Program, listed

PROGRAMS = Path(__file__).resolve().parents[2] / "configs" / "zynaddsubfx16.csv"
LICENCE = "rendered from programs of ZynAddSubFX (GPL-2+)"
BANKS = "usr/share/zynaddsubfx/banks"
LIBRARIES = {"libfftw3-single3": "libfftw3f.so.3", "libmxml1": "libmxml.so.1"}
WARM_UP_SAMPLES = 17640  # 0.4 s, in which the plugin loads the program in a thread of its own
NOISES = ("Noises", "Cormi_Noise", "Drums")  # unpitched banks


@cache
def plugin() -> Plugin:
    """ZynAddSubFX's plugin, with its libraries and banks. What is not installed is fetched."""
    path = debian_file("zynaddsubfx-dssi", "usr/lib/dssi/libzynaddsubfx_dssi.so")
    folders = [str(_library(package, file).parent) for package, file in LIBRARIES.items()]
    home = _home()
    environment = {"LD_LIBRARY_PATH": os.pathsep.join(dict.fromkeys(folders)), "HOME": home.name}
    return Plugin(path, warm_up_samples=WARM_UP_SAMPLES, environment=environment)


@cache
def _home() -> tempfile.TemporaryDirectory:
    """A temporary home folder: the plugin reads banks from ~/banks, and writes files to its home."""
    home = tempfile.TemporaryDirectory()
    (Path(home.name) / "banks").symlink_to(debian_file("zynaddsubfx-data", BANKS))
    return home


def _library(package: str, file: str) -> Path:
    """A package's shared library for this machine, such as usr/lib/x86_64-linux-gnu/libmxml.so.1."""
    return debian_file(package, f"usr/lib/{os.uname().machine}-linux-gnu/{file}")


PLAYER = Player("source pads", plugin, range(36, 97, 3), held_s=4.0, release_s=1.0, n_processes=4)


def candidates() -> list[Program]:
    """The programs to choose from: those that use only PADsynth. Programs in the NOISES banks are left out."""
    known = {bank_file.name: bank_file for bank_file in debian_file("zynaddsubfx-data", BANKS).glob("*/*.xiz")}
    found = []
    for program in PLAYER.offered():
        path = known.get(f"{program.number + 1:04d}-{program.name}.xiz")
        if path is not None and path.parent.name not in NOISES and _only_padsynth(path):
            found.append(program)
    return found


def _only_padsynth(path: Path) -> bool:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("utf-8", errors="replace")
    parts = [part for part in text.split("<INSTRUMENT_KIT_ITEM")[1:] if '"enabled" value="yes"' in part[:200]]
    made_by = {kind for part in parts for kind in re.findall(r'name="(add|sub|pad)_enabled" value="yes"', part)}
    return made_by == {"pad"}


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield the source's sounds; arguments and results as in `sounds` of orchestra.py."""
    return listed(PLAYER, PROGRAMS, only, most_notes, _origin)


def _origin(program: Program) -> Origin:
    place = f"bank {program.bank}, program {program.number}, {program.name}"
    return Origin(LICENCE, f"ZynAddSubFX (Debian zynaddsubfx-data): {place}")
