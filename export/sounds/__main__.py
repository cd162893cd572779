"""Make and measure the sounds of an instrument: python -m export.sounds [INSTRUMENT]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.sounds.figures import broken_claims, measured
from export.sounds.making import as_loud, file_stem, loudness, made_sound, played
from export.sounds.measure import play
from export.sounds.page import Entry, draw, write_csv, write_page
from export.sounds.recipes import RECIPES
from export.sounds.timbres import Timbres
from runtime.base.command_line import Parser, run_program
from runtime.instrument.library import BUNDLED_FOLDER, DEFAULT_INSTRUMENT, load
from runtime.sound.file import save_sound

PAGE = Path(__file__).parents[2] / "docs" / "sounds.md"


def run(arguments: argparse.Namespace) -> int:
    """Write the sounds, and a page about them; returns 1 if a sound is not as its recipe says, else 0."""
    instrument = load(arguments.instrument)
    name = instrument.path.stem
    out = arguments.out or BUNDLED_FOLDER / "sounds" / name
    timbres = Timbres(instrument)
    lufs = loudness(made_sound(RECIPES[0], timbres, name), RECIPES[0], instrument)
    entries, n_broken = [], 0
    for number, recipe in enumerate(RECIPES):
        sound = as_loud(made_sound(recipe, timbres, name), recipe, instrument, lufs)
        path = out / f"{file_stem(number, recipe)}.yaml"
        save_sound(path, sound)
        figures = measured(sound, recipe, instrument)
        take = play(instrument, played(sound, instrument), [recipe.notes[1]])
        broken = broken_claims(recipe, figures, lufs)
        entries.append(Entry(recipe, sound, figures, take, broken))
        n_broken += len(broken)
        print(f"{path}: {'; '.join(broken) or 'as its recipe says'}", flush=True)
    write_csv(arguments.page.with_suffix(".csv"), entries)
    draw(arguments.page.with_suffix(".png"), entries)
    write_page(arguments.page, entries, instrument.card.name, len(instrument.card.presets), lufs)
    return 1 if n_broken else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m export.sounds", description=__doc__)
    parser.add_argument("instrument", nargs="?", default=DEFAULT_INSTRUMENT, help="name or file of an instrument")
    folder = "where to write the sounds (default: runtime/bundled/sounds/NAME)"
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=folder)
    page = "the page to write; its table and picture lie beside it (default: docs/sounds.md)"
    parser.add_argument("--page", type=Path, metavar="FILE.md", default=PAGE, help=page)
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
