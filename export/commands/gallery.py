"""Make the gallery: pieces, comparisons, morphs and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.signals import signals_as_exceptions

DOCS = Path(__file__).parents[2] / "docs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gallery`."""
    names = "names or files of instruments (default: all bundled ones); the page keeps what it says of others"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    recordings = "the folder with a folder of recordings, and a manifest.csv, for each instrument (default: none)"
    parser.add_argument("--recordings", type=Path, metavar="DIR", help=recordings)
    out = "the folder for gallery.md and the folder gallery (default: docs)"
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR", help=out)


@signals_as_exceptions()
def run(arguments: argparse.Namespace) -> int:
    """Make all contents first, then write the files; print the size of each file."""
    from export.gallery.exhibit import make_exhibit
    from export.gallery.writing import kept_sections, write_gallery
    from runtime.base.progress import Progress
    from runtime.instrument.library import BUNDLED_FOLDER, DEFAULT_INSTRUMENT, available, load

    recordings = arguments.recordings
    if recordings is not None and not recordings.is_dir():
        raise UserError("--recordings", f"no folder {recordings}", "a folder of recordings", "check the path")
    bundled = [name for name, path in available().items() if path.parent == BUNDLED_FOLDER]
    instruments = [load(name) for name in arguments.names or bundled]
    exhibits = []
    with Progress("gallery", len(instruments)) as progress:
        for instrument in instruments:
            progress.update(len(exhibits), instrument.path.stem)
            exhibits.append(make_exhibit(instrument, recordings and recordings / instrument.path.stem))
            progress.update(len(exhibits))
    kept = kept_sections(arguments.out, bundled)
    order = sorted(bundled, key=lambda name: name != DEFAULT_INSTRUMENT)
    for path in write_gallery(arguments.out, exhibits, kept, order):
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")
    return 0
