"""Show where an instrument is unlike the recordings that it was taught: by sound, time, frequency and level.

It also shows two shares of the recorded frames: the share that the pitch penalty (training/learning/heard_pitch.py)
would punish, and the share that is heard out of tune.

python -m training.studies.unlike F.onnx --corpus DIR
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runtime.acoustics.heard_pitch import in_tune
from runtime.acoustics.mel_bands import mel
from runtime.acoustics.timbre_distance import FLOOR_DB, HIGHEST_HZ, LOWEST_HZ, N_BANDS
from runtime.base.command_line import Parser, run_program
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from training.corpus.frames import FrameStore
from training.measure.likeness import Take, decode_take, takes_of

# Limits of the ranges for which numbers are printed: ranges of frequency, of frame number, and of level.
FREQUENCIES_HZ = 0.0, 250.0, 750.0, 3000.0, HIGHEST_HZ
FRAMES = 0, 2, 6, 16, 96
LEVELS_DB = FLOOR_DB - 1.0, FLOOR_DB + 0.01, -30.0, 0.1
N_ASKED = 4000  # `forbidden` examines at most this many frames


class Error(NamedTuple):
    """A recording, and the errors of its path. A path is a recording's frames, encoded and decoded again.

    take: the recording.
    error_db: by how many dB the path is louder than the recording in each frame and band, float32 (n, N_BANDS).
    """

    take: Take
    error_db: np.ndarray


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.unlike", description=__doc__)
    parser.add_argument("instrument", type=Path, metavar="F.onnx")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="the corpus that it was taught")
    return run_program(parser, run, argv)


def run(arguments) -> int:
    """Print how far the decoded training recordings are from the recorded ones, by sound, time, frequency and level.

    Also print the two shares from `forbidden`. Transposed copies of recordings are left out.
    """
    decoder = Decoder(arguments.instrument)
    encode = load_encoder(decoder).latents
    store = FrameStore.open(arguments.corpus)
    takes = [take for take in takes_of(store, decoder.card.conditioning.notes) if not take.transposed]
    errors = [
        Error(take, decode_take(decoder, encode, take).path_db - take.levels_db) for take in takes if not take.held_out
    ]
    for what, rows in (
        ("sound", by_sound(errors)),
        ("frames", by_time(errors)),
        ("Hz", by_frequency(errors)),
        ("dB", by_level(errors)),
        ("recorded frames", forbidden(store, decoder)),
    ):
        print(f"{what}: " + ", ".join(f"{name} {value}" for name, value in rows.items()))
    return 0


def by_sound(errors: list[Error]) -> dict[str, str]:
    """Mean distance of each sound's recordings from their paths, in dB."""
    found: dict[str, list[float]] = {}
    for take, error_db in errors:
        found.setdefault(take.sound[0], []).append(float(_rms(error_db).mean()))
    return {name: f"{np.mean(values):.2f} dB" for name, values in sorted(found.items())}


def by_time(errors: list[Error]) -> dict[str, str]:
    """Mean distance in each range of frame numbers; frame 0 is a recording's first frame in the corpus."""
    rows = {}
    for first, end in pairwise(FRAMES):
        parts = [_rms(error_db[first:end]).mean() for _, error_db in errors if len(error_db) > first]
        if parts:
            rows[f"{first}-{end - 1}"] = f"{np.mean(parts):.2f} dB"
    return rows


def by_frequency(errors: list[Error]) -> dict[str, str]:
    """Root mean square error in each range of frequencies, in dB; FREQUENCIES_HZ are the limits of the ranges."""
    squares = np.mean([np.square(error_db).mean(axis=0) for _, error_db in errors], axis=0)
    edges = np.linspace(mel(LOWEST_HZ), mel(HIGHEST_HZ), N_BANDS + 2)
    rows = {}
    for low, high in pairwise(FREQUENCIES_HZ):
        chosen = (edges[1:-1] >= mel(low)) & (edges[1:-1] < mel(high))
        rows[f"{low:.0f}-{high:.0f}"] = f"{np.sqrt(squares[chosen].mean()):.2f} dB"
    return rows


def by_level(errors: list[Error]) -> dict[str, str]:
    """For each range of levels: the share of recorded band levels in it, and the share of the squared error there."""
    levels = np.concatenate([take.levels_db.ravel() for take, _ in errors])
    squares = np.square(np.concatenate([error_db.ravel() for _, error_db in errors]))
    rows = {}
    for low, high in pairwise(LEVELS_DB):
        chosen = (levels > low) & (levels <= high)
        rows[f"{max(low, FLOOR_DB):.0f} to {high:.0f}"] = (
            f"{chosen.mean():.0%} of bands, {squares[chosen].sum() / squares.sum():.0%} of the error"
        )
    return rows


def forbidden(store: FrameStore, decoder: Decoder) -> dict[str, str]:
    """Of at most N_ASKED recorded frames, the share that the pitch penalty punishes, and the share heard out of tune.

    Returns the shares as texts, by name.
    """
    from training.learning.heard_pitch import HeardPitch

    rows = store.rows("train")
    rows = rows[~np.array([bool(clip.transposed) for clip in store.clips])[store.clip[rows]]]
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:N_ASKED])
    frames, notes = np.array(store.magnitudes[rows]), store.note[rows].astype(int)
    conditioning = decoder.card.conditioning
    heard, costs = HeardPitch(store.spec, conditioning), np.zeros(len(rows))
    for note in np.unique(notes):
        number = np.array([note - conditioning.lowest_note])
        costs[notes == note] = np.asarray(heard.penalty(frames[notes == note][None], number))[0]
    found = {"the pitch penalty": costs > 0.0, "heard out of tune": ~in_tune(frames, notes, store.spec)}
    return {name: f"{values.mean():.0%}" for name, values in found.items()}


def _rms(error_db: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(error_db).mean(axis=1))


if __name__ == "__main__":
    sys.exit(main())
