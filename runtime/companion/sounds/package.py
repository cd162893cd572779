"""Packs and unpacks packages.

A package is a ZIP archive with a sound, its trajectories and, if wanted, its instrument's files.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from runtime.base.checked_yaml import LARGEST_BYTES as LARGEST_YAML_BYTES
from runtime.base.checked_yaml import load_yaml_text
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.companion.sounds.trajectory_files import digest_name, files_of, renamed
from runtime.instrument.session import LARGEST_ONNX_BYTES
from runtime.sound.file import sound_from_tree, sound_text
from runtime.sound.sound import Sound
from runtime.sound.trajectory.packing import LARGEST_BYTES as LARGEST_TRAJECTORY_BYTES
from runtime.sound.trajectory.packing import SUFFIX as TRAJECTORY_SUFFIX

SUFFIX = ".timbrebox"
LARGEST_BYTES = LARGEST_ONNX_BYTES + 2**24
MOST_FILES, MOST_INSTRUMENTS = 16, 2  # in one archive; its two .onnx files are a decoder and its encoder
LARGEST_UNPACKED_BYTES = 3 * LARGEST_ONNX_BYTES // 2
_LARGEST_LIST_BYTES = 2**14  # limited because zipfile makes an object for every entry in the archive's list
# In a ZIP archive, a record that begins with _END follows the list of files. In a ZIP64 archive, a record that begins
# with _LARGE_END stands just before it. Source: .ZIP File Format Specification, 4.3.16 and 4.3.15.
_END, _LARGE_END = b"PK\x05\x06", b"PK\x06\x07"
_SOUND, _ONNX = "sound.yaml", ".onnx"
_EXPECTED, _REMEDY = "a sound: a .yaml file, or one that `presets export` wrote", "ask for another copy"
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
    LookupError,
)  # fmt: skip
_DATE = (2000, 1, 1, 0, 0, 0)  # a fixed date, so that the same content gives the same file


class Package(NamedTuple):
    """The content of a package. trajectories, instruments: contents by file name."""

    sound: Sound
    trajectories: dict[str, bytes]
    instruments: dict[str, bytes]


def pack(
    path: Path, sound: Sound, folder: Path | None, instruments: dict[str, bytes], inputs: Iterable[Path] = ()
) -> None:
    """Write a package; UserError if a file is missing, or the package cannot be written.

    folder: the folder of the sound's trajectory files, or None.
    instruments: contents of the instrument's files, by name; may be empty.
    inputs: files that must not be overwritten.
    """
    contents = files_of(sound, folder, sound.name)
    sound = renamed(sound, lambda file: digest_name(contents[file]))
    files = {_SOUND: sound_text(sound).encode()}
    files |= {digest_name(content): content for content in contents.values()} | instruments
    with (
        atomic_write(path, "wb", inputs=inputs) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)


def unpack(path: Path) -> Package:
    """Read a package, or a sound's .yaml file with its trajectory files; UserError if a file is broken or too large."""
    content = read_bounded_file(path, _EXPECTED, LARGEST_BYTES)
    if not content.startswith(b"PK"):
        sound = _sound(content, path)
        return Package(sound, files_of(sound, path.parent, path), {})
    _refuse_long_list(content, path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _files(archive, path)
    except _DAMAGED as error:
        raise UserError(path, f"a damaged file ({error})", _EXPECTED, _REMEDY) from None
    if _SOUND not in files:
        raise UserError(path, f"no {_SOUND} in it", _EXPECTED, _REMEDY)
    sound = _sound(files.pop(_SOUND), f"{path}, {_SOUND}")
    trajectories = {name: files[name] for name in files if name.endswith(TRAJECTORY_SUFFIX)}
    instruments = {name: files[name] for name in files if name.endswith(_ONNX)}
    return Package(sound, trajectories, instruments)


def _files(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    """The contents of the archive's files, by name. UserError if the files are too many, too large or unexpected."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise UserError(path, f"{len(entries)} files in it", f"at most {MOST_FILES}", _REMEDY)
    files: dict[str, bytes] = {}
    for entry in entries:
        name = entry.filename
        largest = _largest(name)
        if largest is None or "/" in name or "\\" in name or name.startswith("."):
            raise UserError(path, f"{name!r} in it", _EXPECTED, _REMEDY)
        with archive.open(entry) as stream:
            files[name] = stream.read(largest + 1)
        if len(files[name]) > largest:
            raise UserError(path, f"more than {largest:,} bytes of {name!r} in it", "less", _REMEDY)
        if sum(map(len, files.values())) > LARGEST_UNPACKED_BYTES:
            raise UserError(path, "too much in it", f"at most {LARGEST_UNPACKED_BYTES:,} bytes", _REMEDY)
    n_instruments = sum(name.endswith(_ONNX) for name in files)
    if n_instruments > MOST_INSTRUMENTS:
        raise UserError(path, f"{n_instruments} .onnx files in it", f"at most {MOST_INSTRUMENTS}", _REMEDY)
    return files


def _refuse_long_list(content: bytes, path: Path) -> None:
    """UserError if the archive's list of files is missing or too long, or if the archive is a ZIP64 archive.

    ZIP64 is a format for more than 4 GB.
    """
    end = content.rfind(_END)
    n_bytes = int.from_bytes(content[end + 12 : end + 16], "little")
    if end < 0 or n_bytes > _LARGEST_LIST_BYTES or content[end - 20 : end - 16] == _LARGE_END:
        raise UserError(path, "a damaged file (no list of what is in it, or too long a one)", _EXPECTED, _REMEDY)


def _largest(name: str) -> int | None:
    """The most bytes that a file with this name may have; None if a package may not hold such a file."""
    if name == _SOUND:
        return LARGEST_YAML_BYTES
    if name.endswith(TRAJECTORY_SUFFIX):
        return LARGEST_TRAJECTORY_BYTES
    return LARGEST_ONNX_BYTES if name.endswith(_ONNX) else None


def _sound(content: bytes, where: object) -> Sound:
    if len(content) > LARGEST_YAML_BYTES:
        raise UserError(where, f"{len(content):,} bytes", f"a sound of at most {LARGEST_YAML_BYTES:,}", _REMEDY)
    return sound_from_tree(load_yaml_text(content, dict[str, Any], where), where)
