"""Measures the bundled instruments' sounds: levels and clicks on all notes, and the difference of each two sounds.

python -m tests.soak.family [INSTRUMENT ...] [--step N] [--json F]
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from export.sounds.measure import CHORD, loudness_lufs, play
from runtime.acoustics.spectrum import magnitude_frames, unit_peak_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.base.files import write_json
from runtime.base.progress import Progress
from runtime.config import Config
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import available
from runtime.sound.choice import programs_of
from runtime.sound.patch import Patch
from tests.support.clicks import spikes_db

HELD_S, SKIPPED_FRAMES = 0.5, 4410
N_COMPARED = 60  # two sounds are compared in this many STFT frames: the first frames of a C4 that are not silent
SILENT_DB = -80.0


def notes_of(instrument: Decoder, patch: Patch, notes: range) -> dict[str, float]:
    """Play single notes; return three results in dB.

    softest_db: the level of the softest note.
    worst_step_db: the largest difference in level between one note and the next.
    worst_spike_db: the worst result of `spikes_db`.

    The limiter adds harmonics to loud peaks. So a spike counts only if the note also has one without the limiter.
    """
    levels_db, spikes = [], []
    for note in notes:
        sound = play(instrument, patch, [note], held_s=HELD_S).sound
        part = sound[SKIPPED_FRAMES : round(HELD_S * 44100)]
        levels_db.append(10.0 * np.log10(np.mean(np.square(part)) + 1e-12))
        spike_db = spikes_db(sound[:, 0])
        if spike_db > 0.0:
            unlimited = play(instrument, patch, [note], held_s=HELD_S, limits=False).sound
            spike_db = min(spike_db, spikes_db(unlimited[:, 0]))
        spikes.append(spike_db)
    return {
        "softest_db": float(min(levels_db)),
        "worst_step_db": float(np.abs(np.diff(levels_db)).max()),
        "worst_spike_db": float(max(spikes)),
    }


def levels_of(instrument: Decoder, patch: Patch) -> np.ndarray:
    """Band levels, in dB, of a C4's first N_COMPARED frames that are not silent: (n_frames, n_bands)."""
    sound = play(instrument, patch, [60]).sound
    frames = unit_peak_frames(magnitude_frames(sound.mean(axis=1)))[0][:N_COMPARED]
    return band_levels_db(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instruments", nargs="*")
    parser.add_argument("--step", type=int, default=1, help="play every N-th note")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, levels = [], {}
    known = available()
    for name in options.instruments or list(known):
        decoder = Decoder(known.get(name, Path(name)))
        patches = programs_of(Config(), decoder)
        with Progress(name, len(patches)) as progress:
            for number, patch in enumerate(patches):
                sound = patch.sound.name
                row = {"instrument": decoder.path.stem, "sound": sound}
                row["chord_lufs"] = loudness_lufs(play(decoder, patch, CHORD).sound)
                rows.append(row | notes_of(decoder, patch, range(0, 128, options.step)))
                levels[decoder.path.stem, sound] = levels_of(decoder, patch)
                progress.update(number + 1, sound)
    for row in rows:
        print({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()})
    lufs = [row["chord_lufs"] for row in rows]
    apart = []
    for (one, first), (other, second) in itertools.combinations(levels.items(), 2):
        n = min(len(first), len(second))
        apart.append((distance_db(first[:n], second[:n]), one, other))
    apart.sort()
    summary = {
        "n_sounds": len(rows),
        "loudest_minus_softest_lu": max(lufs) - min(lufs),
        "silent": [row["sound"] for row in rows if row["softest_db"] < SILENT_DB],
        "clicking": [row["sound"] for row in rows if row["worst_spike_db"] > 0.0],
        "worst_step_db": max(row["worst_step_db"] for row in rows),
        "n_steps_over_3_db": sum(row["worst_step_db"] > 3.0 for row in rows),
        "nearest_pairs": [(round(db, 2), "/".join(one), "/".join(other)) for db, one, other in apart[:8]],
        "n_pairs_under_3_db": sum(db < 3.0 for db, *_ in apart),
    }
    print(summary)
    if options.json:
        write_json(options.json, {"sounds": rows, "summary": summary})


if __name__ == "__main__":
    main()
