"""Draws the learning curve of a training as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 90, 20, 40, 50
COLOURS = {"loss": "#1f6fb2", "val_loss": "#d0661c"}
NAMES = {"loss": "sounds that it was taught", "val_loss": "sounds held out"}
N_TICKS = 5


def learning_curve(history: Sequence[dict[str, Any]]) -> str:
    """Draw the error after each epoch, on a logarithmic axis.

    history: a row for each epoch, with epoch, loss and val_loss; val_loss may be None.
    """
    errors = [row[key] for row in history for key in COLOURS if row.get(key)]
    if not errors:
        return "<p>No epoch was trained.</p>"
    low, high = np.log10(min(errors)) - 0.02, np.log10(max(errors)) + 0.02
    last = max(2, history[-1]["epoch"])

    def place(epoch: float, error: float) -> tuple[float, float]:
        x = LEFT + (epoch - 1) / (last - 1) * (WIDTH - LEFT - RIGHT)
        return x, TOP + (high - np.log10(error)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" font-size="12" font-family="sans-serif">']
    parts.append(f'<text x="{LEFT}" y="18" font-size="14">Error after each epoch</text>')
    for tick in np.linspace(low, high, N_TICKS):
        x, y = place(1, 10.0**tick)
        parts.append(f'<path d="M{x:.0f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{10.0**tick:.2e}</text>')
    for epoch in np.unique(np.linspace(1, last, N_TICKS).round().astype(int)):
        x = place(epoch, errors[0])[0]
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{epoch}</text>')
    for number, (key, colour) in enumerate(COLOURS.items()):
        points = " ".join("{:.1f},{:.1f}".format(*place(row["epoch"], row[key])) for row in history if row.get(key))
        if points:
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<text x="{WIDTH - 400 + number * 200}" y="18" fill="{colour}">{NAMES[key]}</text>')
    middle = (WIDTH + LEFT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">epoch (once through all sounds)</text>')
    turned = f'transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)"'
    parts.append(f'<text {turned} text-anchor="middle">error (mean square)</text></svg>')
    return "\n".join(parts)
