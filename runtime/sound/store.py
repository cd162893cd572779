"""The sounds that can be chosen by name: the instrument's presets, and the user's own, one file each.

The user's sounds lie in one folder. There the name of the file is the name of the sound, whatever its key `name` says:
so names are unique, and a copied file is another sound.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.instrument.card import Card
from runtime.instrument.library import BUNDLED_FOLDER
from runtime.sound.file import load_sound, sound_from_tree
from runtime.sound.sound import Sound, refuse_bad_name

SUFFIX = ".yaml"
MOST_FILE_NAME_BYTES = 200
# Characters that some file system refuses, or that have a meaning in paths, and the escape sign itself.
_UNSAFE = re.compile(r'[/\\:*?"<>|%]|^[. ]|[. ]$')


class KnownSound(msgspec.Struct, frozen=True):
    """A sound that can be chosen by name.

    origin: `card`, a preset of the instrument; `bundled`, a file that comes with it; `user`, a file of the user's.
    bank, program: MIDI bank and program number, from 0, that choose the sound while playing; None: MIDI cannot choose
    it. source: the sound, or its file's path.
    """

    name: str
    origin: Literal["card", "bundled", "user"]
    source: Sound | Path
    bank: int | None = None
    program: int | None = None

    @property
    def file(self) -> Path | None:
        """The sound's file; None for a preset of a card."""
        return self.source if isinstance(self.source, Path) else None

    def read(self) -> Sound:
        """The sound; UserError as in load_sound."""
        return load_sound(self.source) if isinstance(self.source, Path) else self.source


def sounds_folder() -> Path:
    """The folder of the user's sounds, which may not exist yet.

    Source: XDG Base Directory Specification 0.8: a relative $XDG_DATA_HOME is ignored.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    return Path(data if os.path.isabs(data) else os.path.expanduser("~/.local/share")) / "timbrebox" / "sounds"


def file_name(name: str) -> str:
    """The name of the file of a user's sound: unsafe characters become %XX, as in web addresses.

    UserError for a name that no sound can have, or that is too long for a file.
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
    """The user's sounds by name, in alphabetical order; their files are not read yet.

    A file whose name no sound can have is left out, and so are hidden files.
    """
    found = {}
    for path in sorted(sounds_folder().glob(f"[!.]*{SUFFIX}")):
        name = _name_of(path)
        if name is not None:
            found[name] = KnownSound(name, "user", path)
    return found


def card_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """The presets of an instrument's card as sounds, by name, in the card's order; instrument: its name."""
    knobs = [latent.name for latent in card.latents]
    found: dict[str, KnownSound] = {}
    for program, preset in enumerate(card.presets):
        latents = dict(zip(knobs, preset.latents, strict=True))
        said = (preset.sound or {}) | {"name": preset.name, "instrument": {"name": instrument}, "latents": latents}
        sound = sound_from_tree(said, f"{instrument}, preset {preset.name!r}")
        # Of presets with the same name the last one counts, as for --preset.
        found[preset.name] = KnownSound(preset.name, "card", sound, 0, program)
    return found


def bundled_sounds(instrument: str, first_program: int) -> dict[str, KnownSound]:
    """The sounds that come with an instrument, by name, in the order of their files' names.

    instrument: its name; first_program: program number of the first sound.
    """
    found = {}
    for number, path in enumerate(sorted((BUNDLED_FOLDER / "sounds" / instrument).glob(f"*{SUFFIX}"))):
        sound = load_sound(path)
        found[sound.name] = KnownSound(sound.name, "bundled", path, 0, first_program + number)
    return found


def instrument_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """The sounds of an instrument, by name: the presets of its card, then the bundled ones; instrument: its name."""
    return card_sounds(card, instrument) | bundled_sounds(instrument, len(card.presets))


def known_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """All sounds that can be chosen by name with an instrument; a user's sound replaces a preset of the same name."""
    return instrument_sounds(card, instrument) | user_sounds()


def is_path(name_or_path: str) -> bool:
    """Whether the text is a file's path and no sound's name; names may have slashes, so the ending decides."""
    return name_or_path.endswith((".yaml", ".yml"))


def unknown_sound(name: str, card: Card, known: Iterable[str]) -> UserError:
    """The error for a name that no sound has; it suggests the most similar known name."""
    expected = f"a sound of {card.name}, one of your own or a .yaml file"
    return UserError("sound's name", repr(name), expected, did_you_mean(name, known))


def _name_of(path: Path) -> str | None:
    """The name of the sound in a file of the user's folder; None if no sound can have it."""
    try:
        name = unicodedata.normalize("NFC", unquote(path.stem, errors="strict"))
        refuse_bad_name(name, path)
    except (UnicodeError, UserError):
        return None
    return None if is_path(name) else name
