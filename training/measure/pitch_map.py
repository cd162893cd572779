"""Maps of two knobs' positions: where a note is heard in tune, in another octave, or at another pitch."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off, split_octaves
from runtime.acoustics.pitch import N_CHROMA, note_name
from training.instrument.points import Playable, Points, decode_points

N_PER_AXIS = 41
RIGHT, LOW, HIGH, OTHER = range(4)
# In shades of grey, too, each is darker than the one before it.
KINDS = {
    RIGHT: ("within 20 cents", "#EDEDED"),
    LOW: ("octaves too low", "#E69F00"),
    HIGH: ("octaves too high", "#0072B2"),
    OTHER: ("another pitch", "#202020"),
}


def pitch_kinds(instrument: Playable, note: int, x: int = 0, y: int = 1) -> np.ndarray:
    """How a MIDI note is heard at each position of two knobs, the other knobs in the middle.

    Returns RIGHT, LOW, HIGH or OTHER for each position, int (N_PER_AXIS, N_PER_AXIS). From the first to the last row,
    knob y rises from 0 to 1. From the first to the last column, knob x rises from 0 to 1.

    x, y: indices of the two knobs.
    """
    positions = np.full((N_PER_AXIS, N_PER_AXIS, instrument.card.n_latents), 0.5)
    axis = np.linspace(0.0, 1.0, N_PER_AXIS)
    positions[..., x], positions[..., y] = np.meshgrid(axis, axis)
    points = Points(np.full(N_PER_AXIS**2, note), positions.reshape(N_PER_AXIS**2, -1))
    frames = decode_points(instrument, points)
    octaves, cents = split_octaves(cents_off(frames, points.notes, instrument.card.spec))
    kinds = np.where(np.abs(cents) <= IN_TUNE_CENTS, np.select([octaves < 0, octaves > 0], [LOW, HIGH], RIGHT), OTHER)
    return kinds.reshape(N_PER_AXIS, N_PER_AXIS)


def plot_pitch_maps(instrument: Playable, title: str, x: int = 0, y: int = 1) -> Figure:
    """Draw a map for each C in the instrument's range, or for its lowest note if there is no C.

    x, y: indices of the knobs on the two axes.
    """
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
