"""Writes what was measured of the bundled sounds: a table, a picture, and a page with the picture and a short table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from export.sounds.figures import VELOCITIES, Figures
from export.sounds.making import ALONE_LU
from export.sounds.measure import N_BANDS, SAMPLE_RATE_HZ, Take, mel_levels_db
from export.sounds.recipes import Recipe
from export.sounds.timbres import N_POINTS
from runtime.base.files import atomic_write
from runtime.sound.sound import Sound

PICTURE_S, PICTURE_STEP_S = 3.0, 0.02
PICTURE_RANGE_DB = 60.0
N_COLUMNS = 4


class Entry(NamedTuple):
    """One sound of the page.

    take: the sound of the note that the picture shows.
    broken: the requirements that the sound does not meet.
    """

    recipe: Recipe
    sound: Sound
    figures: Figures
    take: Take
    broken: Sequence[str] = ()


def write_csv(path: Path, entries: Sequence[Entry]) -> None:
    """Write a CSV table with one row for each note of each sound."""
    header = ["sound", "note", "level_db", "loudness_lufs", "change_db", "most_db", "colour_db", "level_change_db"]
    header += ["end_s", "chord_peak", *(f"centroid_{velocity}_hz" for velocity in VELOCITIES)]
    with atomic_write(path) as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(header)
        for entry in entries:
            for each in entry.figures.notes:
                moved = [f"{value:.1f}" for value in each.movement]
                row = [entry.recipe.name, each.note, entry.sound.level_db, f"{each.loudness_lufs:.1f}", *moved]
                row += [f"{each.end_s:.1f}", f"{entry.figures.peak:.2f}"]
                rows.writerow(row + ([f"{hz:.0f}" for hz in each.centroids_hz] or [""] * len(VELOCITIES)))


def draw(path: Path, entries: Sequence[Entry]) -> None:
    """Draw a picture: for each sound, the level of each mel band over time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_rows = -(-len(entries) // N_COLUMNS)
    figure, axes = plt.subplots(n_rows, N_COLUMNS, figsize=(13, 2.4 * n_rows), sharey=True)
    times_s = np.arange(0.0, PICTURE_S, PICTURE_STEP_S)
    for axis, entry in zip(axes.flat, entries, strict=False):
        padded = np.zeros((round((PICTURE_S + 0.5) * SAMPLE_RATE_HZ), 2), np.float32)
        sound = entry.take.sound[: len(padded)]
        padded[: len(sound)] = sound
        levels_db = mel_levels_db(padded, times_s)
        levels_db -= levels_db.max()
        axis.imshow(levels_db.T, origin="lower", aspect="auto", extent=(0.0, PICTURE_S, 0, N_BANDS),
                    vmin=-PICTURE_RANGE_DB, vmax=0.0, cmap="magma")  # fmt: skip
        axis.set_title(entry.recipe.name, fontsize=10)
        axis.set_xticks([0, 1, 2])
    for axis in axes.flat[len(entries) :]:
        axis.axis("off")
    for axis in axes.flat[max(0, len(entries) - N_COLUMNS) : len(entries)]:
        axis.set_xlabel("s")
    for axis in axes[:, 0]:
        axis.set_ylabel("mel band")
    figure.tight_layout()
    with atomic_write(path, "wb") as stream:
        figure.savefig(stream, dpi=80, format="png")
    plt.close(figure)


def write_page(path: Path, entries: Sequence[Entry], instrument: str, first_program: int, lufs: float) -> None:
    """Write the page. It links to a table and a picture, which have the page's name, but end in .csv and .png."""
    with atomic_write(path) as stream:
        stream.write(_page(path.stem, entries, instrument, first_program, lufs))


def _page(stem: str, entries: Sequence[Entry], instrument: str, first_program: int, lufs: float) -> str:
    listed = "\n".join(
        f"| {first_program + number} | `{entry.recipe.name}` | {entry.recipe.about} |"
        for number, entry in enumerate(entries)
    )
    return f"""# The sounds of {instrument}

These sounds come with the instrument. Play one, or show how it is made:

    ./timbrebox play --sound "{entries[1].recipe.name}"
    ./timbrebox presets show "{entries[1].recipe.name}"

A program change with the number of the first column chooses it while you play (some keyboards count from 1).

| program | sound | |
|---|---|---|
{listed}

## What is heard

![Levels of 64 mel bands over three seconds, of one note of each sound]({stem}.png)

One note of each sound, held for 1.7 s. Bright is loud, dark is 60 dB softer.

{_figures_table(entries)}

All values but the last two are for a note at velocity 100, the worst of three notes for each sound; all notes are in
[{stem}.csv]({stem}.csv).

- **loudness**: K-weighted (BS.1770), of the loudest 0.4 s, mean over the notes. The goal is {lufs:.1f} LUFS. A C4
  chord of a sound that plays several notes at a time has about -10 LUFS, as presets have. The goal for the C4 chord of
  a sound that plays one note at a time is {lufs + ALONE_LU:.1f} LUFS.
- **change**: by how much a held note at 1.5 s differs from the same note at 0.1 s: the mean change in level of 64 mel
  bands, of those that are within 40 dB of the loudest one in one of both windows of 0.19 s. A steady sound with noise
  phases has about 1 dB, because noise is never the same twice.
- **most**: the same for the two windows between 0.1 and 1.5 s that differ most.
- **colour**: as most, with both windows made equally loud.
- **level**: change of the whole level from 0.1 to 1.5 s.
- **peak**: the largest sample of a chord of four notes at velocity 127; full scale is 1. The engine's limiter keeps
  every mix below it.
- **brightness**: mean frequency, weighted by magnitude, of the middle note at velocity 20, and at velocity 120. For
  each sound with such a figure it rises at every step of 20, at every note.

## How they are made

    python -m export.sounds INSTRUMENT.onnx

This writes the sounds for any instrument, and then measures them. Recipes ask for a timbre ("brighter than 80 % of all
that the decoder can make"), and the knob positions are found by decoding {N_POINTS:,} of them. The recipes are in
`export/sounds/recipes.py`.
"""


def _figures_table(entries: Sequence[Entry]) -> str:
    lines = ["| sound | loudness | change | most | colour | level | peak | brightness |", f"|{'---|' * 8}"]
    for entry in entries:
        notes = entry.figures.notes
        moved = [each.movement for each in notes]
        least = [min(getattr(each, name) for each in moved) for name in ("change_db", "most_db", "colour_db")]
        level_db = max((each.level_db for each in moved), key=lambda db: db if entry.recipe.falls else abs(db))
        centroids = notes[1].centroids_hz
        bright = f"{centroids[0]:,.0f} to {centroids[-1]:,.0f} Hz" if centroids else ""
        loudness = np.mean([each.loudness_lufs for each in notes])
        cells = [f"{loudness:.1f}", *(f"{value:.1f} dB" for value in least), f"{level_db:+.1f} dB"]
        lines.append(f"| {entry.recipe.name} | {' | '.join(cells)} | {entry.figures.peak:.2f} | {bright} |")
    return "\n".join(lines)
