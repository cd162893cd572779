"""What the player asks of the effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.instrument.card import Card

MEAN_S = 2.0  # a latent's mean is taken over about this time; its motion is its distance from the mean


@dataclass(frozen=True)
class EffectSettings:
    """What the player asks for.

    offsets: for each latent, how far it is moved, as a share of its travel, -1 to 1. None moves no latent.
    motion: factor for each latent's motion (see MEAN_S).
    colour: how much of the colour is applied, 0 to 1.
    wet: share of the effect in the output, 0 to 1.
    """

    offsets: tuple[float, ...] | None = None
    motion: float = 1.0
    colour: float = 1.0
    wet: float = 1.0


def offsets_at(positions: tuple[float, ...]) -> tuple[float, ...]:
    """The offsets in EffectSettings for knobs at these positions, 0 to 1; a knob at 0.5 leaves its latent unmoved."""
    return tuple(2.0 * position - 1.0 for position in positions)


class LatentMover:
    """Moves encoded latents as the settings say; its methods overwrite the latents that they are given.

    hop_s: time from one encoded frame to the next.
    moves: whether the settings move any latent.
    """

    def __init__(self, card: Card, hop_s: float):
        self._low = card.latents_at(np.zeros(card.n_latents))
        self._high = card.latents_at(np.ones(card.n_latents))
        self._travel = self._high - self._low
        self._share = np.float32(min(1.0, hop_s / MEAN_S))
        self._mean = np.zeros(card.n_latents, np.float32)
        self._work = np.zeros((3, card.n_latents), np.float32)
        self._offset = np.zeros(card.n_latents, np.float32)
        self._last = card.latents_at(card.default_positions)
        self._has_mean = False
        self.settings = EffectSettings()
        self.moves = False

    def set(self, settings: EffectSettings) -> None:
        """Use these settings from the next frame on."""
        self.settings = settings
        self._offset[:] = 0.0
        if settings.offsets is not None:
            np.multiply(settings.offsets, self._travel, out=self._offset)
        self.moves = settings.motion != 1.0 or bool(self._offset.any())

    def keep_last(self, latents: np.ndarray, heard: list[bool]) -> None:
        """In each silent frame, replace the latents by those of the latest audible frame.

        latents: the frames' latents, float32 (n, n_latents).
        heard: for each frame, whether it is audible.
        """
        for row, is_heard in zip(latents, heard, strict=True):
            if is_heard:
                self._last[:] = row
            else:
                row[:] = self._last

    def move(self, latents: np.ndarray) -> None:
        """Move the latents of successive frames, float32 (n, n_latents).

        No latent is moved beyond the ends of its travel. A latent that was encoded beyond an end is moved no farther
        out.
        """
        low, high, aside = self._work
        for row in latents:
            if not self._has_mean:
                self._mean[:], self._has_mean = row, True
            np.subtract(row, self._mean, out=aside)
            aside *= self._share
            self._mean += aside
            if not self.moves:
                continue
            np.minimum(row, self._low, out=low)
            np.maximum(row, self._high, out=high)
            row -= self._mean
            row *= np.float32(self.settings.motion)
            row += self._mean
            row += self._offset
            np.maximum(row, low, out=row)
            np.minimum(row, high, out=row)
