"""Imports the instrument that a sound's file contains: writes this instrument to the user's data folder."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import sync_folder
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import SUFFIX as ENCODER_SUFFIX
from runtime.instrument.library import available, imported_folder, sha256_of


def import_instrument(name: str, decoder: bytes, encoder: bytes | None, where: object) -> str:
    """Import an instrument, unless it is in the library already; returns its name in the library.

    If another instrument has the name, the new name is "NAME-2" or the next free one.

    decoder, encoder: contents of the instrument's .onnx files; `encoder` is None if the instrument has no encoder.
    where: the sound's file, for the text of an error.
    UserError if `decoder` is no instrument, or the folder cannot be written.
    """
    digest = hashlib.sha256(decoder).hexdigest()
    known = available()
    number, new = 2, name
    while new in known:
        if sha256_of(known[new]) == digest:
            return new
        new, number = f"{name}-{number}", number + 1
    folder = imported_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as part:
            _take_in(Path(part), folder, new, decoder, encoder)
    except OSError as error:
        found = error.strerror or str(error)
        raise UserError(folder, found, "a writable folder with room", "free some space") from None
    except UserError as error:
        raise UserError(f"{where}, {name}", error.found, error.expected, "ask for another copy") from None
    return new


def _take_in(part: Path, folder: Path, name: str, decoder: bytes, encoder: bytes | None) -> None:
    path = part / f"{name}.onnx"
    path.write_bytes(decoder)
    Decoder(path)  # raises an error if the file is no instrument
    if encoder is not None:
        beside = part / f"{name}{ENCODER_SUFFIX}"
        beside.write_bytes(encoder)
        beside.replace(folder / beside.name)
    path.replace(folder / path.name)
    sync_folder(folder)
