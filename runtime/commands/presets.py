"""List the sounds that you can play by name, and manage your own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.companion.sounds import operations, package
from runtime.companion.state import read_state
from runtime.config import load_config
from runtime.instrument.encoder import SUFFIX as ENCODER_SUFFIX
from runtime.instrument.importing import import_instrument
from runtime.instrument.library import available, find, load, sha256_of
from runtime.link.client import connect, connect_if_playing
from runtime.link.place import SERVICE_SOCKET
from runtime.sound.choice import find_sound
from runtime.sound.file import sound_text
from runtime.sound.own import KnownSound, file_name, is_path, sounds_folder, user_sounds
from runtime.sound.sound import Sound, SoundInstrument
from runtime.sound.store import instrument_sounds, known_sounds
from runtime.sound.trajectory.use import trajectory_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options; the default action is `list`."""
    parser.set_defaults(action="list", config=None, instrument=None, json=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", help="list, the default, or one of these:")
    listing = actions.add_parser("list", help="list what play --sound knows by name")
    listing.add_argument("--json", action="store_true", help="as JSON, one object for each sound")
    showing = actions.add_parser("show", help="print a sound as YAML")
    showing.add_argument("name", metavar="NAME|FILE.yaml", help="a sound of the list, or a file")
    exporting = actions.add_parser("export", help="write a sound to one file that can be mailed")
    exporting.add_argument("name", metavar="NAME|FILE.yaml", help="a sound of the list, or a file")
    exporting.add_argument("file", metavar="OUT", nargs="?", help=f"default: NAME{package.SUFFIX}")
    exporting.add_argument("--with-instrument", action="store_true", help="with the instrument's .onnx in it")
    for action in (listing, showing, exporting):
        action.add_argument("--config", metavar="FILE", help="settings, in place of what plays (see: play)")
        action.add_argument("--instrument", metavar="NAME|FILE.onnx", help="whose presets (see: instruments)")
    saving = actions.add_parser("save", help="save what play plays now, or else what it played last")
    saving.add_argument("name", metavar="NAME", nargs="?", help='default: a new name, such as "Sound 7"')
    for name, text in (("rename", "give a sound of your own another name"), ("copy", "copy a sound of your own")):
        action = actions.add_parser(name, help=text)
        action.add_argument("name", metavar="NAME", help="a sound of your own")
        action.add_argument("new_name", metavar="NEW", help="a name that no sound of yours has")
    deleting = actions.add_parser("delete", help="delete a sound of your own (undo brings it back)")
    deleting.add_argument("name", metavar="NAME", help="a sound of your own")
    actions.add_parser("undo", help="take the last deletion, rename or overwriting back")
    importing = actions.add_parser("import", help="take in a sound's file, exported or not")
    importing.add_argument("file", metavar="FILE", help="a .yaml file, or one that export wrote")
    importing.add_argument("--name", metavar="NAME", help="the sound's name here (default: the file's, or its own)")


def run(arguments: argparse.Namespace) -> int:
    """Run the action, which prints its result."""
    if arguments.action in ("rename", "copy", "delete"):
        _refuse_an_instrument_s(arguments.name)
    _ACTIONS[arguments.action or "list"](arguments)
    return 0


def _refuse_an_instrument_s(name: str) -> None:
    if name in user_sounds():
        return
    for instrument in available():
        if name in instrument_sounds(load(instrument).card, instrument):
            found = f"{name!r}, which comes with {instrument}"
            remedy = "to have it as your own, play it and save it: ./timbrebox presets save"
            raise UserError("sound's name", found, "a sound of your own", remedy)


def _list(arguments: argparse.Namespace) -> None:
    playing = _playing(arguments)
    rows = _rows(_instrument(arguments, playing))
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if playing:
        whose = "; the service that plays has its own (see its page)" if playing.is_service else ""
        said = f"{Path(playing.file).stem} plays: its sounds, then yours, from {sounds_folder()}{whose}"
        print(f"timbrebox: {said}", file=sys.stderr)
    for row in rows:
        print(f"{row['name']}  ({row['origin']}{_place(row)}, {row['instrument'] or 'any instrument'})")


def _rows(instrument: str | None) -> list[dict[str, object]]:
    decoder, rows = load(instrument), []
    for known in known_sounds(decoder.card, decoder.path.stem).values():
        try:
            rows.append(_row(known))
        except UserError as error:
            print(f"timbrebox: {known.name}: not playable: {error}", file=sys.stderr)
    return rows


def _row(known: KnownSound) -> dict[str, object]:
    made_for = known.read().made_for
    return {
        "name": known.name,
        "instrument": made_for and made_for.name,
        "bank": known.bank,
        "program": known.program,
        "origin": known.origin,
    }


def _place(row: dict[str, object]) -> str:
    """The text for a sound's bank and program. Bank 0 is left out; without a program, the text is empty."""
    if row["program"] is None:
        return ""
    bank = f", bank {row['bank']}" if row["bank"] else ""
    return f"{bank}, program {row['program']}"


def _show(arguments: argparse.Namespace) -> None:
    print(sound_text(find_sound(arguments.name, _instrument(arguments, _playing(arguments)))[0]), end="")


def _save(arguments: argparse.Namespace) -> None:
    if arguments.name is not None:
        file_name(arguments.name)  # refuses a bad name before the running `play` is asked to save
    link = connect_if_playing()
    if link is not None:
        with link:
            saved = link.ask("save", limit_s=30.0, name=arguments.name)
        print(_saved_line(saved["name"], saved["file"], saved["replaced"]))
        return
    state = read_state()
    if state is None:
        raise UserError("presets save", "nothing that plays or has played", "a sound", "play first: ./timbrebox play")
    saved = operations.save_tree(arguments.name, state.sound, Path(state.folder) if state.folder else None)
    print(f"Nothing plays now, so the last sound was taken. {_saved_line(saved.name, saved.path, saved.replaced)}")


def _saved_line(name: str, path: object, replaced: bool) -> str:
    before = " The one before is kept: ./timbrebox presets undo brings it back." if replaced else ""
    return f"Saved as {name}: {path}.{before}"


def _rename(arguments: argparse.Namespace) -> None:
    operations.rename(arguments.name, arguments.new_name)
    print(f"{arguments.name} is now {arguments.new_name}.")


def _copy(arguments: argparse.Namespace) -> None:
    operations.copy(arguments.name, arguments.new_name)
    print(f"{arguments.new_name} is a copy of {arguments.name}.")


def _delete(arguments: argparse.Namespace) -> None:
    operations.delete(arguments.name)
    print(f"{arguments.name} is deleted; ./timbrebox presets undo brings it back.")


def _undo(_arguments: argparse.Namespace) -> None:
    print(operations.undo())


def _export(arguments: argparse.Namespace) -> None:
    instrument = _instrument(arguments, _playing(arguments))
    sound, folder = find_sound(arguments.name, instrument)
    name = sound.name if is_path(arguments.name) and sound.name else Path(arguments.name).stem
    name = name if is_path(arguments.name) else arguments.name
    sound = msgspec.structs.replace(sound, name=name)
    out = Path(arguments.file or Path(file_name(name)).stem + package.SUFFIX)
    inputs = [Path(arguments.name)] if is_path(arguments.name) else []
    inputs += trajectory_paths(sound.trajectory, folder)
    instruments = {}
    if arguments.with_instrument:
        sound, instruments, read = _with_instrument(sound, arguments.instrument or _made_for(sound) or instrument)
        inputs += read
    package.pack(out, sound, folder, instruments, inputs)
    with_instrument = f", with {next(iter(instruments))}" if instruments else ""
    print(f"{out}: {name}{with_instrument}")


def _made_for(sound: Sound) -> str | None:
    """The name of the instrument that the sound was made for, if the sound says so."""
    return sound.made_for.name if sound.made_for else None


def _with_instrument(sound: Sound, instrument: str | None) -> tuple[Sound, dict[str, bytes], list[Path]]:
    """Put the instrument's digest into the sound, and read the instrument's files.

    instrument: its name or file; None for the default one.
    Returns the new sound, each file's content by the file's name, and the files' paths.
    """
    path = find(instrument)
    files = {path.name: read_bounded_file(path, "an .onnx instrument", package.LARGEST_ONNX_BYTES)}
    encoder = path.with_name(path.stem + ENCODER_SUFFIX)
    if encoder.exists():
        files[encoder.name] = read_bounded_file(encoder, "an encoder", package.LARGEST_ONNX_BYTES)
    sound = msgspec.structs.replace(sound, instrument=SoundInstrument(path.stem, sha256_of(path)))
    return sound, files, [path, encoder]


def _import(arguments: argparse.Namespace) -> None:
    path = Path(arguments.file)
    if arguments.name is not None:
        file_name(arguments.name)  # refuses a bad name before an instrument is imported
    found = package.unpack(path)
    sound, news = found.sound, ""
    for file, content in found.instruments.items():
        if file.endswith(ENCODER_SUFFIX):
            continue
        stem = Path(file).stem
        name = import_instrument(stem, content, found.instruments.get(stem + ENCODER_SUFFIX), path)
        sound = msgspec.structs.replace(sound, instrument=SoundInstrument(name, sha256_of(find(name))))
        news = f" Its instrument is {name}."
    wanted = path.stem if path.suffix in (".yaml", ".yml") or sound.name is None else sound.name
    saved = operations.add(arguments.name or wanted, sound, found.trajectories)
    there = " It was there already." if saved.replaced else ""
    print(f"{saved.name}: {saved.path}.{there}{news}")


class _Playing(NamedTuple):
    """The instrument that plays. is_service: whether the service plays it, which keeps its files in its own folder."""

    file: str
    is_service: bool


def _playing(arguments: argparse.Namespace) -> _Playing | None:
    """What plays; None if nothing answers, or if an option names what to look at instead."""
    if arguments.instrument is None and arguments.config is None:
        with suppress(UserError), connect() as link:
            return _Playing(link.ask("state")["instrument"]["file"], link.path == SERVICE_SOCKET)
    return None


def _instrument(arguments: argparse.Namespace, playing: _Playing | None) -> str | None:
    """The instrument that an option names, or that plays, or that the settings name; None for the default one."""
    return playing.file if playing else arguments.instrument or load_config(arguments.config).instrument


_ACTIONS: dict[str, Callable[[argparse.Namespace], object]] = {
    "list": _list,
    "show": _show,
    "save": _save,
    "rename": _rename,
    "copy": _copy,
    "delete": _delete,
    "undo": _undo,
    "import": _import,
    "export": _export,
}
