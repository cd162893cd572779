"""Searches for the knob positions whose spectra, each with its best colour (colour.py), are nearest to a recording."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.encoding.colour import Colours
from runtime.encoding.decoding import decode
from runtime.encoding.tones import loose_shares
from runtime.instrument.decoder import Decoder

MOST_STARTS = 64
N_AROUND, N_KEPT = 120, 6  # each round tries N_AROUND new positions around the N_KEPT best ones
SPREADS = (0.3, 0.2, 0.12, 0.07, 0.04)  # for each round: the standard deviation of the new positions
# Weight of the distance without colour: the uncoloured spectrum, too, should be near the target.
PLAIN_SHARE = 0.25
# Loose power (see tones.py) flutters. Its cost in dB is LOOSE_DB * max(0, loose share - the target's loose share).
LOOSE_DB = 4.0
# In each round, `refined` tries one new position for each hop. All rounds together try about MOST_TRIED positions. The
# standard deviation of the new positions falls from FIRST_SPREAD in the first round to LAST_SPREAD in the last.
MOST_ROUNDS, LEAST_ROUNDS, MOST_TRIED = 24, 2, 4000
FIRST_SPREAD, LAST_SPREAD = 0.15, 0.03
# Cost, in dB, of a squared distance of 1 between the knob positions of two neighbouring hops.
ROUGHNESS_DB = 4.0


class Target(NamedTuple):
    """What spectra are compared with: one frame, or n frames of a recording, one for each hop.

    bands_db: the frame's levels in bands, (64,), or those of n frames, (n, 64).
    loose: the share of loose power (see tones.py) that costs nothing; a number, or one for each frame, (n,).
    """

    bands_db: np.ndarray
    loose: np.ndarray | float = 1.0


def search(decoder: Decoder, model_note: int, colours: Colours, target: Target, starts: np.ndarray) -> np.ndarray:
    """Search for the knob positions whose spectrum is nearest to the target; returns them, (n_latents,).

    target: a target with one frame.
    starts: knob positions to begin with, (n, n_latents); at most MOST_STARTS of them are tried.
    """
    random = np.random.default_rng(0)
    steps = np.linspace(0, len(starts) - 1, min(MOST_STARTS, len(starts))).astype(int)
    tried = starts[np.unique(steps)].astype(np.float64)
    costs = costs_of(decoder, model_note, colours, target, tried)
    for spread in SPREADS:
        best = np.argsort(costs, kind="stable")[:N_KEPT]
        around = np.repeat(tried[best], N_AROUND // N_KEPT, axis=0)
        around = (around + random.normal(0.0, spread, around.shape)).clip(0.0, 1.0)
        tried = np.concatenate([tried[best], around])
        costs = np.concatenate([costs[best], costs_of(decoder, model_note, colours, target, around)])
    return tried[np.argmin(costs)]


def refined(decoder: Decoder, model_note: int, colours: Colours, target: Target, path: np.ndarray) -> np.ndarray:
    """A path that is about as smooth as `path`, and whose spectra are nearer to the recording.

    target: a target with n frames.
    path: the knob positions at each hop, (n, n_latents).
    """
    random = np.random.default_rng(0)
    path, costs = path.copy(), costs_of(decoder, model_note, colours, target, path)
    n_rounds = int(np.clip(MOST_TRIED // len(path), LEAST_ROUNDS, MOST_ROUNDS))
    for spread in np.geomspace(FIRST_SPREAD, LAST_SPREAD, n_rounds):
        tried = (path + random.normal(0.0, spread, path.shape)).clip(0.0, 1.0)
        new = costs_of(decoder, model_note, colours, target, tried)
        better = new + _roughness_db(tried, path) < costs + _roughness_db(path, path)
        path[better], costs[better] = tried[better], new[better]
    return path


def _roughness_db(positions: np.ndarray, path: np.ndarray) -> np.ndarray:
    """For each hop, the cost in dB of the distance between `positions` at this hop and `path` at the hops next to it.

    positions, path: knob positions at each hop, (n, n_latents).
    Returns (n,).
    """
    padded = np.pad(path, ((1, 1), (0, 0)), mode="edge")
    squares = np.square(positions - padded[:-2]) + np.square(positions - padded[2:])
    return ROUGHNESS_DB * squares.sum(axis=1)


def costs_of(decoder: Decoder, model_note: int, colours: Colours, target: Target, positions: np.ndarray) -> np.ndarray:
    """The cost in dB of each of n knob positions, (n,).

    cost = distance with the best colour + PLAIN_SHARE * distance without colour + cost of loose power (see LOOSE_DB).
    Both distances are from the target.

    target: a target with one frame for all positions, or with n frames, one for each position.
    positions: (n, n_latents).
    """
    decoded = decode(decoder, positions, model_note)
    targets_db = np.broadcast_to(target.bands_db, (len(positions), target.bands_db.shape[-1]))
    coloured = colours.coloured(decoded, colours.fit(decoded, targets_db))
    with_colour, plain = (
        np.sqrt(np.square(colours.band_levels_db(frames) - targets_db).mean(axis=1)) for frames in (coloured, decoded)
    )
    loose = loose_shares(coloured, decoder.card.spec, float(note_to_hz(model_note)))
    return with_colour + PLAIN_SHARE * plain + LOOSE_DB * np.maximum(0.0, loose - target.loose)
