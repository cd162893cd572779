"""The manifest: a CSV table of the recordings of a corpus, their notes, splits, licences and sources."""

from __future__ import annotations

from pathlib import Path

from runtime.acoustics.pitch import parse_note
from runtime.base.errors import UserError
from training.corpus.csv_table import Row, read_table, refuse_missing_split
from training.corpus.recordings import Recording, refuse_too_few


def read_manifest(path: str | Path, folder: Path) -> list[Recording]:
    """Read a manifest as `listed` does, with the same errors and two more.

    UserError also if there are too few recordings, or if the manifest gives splits and a split has no recordings.
    """
    recordings = listed(path, folder)
    refuse_too_few(len(recordings), path)
    if recordings[0].split:
        refuse_missing_split([recording.split for recording in recordings], path)
    return recordings


def listed(path: str | Path, folder: Path) -> list[Recording]:
    """The recordings that a manifest lists, even if there are too few for a corpus.

    If a line is wrong, a UserError names it. The columns, of which only `file` must be there:
    file: a path relative to `folder` or to the manifest's folder.
    note, midi: a note name or a MIDI number in either column, empty if unknown.
    sound: name of the timbre.
    velocity: 1 to 127.
    split: train, val or test, on every row or on none.
    licence, source: texts.
    """
    if not folder.is_dir():
        raise UserError(folder, "no such folder", "the folder that the manifest's files are in", "check the path")
    rows = read_table(path, ("file",))
    with_split = [row for row in rows if row.get("split")]
    if with_split and len(with_split) < len(rows):
        row = next(row for row in rows if not row.get("split"))
        raise UserError(row.where, "no split", "a split on every row, or on none", "fill the column `split`")
    recordings: dict[Path, Recording] = {}  # by path, to find a file that is listed twice
    for row in rows:
        recording = _recording(row, folder, Path(path).parent)
        path_on_disk = recording.path.resolve()
        if path_on_disk in recordings:
            raise UserError(row.where, f"{recording.name!r} again", "each file once", "remove that line")
        recordings[path_on_disk] = recording
    return list(recordings.values())


def _recording(row: Row, folder: Path, manifest_folder: Path) -> Recording:
    name = row.get("file")
    if not name:
        raise UserError(row.where, "no file", "the path of a recording", "fill the column `file`")
    path = folder / name
    if not path.is_file() and (manifest_folder / name).is_file():
        path = manifest_folder / name
    text = row.get("midi") or row.get("note")
    try:
        note = parse_note(text) if text else None
    except ValueError:
        raise UserError(row.where, f"note {text!r}", "a name such as C4, or 0 to 127", "change it") from None
    split = row.split() if row.get("split") else ""
    licence = row.get("licence") or row.get("license")
    return Recording(path, name, split, note, row.get("source"), licence, row.get("sound"), _velocity(row))


def _velocity(row: Row) -> int | None:
    text = row.get("velocity")
    if not text:
        return None
    if not (text.isdecimal() and 1 <= int(text) <= 127):
        raise UserError(row.where, f"velocity {text!r}", "1 to 127", "change it")
    return int(text)
