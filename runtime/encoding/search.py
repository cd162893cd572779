"""Searches for the knob positions at which the decoded spectrum, with the best colour, is nearest to a recording."""

from __future__ import annotations

import numpy as np

from runtime.encoding.colour import Colours
from runtime.encoding.decoding import decode
from runtime.instrument.decoder import Decoder

MOST_STARTS = 64
N_AROUND, N_KEPT = 36, 3  # each round tries N_AROUND new positions around the N_KEPT best ones
SPREADS = (0.3, 0.2, 0.12, 0.07, 0.04)  # for each round, the standard deviation of new positions around the best
# Weight of the distance without colour: the spectrum should be near without its colour, too.
PLAIN_SHARE = 0.35


def search(
    decoder: Decoder, model_note: int, colours: Colours, target_db: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """The best knob positions found, (n_latents,).

    target_db: levels in bands (64,). starts: positions to begin with, (n, n_latents), at most MOST_STARTS are tried.
    """
    random = np.random.default_rng(0)
    steps = np.linspace(0, len(starts) - 1, min(MOST_STARTS, len(starts))).astype(int)
    tried = starts[np.unique(steps)].astype(np.float64)
    costs = costs_of(decoder, model_note, colours, target_db, tried)
    for spread in SPREADS:
        best = np.argsort(costs, kind="stable")[:N_KEPT]
        around = np.repeat(tried[best], N_AROUND // N_KEPT, axis=0)
        around = (around + random.normal(0.0, spread, around.shape)).clip(0.0, 1.0)
        tried = np.concatenate([tried[best], around])
        costs = np.concatenate([costs[best], costs_of(decoder, model_note, colours, target_db, around)])
    return tried[np.argmin(costs)]


def costs_of(
    decoder: Decoder, model_note: int, colours: Colours, target_db: np.ndarray, positions: np.ndarray
) -> np.ndarray:
    """The weighted sum of the distances with and without colour from a target, (n,). positions: (n, n_latents)."""
    decoded = decode(decoder, positions, model_note)
    targets_db = np.broadcast_to(target_db, (len(positions), len(target_db)))
    coloured = colours.coloured(decoded, colours.fit(decoded, targets_db))
    with_colour, plain = (
        np.sqrt(np.square(colours.band_levels_db(frames) - target_db).mean(axis=1)) for frames in (coloured, decoded)
    )
    return with_colour + PLAIN_SHARE * plain
