"""Reads and writes files.

Only regular files of a limited size are read. A file is written completely or not at all. Devices are never
overwritten, and neither are files that the same command reads.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from runtime.base.errors import UserError

LARGEST_JSON_BYTES = 64 * 2**20
_WRITABLE, _ELSEWHERE = "a writable place with room", "choose another place, or free some space"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# A half-written file is a hidden file beside the target. Its name holds the target's name and the id of the
# process that writes it.
_PART = re.compile(r"\.(.+)\.([0-9]{1,7})\.part", re.DOTALL)


def read_bounded_file(path: str | Path, expected: str, largest_bytes: int, remedy: str = "check the path") -> bytes:
    """The content of a regular file of at most `largest_bytes`; never blocks.

    expected: what the file should be, for the error message.
    remedy: what the user can do, for the error message.
    UserError if the file is missing, unreadable, too large or not a regular file (a pipe, for example).
    """
    try:
        _refuse_kind(path, os.stat(path), expected, remedy)  # before opening, because opening a device may change it
        with open(path, "rb", opener=_open_at_once) as stream:
            found = os.fstat(stream.fileno())
            _refuse_kind(path, found, expected, remedy)  # checked again, as this may be another file than os.stat saw
            n_bytes = found.st_size
            if n_bytes <= largest_bytes:
                # Do not rely on the size from fstat: the file may have grown since, and files in /proc report 0.
                content = stream.read(largest_bytes + 1) or b""
                n_bytes = len(content)
    except FileNotFoundError:
        raise UserError(path, "no such file", expected, remedy) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise UserError(path, _reason(error), expected, remedy) from None
    if n_bytes > largest_bytes:
        raise UserError(path, f"{n_bytes:,} bytes or more", f"{expected} of at most {largest_bytes:,}", remedy)
    return content


def refuse_bad_target(path: str | Path, *, inputs: Iterable[str | Path] = (), makes_folder: bool = True) -> Path:
    """Check that `atomic_write` can write a file to `path`; UserError if not. Call this before long work.

    Returns the path with all links resolved. inputs, makes_folder: as in `atomic_write`. A full disk is not detected.
    """
    target = _regular_target(path, inputs)
    folder = target.parent
    while makes_folder and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    problem = None
    if not folder.is_dir():
        problem = errno.ENOTDIR if folder.exists() else errno.ENOENT
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
    if problem is not None:
        raise UserError(path, os.strerror(problem), _WRITABLE, _ELSEWHERE)
    return target


@contextmanager
def atomic_write(
    path: str | Path, mode: str = "w", *, inputs: Iterable[str | Path] = (), makes_folder: bool = True
) -> Iterator[IO[Any]]:
    """Yield a stream. What is written to it becomes the content of `path` when the `with` ends without an error.

    mode: `w` for UTF-8 text, `wb` for bytes.
    inputs: files that must not be overwritten.
    makes_folder: whether to make a missing folder.

    If `path` is a link, the link stays, and the file that it leads to is replaced.
    UserError if the target is not a regular file, is one of `inputs` or cannot be written, or if the disk is full.
    """
    target = refuse_bad_target(path, inputs=inputs, makes_folder=makes_folder)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if makes_folder:
            make_folder(target.parent)
        _remove_orphans(target)
        with open(part, mode.replace("w", "x"), encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        raise UserError(path, _reason(error), _WRITABLE, _ELSEWHERE) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    sync_folder(target.parent)


def write_json(path: str | Path, tree: object, *, inputs: Iterable[str | Path] = (), makes_folder: bool = True) -> None:
    """Write a tree of dicts, lists and plain values as indented JSON, through `atomic_write`."""
    with atomic_write(path, inputs=inputs, makes_folder=makes_folder) as stream:
        json.dump(tree, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that `write_json` wrote; UserError if the file cannot be read or holds no JSON object."""
    content = read_bounded_file(path, "what was written there", LARGEST_JSON_BYTES, "remove it")
    try:
        tree = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(path, f"no readable JSON ({error})", "what was written there", "remove it") from None
    if not isinstance(tree, dict):
        raise UserError(path, f"a {type(tree).__name__}", "a JSON object", "remove it")
    return tree


def remove_leftovers(folder: Path) -> None:
    """Remove every half-written file in a folder; no process may be writing to the folder."""
    for part in folder.iterdir():
        if _PART.fullmatch(part.name):
            part.unlink(missing_ok=True)


def _regular_target(path: str | Path, inputs: Iterable[str | Path]) -> Path:
    """The path to write, with all links resolved.

    UserError if the path is one of the inputs, or if something other than a regular file is there.
    """
    path, remedy = Path(path), "choose another path"
    try:
        found = path.stat()
    except FileNotFoundError:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise UserError(path, _reason(error), "a path for a file", remedy) from None
    _refuse_kind(path, found, "a path for a file", remedy)
    for given in inputs:
        if os.path.exists(given) and os.path.samestat(found, os.stat(given)):
            raise UserError(path, f"the same file as {given}, which is read", "another one", remedy)
    return Path(os.path.realpath(path))


def _refuse_kind(path: str | Path, found: os.stat_result, expected: str, remedy: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else than a file")
        raise UserError(path, kind, expected, remedy)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _remove_orphans(target: Path) -> None:
    """Remove the half-written files that killed processes left for this target.

    A file named after this process's id is removed, too: an earlier process with the same id left it.
    """
    with suppress(OSError):
        for part in target.parent.iterdir():
            match = _PART.fullmatch(part.name)
            if match and match[1] == target.name and (int(match[2]) == os.getpid() or not _is_alive(int(match[2]))):
                part.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process is alive, but belongs to another user
        return True
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, so that they survive a power cut; OSError if that fails."""
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    while folder != above:
        folder = folder.parent
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make renamed files and new folders inside a folder survive a power cut, if the system supports that."""
    # They are in place already, so it is no error if the folder cannot be synced.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
