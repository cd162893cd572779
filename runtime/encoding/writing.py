"""Writes the sounds that a recording was encoded as; replaces existing files only if told to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target
from runtime.encoding.candidates import Candidate
from runtime.recordings.reading import SUFFIXES
from runtime.sound.file import save_sound
from runtime.sound.own import SUFFIX

FOLDER_SUFFIX = "-sounds"


def candidate_path(out: Path, number: int) -> Path:
    """The path of a candidate: `out` for number 1. For later numbers, -2, -3 and so on come before the suffix."""
    return out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")


def sound_path(recording: Path, out: Path | None) -> Path:
    """The path of a recording's sound: `out`, or NAME.yaml in the working directory if `out` is None.

    UserError unless the path ends in .yaml or .yml.
    """
    path = out or Path(recording.stem + SUFFIX)
    if path.suffix not in (SUFFIX, ".yml"):
        raise UserError("--out", str(path), f"a name that ends in {SUFFIX}", f"add {SUFFIX}")
    return path


def bank_paths(folder: Path, out: Path | None) -> tuple[Path, dict[Path, Path]]:
    """The folder for the sounds, and the path of each recording's sound.

    folder: searched for recordings, with its subfolders.
    out: the folder for the sounds; None for a folder in the working directory, named after `folder`.
    UserError if there are no recordings, or `out` is a file.
    """
    target = out or Path(folder.resolve().name + FOLDER_SUFFIX)
    if target.exists() and not target.is_dir():
        raise UserError("--out", f"{target}, a file", "a folder for the sounds", "choose another name")
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise UserError(folder, "no recordings", "a folder of recordings", "check the path")
    paths: dict[Path, Path] = {}
    for path in found:
        name = "-".join(path.relative_to(folder).with_suffix("").parts)
        taken = set(paths.values())
        same, number = target / f"{name}{SUFFIX}", 1
        while same in taken:  # two recordings, such as a.wav and a.flac, may get the same name
            number += 1
            same = target / f"{name} ({number}){SUFFIX}"
        paths[path] = same
    return target, paths


def refuse_taken(out: Path, most: int, force: bool, recording: Path) -> None:
    """Check the paths of candidates number 1 to `most`.

    UserError if no file can be written there, or if a file is there already and `force` is False.
    """
    for number in range(1, most + 1):
        path = candidate_path(out, number)
        refuse_bad_target(path, inputs=[recording])
        if path.exists() and not force:
            raise UserError(path, "a file that is already there", "a new one", "give another --out, or --force")


def write_candidates(out: Path, candidates: Sequence[Candidate], recording: Path) -> list[Path]:
    """Write each candidate's sound; returns the paths. After an error, new files are removed again."""
    written: list[Path] = []
    new: list[Path] = []
    try:
        for number, candidate in enumerate(candidates, start=1):
            path = candidate_path(out, number)
            was_there = path.exists()
            save_sound(path, candidate.sound, inputs=[recording])
            written.append(path)
            if not was_there:
                new.append(path)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
    return written
