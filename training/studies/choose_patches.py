"""Choose amsynth patches that are heard at the pitch of the key over the whole keyboard, and that differ in timbre.

python -m training.studies.choose_patches OUT.csv writes a list for `corpus amsynth --patches`, such as
configs/amsynth100.csv. Every factory patch plays six notes from C2 to C7. Three frames of each note are examined. A
patch is a candidate if all these frames are clear (training/hearing/clear_frames.py). k-means groups the candidates by
their spectra, and the patch nearest to the middle of each group is chosen. configs/amsynth20.csv is made by:

python -m training.studies.choose_patches configs/amsynth20.csv --number 20 --test-only --not-in configs/amsynth80.csv
--notes 36 47 58 60 62 64 65 67 69 71 72 80 96
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2

from runtime.acoustics.spectrum import StftSpec
from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target
from runtime.base.progress import Progress
from training.corpus import amsynth
from training.corpus.csv_table import write_csv
from training.hearing.clear_frames import are_clear

KEYS = amsynth.HeldNotes((36, 47, 58, 69, 80, 96), 0.45)
N_FRAMES_PER_NOTE = 3
N_COMPONENTS = 30  # k-means uses this many principal components
HELD_OUT_SHARE = 0.1  # share of the chosen patches that goes to val; as many go to test


@dataclass(frozen=True)
class Candidate:
    """A patch of a bank.

    frames: a few frames of each note that was played, float16 (n_notes, N_FRAMES_PER_NOTE, n_bins).
    """

    bank: str
    index: int
    name: str
    frames: np.ndarray


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.choose_patches", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="the list to write")
    parser.add_argument("--number", type=at_least(3), default=100, metavar="N", help="patches to choose (default: 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of groups and split (default: 0)")
    parser.add_argument("--notes", type=at_least(0), nargs="+", default=KEYS.notes, metavar="N", help="notes to play")
    parser.add_argument("--not-in", type=Path, metavar="CSV", help="leave out the patches of this list")
    parser.add_argument("--test-only", action="store_true", help="put every chosen patch into split test")
    return run_program(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    """Choose the patches, write the list, and print the number of candidates."""
    refuse_bad_target(arguments.out)
    keys = amsynth.HeldNotes(tuple(arguments.notes), KEYS.note_s)
    banks = amsynth.find_banks(amsynth.find_plugin())
    listed = amsynth.read_patches(arguments.not_in, banks) if arguments.not_in else []
    candidates = [candidate for candidate in render_all(keys, listed) if is_clear(candidate, keys)]
    print(f"{len(candidates)} patches are heard at their keys")
    chosen = choose(candidates, arguments.number, arguments.seed)
    write_list(arguments.out, chosen, arguments.seed, arguments.test_only)
    return 0


def render_all(
    keys: amsynth.HeldNotes = KEYS, listed: Sequence[amsynth.Patch] = (), spec: StftSpec = StftSpec()
) -> Iterator[Candidate]:
    """Render every factory patch; yields the patches that sound at every key.

    listed: patches that are left out, even where a bank has them under another name.
    """
    plugin, known = amsynth.find_plugin(), [patch.controls for patch in listed]
    patches = [
        (bank, index, amsynth.Patch(name, "train", controls))
        for bank, path in amsynth.find_banks(plugin).items()
        for index, (name, controls) in enumerate(amsynth.read_bank(path))
        if controls not in known
    ]
    with (
        tempfile.TemporaryDirectory() as data_home,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        Progress("patches", len(patches)) as progress,
    ):

        def work(patch: amsynth.Patch) -> np.ndarray | None:
            return picked_frames(amsynth.render_patch(patch, keys, plugin, spec.sample_rate_hz, data_home), spec)

        rendered = pool.map(work, [patch for _, _, patch in patches])
        for done, ((bank, index, patch), frames) in enumerate(zip(patches, rendered, strict=True), start=1):
            progress.update(done, patch.name)
            if frames is not None:
                yield Candidate(bank, index, patch.name, frames)


def picked_frames(samples: np.ndarray, spec: StftSpec) -> np.ndarray | None:
    """Pick a few frames of each note for a Candidate; None if a note has too few frames that sound.

    samples: (n_notes, n_samples), the sound of each note.
    """
    notes = amsynth.patch_frames(samples, spec)
    if any(len(frames) < N_FRAMES_PER_NOTE for frames in notes):
        return None
    picked = [frames[np.linspace(1, len(frames) - 1, N_FRAMES_PER_NOTE).astype(int)] for frames in notes]
    return np.array(picked, np.float16)


def is_clear(candidate: Candidate, keys: amsynth.HeldNotes = KEYS, spec: StftSpec = StftSpec()) -> bool:
    """Whether every frame of a candidate is clear. keys: the notes that the candidate's frames were taken from."""
    frames = candidate.frames.reshape(-1, spec.n_bins).astype(np.float32)
    return bool(are_clear(frames, np.repeat(keys.notes, N_FRAMES_PER_NOTE), spec).all())


def choose(candidates: list[Candidate], n: int, seed: int) -> list[Candidate]:
    """Choose n candidates that differ in timbre, by k-means on the principal components of their spectra.

    Returns the candidate nearest to the middle of each group. UserError if there are fewer than n candidates.
    """
    if len(candidates) < n:
        raise UserError("--number", str(n), f"at most {len(candidates)}, the clear patches", "give a smaller number")
    features = np.array([np.cbrt(c.frames.astype(np.float32).mean(axis=1)).ravel() for c in candidates])
    features -= features.mean(axis=0)
    left, values, _ = np.linalg.svd(features, full_matrices=False)
    points = left[:, :N_COMPONENTS] * values[:N_COMPONENTS]
    _, group = kmeans2(points, n, minit="++", seed=seed, iter=50)
    chosen = []
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        apart = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
        chosen.append(int(members[apart.argmin()]))
    while len(chosen) < n:  # k-means may leave groups empty: add the patch farthest from those chosen
        apart = np.linalg.norm(points[:, None] - points[chosen], axis=-1).min(axis=1)
        chosen.append(int(apart.argmax()))
    return [candidates[index] for index in sorted(chosen)]


def write_list(path: Path, chosen: list[Candidate], seed: int, test_only: bool = False) -> None:
    """Write bank, index, name and split of the chosen patches as CSV; val and test patches are drawn at random.

    test_only: put every patch into split test.
    """
    n_held_out = max(1, round(HELD_OUT_SHARE * len(chosen)))
    split = np.full(len(chosen), "train", "<U5")
    drawn = np.random.default_rng(seed).permutation(len(chosen))
    split[drawn[:n_held_out]] = "val"
    split[drawn[n_held_out : 2 * n_held_out]] = "test"
    if test_only:
        split[:] = "test"
    rows = [
        {"bank": candidate.bank, "index": candidate.index, "name": candidate.name, "split": part}
        for candidate, part in zip(chosen, split, strict=True)
    ]
    write_csv(path, rows)


if __name__ == "__main__":
    sys.exit(main())
