"""Maps of the plane of two knobs by the pitch that is heard there: where a note is played, and where not."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from runtime.acoustics.pitch import N_CHROMA, note_name
from training.hearing.heard_pitch import IN_TUNE_CENTS, heard_notes
from training.instrument.points import Playable, Points, decode_points

N_PER_AXIS = 41
RIGHT, LOW, HIGH, OTHER = range(4)
# Light where all is well; the others differ in lightness too, for print.
KINDS = {
    RIGHT: ("within 20 cents", "#EDEDED"),
    LOW: ("octaves too low", "#56B4E9"),
    HIGH: ("octaves too high", "#E69F00"),
    OTHER: ("another pitch", "#202020"),
}


def pitch_kinds(instrument: Playable, note: int, x: int = 0, y: int = 1) -> np.ndarray:
    """What is heard of a MIDI note on the plane of knobs x and y, the others in the middle: int, N_PER_AXIS squared.

    Rows are positions of knob y, columns of knob x, both from 0 to 1; values: RIGHT, LOW, HIGH or OTHER.
    """
    positions = np.full((N_PER_AXIS, N_PER_AXIS, instrument.card.n_latents), 0.5)
    axis = np.linspace(0.0, 1.0, N_PER_AXIS)
    positions[..., x], positions[..., y] = np.meshgrid(axis, axis)
    points = Points(np.full(N_PER_AXIS**2, note), positions.reshape(N_PER_AXIS**2, -1))
    cents = 100.0 * (heard_notes(decode_points(instrument, points), instrument.card.spec) - note)
    octaves = np.round(cents / 1200.0)
    off = np.abs(cents - 1200.0 * octaves)
    kinds = np.where(off <= IN_TUNE_CENTS, np.select([octaves < 0, octaves > 0], [LOW, HIGH], RIGHT), OTHER)
    return kinds.reshape(N_PER_AXIS, N_PER_AXIS)


def plot_pitch_maps(instrument: Playable, title: str, x: int = 0, y: int = 1) -> Figure:
    """One map for every C of the instrument's range, with the share in tune on each."""
    lowest, highest = instrument.card.note_range
    notes = [note for note in range(lowest, highest + 1) if note % N_CHROMA == 0] or [lowest]
    figure = Figure(figsize=(2.1 * len(notes) + 0.6, 3.3), layout="constrained")
    colours = ListedColormap([colour for _, colour in KINDS.values()])
    norm = BoundaryNorm(np.arange(len(KINDS) + 1) - 0.5, len(KINDS))
    names = [latent.name for latent in instrument.card.latents]
    for axes, note in zip(figure.subplots(1, len(notes), sharey=True, squeeze=False)[0], notes, strict=True):
        kinds = pitch_kinds(instrument, note, x, y)
        axes.imshow(kinds, colours, norm, origin="lower", extent=(0, 1, 0, 1), interpolation="nearest")
        axes.set_title(f"{note_name(note)}: {100.0 * np.mean(kinds == RIGHT):.0f} % in tune", fontsize=9)
        axes.set_xlabel(f"{names[x]} (0 to 1)", fontsize=8)
        axes.set_xticks([0, 0.5, 1])
    figure.axes[0].set_ylabel(f"{names[y]} (0 to 1)", fontsize=8)
    figure.suptitle(title, fontsize=10)
    marker = {"marker": "s", "linestyle": "", "markeredgecolor": "#808080"}
    patches = [figure.axes[0].plot([], [], color=colour, label=name, **marker)[0] for name, colour in KINDS.values()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(KINDS), fontsize=8, title="heard")
    return figure
