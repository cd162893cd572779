"""A morph moves all targets together through several sounds, along a path or within a square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from runtime.control.sound_knobs import SoundKnobs
from runtime.control.targets import LFO_RATES, RANGES
from runtime.sound.blending import blended_lfo
from runtime.sound.motion import DEFAULT_LFO_HZ
from runtime.sound.patch import Patch, PlayedMorph

CONTROLS = ("morph", "morph.x", "morph.y")
# A path has N_STEPS steps from one sound to the next. A square has N_SQUARE_STEPS steps from one corner to the next.
# The LFOs' rates, and the numeric settings that are not targets, change only from step to step. Only new notes get the
# changed values.
N_STEPS, N_SQUARE_STEPS = 8, 4


def steps(morph: PlayedMorph) -> list[np.ndarray]:
    """For each step of a morph, the weights of the morph's sounds. Their sum is 1; float64 (n_sounds,)."""
    is_square, n_sounds = morph.shape == "square", len(morph.patches)
    n_steps = (N_SQUARE_STEPS + 1) ** 2 if is_square else (n_sounds - 1) * N_STEPS + 1
    return [_weights_of_step(number, is_square, n_sounds) for number in range(n_steps)]


def _weights_of_step(number: int, is_square: bool, n_sounds: int) -> np.ndarray:
    if is_square:
        y, x = divmod(number, N_SQUARE_STEPS + 1)
        return square_weights(x / N_SQUARE_STEPS, y / N_SQUARE_STEPS)
    return path_weights(number / ((n_sounds - 1) * N_STEPS), n_sounds)


def square_weights(x: float, y: float) -> np.ndarray:
    """The weights, at (x, y), of the sounds in a square's corners, in the order (0, 0), (1, 0), (0, 1), (1, 1)."""
    return np.array([(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y])


def path_weights(place: float, n_sounds: int) -> np.ndarray:
    """Each sound's weight at a place on a path.

    place: 0 to 1.
    n_sounds: number of sounds, which are evenly spaced on the path.
    """
    at = place * (n_sounds - 1)
    first = min(int(at), n_sounds - 2)
    weights = np.zeros(n_sounds)
    weights[first], weights[first + 1] = 1.0 - (at - first), at - first
    return weights


class Morph:
    """The sounds of one morph, and the positions of its controls.

    Between two sounds, a target's position is interpolated, not its value: a cutoff moves in octaves.

    positions: latents' positions, used for those sounds that do not name any.
    places: positions of CONTROLS, 0 to 1.
    nearest: the sound with the largest weight; all that is no number, such as the filter's type, is taken from it.
    step: number of the step nearest to the controls' positions, in the order of `steps`.
    """

    def __init__(self, morph: PlayedMorph, positions: Sequence[float], places: Mapping[str, float]):
        self._patches = morph.patches
        self.places = dict(places)
        self._is_square = morph.shape == "square"
        knobs = [SoundKnobs(patch, patch.positions or positions, 0) for patch in morph.patches]
        self._targets = tuple(target for target in knobs[0].values if target not in LFO_RATES.values())
        self._rows = np.array([[RANGES[t].position_of(each.values[t]) for t in self._targets] for each in knobs])
        if self._is_square:
            self._ways = [np.array([each.positions for each in knobs])]
        else:
            ends = pairwise(knobs)
            ways = morph.ways or [np.array([one.positions, other.positions]) for one, other in ends]
            self._ways = [(way, _shares(way)) for way in ways]
        self._weigh()

    def move(self, control: str, place: float) -> None:
        """Move one of CONTROLS to a position, 0 to 1."""
        self.places[control] = place
        self._weigh()

    @property
    def at(self) -> tuple[float, ...]:
        """The morph's position: (x, y) if its shape is a square, (position,) if it is a path."""
        places = {control: round(place, 6) for control, place in self.places.items()}
        return (places["morph.x"], places["morph.y"]) if self._is_square else (places["morph"],)

    def targets(self) -> tuple[list[float], dict[str, float]]:
        """The latents' positions, 0 to 1 each, and the other targets' values in their units."""
        row = self._weights @ self._rows
        values = {target: RANGES[target].value_at(at) for target, at in zip(self._targets, row.tolist(), strict=True)}
        return self._positions(self._weights), values

    def lfo_rates(self) -> dict[str, float]:
        """Each LFO's rate in Hz at the step nearest to the controls' positions, by the name of the rate's target.

        A rate in beats gives DEFAULT_LFO_HZ.
        """
        weights = _weights_of_step(self.step, self._is_square, len(self._patches)).tolist()
        rates = {}
        for name, target in LFO_RATES.items():
            lfo = blended_lfo([getattr(patch.sound, name) for patch in self._patches], weights)
            rates[target] = lfo.rate_hz or DEFAULT_LFO_HZ
        return rates

    def _weigh(self) -> None:
        x, y = self.places["morph.x"], self.places["morph.y"]
        if self._is_square:
            self._weights = square_weights(x, y)
            self.step = round(y * N_SQUARE_STEPS) * (N_SQUARE_STEPS + 1) + round(x * N_SQUARE_STEPS)
        else:
            self._weights = path_weights(self.places["morph"], len(self._rows))
            self.step = round(self.places["morph"] * (len(self._rows) - 1) * N_STEPS)
        self.nearest = self._patches[int(np.argmax(self._weights))]

    def _positions(self, weights: np.ndarray) -> list[float]:
        if self._is_square:
            return (weights @ self._ways[0]).tolist()
        at = self.places["morph"] * (len(self._rows) - 1)
        first = min(int(at), len(self._rows) - 2)
        way, shares = self._ways[first]
        return [float(np.interp(at - first, shares, column)) for column in way.T]


def _shares(way: np.ndarray) -> np.ndarray:
    """For each point of a way, the share of the way's length that lies before the point, 0 to 1.

    If the length is 0, the shares are evenly spaced.

    way: the latents' positions on the way from one sound to the next, (n_points, n_latents).
    """
    lengths = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))))
    return lengths / lengths[-1] if lengths[-1] else np.linspace(0.0, 1.0, len(way))


def morph_of(patch: Patch, positions: Sequence[float]) -> Morph | None:
    """A patch's morph, or None without one.

    positions: latents' positions, used for those sounds of the morph that do not name any.
    """
    if patch.morph is None:
        return None
    own = patch.sound.morph
    return Morph(patch.morph, positions, own.places if own is not None else dict.fromkeys(CONTROLS, 0.0))
