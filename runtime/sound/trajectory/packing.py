"""Packs trajectories into bytes, 8 bits a value; docs/sound.md has the format."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.config import HIGHEST_LATENT
from runtime.sound.trajectory.trajectory import Trajectory, checked, refuse_size

MAGIC = b"TBTJ"
TRAJECTORY_VERSION = 1
LARGEST_BYTES = 2 * 2**20
SUFFIX = ".trajectory"
# _BEGINNING: magic, version, flags, number of latents, number of bands.
# _SIZES: the step, four marks, number of hops, number of levels.
# _RANGE: the lowest and the highest value of a block.
# _SUM: the checksum.
_BEGINNING, _SIZES, _RANGE, _SUM = struct.Struct("<4sBBBB"), struct.Struct("<5f2I"), struct.Struct("<2f"), "<I"
_REPLACES_KNOBS, _PLAYS_ONCE = 1, 2
_NO_MARK = -1.0
_REMEDY = "use a trajectory that this program wrote"


def pack(trajectory: Trajectory, where: object = "trajectory") -> bytes:
    """A trajectory as bytes for `unpack`; UserError as from `checked`.

    The values of each latent form a block of their own. So do the values of the colour, and those of the level. A value
    is rounded by at most 1/510 of the range of all values in its block.
    """
    checked(trajectory, where)
    loop_start_s, loop_end_s = trajectory.loop_s or (_NO_MARK, _NO_MARK)
    release_s = _NO_MARK if trajectory.release_s is None else trajectory.release_s
    flags = _REPLACES_KNOBS * trajectory.replaces_knobs | _PLAYS_ONCE * trajectory.plays_once
    marks_s = trajectory.attack_s, loop_start_s, loop_end_s, release_s
    parts = [
        _BEGINNING.pack(MAGIC, TRAJECTORY_VERSION, flags, len(trajectory.knobs), N_BANDS),
        _SIZES.pack(trajectory.step_s, *marks_s, trajectory.n_hops, len(trajectory.level_db)),
    ]
    for knob, values in zip(trajectory.knobs, trajectory.latents.T, strict=True):
        name = knob.encode()
        parts += [bytes([len(name)]), name, _packed(values)]
    parts += [_packed(trajectory.colour_db), _packed(trajectory.level_db)]
    content = b"".join(parts)
    return content + struct.pack(_SUM, zlib.crc32(content))


def unpack(content: bytes, where: object) -> Trajectory:
    """The trajectory that `pack` packed; UserError for other bytes. where: names the bytes in messages."""
    content = bytes(content)
    if content[:4] != MAGIC:
        raise UserError(where, "no trajectory", "a trajectory", _REMEDY)
    if content[4:5] != bytes([TRAJECTORY_VERSION]):
        found = f"version {content[4]}" if len(content) > 4 else "no version"
        remedy = "use a Timbrebox that knows this version"
        raise UserError(where, found, f"version {TRAJECTORY_VERSION} of the trajectories", remedy)
    reader = _Reader(content, where)
    _, _, flags, n_knobs, n_bands = reader.numbers(_BEGINNING)
    step_s, attack_s, *loop_s, release_s, n_hops, n_levels = reader.numbers(_SIZES)
    # Check the sizes first: a wrong size could fill the memory.
    refuse_size(step_s, n_hops, n_levels, where)
    if n_bands != N_BANDS or n_knobs > HIGHEST_LATENT:
        found, expected = f"{n_bands} bands and {n_knobs} latents", f"{N_BANDS} and at most {HIGHEST_LATENT}"
        raise UserError(where, found, expected, _REMEDY)
    columns = [(reader.name(), reader.values(n_hops)) for _ in range(n_knobs)]
    colour_db, level_db = reader.values(n_hops * N_BANDS), reader.values(n_levels)
    reader.finish()
    trajectory = Trajectory(
        step_s=step_s,
        knobs=tuple(name for name, _ in columns),
        latents=np.stack([values for _, values in columns], 1) if columns else np.zeros((n_hops, 0)),
        replaces_knobs=bool(flags & _REPLACES_KNOBS),
        colour_db=colour_db.reshape(n_hops, N_BANDS),
        level_db=level_db,
        attack_s=attack_s,
        loop_s=None if loop_s == [_NO_MARK, _NO_MARK] else (loop_s[0], loop_s[1]),
        release_s=None if release_s == _NO_MARK else release_s,
        plays_once=bool(flags & _PLAYS_ONCE),
    )
    return checked(trajectory, where)


def load_trajectory(path: str | Path) -> Trajectory:
    """Read a trajectory's file; UserError names the file."""
    return unpack(read_bounded_file(path, "a trajectory", LARGEST_BYTES), path)


def save_trajectory(path: str | Path, trajectory: Trajectory, *, inputs: Iterable[str | Path] = ()) -> None:
    """Write a trajectory's file.

    inputs: as in `atomic_write`.
    UserError as from `pack` and `atomic_write`.
    """
    content = pack(trajectory, path)
    with atomic_write(path, "wb", inputs=inputs) as stream:
        stream.write(content)


def _packed(values: np.ndarray) -> bytes:
    """Pack a block: its lowest and highest value, then a byte for each value unless all values are equal."""
    lowest, highest = float(values.min()), float(values.max())
    block = _RANGE.pack(lowest, highest)
    if lowest == highest:
        return block
    steps = np.rint((values.astype(np.float64) - lowest) * (255.0 / (highest - lowest)))
    return block + steps.astype(np.uint8).tobytes()


class _Reader:
    def __init__(self, content: bytes, where: object):
        self._content, self._where, self._at = content, where, 0

    def take(self, n_bytes: int) -> bytes:
        self._at += n_bytes
        if self._at > len(self._content):
            raise UserError(self._where, "a trajectory that ends too early", "a whole one", _REMEDY)
        return self._content[self._at - n_bytes : self._at]

    def numbers(self, form: struct.Struct) -> tuple[int | float | bytes, ...]:
        return form.unpack(self.take(form.size))

    def name(self) -> str:
        return self.take(self.take(1)[0]).decode("utf-8", "replace")

    def values(self, count: int) -> np.ndarray:
        lowest, highest = self.numbers(_RANGE)
        if not (math.isfinite(lowest) and math.isfinite(highest)):
            raise UserError(self._where, f"a range from {lowest:g} to {highest:g}", "finite numbers", _REMEDY)
        if lowest == highest:
            return np.full(count, lowest, np.float32)
        steps = np.frombuffer(self.take(count), np.uint8)
        return (lowest + steps * ((highest - lowest) / 255.0)).astype(np.float32)

    def finish(self) -> None:
        """Check that nothing is left but the checksum, and that the checksum is correct."""
        expected = struct.pack(_SUM, zlib.crc32(self._content[: self._at]))
        if self.take(len(expected)) != expected or self._at != len(self._content):
            raise UserError(self._where, "a damaged trajectory (its sum is wrong)", "a whole one", _REMEDY)
