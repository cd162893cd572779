"""The user's own sounds: files in one folder. Their order gives their MIDI program numbers.

A sound's name is its file's name, even if the key `name` in the file differs. So names are unique.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.base.user_folders import data_folder
from runtime.sound.file import load_sound
from runtime.sound.sound import Sound, refuse_bad_name

SUFFIX = ".yaml"
MOST_FILE_NAME_BYTES = 200
BANK_SIZE = 128
FIRST_OWN_BANK, MOST_BANKS = 1, 2**14
# Characters that some file systems refuse, or that have a meaning in paths; and %, which marks a replaced character.
_UNSAFE = re.compile(r'[/\\:*?"<>|%]|^[. ]|[. ]$')


class KnownSound(msgspec.Struct, frozen=True):
    """A sound that can be chosen by name.

    origin: `card` for a preset of the instrument; `bundled` for a file that comes with the instrument; `user` for the
    user's file.
    source: the sound, or the path of its file.
    bank, program: MIDI's numbers, from 0; None if MIDI cannot choose the sound.
    """

    name: str
    origin: Literal["card", "bundled", "user"]
    source: Sound | Path
    bank: int | None = None
    program: int | None = None

    @property
    def file(self) -> Path | None:
        return self.source if isinstance(self.source, Path) else None

    def read(self) -> Sound:
        """The sound, read from its file if necessary; UserError as in load_sound."""
        return load_sound(self.source) if isinstance(self.source, Path) else self.source


def sounds_folder() -> Path:
    """The folder of the user's sounds; it may not exist yet."""
    return data_folder() / "sounds"


def file_name(name: str) -> str:
    """The file name for a user's sound: unsafe characters become %XX.

    UserError for a name that a sound cannot have, or that is too long for a file.
    """
    refuse_bad_name(name, "sound's name")
    if is_path(name):
        raise UserError("sound's name", repr(name), "a name that is not taken for a file's", "leave out the ending")
    escaped = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", unicodedata.normalize("NFC", name)) + SUFFIX
    n_bytes = len(escaped.encode())
    if n_bytes > MOST_FILE_NAME_BYTES:
        found, expected = f"{name!r}, {n_bytes} bytes as a file's name", f"at most {MOST_FILE_NAME_BYTES}"
        raise UserError("sound's name", found, expected, "choose a shorter name")
    return escaped


def user_sounds() -> dict[str, KnownSound]:
    """The user's sounds by name, in alphabetical order, ignoring case; the files are not read.

    Bank 1 holds the first 128 sounds, bank 2 the next 128, and so on. Hidden files, and files with a name that a sound
    cannot have, are left out.
    """
    named = {}
    for path in sorted(sounds_folder().glob(f"[!.]*{SUFFIX}")):
        name = _name_of(path)
        if name is not None:
            named[name] = path
    found = {}
    for number, name in enumerate(sorted(named, key=lambda name: (name.casefold(), name))):
        bank, program = FIRST_OWN_BANK + number // BANK_SIZE, number % BANK_SIZE
        place = (bank, program) if bank < MOST_BANKS else (None, None)
        found[name] = KnownSound(name, "user", named[name], *place)
    return found


def own_sound(name: str) -> KnownSound:
    """The user's sound with this name. If there is none, raise a UserError with the most similar name."""
    known, name = user_sounds(), unicodedata.normalize("NFC", name)
    if name not in known:
        raise UserError("sound's name", repr(name), "a sound of your own", did_you_mean(name, known))
    return known[name]


def own_sound_at(number: int) -> KnownSound:
    """The user's sound with the MIDI number bank * 128 + program; UserError if there is none."""
    bank, program = divmod(number, BANK_SIZE)
    for known in user_sounds().values():
        if (known.bank, known.program) == (bank, program):
            return known
    expected = f"a sound of your own there; the first one is program 0 of bank {FIRST_OWN_BANK}"
    raise UserError("program change", f"program {program} of bank {bank}", expected, "see: ./timbrebox presets")


def is_path(name_or_path: str) -> bool:
    """Whether the text is a file's path and not a sound's name. Its ending decides: a name, too, can have slashes."""
    return name_or_path.endswith((".yaml", ".yml"))


def _name_of(path: Path) -> str | None:
    try:
        name = unicodedata.normalize("NFC", unquote(path.stem, errors="strict"))
        refuse_bad_name(name, path)
    except (UnicodeError, UserError):
        return None
    return None if is_path(name) else name
