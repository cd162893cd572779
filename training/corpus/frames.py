"""The frame store: a folder with magnitude frames, each scaled to a peak of 1, and their labels.

magnitudes.f32   float32 (n, n_bins), little-endian, row by row
labels.npz       note int16 (n,), chroma uint8 (n,), clip int32 (n,)
frames.json      version, spec, n_frames, sha256 of the magnitudes, about, clips
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec
import numpy as np

from runtime.acoustics.pitch import detect_chroma, note_name
from runtime.acoustics.spectrum import StftSpec
from runtime.base.checked_yaml import checked
from runtime.base.errors import UserError
from runtime.base.files import sync_folder
from training.corpus.arrays import read_arrays

DATA = Path("data")  # where the commands write the corpora by default
SPLITS = ("train", "val", "test")
NO_NOTE = -1
VERSION = 1
MAGNITUDES, LABELS, INDEX = "magnitudes.f32", "labels.npz", "frames.json"
REBUILD = "build it again with: timbrebox corpus"
_ROWS_AT_ONCE = 4096


class Clip(msgspec.Struct):
    """One recording or one rendered note.

    split: the one of SPLITS to which all frames of the clip belong.
    note: MIDI note, None if unknown.
    velocity: MIDI velocity, None if unknown.
    sound: name of the timbre, empty if unknown.
    transposed: by how many semitones the recording was transposed to `note`; positive is up.
    """

    name: str
    split: str
    note: int | None = None
    source: str = ""
    licence: str = ""
    sound: str = ""
    velocity: int | None = None
    transposed: int = 0


def sound_name(clip: Clip) -> str:
    """The name of a clip's sound: `clip.sound`, or if that is empty, the clip's name without its note at the end."""
    if clip.sound:
        return clip.sound
    if clip.note is None:
        return clip.name
    return clip.name.removesuffix(note_name(clip.note)).rstrip(" _-/") or clip.name


class _Index(msgspec.Struct):
    version: int
    spec: StftSpec
    n_frames: int
    sha256: str
    about: dict[str, Any]
    clips: list[Clip]


@dataclass(frozen=True)
class Mark:
    """What a frame store holds at one moment of its writing; `FrameWriter.rewind` returns to this moment."""

    n_frames: int
    n_blocks: int
    n_clips: int
    digest: Any


class FrameWriter:
    """A context manager that writes a frame store next to `folder`, and renames it to `folder` if all went well.

    spec: the transform that made the frames.
    about: kind, name, licence, sources and options of the corpus, as JSON values.
    force: whether to replace frames that `folder` already holds.

    Until the context ends, the caller can change `about` and the clips' splits.

    UserError if `folder` holds frames and `force` is False, if `folder` holds other things, if another run writes the
    same store, if no frame was added, or if the disk is full.
    """

    def __init__(self, folder: str | Path, spec: StftSpec, about: dict[str, Any], force: bool = False):
        self.folder, self.spec, self.about, self.force = Path(folder), spec, about, force
        self.clips: list[Clip] = []
        self.n_frames = 0
        self._blocks: list[tuple[np.ndarray, int]] = []  # for each call of `add`: the frames' chroma, the clip's index
        self._digest = hashlib.sha256()
        self._target = self.folder.resolve()
        self._partial = self._target.with_name(f".{self._target.name}.partial")
        self._file: BinaryIO
        self._lock: Any = None

    def __enter__(self) -> Self:
        self._refuse_existing()
        try:
            self._partial.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._partial, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = open(self._partial / MAGNITUDES, "w+b")
        except BlockingIOError:
            os.close(self._lock)
            raise UserError(self.folder, "another run that writes it", "one at a time", "wait for that run") from None
        except OSError as error:
            raise UserError(self.folder, str(error.strerror), "a writable folder", "give another --out") from None
        return self

    def add(self, magnitudes: np.ndarray, clip: Clip) -> int:
        """Append frames of one clip; returns their number.

        magnitudes: float32 (n, n_bins), each frame with a peak of 1.
        clip: the frames' clip. To add more frames to the newest clip, give the same object again.
        """
        magnitudes = np.ascontiguousarray(magnitudes, "<f4")
        if magnitudes.ndim != 2 or magnitudes.shape[1] != self.spec.n_bins:
            raise ValueError(f"frames of shape {magnitudes.shape}, not (n, {self.spec.n_bins})")
        if not len(magnitudes):
            return 0
        if not self.clips or self.clips[-1] is not clip:
            self.clips.append(clip)
        data = memoryview(magnitudes).cast("B")
        try:
            self._file.write(data)
        except OSError as error:
            raise self._disk_error(error) from None
        self._digest.update(data)
        self._blocks.append((detect_chroma(magnitudes, self.spec.bin_hz).astype(np.uint8), len(self.clips) - 1))
        self.n_frames += len(magnitudes)
        return len(magnitudes)

    def mark(self) -> Mark:
        """What the store holds now, for `rewind`."""
        return Mark(self.n_frames, len(self._blocks), len(self.clips), self._digest.copy())

    def rewind(self, mark: Mark) -> None:
        """Remove everything added since the mark."""
        self._file.seek(mark.n_frames * self.spec.n_bins * 4)
        self._file.truncate()
        del self._blocks[mark.n_blocks :], self.clips[mark.n_clips :]
        self.n_frames, self._digest = mark.n_frames, mark.digest.copy()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        done = False
        try:
            if kind is None:
                self._finish()
                done = True
        except OSError as failure:
            raise self._disk_error(failure) from None
        finally:
            with contextlib.suppress(OSError):  # on a full disk the last bytes cannot be written
                self._file.close()
            if not done:
                shutil.rmtree(self._partial, ignore_errors=True)
            os.close(self._lock)

    def _finish(self) -> None:
        if not self.n_frames:
            raise UserError(self.folder, "no audible frame at all", "sound", "give recordings that are not silent")
        for clip in self.clips:
            if clip.split not in SPLITS:
                raise ValueError(f"clip {clip.name!r} is in split {clip.split!r}, not one of {SPLITS}")
        _sync(self._file)
        n_frames = np.array([len(chroma) for chroma, _ in self._blocks])
        clip = np.repeat(np.array([index for _, index in self._blocks], np.int32), n_frames)
        notes = np.array([NO_NOTE if c.note is None else c.note for c in self.clips], np.int16)
        with open(self._partial / LABELS, "wb") as file:
            np.savez(file, note=notes[clip], chroma=np.concatenate([chroma for chroma, _ in self._blocks]), clip=clip)
            _sync(file)
        index = _Index(VERSION, self.spec, self.n_frames, self._digest.hexdigest(), self.about, self.clips)
        with open(self._partial / INDEX, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(index), indent=1))
            _sync(file)
        self._put_in_place()

    def _put_in_place(self) -> None:
        self._refuse_existing()
        old = self._target.with_name(f".{self._target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if self._target.exists():
            self._target.rename(old)
        self._partial.rename(self._target)
        sync_folder(self._target.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _refuse_existing(self) -> None:
        if not self.folder.exists():
            return
        if not self.folder.is_dir():
            raise UserError(self.folder, "a file", "a folder for the frames", "give another --out")
        if any(self.folder.iterdir()):
            if not (self.folder / INDEX).is_file():
                raise UserError(self.folder, "a folder of other things", "a new or empty one", "give another --out")
            if not self.force:
                raise UserError(self.folder, "frames already there", "a new folder", "add --force to replace them")

    def _disk_error(self, error: OSError) -> UserError:
        return UserError(self.folder, str(error.strerror), "room to write", "free some space or give another --out")


@dataclass(frozen=True)
class FrameStore:
    """The frames of a corpus, opened read-only.

    spec, about: as in FrameWriter.
    magnitudes: a row with a peak of 1 for each frame, memory-mapped, float32 (n, n_bins).
    split: each frame's split, an index in SPLITS, uint8 (n,).
    note: each frame's MIDI note, NO_NOTE if unknown, int16 (n,).
    chroma: each frame's detected pitch class, uint8 (n,).
    clip: each frame's clip, an index in `clips`, int32 (n,).
    sha256: hash of the magnitudes, in hex digits.
    """

    folder: Path
    spec: StftSpec
    about: dict[str, Any]
    magnitudes: np.memmap
    split: np.ndarray
    note: np.ndarray
    chroma: np.ndarray
    clip: np.ndarray
    clips: list[Clip]
    sha256: str

    @classmethod
    def open(cls, folder: str | Path) -> FrameStore:
        """Open the store in `folder`; UserError if it is missing, damaged or of another version."""
        folder = Path(folder)
        index = _read_index(folder)
        shape = (index.n_frames, index.spec.n_bins)
        with read_arrays(folder / LABELS, "a whole frame store", REBUILD, folder) as labels:
            note, chroma, clip = labels["note"], labels["chroma"], labels["clip"]
            n_bytes = (folder / MAGNITUDES).stat().st_size
        if n_bytes != shape[0] * shape[1] * 4:
            raise UserError(folder / MAGNITUDES, f"{n_bytes} bytes", f"{shape[0] * shape[1] * 4}", REBUILD)
        if not (len(note) == len(chroma) == len(clip) == index.n_frames and clip.max() < len(index.clips)):
            raise UserError(folder / LABELS, f"{len(clip)} labels", f"one for each of {index.n_frames} frames", REBUILD)
        magnitudes = np.memmap(folder / MAGNITUDES, "<f4", "r", shape=shape)
        split = np.array([SPLITS.index(c.split) for c in index.clips], np.uint8)[clip]
        return cls(folder, index.spec, index.about, magnitudes, split, note, chroma, clip, index.clips, index.sha256)

    def rows(self, split: str) -> np.ndarray:
        """Row numbers of the frames in a split, in rising order: int (n,)."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def fingerprint(self) -> str:
        """Sixteen hex digits that depend on frames, labels and spec, not on the folder."""
        digest = hashlib.sha256(f"{self.sha256} {self.spec}".encode())
        for labels in (self.split, self.note, self.chroma, self.clip):
            digest.update(np.ascontiguousarray(labels))
        return digest.hexdigest()[:16]


