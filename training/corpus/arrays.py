"""Reads .npz files that may be damaged."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from runtime.base.errors import UserError

_DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, msgspec.ValidationError,
)  # fmt: skip


@contextmanager
def read_arrays(
    path: Path, expected: str, remedy: str, where: Path | None = None
) -> Iterator[Mapping[str, np.ndarray]]:
    """A context manager that gives the arrays of an .npz file by name; an array is read when it is asked for.

    UserError if the file is missing or damaged, or if its contents make the `with` block fail.
    expected: what should be there.
    remedy: how to get it.
    where: the place that the error names; None for `path`.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except _DAMAGE as error:
        raise UserError(where or path, f"a damaged file ({error})", expected, remedy) from None
