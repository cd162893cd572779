"""What several plots share: colours, points by pitch class, and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runtime.acoustics.pitch import PITCH_CLASSES
from runtime.base.files import atomic_write

# Okabe and Ito's colours, which colour-blind readers can tell apart, without the yellow, which is too pale in print.
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#CC79A7")
# A sharp has the colour of the white key to its left, and points of another shape.
WHITE_KEY_COLOURS = dict(zip("CDEFGAB", COLOURS, strict=True))
N_SHOWN = 20_000  # a scatter plot shows at most this many points; more would only cover each other
DPI = 150


def scatter_by_pitch_class(latents: np.ndarray, pitch_classes: np.ndarray, title: str) -> Figure:
    """Plot an embedding, with each point in the colour and shape of its pitch class.

    latents: the points, (n, n_latents).
    pitch_classes: each point's pitch class, 0 to 11, (n,).

    With 2 or 3 latents, there is a panel for each pair of them. With more latents, one panel shows their first two
    principal components. With one latent, the points are spread at random along the y axis. At most N_SHOWN random
    points are shown.
    """
    shown = np.random.default_rng(0).permutation(len(latents))[:N_SHOWN]
    latents, pitch_classes = latents[shown], pitch_classes[shown]
    panels = _panels(latents)
    figure = Figure(figsize=(5.0 * len(panels) + 1.2, 5.0), layout="constrained")
    for axes, (x, y, x_label, y_label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_points(axes, x, y, pitch_classes)
        axes.set(xlabel=x_label, ylabel=y_label)
    figure.suptitle(title)
    add_pitch_class_legend(figure)
    return figure


def add_pitch_class_legend(figure: Figure) -> None:
    """Add one legend for all pitch classes that `draw_points` has drawn."""
    drawn = {}
    for axes in figure.axes:
        handles, names = axes.get_legend_handles_labels()
        drawn |= dict(zip(names, handles, strict=True))
    names = [name for name in PITCH_CLASSES if name in drawn]
    handles = [drawn[name] for name in names]
    legend = figure.legend(handles, names, title="pitch class", loc="outside right center", markerscale=4.0)
    for handle in legend.legend_handles:
        handle.set_alpha(1.0)


def save_figure(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure as PNG, whole or not at all; dpi: dots per inch."""
    with atomic_write(path, "wb") as stream:
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
    """Draw points in the colours and shapes of their pitch classes, with labels for the legend.

    x, y: the points' places, (n,).
    pitch_classes: 0 to 11, (n,).
    """
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
