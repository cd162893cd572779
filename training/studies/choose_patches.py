"""Choose amsynth patches that are heard at the key's own pitch all over the keyboard, and differ from each other.

python -m training.studies.choose_patches OUT.csv writes a list for `corpus amsynth --patches`; configs/amsynth100.csv
is one. Every factory patch plays a few notes from C2 to C7. One whose every frame is clear
(training/hearing/clear_frames.py) may be chosen; k-means on their spectra finds groups, and the patch nearest to the
middle of each is taken.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2

from runtime.acoustics.spectrum import StftSpec
from runtime.base.command_line import Parser, run_command
from runtime.base.errors import UserError
from runtime.base.files import written_whole
from runtime.base.progress import Progress
from training.corpus import amsynth
from training.hearing.clear_frames import are_clear

KEYS = amsynth.Keys((36, 47, 58, 69, 80, 96), 0.45)
N_FRAMES_PER_NOTE = 3
N_COMPONENTS = 30
HELD_OUT_SHARE = 0.1  # of the chosen patches, each to val and to test


@dataclass(frozen=True)
class Candidate:
    """A patch and its frames at KEYS: float16 (n_notes, N_FRAMES_PER_NOTE, n_bins)."""

    bank: str
    index: int
    name: str
    frames: np.ndarray


def main(argv: list[str]) -> int:
    """Run the command line and return its exit status."""
    return run_command(lambda: _run(argv))


def _run(argv: list[str]) -> int:
    parser = Parser(prog="python -m training.studies.choose_patches", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.csv")
    parser.add_argument("--number", type=int, default=100, metavar="N", help="patches to choose (default: 100)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    candidates = [candidate for candidate in render_all() if is_right(candidate)]
    print(f"{len(candidates)} patches are heard at their keys")
    chosen = choose(candidates, arguments.number, arguments.seed)
    write_list(arguments.out, chosen, arguments.seed)
    return 0


def render_all(spec: StftSpec = StftSpec()) -> Iterator[Candidate]:
    """Every factory patch that sounds at each of KEYS, rendered on every core."""
    plugin = amsynth.find_plugin()
    patches = [
        (bank, index, amsynth.Patch(name, "train", controls))
        for bank, path in amsynth.find_banks(plugin).items()
        for index, (name, controls) in enumerate(amsynth.read_bank(path))
    ]
    with (
        tempfile.TemporaryDirectory() as data_home,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        Progress("patches", len(patches)) as progress,
    ):

        def work(patch: amsynth.Patch) -> np.ndarray | None:
            return picked_frames(amsynth.render_patch(patch, KEYS, plugin, spec.sample_rate_hz, data_home), spec)

        rendered = pool.map(work, [patch for _, _, patch in patches])
        for done, ((bank, index, patch), frames) in enumerate(zip(patches, rendered, strict=True), start=1):
            progress.update(done, patch.name)
            if frames is not None:
                yield Candidate(bank, index, patch.name, frames)


def picked_frames(samples: np.ndarray, spec: StftSpec) -> np.ndarray | None:
    """Frames of a patch's notes (n_notes, n_samples) as in Candidate; None where a note is silent."""
    notes = amsynth.patch_frames(samples, spec)
    if any(len(frames) < N_FRAMES_PER_NOTE for frames in notes):
        return None
    picked = [frames[np.linspace(1, len(frames) - 1, N_FRAMES_PER_NOTE).astype(int)] for frames in notes]
    return np.array(picked, np.float16)


def is_right(candidate: Candidate, spec: StftSpec = StftSpec()) -> bool:
    """Whether every frame of a candidate is clear at its key."""
    frames = candidate.frames.reshape(-1, spec.n_bins).astype(np.float32)
    return bool(are_clear(frames, np.repeat(KEYS.notes, N_FRAMES_PER_NOTE), spec).all())


def choose(candidates: list[Candidate], n: int, seed: int) -> list[Candidate]:
    """n candidates that differ: the medoids of a k-means on their spectra's principal components, in their order.

    UserError if there are fewer.
    """
    if len(candidates) < n:
        raise UserError("--number", str(n), f"at most {len(candidates)}, the patches that are right", "give less")
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
    while len(chosen) < n:  # k-means may leave a group empty: then what lies farthest from all chosen
        apart = np.linalg.norm(points[:, None] - points[chosen], axis=-1).min(axis=1)
        chosen.append(int(apart.argmax()))
    return [candidates[index] for index in sorted(chosen)]


def write_list(path: Path, chosen: list[Candidate], seed: int) -> None:
    """Write bank, index, name and split of each; held-out patches are drawn at random."""
    n_held_out = max(1, round(HELD_OUT_SHARE * len(chosen)))
    split = np.full(len(chosen), "train", "<U5")
    drawn = np.random.default_rng(seed).permutation(len(chosen))
    split[drawn[:n_held_out]] = "val"
    split[drawn[n_held_out : 2 * n_held_out]] = "test"
    with written_whole(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["bank", "index", "name", "split"])
        for candidate, part in zip(chosen, split, strict=True):
            writer.writerow([candidate.bank, candidate.index, candidate.name, part])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
