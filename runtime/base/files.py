"""The two doors: what comes from outside is read here, what goes out is written here.

In come only regular files of a bounded size. Out goes a whole file or none, and never over a device or an input.
"""

from __future__ import annotations

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
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Half-written files: hidden, beside their target, with its name and the number of the process that writes them.
_PART = re.compile(r"\.(.+)\.([0-9]{1,7})\.part", re.DOTALL)


def read_outside(path: str | Path, expected: str, largest_bytes: int, remedy: str = "check the path") -> bytes:
    """The content of a regular file of at most `largest_bytes`; never waits, as reading from a pipe would.

    expected, remedy: what the file should be and what to do, for the UserError where it is missing, unreadable, no
    regular file or too large.
    """
    try:
        _refuse_kind(path, os.stat(path), expected, remedy)  # before it is opened: opening a device may change it
        with open(path, "rb", opener=_open_at_once) as stream:
            found = os.fstat(stream.fileno())
            _refuse_kind(path, found, expected, remedy)  # it may be another one by now
            n_bytes = found.st_size
            if n_bytes <= largest_bytes:
                # Its size is what it was a moment ago, and some files of the system's own say 0.
                content = stream.read(largest_bytes + 1) or b""
                n_bytes = len(content)
    except FileNotFoundError:
        raise UserError(path, "no such file", expected, remedy) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise UserError(path, _reason(error), expected, remedy) from None
    if n_bytes > largest_bytes:
        raise UserError(path, f"{n_bytes:,} bytes or more", f"{expected} of at most {largest_bytes:,}", remedy)
    return content


@contextmanager
def written_whole(
    path: str | Path, mode: str = "w", *, inputs: Iterable[str | Path] = (), makes_folder: bool = True
) -> Iterator[IO[Any]]:
    """A stream, UTF-8 text or `wb`, whose content takes the place of `path` when the block ends well, else vanishes.

    A link is followed, and stays. inputs: files that must not be overwritten. makes_folder: whether a missing folder
    is made. UserError if the target is no regular file or one of `inputs`, cannot be written, or the disk is full.
    """
    target = _regular_target(path, inputs)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if makes_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        _remove_orphans(target)
        with open(part, mode.replace("w", "x"), encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        remedy = "choose another place, or free some space"
        raise UserError(path, _reason(error), "a writable place with room", remedy) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def write_json(
    path: str | Path, tree: object, *, inputs: Iterable[str | Path] = (), makes_folder: bool = True
) -> None:
    """A tree of plain values as readable JSON, through `written_whole`."""
    with written_whole(path, inputs=inputs, makes_folder=makes_folder) as stream:
        json.dump(tree, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that we wrote; UserError if it cannot be read or is something else."""
    content = read_outside(path, "what was written there", LARGEST_JSON_BYTES, "remove it")
    try:
        tree = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(path, f"no readable JSON ({error})", "what was written there", "remove it") from None
    if not isinstance(tree, dict):
        raise UserError(path, f"a {type(tree).__name__}", "a JSON object", "remove it")
    return tree


def remove_leftovers(folder: Path) -> None:
    """Remove every half-written file from a folder that no other process writes to."""
    for part in folder.iterdir():
        if _PART.fullmatch(part.name):
            part.unlink(missing_ok=True)


def _regular_target(path: str | Path, inputs: Iterable[str | Path]) -> Path:
    """The file that a path names, through all links: a regular one that is none of the inputs, or one to be made."""
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
    """Remove what killed processes left of this target; an own number is a dead process's that had the same one."""
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
    except PermissionError:  # it is another user's
        return True
    return True


def _sync_folder(folder: Path) -> None:
    # The file is in its place already: where its folder cannot be opened or synced, nothing is wrong with it.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
