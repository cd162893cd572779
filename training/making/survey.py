"""Listens to every recording in a folder. For any other file, says why it is not a readable recording."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.base.progress import Progress
from runtime.recordings.reading import SUFFIXES, UnusableError, mono_blocks
from training.making.listening import SPEC, Heard, listen

LONGEST_HEARD_S = 360.0  # only this much of a longer recording is listened to
# Endings of sound files that libsndfile cannot read; files with any other ending are tried.
UNREADABLE = (".m4a", ".mp4", ".aac", ".wma", ".ac3", ".mka", ".webm", ".ape", ".wv", ".mid", ".midi", ".mov")
CACHE_VERSION = 1


@dataclass(frozen=True)
class Found:
    """A file of the folder.

    name: its path in the folder.
    heard: what is heard in it, None if it is not a readable recording.
    problem: why it is not a readable recording; empty if it is one.
    digest: digest of the content; empty if it is not a readable recording.
    """

    path: Path
    name: str
    heard: Heard | None
    problem: str = ""
    digest: str = ""


class _Cached(msgspec.Struct):
    size: int
    mtime_ns: int
    heard: Heard | None
    problem: str
    digest: str


class _Cache(msgspec.Struct):
    version: int = CACHE_VERSION
    files: dict[str, _Cached] = {}


def survey(folder: Path, cache: Path, leave_out: Iterable[Path] = ()) -> list[Found]:
    """Listen to all files of a folder and its subfolders; returns them sorted by path. Hidden files are ignored.

    cache: a file that stores what was heard, so that a second run listens only to new and changed files.
    leave_out: folders to ignore.

    UserError if `folder` is not a folder.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise UserError(folder, found, "a folder of recordings", "check the path")
    leave_out = [path.resolve() for path in leave_out]
    paths = [path for path in sorted(folder.rglob("*")) if _counts(path, folder, leave_out)]
    known = _read_cache(cache)
    try:
        with Progress("listening", sum(path.stat().st_size for path in paths)) as progress:
            return list(_listened(paths, folder, known, progress))
    finally:  # the cache is written after Ctrl-C, too
        with atomic_write(cache, "wb") as stream:
            stream.write(msgspec.json.encode(known))


def _listened(paths: list[Path], folder: Path, known: _Cache, progress: Progress) -> Iterator[Found]:
    done = 0
    for path in paths:
        name, stat = path.relative_to(folder).as_posix(), path.stat()
        done += stat.st_size
        if not _is_text(name):
            yield Found(path, name.encode("utf-8", "replace").decode(), None, "its name is not UTF-8: rename it")
            continue
        entry = known.files.get(name)
        if entry is None or (entry.size, entry.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            heard, problem = listen_to_file(path)
            entry = _Cached(stat.st_size, stat.st_mtime_ns, heard, problem, _digest(path) if heard else "")
            known.files[name] = entry
        progress.update(done, name)
        yield Found(path, name, entry.heard, entry.problem, entry.digest)


def _is_text(name: str) -> bool:
    """Whether a file's name is printable UTF-8; a name from an old archive may be in another encoding."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name.isprintable()


def listen_to_file(path: Path) -> tuple[Heard | None, str]:
    """What is heard in a file; or None, and why the file is not a readable recording."""
    if path.suffix.lower() in UNREADABLE:
        return None, f"{path.suffix} files are not read; turn it into WAV, FLAC, OGG or MP3"
    try:
        return listen(read_samples(path)), ""
    except UnusableError as error:
        return None, _plain(str(error), path)


def read_samples(path: Path, longest_s: float = LONGEST_HEARD_S) -> np.ndarray:
    """The first `longest_s` seconds of a recording, in mono at 44.1 kHz: float32 (n,).

    UnusableError for a broken file.
    """
    blocks, n = [], 0
    for block in mono_blocks(path, SPEC.sample_rate_hz):
        blocks.append(block)
        n += len(block)
        if n >= longest_s * SPEC.sample_rate_hz:
            break
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return samples[: int(longest_s * SPEC.sample_rate_hz)]


def _counts(path: Path, folder: Path, leave_out: list[Path]) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    inside = any(path.resolve().is_relative_to(other) for other in leave_out)
    return path.is_file() and not hidden and not inside


def _plain(problem: str, path: Path) -> str:
    if "not recognised" in problem or "unknown format" in problem.lower():
        return "broken, or not a sound" if path.suffix.lower() in SUFFIXES else "not a sound"
    return f"broken: {problem}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _read_cache(path: Path) -> _Cache:
    try:
        cache = msgspec.json.decode(path.read_bytes(), type=_Cache)
    except (OSError, msgspec.DecodeError):
        # There is no cache yet, or another version of this program wrote it. So `survey` listens to all files.
        return _Cache()
    return cache if cache.version == CACHE_VERSION else _Cache()
