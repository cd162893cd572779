"""Turn recordings into a corpus: the spectra that a model learns."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.progress import clock
from runtime.base.signals import signals_as_exceptions
from training.corpus import amsynth, recordings
from training.corpus.frames import DATA, FrameStore
from training.corpus.manifest import read_manifest
from training.corpus.summary import summary

CLEAR = "keep only frames heard at their note; a recording without a known note gets the note heard in it"

TRANSPOSE = "also train on every recording resampled by 1 to N semitones either way, as the notes beside its own"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the sounds to read, the folder to write and the frames to keep."""
    parser.add_argument("source", metavar="amsynth|DIR", help="the synthesizer amsynth, or a folder of recordings")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write (default: one in data/)")
    parser.add_argument("--force", action="store_true", help="replace frames that are already there")
    parser.add_argument("--clear", action="store_true", help=CLEAR)
    demo = parser.add_argument_group("amsynth only")
    demo.add_argument("--scale", choices=sorted(amsynth.STEPS), help="notes of each octave (default: chromatic)")
    demo.add_argument("--octaves", type=int, choices=sorted(amsynth.LOWEST_NOTE), help="1: C4-C5; 5: C2-C7 (default)")
    demo.add_argument("--patches", type=Path, metavar="CSV", help="table of patches: bank, index, split, optional name")
    demo.add_argument("--every", type=at_least(1), metavar="N", help="keep one in N frames of each note, for trials")
    own = parser.add_argument_group("DIR only")
    own.add_argument("--manifest", type=Path, metavar="CSV", help="table: file, optional note, split, licence, source")
    own.add_argument("--strict", action="store_true", help="stop at an unusable recording instead of skipping it")
    own.add_argument("--transpose", type=at_least(0), metavar="N", help=TRANSPOSE)
    own.add_argument("--seed", type=int, help="seed of the random split, if no manifest gives the split (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Write the corpus, and print a summary of it."""
    start_s = time.monotonic()
    with signals_as_exceptions():
        out = _build_amsynth(arguments) if arguments.source == "amsynth" else _build_recordings(arguments)
    store = FrameStore.open(out)
    print(summary(store))
    print(f"wrote {out} in {clock(time.monotonic() - start_s)}")
    return 0


def _build_amsynth(arguments: argparse.Namespace) -> Path:
    _refuse_options(arguments, ("manifest", "strict", "transpose", "seed"), "a folder of recordings")
    scale = amsynth.Scale(arguments.scale or "chromatic", arguments.octaves or 5)
    suffix = "" if scale.n_octaves == 5 else f"-{scale.n_octaves}"
    out = arguments.out or DATA / f"amsynth-{scale.name}{suffix}"
    patches, every = arguments.patches or amsynth.PATCHES, arguments.every or 1
    amsynth.build(out, scale, patches, arguments.force, arguments.clear, every)
    return out


def _build_recordings(arguments: argparse.Namespace) -> Path:
    _refuse_options(arguments, ("scale", "octaves", "patches", "every"), "amsynth")
    folder = Path(arguments.source)
    name = folder.resolve().name
    found = read_manifest(arguments.manifest, folder) if arguments.manifest else recordings.find_recordings(folder)
    out = arguments.out or DATA / name
    strict, force, seed = arguments.strict, arguments.force, arguments.seed or 0
    moves = arguments.transpose or 0
    n_skipped = recordings.build(out, name, found, strict, force, seed, arguments.clear, moves)
    print(f"{len(found) - n_skipped} of {len(found)} recordings used")
    return out


def _refuse_options(arguments: argparse.Namespace, names: tuple[str, ...], owner: str) -> None:
    for name in names:
        if getattr(arguments, name) not in (None, False):
            raise UserError(f"--{name}", f"this option with {arguments.source!r}", f"it with {owner}", "leave it out")
