"""The footprint of a process: its memory, threads and file descriptors, as Linux counts them."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NamedTuple


class Footprint(NamedTuple):
    resident_mb: float
    n_threads: int
    n_descriptors: int

    def __str__(self) -> str:
        return f"{self.resident_mb:.1f} MB, {self.n_threads} threads, {self.n_descriptors} descriptors"


def footprint(process_id: int | str = "self") -> Footprint:
    place = Path("/proc") / str(process_id)
    pages = int((place / "statm").read_text().split()[1])
    counts = (len(list((place / each).iterdir())) for each in ("task", "fd"))
    return Footprint(pages * resource.getpagesize() / 2**20, *counts)
