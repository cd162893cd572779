"""Arrays in a .npz file are read back as written; a damaged file is a UserError."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.base.errors import UserError
from training.corpus.arrays import read_arrays


def flip_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def read(path: Path, where: Path | None = None) -> tuple[np.ndarray, object]:
    with read_arrays(path, "an answer", "ask again", where) as arrays:
        return arrays["values"], json.loads(str(arrays["about"]))


def write(path: Path, about: str = "[]", **arrays: np.ndarray) -> None:
    np.savez_compressed(path, about=np.array(about), **arrays)


def test_written_arrays_are_read_again(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", "[1]", values=np.arange(3))
    values, about = read(tmp_path / "a.npz")
    assert (values.tolist(), about) == ([0, 1, 2], [1])


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: b"PK", lambda content: content[:-30], flip_a_byte],
    ids=["empty", "only the first two bytes", "cut", "a wrong byte"],
)
def test_a_damaged_file_is_a_user_error(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.npz"
    write(path, values=np.arange(10_000) ** 2 % 1000)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"a\.npz: found a damaged file \(.*\); expected an answer; ask again$"):
        read(path)


def test_a_missing_array_broken_json_or_missing_file_count_as_damage(tmp_path: Path) -> None:
    write(tmp_path / "few.npz")
    write(tmp_path / "broken.npz", "[", values=np.zeros(1))
    np.savez(tmp_path / "objects.npz", about=np.array("[]"), values=np.array([{}]))
    for name in ("few", "broken", "objects", "none"):
        with pytest.raises(UserError, match="folder: found a damaged file"):
            read(tmp_path / f"{name}.npz", Path("folder"))
