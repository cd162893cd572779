"""Reads a record of block writes, and makes the disk as it would be after a power cut at any point of the record.

QEMU's block driver `blklogwrites` writes the record in the format of Linux's dm-log-writes. The record begins with a
superblock. Then follows, for each write or flush, an entry of one sector and the written data. Source of the format:
Linux, Documentation/admin-guide/device-mapper/log-writes.rst.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
_FLUSH, _DISCARD = 1, 4
_PAGE_SECTORS = 8  # the drive's own sectors have 4,096 bytes; a power cut may tear a write between two of them


class Write(NamedTuple):
    """One entry of the record.

    at: its place in the record, in bytes.
    sector, n_sectors: the part of the disk that it writes.
    """

    at: int
    sector: int
    n_sectors: int
    flags: int

    @property
    def is_flush(self) -> bool:
        """Whether this entry makes all earlier entries safe on the disk."""
        return bool(self.flags & _FLUSH)


def read_writes(log: Path) -> list[Write]:
    found = []
    with open(log, "rb") as stream:
        n_bytes, at = os.fstat(stream.fileno()).st_size, SECTOR
        while at < n_bytes:
            stream.seek(at)
            sector, n_sectors, flags, _ = struct.unpack("<QQQQ", stream.read(32))
            end = at + SECTOR + (0 if flags & _DISCARD else n_sectors * SECTOR)
            if not (sector or n_sectors or flags) or end > n_bytes:
                break
            found.append(Write(at, sector, n_sectors, flags))
            at = end
    return found


def before(writes: list[Write], n_bytes: int) -> list[Write]:
    return [write for write in writes if write.at < n_bytes]


def split_at_last_flush(writes: list[Write]) -> tuple[list[Write], list[Write]]:
    """Entries up to the last flush, which are safe on the disk, and those after it, which a power cut may lose."""
    last = max((number for number, write in enumerate(writes) if write.is_flush), default=-1)
    return writes[: last + 1], writes[last + 1 :]


def what_remains(unsafe: list[Write], chance: random.Random) -> list[Write]:
    """Choose which unflushed writes a power cut leaves: none, the first few, some at random, or some cut short."""
    way = chance.choice(("none", "first", "some", "torn"))
    if way == "none":
        return []
    if way == "first":
        return unsafe[: chance.randint(0, len(unsafe))]
    share = chance.random()
    kept = [write for write in unsafe if chance.random() < share]
    return kept if way == "some" else [_torn(write, chance) for write in kept]


def _torn(write: Write, chance: random.Random) -> Write:
    n_pages = write.n_sectors // _PAGE_SECTORS
    return write._replace(n_sectors=_PAGE_SECTORS * chance.randint(0, n_pages)) if n_pages > 1 else write


def apply(writes: Iterable[Write], log: Path, image: Path) -> list[tuple[int, bytes]]:
    """Do the writes on an image; returns what `undo` puts back."""
    replaced = []
    with open(log, "rb") as source, open(image, "r+b") as target:
        for write in writes:
            n_bytes = write.n_sectors * SECTOR
            if n_bytes == 0:
                continue
            source.seek(write.at + SECTOR)
            data = bytes(n_bytes) if write.flags & _DISCARD else source.read(n_bytes)
            target.seek(write.sector * SECTOR)
            replaced.append((write.sector * SECTOR, target.read(n_bytes)))
            target.seek(write.sector * SECTOR)
            target.write(data)
    return replaced


def undo(replaced: list[tuple[int, bytes]], image: Path) -> None:
    with open(image, "r+b") as target:
        for place, content in reversed(replaced):
            target.seek(place)
            target.write(content)
