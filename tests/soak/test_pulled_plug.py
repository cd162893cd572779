"""A record of a disk's writes, cut at some write and replayed, gives what the disk would hold after a power cut."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tests.support.machine.block_log import SECTOR, apply, before, read_writes, split_at_last_flush, undo, what_remains
from tests.support.machine.owner import SOUNDS, Promises

FLUSH = 1


def make_log(path: Path, entries: list[tuple[int, bytes, int]]) -> None:
    """Write a record of block writes; entries: (sector, data, flags) of each write."""
    content = bytes(SECTOR)
    for sector, data, flags in entries:
        content += struct.pack("<QQQQ", sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0") + data
    path.write_bytes(content + bytes(SECTOR))


def sectors(letters: str) -> bytes:
    return b"".join(letter.encode() * SECTOR for letter in letters)


def test_a_cut_keeps_what_was_flushed_and_undo_takes_all_back(tmp_path: Path) -> None:
    log, image = tmp_path / "log", tmp_path / "image"
    image.write_bytes(sectors("...."))
    make_log(log, [(0, sectors("ab"), 0), (0, b"", FLUSH), (1, sectors("c"), 0), (3, sectors("d"), 0)])
    writes = read_writes(log)
    assert [(write.sector, write.n_sectors, write.is_flush) for write in writes] == [
        (0, 2, False), (0, 0, True), (1, 1, False), (3, 1, False)]  # fmt: skip
    assert before(writes, writes[3].at) == writes[:3]
    safe, unsafe = split_at_last_flush(writes)
    assert (safe, unsafe) == (writes[:2], writes[2:])
    apply(safe, log, image)
    assert image.read_bytes() == sectors("ab..")
    replaced = apply(unsafe, log, image)
    assert image.read_bytes() == sectors("ac.d")
    undo(replaced, image)
    assert image.read_bytes() == sectors("ab..")


def test_unflushed_writes_remain_all_in_part_or_not_at_all(tmp_path: Path) -> None:
    make_log(tmp_path / "log", [(8 * number, sectors("x" * 24), 0) for number in range(6)])
    unsafe, chance = read_writes(tmp_path / "log"), random.Random(0)
    left = [what_remains(unsafe, chance) for _ in range(200)]
    assert {len(writes) for writes in left} == set(range(7))
    assert {write.n_sectors for writes in left for write in writes} == {0, 8, 16, 24}
    assert all(write.sector in {entry.sector for entry in unsafe} for writes in left for write in writes)


class _Link:
    def ask(self, method: str, **_: object) -> None:
        assert method == "sounds.write"


def test_a_confirmed_save_must_be_there_and_one_under_way_may_be() -> None:
    name, lengths = SOUNDS[0], iter((10, 20, 30, 40))
    promises = Promises({name: -9.0})
    for level_db in (-1.0, -2.0):
        promises.save(_Link(), name, level_db, lambda: next(lengths))
    allowed = [promises.allowed(name, cut) for cut in (9, 10, 20, 29, 30, 40)]
    assert allowed == [{-9.0}, {-9.0, -1.0}, {-1.0}, {-1.0}, {-1.0, -2.0}, {-2.0}]
    assert promises.allowed(SOUNDS[1], 40) == {None}
