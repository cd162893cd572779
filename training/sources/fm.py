"""The source `fm`: programs of hexter, a software DX7 in Debian; configs/hexter24.csv lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from training.corpus.dssi import Plugin
from training.sources.folder import ALL, Origin, Take
from training.sources.packages import debian_file
from training.sources.programs import Player, Program, listed

PROGRAMS = Path(__file__).resolve().parents[2] / "configs" / "hexter24.csv"
LICENCE = "rendered from the built-in programs of hexter (GPL-2+)"
# Hexter does not initialise the phases of new voices. With these settings, glibc fills new memory with zeros, so that
# all renders are bit-identical.
ZEROED_MEMORY = {"GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0"}
EMPTY = "<-->"  # the name of an unused program


def plugin() -> Plugin:
    """Hexter's plugin; it is fetched if it is not on this machine yet."""
    return Plugin(debian_file("hexter", "usr/lib/dssi/hexter.so"), environment=ZEROED_MEMORY)


PLAYER = Player("source fm", plugin, range(36, 97, 3), held_s=3.0, release_s=1.0, n_processes=os.cpu_count() or 1)


def candidates() -> list[Program]:
    """The programs to choose from: all of hexter's, except unused ones."""
    return [program for program in PLAYER.offered() if program.name != EMPTY]


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield the source's sounds; arguments and results as in `sounds` of orchestra.py."""
    return listed(PLAYER, PROGRAMS, only, most_notes, _origin)


def _origin(program: Program) -> Origin:
    return Origin(LICENCE, f"hexter (Debian hexter): program {program.number}, {program.name}")
