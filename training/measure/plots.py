"""The figures of the workshop: readable in print and by colour-blind readers, titled, with units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runtime.acoustics.pitch import PITCH_CLASSES
from runtime.base.files import written_whole

# Okabe and Ito's colours for the white keys; a black key takes its left neighbour's, in another shape and darker edge.
WHITE_KEY_COLOURS = {
    "C": "#000000",
    "D": "#E69F00",
    "E": "#56B4E9",
    "F": "#009E73",
    "G": "#D55E00",
    "A": "#0072B2",
    "B": "#CC79A7",
}
N_SHOWN = 20_000
DPI = 150


def scatter_by_pitch_class(latents: np.ndarray, pitch_classes: np.ndarray, title: str) -> Figure:
    """The embedding (n, n_latents) coloured by pitch class (n,): every pair of up to 3 latents, else two components."""
    shown = np.random.default_rng(0).permutation(len(latents))[:N_SHOWN]
    latents, pitch_classes = latents[shown], pitch_classes[shown]
    panels = _panels(latents)
    figure = Figure(figsize=(5.0 * len(panels) + 1.2, 5.0), layout="constrained")
    for axes, (x, y, x_label, y_label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_points(axes, x, y, pitch_classes)
        axes.set(xlabel=x_label, ylabel=y_label)
    figure.suptitle(title)
    handles, names = figure.axes[0].get_legend_handles_labels()
    legend = figure.legend(handles, names, title="pitch class", loc="outside right center", markerscale=4.0)
    for handle in legend.legend_handles:
        handle.set_alpha(1.0)
    return figure


def save_figure(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure as PNG, whole or not at all; dpi: dots per inch."""
    with written_whole(path, "wb") as stream:
        figure.savefig(stream, format="png", dpi=dpi)


def _panels(latents: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, str, str]]:
    n_latents = latents.shape[1]
    if n_latents == 1:
        spread = np.random.default_rng(1).random(len(latents))
        return [(latents[:, 0], spread, "latent 1 (no unit)", "random, to tell points apart")]
    if n_latents <= 3:
        pairs = [(i, j) for i in range(n_latents) for j in range(i + 1, n_latents)]
        return [
            (latents[:, i], latents[:, j], f"latent {i + 1} (no unit)", f"latent {j + 1} (no unit)") for i, j in pairs
        ]
    centred = latents - latents.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:2]
    x, y = (centred @ components.T).T
    return [(x, y, f"first principal component of {n_latents} latents", "second principal component")]


def draw_points(axes: Axes, x: np.ndarray, y: np.ndarray, pitch_classes: np.ndarray) -> None:
    """Points (n,) in their pitch class's colour and shape, labelled for a legend."""
    for index, name in enumerate(PITCH_CLASSES):
        chosen = pitch_classes == index
        if chosen.any():
            sharp = name.endswith("#")
            marker, size = ("^", 5.0) if sharp else ("o", 3.0)
            axes.scatter(
                x[chosen],
                y[chosen],
                size,
                WHITE_KEY_COLOURS[name[0]],
                marker=marker,
                alpha=0.5,
                linewidths=0,
                label=name,
            )
