"""Chooses the sounds of all parts, for a sound that has parts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.config import Config
from runtime.instrument.library import available, load
from runtime.sound.choice import Choice, choose
from runtime.sound.own import is_path, user_sounds
from runtime.sound.patch import at_volume
from runtime.sound.sound import SoundPart
from runtime.sound.store import instrument_sounds


def choose_parts(config: Config, instrument: str | None, preset: str | None, sound: str | None) -> Choice:
    """Choose what to play, as `choose` does, and the sounds of all its parts, as `with_parts` does."""
    return with_parts(choose(config, instrument, preset, sound), instrument, f"--sound {sound or preset}")


def with_parts(whole: Choice, instrument: str | None, where: str) -> Choice:
    """Choose the sounds of all parts of the chosen sound; if the sound has no parts, return `whole`.

    The returned Choice has these fields:
    parts: every part with its choice.
    whole, sound_file: the chosen sound and its file.
    remark: the remarks of all parts' choices; if they have none, the remark of the argument `whole`.
    The other fields are those of the first part's choice.

    instrument: the instrument that the user named, or None.
    where: names the sound in messages if the sound has no file.
    UserError as from `choose`, and for a part whose sound does not exist or has parts itself.
    """
    parts = whole.patch.sound.parts
    if not parts:
        return whole
    said, where = whole.patch.sound.made_for, whole.sound_file or where
    folder = whole.patch.folder if whole.sound_file is None else whole.sound_file.parent
    first = instrument or (said and said.name) or whole.instrument.path.stem
    config = msgspec.structs.replace(whole.settings, preset=None)
    chosen = []
    for number, part in enumerate(parts):
        each = _choose_part(config, part, f"{where}, parts[{number}]", folder, first)
        each = _at_level(each, whole.patch.sound.level_db or 0.0)
        first_volume_db = (chosen[0][1] if chosen else each).patch.settings.volume_db
        chosen.append((part, standing_at(each, first_volume_db)))
    remarks = [each.remark for _, each in chosen if each.remark]
    remark = " ".join(remarks) or whole.remark
    return chosen[0][1]._replace(parts=tuple(chosen), remark=remark, sound_file=whole.sound_file, whole=whole.patch)


def _choose_part(config: Config, part: SoundPart, where: str, folder: Path | None, first: str) -> Choice:
    name, instrument = part.sound, part.instrument
    if is_path(name):
        name = str(folder / name) if folder is not None else name
        if not Path(name).is_file():
            raise UserError(f"{where}.sound", f"{part.sound}, which does not exist", "a sound's file", "check the path")
    elif name not in user_sounds() and instrument is None:
        instrument = _instrument_with(name, where, first)
    chosen = choose(config, instrument, None, name)
    if chosen.patch.sound.parts:
        raise UserError(f"{where}.sound", f"{part.sound}, which has parts itself", "a sound without", "name its parts")
    return chosen


def _instrument_with(name: str, where: str, first: str) -> str:
    """Return the name of an instrument that has a sound of this name. `first` is searched before all others."""
    known: list[str] = []
    for instrument in dict.fromkeys([first, *available()]):
        decoder = load(instrument)
        sounds = instrument_sounds(decoder.card, decoder.path.stem)
        if name in sounds:
            return instrument
        known += sounds
    expected = "a sound of an instrument here, one of your own or a .yaml file"
    raise UserError(f"{where}.sound", repr(name), expected, did_you_mean(name, [*known, *user_sounds()]))


def _at_level(choice: Choice, level_db: float) -> Choice:
    if not level_db:
        return choice
    settings = choice.patch.settings
    settings = msgspec.structs.replace(settings, volume_db=settings.volume_db + level_db)
    return choice._replace(patch=msgspec.structs.replace(choice.patch, settings=settings))


def standing_at(choice: Choice, volume_db: float) -> Choice:
    """Set the target `level` of all sounds of a choice to `volume_db`; they stay as loud as before (`at_volume`)."""
    programs = tuple(at_volume(patch, volume_db) for patch in choice.programs)
    return choice._replace(patch=at_volume(choice.patch, volume_db), programs=programs)
