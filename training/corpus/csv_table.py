"""Read a small CSV table that a user wrote: patch lists and manifests."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from training.corpus.frames import SPLITS


@dataclass(frozen=True)
class Row:
    """One line of the table; `where` names file and line for errors, cells are stripped and never None."""

    where: str
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """The cell, or an empty text where the table has no such column."""
        return self.cells.get(column, "")

    def split(self) -> str:
        """The row's split; UserError if it is none. `train_solo` counts as `train`, `validation` as `val`."""
        text = self.get("split")
        split = next((name for name in SPLITS if text.lower().startswith(name)), None)
        if split is None:
            raise UserError(self.where, f"split {text!r}", " or ".join(SPLITS), did_you_mean(text, SPLITS))
        return split


def read_table(path: str | Path, required: tuple[str, ...]) -> list[Row]:
    """Rows of a CSV file with a header; UserError if it cannot be read, is empty, or lacks a required column."""
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


def refuse_missing_split(splits: list[str], where: object) -> None:
    """UserError if train, val or test has nothing."""
    for name in SPLITS:
        if name not in splits:
            raise UserError(where, f"nothing in split {name!r}", f"some in each of {', '.join(SPLITS)}", "add some")
