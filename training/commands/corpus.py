"""The command `corpus`: recordings, or the demo synthesiser, to a folder of frames."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES
from runtime.base.errors import UserError
from runtime.base.progress import clock
from training.corpus import amsynth, recordings
from training.corpus.frames import NO_NOTE, SPLITS, FrameStore
from training.corpus.manifest import read_manifest

DATA = Path("data")
CLEAR = "keep only frames that are heard at their note; a sound without a note gets the one that is heard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("source", metavar="amsynth|DIR", help="the demo synthesiser, or a folder of recordings")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the frames go (default: a folder under data/)")
    parser.add_argument("--force", action="store_true", help="replace frames that are already there")
    parser.add_argument("--clear", action="store_true", help=CLEAR)
    demo = parser.add_argument_group("amsynth only")
    demo.add_argument("--scale", choices=sorted(amsynth.STEPS), help="notes of each octave (default: chromatic)")
    demo.add_argument("--octaves", type=int, choices=sorted(amsynth.LOWEST_NOTE), help="1: C4-C5; 5: C2-C7 (default)")
    demo.add_argument("--patches", type=Path, metavar="CSV", help="patch list: bank, index, split, optional name")
    demo.add_argument("--every", type=int, metavar="N", help="keep one in N frames of a note, for trials")
    own = parser.add_argument_group("DIR only")
    own.add_argument("--manifest", type=Path, metavar="CSV", help="file, and optional note, split, licence, source")
    own.add_argument("--strict", action="store_true", help="end at the first unusable recording instead of skipping it")
    own.add_argument("--seed", type=int, help="of the split by clip, where no manifest gives one (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Build the corpus and print its summary."""
    start_s = time.monotonic()
    out = _build_amsynth(arguments) if arguments.source == "amsynth" else _build_recordings(arguments)
    store = FrameStore.open(out)
    print(summary(store))
    print(f"wrote {out} in {clock(time.monotonic() - start_s)}")
    return 0


def summary(store: FrameStore) -> str:
    """A table of frames per split and pitch class (of the known note, else detected), and what is missing from it."""
    pitch_class = np.where(store.note != NO_NOTE, store.note % N_CHROMA, store.chroma)
    n_frames = np.zeros((N_CHROMA, len(SPLITS)), int)
    np.add.at(n_frames, (pitch_class, store.split), 1)
    lines = [_line("frames", [*SPLITS, "all"])]
    lines += [_line(name, [*row, row.sum()]) for name, row in zip(PITCH_CLASSES, n_frames, strict=True)]
    lines.append(_line("all", [*n_frames.sum(axis=0), n_frames.sum()]))
    n_clips = [sum(clip.split == split for clip in store.clips) for split in SPLITS]
    lines.append(_line("clips", [*n_clips, len(store.clips)]))
    n_known = int(np.count_nonzero(store.note != NO_NOTE))
    lines.append(f"pitch class: the known note for {n_known} frames, detected for {len(store.note) - n_known}")
    for split, column in zip(SPLITS, n_frames.T, strict=True):
        empty = [name for name, count in zip(PITCH_CLASSES, column, strict=True) if not count]
        if empty:
            effect = ": a model trained on these frames cannot play them" if split == "train" else ""
            lines.append(f"{split} has no frame of {', '.join(empty)}{effect}")
    return "\n".join(lines)


def _line(head: str, cells: list[object]) -> str:
    return f"{head:>6}" + "".join(f"{cell:>10}" for cell in cells)


def _build_amsynth(arguments: argparse.Namespace) -> Path:
    _refuse_options(arguments, ("manifest", "strict", "seed"), "a folder of recordings")
    notes = amsynth.Notes(arguments.scale or "chromatic", arguments.octaves or 5)
    every = 1 if arguments.every is None else arguments.every
    if every < 1:
        raise UserError("--every", str(every), "at least 1", "give a larger number")
    suffix = "" if notes.n_octaves == 5 else f"-{notes.n_octaves}"
    out = arguments.out or DATA / f"amsynth-{notes.scale}{suffix}"
    amsynth.build(out, notes, arguments.patches or amsynth.PATCHES, arguments.force, arguments.clear, every)
    return out


def _build_recordings(arguments: argparse.Namespace) -> Path:
    _refuse_options(arguments, ("scale", "octaves", "patches", "every"), "amsynth")
    folder = Path(arguments.source)
    name = folder.resolve().name
    found = read_manifest(arguments.manifest, folder) if arguments.manifest else recordings.find_recordings(folder)
    out = arguments.out or DATA / name
    strict, force, seed = arguments.strict, arguments.force, arguments.seed or 0
    n_skipped = recordings.build(out, name, found, strict, force, seed, arguments.clear)
    print(f"{len(found) - n_skipped} of {len(found)} recordings used")
    return out


def _refuse_options(arguments: argparse.Namespace, names: tuple[str, ...], owner: str) -> None:
    for name in names:
        if getattr(arguments, name) not in (None, False):
            raise UserError(f"--{name}", f"it with {arguments.source!r}", f"it with {owner}", "leave it out")
