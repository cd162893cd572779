"""A CSV table is read back as it was written, even if cells have commas or are empty."""

from __future__ import annotations

from pathlib import Path

from training.corpus.csv_table import read_table, write_csv


def test_a_written_table_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, [{"name": "Strings, soft", "error": 0.1}, {"name": "Pad", "error": None}])
    assert path.read_text() == 'name,error\n"Strings, soft",0.1\nPad,\n'
    assert [row.cells for row in read_table(path, ("name",))] == [
        {"name": "Strings, soft", "error": "0.1"},
        {"name": "Pad", "error": ""},
    ]


def test_a_table_without_rows_has_no_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "empty.csv", [])
    assert (tmp_path / "empty.csv").read_text() == "\n"
