"""Plots the latent space: where the decoder plays the requested pitch class, and the spectra along each latent."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES
from training.hearing.spectral_distance import FLOOR_DB
from training.measure.traversals import Traversals

COLOUR_MAP = "cividis"  # perceptually uniform, also in grey and for colour-blind readers
N_COLUMNS = 6


def mesh_map(shares: np.ndarray, bounds: np.ndarray, pitch_classes: list[int], title: str) -> Figure:
    """Plot how often the decoder plays the requested pitch class.

    Each pitch class has a panel, whose axes are latents 1 and 2.

    shares: from Mesh.map, (n_classes, n, n); (n_classes, n, 1) if there is one latent.
    bounds: ends of the mesh on each latent, (n_latents, 2).
    pitch_classes: the pitch class of each row of `shares`, 0 to 11.
    """
    n_rows = N_CHROMA // N_COLUMNS
    figure = Figure(figsize=(2.0 * N_COLUMNS + 1.5, 2.1 * n_rows + 0.7), layout="constrained")
    panels = figure.subplots(n_rows, N_COLUMNS, sharex=True, sharey=True)
    edges = bounds if len(bounds) > 1 else np.concatenate([bounds, [[0.0, 1.0]]])
    extent = (*edges[0], *edges[1])
    image = None
    for index, axes in enumerate(panels.flat):
        axes.set_title(PITCH_CLASSES[index], fontsize="medium")
        if index in pitch_classes:
            panel = shares[pitch_classes.index(index)].T
            image = axes.imshow(panel, COLOUR_MAP, origin="lower", extent=extent, aspect="auto", vmin=0.0, vmax=1.0)
        else:
            axes.set(xlim=extent[:2], ylim=extent[2:])
            axes.text(0.5, 0.5, "not in the\ntraining set", ha="center", va="center", transform=axes.transAxes)
    figure.supxlabel("latent 1 (no unit)")
    figure.supylabel("latent 2 (no unit)")
    figure.suptitle(title if len(bounds) <= 2 else f"{title}\n(mean over the other {len(bounds) - 2} latents)")
    if image is not None:
        figure.colorbar(image, ax=panels, label="share of points with the pitch class asked for")
    return figure


def traversal_strips(traversals: Traversals, title: str) -> Figure:
    """Plot the spectra along each latent. Each latent has a panel.

    A colour shows the level relative to the spectrum's peak.
    """
    n_latents = len(traversals.travel)
    figure = Figure(figsize=(2.4 * n_latents + 1.5, 3.4), layout="constrained")
    band_hz = traversals.band_hz
    ratio = np.sqrt(band_hz[1] / band_hz[0])
    edges_hz = np.append(band_hz / ratio, band_hz[-1] * ratio)
    image = None
    for latent, axes in enumerate(figure.subplots(1, n_latents, sharey=True, squeeze=False)[0]):
        low, _, high = traversals.travel[latent]
        strip = traversals.strips_db[latent]
        edges = np.linspace(low, high, strip.shape[1] + 1)
        image = axes.pcolormesh(edges, edges_hz, strip, cmap=COLOUR_MAP, vmin=FLOOR_DB, vmax=0.0, rasterized=True)
        axes.set_yscale("log")
        axes.set_xlabel(f"latent {latent + 1} (no unit)")
        axes.tick_params(axis="x", labelrotation=45)
    figure.axes[0].set_ylabel("frequency (Hz)")
    figure.suptitle(title)
    figure.colorbar(image, ax=figure.axes, label="level (dB)")
    return figure
