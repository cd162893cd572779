"""Adds up, for each target of one sound, what all sources add to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from runtime.engine.voices.modulation.curves import bent
from runtime.engine.voices.modulation.sources import Held, Moment, PlayedNote, Sources, is_control, is_fast
from runtime.sound.motion import LATENT, TRAVELS
from runtime.sound.sound import Sound

ENVELOPES = ("envelope", "envelope_2")
# The source `key` rises by 1 in this many semitones.
_SEMITONES_PER_KEY_SOURCE = 60.0


class Route(NamedTuple):
    """One connection of a source with a target.

    depth: what a source value of 1 adds, in the target's unit.
    curve: as in `bent`.
    scaled_by: None, or a second source, whose value multiplies what is added.
    """

    source: str
    target: str
    depth: float
    curve: float = 0.0
    scaled_by: str | None = None


class Modulator:
    """The modulation of one sound.

    The argument `latents`: the names of the instrument's latents.

    The attributes:
    latents: the latents' numbers, from 0. The keys are the latents' names as targets: LATENT and the latent's name.
    targets: all modulated targets.
    """

    def __init__(self, sound: Sound, sources: Sources, latents: Sequence[str]):
        self.sources = sources
        self._routes = _routes(sound)
        self._lfos = {"lfo_1": sound.lfo_1, "lfo_2": sound.lfo_2}
        self.latents = {LATENT + name: k for k, name in enumerate(latents)}
        self.targets = frozenset(route.target for route in self._routes)
        self._moving = frozenset(route.target for route in self._routes if _moves(route, sound))

    def moves(self, targets: Sequence[str]) -> bool:
        """Whether any of these targets may change while a note sounds."""
        return not self._moving.isdisjoint(targets)

    def added_by_envelopes(self, targets: Sequence[str], frames: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """How much each route with an envelope adds at most to its target, if it is one of these targets.

        The envelope is the route's source, or scales the route. Any other source of the route counts as 1.
        frames: counted from the start of a note whose key stays down, float64 (n,).
        Returns pairs: a route's target, and how much the route adds at each of the frames, float64 (n,).
        """
        moves = []
        for route in self._routes:
            names = [name for name in (route.source, route.scaled_by) if name in ENVELOPES]
            if route.target in targets and names:
                added = np.full(len(frames), route.depth)
                for name in names:
                    values = self.sources.held_envelope(name, frames)
                    added *= bent(values, route.curve) if name == route.source else values
                moves.append((route.target, added))
        return moves

    def follows_releases(self, targets: Collection[str]) -> bool:
        """Whether the release of a note's key may change how any of these targets moves."""
        names = {name for route in self._routes if route.target in targets for name in (route.source, route.scaled_by)}
        return not names.isdisjoint((*ENVELOPES, "release_velocity"))

    def delay_s(self, targets: Collection[str]) -> float:
        """The time in seconds from a note's start to the first move of any of these targets.

        It is 0 if at least one route to these targets has no LFO with a delay.
        """
        delays = [
            max(
                (self._lfos[name].delay_s for name in (route.source, route.scaled_by) if name in self._lfos),
                default=0.0,
            )
            for route in self._routes
            if route.target in targets
        ]
        return min(delays, default=0.0)

    def started_at(self, lane: int) -> int:
        """The frame from which the delays and the envelopes of a lane's note are counted."""
        return self.sources.started_at(lane)

    def follows_fast_lfos(self, targets: Sequence[str]) -> bool:
        """Whether a fast LFO, or an LFO whose wave has steps, moves any of these targets."""
        names = {name for route in self._routes if route.target in targets for name in (route.source, route.scaled_by)}
        return any(name in names and is_fast(lfo, self.sources.rate(name)) for name, lfo in self._lfos.items())

    def values(self, targets: frozenset[str], moment: Moment) -> dict[str, np.ndarray]:
        """For each of these targets that has a route, what the sources add to it.

        It is float64, (1 or n_voices, 1 or n_frames). There is one row if it is the same for all voices, and one column
        if it is the same at all of the moment's frames.
        """
        sources: dict[str, np.ndarray] = {}
        sums: dict[str, np.ndarray] = {}
        for route in self._routes:
            if route.target not in targets:
                continue
            added = bent(self._source(route.source, moment, sources), route.curve) * route.depth
            if route.scaled_by is not None:
                added = added * self._source(route.scaled_by, moment, sources)
            sums[route.target] = sums[route.target] + added if route.target in sums else added
        return sums

    def hold(self, targets: frozenset[str], voice: PlayedNote) -> Held:
        """The present BeatLines, and the present values of some of a voice's controls.

        These controls are the ones that modulate these targets, and the ones that set the depth of an LFO.
        """
        names = [name for route in self._routes if route.target in targets for name in (route.source, route.scaled_by)]
        return self.sources.hold([name for name in names if name is not None], voice)

    def reach(self, target: str) -> float:
        """How far modulation can raise this target at most, in the target's unit."""
        return sum(abs(route.depth) for route in self._routes if route.target == target)

    def _source(self, name: str, moment: Moment, known: dict[str, np.ndarray]) -> np.ndarray:
        if name not in known:
            known[name] = self.sources.values(name, moment)
        return known[name]


def _routes(sound: Sound) -> tuple[Route, ...]:
    routes = []
    for each in sound.modulation:
        if each.amount:
            travel = TRAVELS.get(each.target, 1.0)
            routes.append(Route(each.source, each.target, each.amount * travel, each.curve, each.scaled_by))
    if sound.filter.type != "off":
        if sound.filter.envelope_octaves:
            routes.append(Route("envelope_2", "filter.cutoff", sound.filter.envelope_octaves))
        if sound.filter.key_tracking:
            octaves = sound.filter.key_tracking * _SEMITONES_PER_KEY_SOURCE / 12.0
            routes.append(Route("key", "filter.cutoff", octaves))
    return tuple(routes)


def _moves(route: Route, sound: Sound) -> bool:
    names = {route.source, route.scaled_by} - {None}
    for key in ("lfo_1", "lfo_2"):
        if key in names:
            return True
    return any(name in ENVELOPES or name == "release_velocity" or is_control(name) for name in names)
