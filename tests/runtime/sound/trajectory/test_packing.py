"""A packed trajectory is small and close to the original."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.sound.trajectory.packing import load_trajectory, pack, save_trajectory, unpack
from runtime.sound.trajectory.trajectory import Trajectory, checked, fit
from tests.support.trajectories import random_trajectory

MARKED = {"attack_s": 0.1, "loop_s": (0.3, 1.5), "release_s": 1.7}


def signed(content: bytes) -> bytes:
    return content + struct.pack("<I", zlib.crc32(content))


@pytest.mark.parametrize(
    "fields",
    [{}, MARKED, {"plays_once": True, "release_s": 0.0}, {"loop_s": (0.0, 0.5)}],
    ids=["no marks", "all marks", "once", "loop from 0"],
)
def test_what_is_unpacked_is_close_to_what_was_packed(fields: dict[str, Any]) -> None:
    original = random_trajectory(**fields)
    read = unpack(pack(original), "test")
    assert (read.knobs, read.replaces_knobs, read.plays_once) == (("a", "b"), False, original.plays_once)
    assert np.isclose(read.step_s, original.step_s)
    assert np.isclose(read.attack_s, original.attack_s)
    for mark in ("loop_s", "release_s"):
        found, expected = getattr(read, mark), getattr(original, mark)
        assert (found is None and expected is None) or np.allclose(found, expected)
    blocks = [*zip(original.latents.T, read.latents.T, strict=True),
              (original.colour_db, read.colour_db), (original.level_db, read.level_db)]  # fmt: skip
    for before, after in blocks:
        assert np.abs(after - before).max() <= np.ptp(before) / 510.0 * 1.0001
        assert (after.min(), after.max()) == (before.min(), before.max())
    assert pack(read) == pack(original)


def test_positions_are_kept_as_positions() -> None:
    original = replace(random_trajectory(), latents=np.full((87, 2), 0.75), replaces_knobs=True)
    read = unpack(pack(original), "test")
    assert read.replaces_knobs
    assert np.all(read.latents == 0.75)


def test_a_second_takes_at_most_3_kb() -> None:
    knobs = tuple(f"knob {number}" for number in range(24))
    one, five = (len(pack(random_trajectory(n_hops=n + 1, knobs=knobs))) for n in (43, 215))
    assert (five - one) / (172 * 1024 / 44100) <= 3000
    assert len(pack(random_trajectory(n_hops=44, knobs=knobs[:8]))) <= 3000
    # Values that do not change need no space.
    still = Trajectory(step_s=0.02, knobs=(), latents=np.zeros((50, 0)), colour_db=np.zeros((50, 40)), level_db=[0.0])
    assert len(pack(still)) < 64


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.trajectory"
    save_trajectory(path, random_trajectory())
    assert pack(load_trajectory(path)) == path.read_bytes() == pack(random_trajectory())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="found a pipe"):
        load_trajectory(tmp_path / "pipe")
    with pytest.raises(UserError, match="found no such file"):
        load_trajectory(tmp_path / "none")


PACKED = pack(random_trajectory(**MARKED))
STEP, N_HOPS = slice(8, 12), slice(28, 32)


def with_part(part: slice, value: bytes) -> bytes:
    """PACKED with this part replaced by `value`, and with the right checksum."""
    return signed(PACKED[: part.start] + value + PACKED[part.stop : -4])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found no trajectory"),
        (b"RIFF" + PACKED[4:], "found no trajectory"),
        (PACKED[:4], "found no version"),
        (with_part(slice(4, 5), b"\2"), "found version 2; expected version 1 of the trajectories; use a Timbrebox"),
        (PACKED[:20], "ends too early"),
        (PACKED[:-1], "ends too early"),
        (PACKED[:500], "ends too early"),
        (PACKED + b"\0", "found a damaged trajectory"),
        (PACKED[:200] + bytes([PACKED[200] ^ 1]) + PACKED[201:], "found a damaged trajectory"),
        (with_part(slice(7, 8), b"\x29"), "found 41 bands and 2 latents"),
        (with_part(slice(6, 7), b"\x41"), "found 40 bands and 65 latents"),
        (with_part(STEP, struct.pack("<f", float("nan"))), "step_s: found nan; expected 0.005 to 10 s"),
        (with_part(STEP, struct.pack("<f", 0.001)), "step_s: found 0.001"),
        (with_part(N_HOPS, struct.pack("<I", 2**32 - 1)), "expected at most 60 s; shorten"),
        (with_part(N_HOPS, struct.pack("<I", 0)), "found no hops"),
        (with_part(slice(36, 38), b"\xff\xff"), "found a range from"),
    ],
)
def test_bytes_that_are_no_trajectory_are_refused(content: bytes, said: str) -> None:
    if said == "found a range from":
        # The first latent's range begins at byte 38, after a name of one letter.
        content = signed(PACKED[:38] + struct.pack("<2f", float("nan"), 1.0) + PACKED[46:-4])
    with pytest.raises(UserError) as caught:
        unpack(content, "mine.trajectory")
    assert str(caught.value).startswith("mine.trajectory")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_never_raise_anything_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(PACKED[:-4])
    for at in random.integers(5, len(content) if seed % 2 else 60, 3):
        content[at] = random.integers(256)
    with suppress(UserError):
        unpack(signed(bytes(content)), "mine")


NOT_A_NUMBER = np.full((87, 2), np.nan)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"latents": NOT_A_NUMBER}, "test, latents: found nan; expected numbers from -1 to 1"),
        ({"latents": np.full((87, 2), -0.1), "replaces_knobs": True}, "found -0.1; expected numbers from 0 to 1"),
        ({"colour_db": np.full((87, 40), np.inf)}, "test, colour_db: found inf"),
        ({"level_db": [-97.0]}, "test, level_db: found -97; expected numbers from -96 to 24"),
        ({"colour_db": np.zeros((87, 39))}, "colour_db: found 87 by 39 values; expected 87 by 40"),
        ({"latents": np.zeros((86, 2))}, "latents: found 86 by 2 values; expected 87 by 2"),
        ({"latents": np.zeros(87)}, "latents: found 87 values"),
        ({"level_db": np.zeros((5, 2))}, "level_db: found 5 by 2 values; expected 5"),
        ({"level_db": []}, "found no levels"),
        ({"colour_db": np.zeros((0, 40))}, "found no hops"),
        ({"level_db": np.zeros(12002)}, "found 60.0 s; expected at most 60 s"),
        ({"loop_s": (0.5, 0.5)}, "loop_s: found a loop from 0.5 to 0.5 s; expected an end after the start"),
        ({"loop_s": (0.5, 0.4)}, "found a loop from 0.5 to 0.4 s"),
        ({"loop_s": (0.5, float("nan"))}, "found a loop from 0.5 to nan s"),
        ({"loop_s": (0.5, 2.1)}, "marks: found the end of the loop at 2.1 s and the end at 1.99"),
        ({"attack_s": 0.6, "loop_s": (0.5, 0.7)}, "found attack_s at 0.6 s and the start of the loop at 0.5 s"),
        ({"attack_s": -0.1}, "found the beginning at 0 s and attack_s at -0.1 s"),
        ({"release_s": 2.1}, "found release_s at 2.1 s and the end at 1.99"),
        ({"release_s": float("nan")}, "found attack_s at 0 s and release_s at nan s"),
        ({"loop_s": (0.5, 0.7), "release_s": 0.6}, "found the end of the loop at 0.7 s and release_s at 0.6 s"),
        ({"loop_s": (0.5, 0.7), "plays_once": True}, "found a loop and plays_once; expected only one of them"),
        ({"knobs": ("a", "a")}, "found the knob 'a' twice"),
        ({"knobs": ("a", "")}, "found the knob ''"),
        ({"knobs": ("a", "b\n")}, r"found the knob 'b\n'; expected a printable name"),
        ({"knobs": ("a", "\ud800")}, "expected a printable name"),
        ({"knobs": tuple(map(str, range(65))), "latents": np.zeros((87, 65))}, "found 65 knobs"),
    ],
)
def test_a_wrong_trajectory_is_refused(fields: dict[str, Any], said: str) -> None:
    wrong = replace(random_trajectory(), **fields)
    for refuse in (lambda: checked(wrong, "test"), lambda: pack(wrong, "test")):
        with pytest.raises(UserError) as caught:
            refuse()
        assert said in str(caught.value)
        assert str(caught.value).isprintable()


def test_latents_are_matched_to_knobs_by_name() -> None:
    trajectory = random_trajectory(knobs=("body", "air"))
    assert fit(trajectory, ["air", "bite", "body"], "mine.yaml") == (2, 0)
    with pytest.raises(UserError) as caught:
        fit(trajectory, ["air", "bode"], "mine.yaml")
    expected = "mine.yaml, trajectory: found the knob 'body'; expected a knob of the instrument; did you mean 'bode'?"
    assert str(caught.value) == expected
    without = trajectory.without(["body"])
    assert fit(without, ["air"], "mine.yaml") == (0,)
    assert np.array_equal(without.latents, trajectory.latents[:, 1:])


def test_nobody_can_change_a_trajectory() -> None:
    with pytest.raises(ValueError, match="read-only"):
        random_trajectory().colour_db[0, 0] = 1.0
