"""Finds the sound nearest to a recording, among the sounds that an instrument was taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.instrument.card import Card


@dataclass(frozen=True, eq=False)
class Trained:
    """Sounds that an instrument was taught.

    positions: the sounds' knob positions, float32 (n, n_latents).
    """

    names: tuple[str, ...]
    positions: np.ndarray


def trained_sounds(card: Card) -> Trained:
    """The training frames in the card's embedding; if there are none, the card's presets."""
    if card.embedding is not None and card.embedding.latents:
        return Trained(card.embedding.labels, np.array(card.embedding.latents, np.float32))
    positions = np.array([preset.latents for preset in card.presets], np.float32).reshape(-1, card.n_latents)
    return Trained(tuple(preset.name for preset in card.presets), positions)


def nearest_trained(trained_db: np.ndarray, target_db: np.ndarray) -> tuple[int, float] | None:
    """The index of the nearest trained sound and its distance in dB; None without trained sounds.

    trained_db: the trained sounds' levels in bands, (n_sounds, 64).
    target_db: the recording's levels in bands, (n_frames, 64).
    """
    if not len(trained_db):
        return None
    # First compare all sounds with the recording's mean; then compare the nearest few with each frame.
    mean_db = target_db.mean(axis=0)
    few = np.argsort(np.square(trained_db - mean_db).mean(axis=1), kind="stable")[:8]
    distances_db = [float(np.sqrt(np.square(target_db - trained_db[index]).mean(axis=1)).mean()) for index in few]
    best = int(np.argmin(distances_db))
    return int(few[best]), distances_db[best]
