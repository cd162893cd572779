"""Reads the CSV tables that users write, and writes the tables that commands make."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.base.errors import UserError, did_you_mean
from runtime.base.files import atomic_write
from training.corpus.frames import SPLITS


@dataclass(frozen=True)
class Row:
    """One line of a table.

    where: file and line, for error messages.
    cells: the text of each cell, without spaces at its ends, by column.
    """

    where: str
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """The cell's text; empty if the table has no such column."""
        return self.cells.get(column, "")

    def split(self) -> str:
        """The split whose name the cell `split` begins with, such as val for `validation`; UserError if none."""
        text = self.get("split")
        split = next((name for name in SPLITS if text.lower().startswith(name)), None)
        if split is None:
            raise UserError(self.where, f"split {text!r}", " or ".join(SPLITS), did_you_mean(text, SPLITS))
        return split


def read_table(path: str | Path, required: tuple[str, ...]) -> list[Row]:
    """Read a CSV file with a header line, separated by commas or semicolons.

    UserError if the file cannot be read, has no rows, or lacks a required column.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(path, str(getattr(error, "strerror", None) or error), "a CSV file", "check the path") from None
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if ";" in header and "," not in header else ",")
    columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    for name in required:
        if name not in columns:
            raise UserError(path, f"no column {name!r}", f"columns {', '.join(required)}", "add it to the header line")
    rows = [
        Row(f"{path}, line {reader.line_num}", {key: (value or "").strip() for key, value in row.items() if key})
        for row in reader
    ]
    if not rows:
        raise UserError(path, "no rows", "one row per sound", "fill the table")
    return rows


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write a table atomically; None becomes an empty cell.

    columns: the columns' names; by default, the first row's keys.
    """
    names = (list(rows[0]) if rows else []) if columns is None else columns
    with atomic_write(path) as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def refuse_missing_split(splits: list[str], where: object) -> None:
    """UserError if train, val or test is not among the splits.

    where: the place that the error names.
    """
    for name in SPLITS:
        if name not in splits:
            raise UserError(where, f"nothing in split {name!r}", f"some in each of {', '.join(SPLITS)}", "add some")