def refuse_bad_frames(store: FrameStore) -> None:
    """UserError if a frame is silent or not finite."""
    for start in range(0, len(store.magnitudes), _ROWS_AT_ONCE):
        rows = np.asarray(store.magnitudes[start : start + _ROWS_AT_ONCE])
        peaks = rows.max(axis=1)  # NaN, infinity and silence all show in the peak
        bad = np.flatnonzero(~(np.isfinite(peaks) & (peaks > 0.0)))
        if len(bad):
            row = start + int(bad[0])
            found = "silence" if peaks[bad[0]] == 0.0 else "values that are not numbers"
            raise UserError(
                store.folder,
                f"{found} in frame {row}, clip {store.clips[store.clip[row]].name!r}",
                "audible frames of finite numbers",
                REBUILD,
            )


def _read_index(folder: Path) -> _Index:
    path = folder / INDEX
    try:
        tree = msgspec.json.decode(path.read_bytes())
    except OSError:
        found = "no frames" if folder.is_dir() else "no such folder"
        raise UserError(folder, found, "a folder that `corpus` wrote", "build one with: timbrebox corpus") from None
    except msgspec.DecodeError as error:
        raise UserError(path, f"broken JSON ({error})", "what `corpus` wrote", REBUILD) from None
    version = tree.get("version") if isinstance(tree, dict) else None
    if version != VERSION:
        raise UserError(path, f"version {version}", f"version {VERSION}", REBUILD)
    index = checked(tree, _Index, path)
    stray = next((clip.split for clip in index.clips if clip.split not in SPLITS), None)
    if stray is not None or not index.clips or index.n_frames < 1:
        raise UserError(path, f"split {stray!r}" if stray else "no frames", "frames of train, val and test", REBUILD)
    return index


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
