"""Draws spectrograms: each recording beside the instrument's version of it, and the morph."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from export.gallery.morph import starts_s
from export.gallery.pairs import LONGEST_S, Pair
from export.sounds.measure import SAMPLE_RATE_HZ
from runtime.acoustics.spectrum import StftSpec, magnitude_frames

SPEC = StftSpec()
LOWEST_HZ, HIGHEST_HZ, N_ROWS = 50.0, 16000.0, 150
RANGE_DB = 70.0
COLOURS = "cividis"  # brightness grows with the level, so the picture can be read in grey, too, and by the colour-blind
TICKS_HZ = {100: "0.1", 1000: "1", 10000: "10"}
WIDTH_INCHES, ROW_INCHES, EXTRA_INCHES, DPI = 9.0, 1.75, 0.9, 100
SMALL, SMALLEST = 9, 8  # sizes of text, in points
LONGEST_TITLE, LONGEST_STOP = 30, 20  # a pair's title and a sound's name are cut to this many letters
LARGEST_BYTES = 150_000
N_PALETTE = (128, 64, 32, 16)


def draw(title: str, pairs: Sequence[Pair], morph: np.ndarray, names: Sequence[str]) -> bytes:
    """Draw the picture; return it as PNG.

    morph: the morph's sound, mono, float32 (n_frames,).
    names: the names of the sounds that the morph reaches, in order.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_rows = len(pairs) + 1
    figure = plt.figure(figsize=(WIDTH_INCHES, ROW_INCHES * n_rows + EXTRA_INCHES), layout="constrained")
    grid = figure.add_gridspec(n_rows, 2)
    for row, pair in enumerate(pairs):
        _draw_pair([figure.add_subplot(grid[row, column]) for column in (0, 1)], pair, row == len(pairs) - 1)
    image = _draw_morph(figure.add_subplot(grid[-1, :]), morph, names)
    bar = figure.colorbar(image, ax=figure.axes, pad=0.01, aspect=12 * n_rows)
    bar.set_label("level, dB", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALLEST)
    figure.suptitle(title, fontsize=12)
    stream = io.BytesIO()
    figure.savefig(stream, dpi=DPI, format="png")
    plt.close(figure)
    return _small(stream.getvalue())


def _draw_pair(axes: Sequence[Any], pair: Pair, is_last: bool) -> None:
    for axis, kind, sound in zip(axes, ("recording", "instrument"), (pair.recorded, pair.played), strict=True):
        _spectrogram(axis, sound, LONGEST_S)
        axis.set_title(f"{_short(pair.title, LONGEST_TITLE)}: {kind}", fontsize=10)
        axis.set_xticks([0.0, 0.5, 1.0, 1.5, 2.0])
        if is_last:
            axis.set_xlabel("time, s", fontsize=SMALL)
    axes[0].set_ylabel("frequency, kHz", fontsize=SMALL)
    axes[1].set_yticklabels([])


def _draw_morph(axis: Any, morph: np.ndarray, names: Sequence[str]) -> Any:
    image = _spectrogram(axis, morph, len(morph) / SAMPLE_RATE_HZ)
    axis.set_title("the morph: one chord, the knobs travel", fontsize=10)
    box = {"facecolor": "black", "alpha": 0.7, "edgecolor": "none", "pad": 2.0}
    for start_s, name in zip(starts_s(len(names)), names, strict=True):
        axis.axvline(start_s, color="white", linewidth=0.8, linestyle=":")
        top = start_s + 0.1, np.log10(HIGHEST_HZ * 0.8)
        text = axis.text(*top, _short(name, LONGEST_STOP), color="white", fontsize=SMALLEST, va="top", bbox=box)
        text.set_in_layout(False)  # else a long name would make the spectrograms narrower
    axis.set_xlabel("time, s", fontsize=SMALL)
    axis.set_ylabel("frequency, kHz", fontsize=SMALL)
    return image


def _short(name: str, longest: int) -> str:
    """What follows the last slash of a name, cut to `longest` letters. A bank's name stands before the slash."""
    name = name.rpartition("/")[2]
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _spectrogram(axis: Any, sound: np.ndarray, length_s: float) -> Any:
    half = SPEC.frame_size // 2
    padded = np.pad(sound, (half, max(half, round(length_s * SAMPLE_RATE_HZ) - len(sound) + half)))
    levels_db = _log_rows_db(magnitude_frames(padded, SPEC))
    levels_db -= levels_db.max()
    bottom, top = np.log10([LOWEST_HZ, HIGHEST_HZ])
    duration_s = len(levels_db) * SPEC.hop_size / SPEC.sample_rate_hz
    image = axis.imshow(levels_db.T, origin="lower", aspect="auto", extent=(0.0, duration_s, bottom, top),
                        vmin=-RANGE_DB, vmax=0.0, cmap=COLOURS, interpolation="nearest")  # fmt: skip
    axis.set_xlim(0.0, length_s)
    axis.set_yticks(np.log10(list(TICKS_HZ)), TICKS_HZ.values())
    axis.tick_params(labelsize=SMALLEST)
    return image


def _log_rows_db(magnitudes: np.ndarray) -> np.ndarray:
    """Levels in dB of N_ROWS bands, evenly spaced on a logarithmic scale of frequency: (n_frames, N_ROWS).

    A band shows the loudest bin inside it, so that no harmonic is lost. A band without a bin gets a magnitude that
    is interpolated between the two nearest bins.
    """
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_ROWS + 1) / SPEC.bin_hz
    columns = []
    for low, high in pairwise(edges):
        first, last = int(np.ceil(low)), int(np.floor(high))
        if last >= first:
            columns.append(magnitudes[:, first : last + 1].max(axis=1))
        else:
            share = (low + high) / 2.0 - (first - 1)
            columns.append((1.0 - share) * magnitudes[:, first - 1] + share * magnitudes[:, first])
    return 20.0 * np.log10(np.maximum(np.stack(columns, axis=1), 1e-9))


def _small(png: bytes) -> bytes:
    """The picture with the largest palette that keeps it within LARGEST_BYTES.

    If no palette does, the picture has the smallest palette.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for n_colours in N_PALETTE:
        stream = io.BytesIO()
        palette = picture.quantize(n_colours, dither=Image.Dither.NONE)
        palette.save(stream, format="PNG", optimize=True)
        if stream.tell() <= LARGEST_BYTES:
            break
    return stream.getvalue()
