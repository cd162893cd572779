"""Random sounds for hypothesis and the soak tests: each field of a sound is drawn within its range."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Protocol

import msgspec
import numpy as np
from hypothesis import strategies as st
from msgspec import inspect

from runtime.config import Config
from runtime.instrument.card import Card
from runtime.sound.motion import LATENT, SOURCES, TARGETS, Modulation
from runtime.sound.patch import Patch
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from runtime.sound.trajectory.trajectory import Trajectory
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.trajectories import random_trajectory

# Targets that the engine does not use yet.
UNWIRED: frozenset[str] = frozenset()
# The MIDI controls that can be drawn as sources of modulation (as `cc_20` and so on). By default, control 70 also moves
# a knob.
CONTROLS = (20, 21, 64, 70, 74)
N_MODULATIONS = 6
# `_fields` does not draw these fields. `random_sound` sets `latents`, `modulation` and `depth_from` itself. The others
# keep their defaults.
_GIVEN = {"sound_version", "name", "instrument", "latents", "modulation", "trajectory", "depth_from"}
# `random_sound` does not draw these fields: they act outside a single engine, or name other sounds.
_NOT_FOR_AN_ENGINE = ("morph", "parts", "arpeggiator")
_SECONDS = (0.0, 30.0)
_type_info = cache(inspect.type_info)


class Choices(Protocol):
    def among(self, values: tuple) -> Any:
        """One of these values."""

    def number(self, lowest: float, highest: float) -> float:
        """A number from lowest to highest."""


class DrawnChoices:
    """Choices drawn by the library hypothesis, which simplifies failing examples."""

    def __init__(self, draw: Any):
        self._draw = draw

    def among(self, values: tuple) -> Any:
        return self._draw(st.sampled_from(values))

    def number(self, lowest: float, highest: float) -> float:
        return self._draw(st.floats(lowest, highest, allow_subnormal=False))


class RandomChoices:
    def __init__(self, random: np.random.Generator):
        self._random = random

    def among(self, values: tuple) -> Any:
        return values[int(self._random.integers(len(values)))]

    def number(self, lowest: float, highest: float) -> float:
        return float(self._random.uniform(lowest, highest))


def random_sound(choices: Choices, knobs: tuple[str, ...], unwired: frozenset[str] = UNWIRED) -> Sound:
    targets = tuple(target for target in TARGETS if target not in unwired) + tuple(LATENT + knob for knob in knobs)
    fields = _fields(choices, Sound, _NOT_FOR_AN_ENGINE)
    lfos = {}
    for key in ("lfo_1", "lfo_2"):
        lfo = fields[key]
        if lfo.beats is not None:
            lfo = msgspec.structs.replace(lfo, rate_hz=None)
        # An LFO must not scale itself, and two LFOs must not scale each other.
        scaling = [source for source in _sources() if source != key and (key, source) != ("lfo_2", "lfo_1")]
        lfos[key] = msgspec.structs.replace(lfo, depth_from=choices.among((None, None, *scaling)))
    modulation = tuple(
        _struct(choices, Modulation, source=choices.among(_sources()), target=choices.among(targets),
                scaled_by=choices.among((None, None, *_sources())))
        for _ in range(choices.among(tuple(range(N_MODULATIONS + 1))))
    )  # fmt: skip
    latents = {knob: choices.number(0.0, 1.0) for knob in knobs}
    return Sound(**{**fields, **lfos, "latents": latents, "modulation": modulation})


def random_patch(
    choices: Choices, card: Card, config: Config, *, calm: bool = False, sound: Sound | None = None
) -> Patch:
    """A patch with a random or given sound; half of the random sounds have trajectories.

    calm: whether trajectories are smooth and slow, so that they cause no spikes in the sound.
    """
    knobs = tuple(latent.name for latent in card.latents)
    patch = with_sound(config, sound or random_sound(choices, knobs), card, "random sound")
    if sound is not None or choices.among((True, False)):
        return patch
    return msgspec.structs.replace(patch, trajectories=random_trajectories(choices, knobs, calm))


def random_trajectories(choices: Choices, knobs: tuple[str, ...], calm: bool) -> tuple[PlayedTrajectory, ...]:
    marks = choices.among(({"plays_once": True}, {"loop_s": (0.1, 0.4)}, {"loop_s": (0.0, 0.3), "release_s": 0.45}))
    directions = ("forward", "backward", "ping_pong")
    return tuple(
        PlayedTrajectory(
            _smoothed(trajectory) if calm else trajectory,
            choices.number(0.0, 1.0),
            choices.number(0.0, 2.0),
            choices.number(0.05, 2.0 if calm else 20.0),
            choices.among(directions),
            choices.among((None, 0.0, 0.3)),
            key=key,
        )
        for key in choices.among(((None,), (40, 80)))
        for trajectory in [random_trajectory(choices.among((1, 2, 3)), n_hops=30, knobs=knobs, **marks)]
    )


def _smoothed(trajectory: Trajectory) -> Trajectory:
    """The trajectory with each value averaged over 0.2 s."""

    def averaged(values: np.ndarray, n: int) -> np.ndarray:
        ends = np.pad(values, [(n // 2, n - 1 - n // 2), *[(0, 0)] * (values.ndim - 1)], "edge")
        return np.lib.stride_tricks.sliding_window_view(ends, n, axis=0).mean(axis=-1)

    return replace(
        trajectory,
        latents=averaged(trajectory.latents, 9),
        colour_db=averaged(trajectory.colour_db, 9),
        level_db=averaged(trajectory.level_db, 40),
    )


@st.composite
def patches(draw: Any, card: Card, config: Config) -> Patch:
    return random_patch(DrawnChoices(draw), card, config)


def _sources() -> tuple[str, ...]:
    return SOURCES + tuple(f"cc_{control}" for control in CONTROLS)


def _struct(choices: Choices, struct: type, **given: Any) -> Any:
    return struct(**{**_fields(choices, struct, tuple(given)), **given})


def _fields(choices: Choices, struct: type, given: tuple[str, ...] = ()) -> dict[str, Any]:
    values = {}
    for field in _type_info(struct).fields:
        if field.name not in _GIVEN and field.name not in given:
            values[field.name] = _value(choices, field.type)
    return values


def _value(choices: Choices, kind: Any) -> Any:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return _value(choices, choices.among(kind.types))
    if isinstance(kind, inspect.NoneType):
        return None
    if isinstance(kind, inspect.BoolType):
        return choices.among((False, True))
    if isinstance(kind, inspect.LiteralType):
        return choices.among(kind.values)
    if isinstance(kind, inspect.StructType):
        return _struct(choices, kind.cls)
    if isinstance(kind, inspect.FloatType):
        return _number(choices, kind)
    raise TypeError(f"no random value for {kind}")


def _number(choices: Choices, kind: inspect.FloatType) -> float:
    lowest, highest = kind.ge, kind.le
    if (lowest, highest) == _SECONDS:
        # Mostly short times, which are over before a note of one second ends.
        return choices.among((0.0, 0.0, 0.01, 0.1, choices.number(0.0, 0.5), choices.number(lowest, highest)))
    ends = (lowest, highest) if lowest > 0.0 or highest < 0.0 else (lowest, highest, 0.0)
    if lowest > 0.0 and highest > 100.0 * lowest:
        middle = float(np.exp(choices.number(float(np.log(lowest * 1.001)), float(np.log(highest * 0.999)))))
    else:
        middle = choices.number(lowest, highest)
    return choices.among((middle, middle, middle, *ends))
