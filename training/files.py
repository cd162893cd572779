"""What the workshop writes: whole or not at all, as runtime.atomic_file does it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from runtime.atomic_file import replacing
from runtime.errors import UserError


@contextmanager
def written_whole(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A stream, UTF-8 text or `wb`, whose content takes the place of `path` when the block ends well.

    Makes the folder where there is none. UserError if it cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            if mode == "wb":
                yield stream
                return
            text = io.TextIOWrapper(stream, encoding="utf-8")
            yield text
            text.flush()
            text.detach()
    except OSError as error:
        raise UserError(
            path, error.strerror or str(error), "room to write", "free some space, or choose another place"
        ) from None


def write_json(path: str | Path, tree: object) -> None:
    """A tree of plain values as readable JSON."""
    with written_whole(path) as stream:
        json.dump(tree, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that we wrote; UserError if it cannot be read or is something else."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(path, f"no readable JSON ({error})", "what was written there", "remove it") from None
    if not isinstance(tree, dict):
        raise UserError(path, f"a {type(tree).__name__}", "a JSON object", "remove it")
    return tree


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
