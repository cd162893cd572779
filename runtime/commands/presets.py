"""List the sounds that can be played by name, or show one as YAML."""

from __future__ import annotations

import argparse
import json
import sys

from runtime.base.errors import UserError
from runtime.config import load_config
from runtime.instrument.library import load
from runtime.sound.choice import find_sound
from runtime.sound.file import sound_text
from runtime.sound.store import KnownSound, known_sounds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions, `list` (the default) and `show`, with their options."""
    parser.set_defaults(action="list", config=None, instrument=None, json=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", help="list, the default, or show")
    listing = actions.add_parser("list", help="list what play --sound knows by name")
    listing.add_argument("--json", action="store_true", help="as JSON, one object for each sound")
    showing = actions.add_parser("show", help="print a sound as YAML")
    showing.add_argument("name", metavar="NAME|FILE.yaml", help="a sound of the list, or a file")
    for action in (listing, showing):
        action.add_argument("--config", metavar="FILE", help="settings (default: configs/instrument.yaml)")
        action.add_argument("--instrument", metavar="NAME|FILE.onnx", help="whose presets (see: instruments)")


def run(arguments: argparse.Namespace) -> int:
    """Print a list of the instrument's presets and the user's sounds, or one sound as YAML."""
    instrument = arguments.instrument or load_config(arguments.config).instrument
    if arguments.action == "show":
        print(sound_text(find_sound(arguments.name, instrument)), end="")
        return 0
    rows = _rows(instrument)
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for row in rows:
            program = "" if row["program"] is None else f", program {row['program']}"
            print(f"{row['name']}  ({row['origin']}{program}, {row['instrument'] or 'any instrument'})")
    return 0


def _rows(instrument: str | None) -> list[dict[str, object]]:
    """A row for each sound; a file that cannot be read as a sound is reported on stderr instead."""
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
