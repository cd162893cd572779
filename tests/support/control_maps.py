"""Random control maps and MIDI events, for tests that must pass for any map and any events."""

from __future__ import annotations

import random

from runtime.control.mapping.lines import HIGHEST, ControlId, Kind, MapLine
from runtime.control.mapping.map_file import MapDevice, MapFile
from runtime.control.targets import ACTIONS, RANGES
from runtime.control_numbers import PROTOCOL
from runtime.events import (
    Aftertouch,
    ChannelEvent,
    ControlChange,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
)

PLAYED = ("latent.1", "latent.2", "phase_blend")  # the targets that every instrument of the tests has
MODES = ("absolute", "relative_twos_complement", "relative_binary_offset", "relative_sign_bit", "toggle")


def any_control(dice: random.Random, kinds: tuple[Kind, ...] = tuple(Kind)) -> str:
    """A random control. Its number is small, so that random events often come from this control."""
    kind = dice.choice(kinds)
    highest = {Kind.CC: 101, Kind.CC14: 31, Kind.NRPN: 300}.get(kind, 40)
    number = dice.randint(0, min(highest, HIGHEST.get(kind, 0)))
    if kind is Kind.CC and number in PROTOCOL:
        number = 6
    return str(ControlId(kind, number))


def any_line(
    dice: random.Random, targets: tuple[str, ...] = (*RANGES, "latent.1", "latent.glass", "latent.64")
) -> MapLine:
    channel = dice.choice(["all", "all", dice.randint(1, 16)])
    if dice.random() < 0.15:
        kinds = (Kind.CC, Kind.NOTE, Kind.PROGRAM, Kind.PRESSURE, Kind.PITCH_WHEEL)
        return MapLine(any_control(dice, kinds), action=dice.choice(ACTIONS), channel=channel)
    mode = dice.choice(MODES)
    control = any_control(dice, (Kind.CC,) if mode.startswith("relative") else tuple(Kind))
    target = dice.choice(targets)
    ends, values = None, None
    if dice.random() < 0.3:
        ends = (round(dice.random(), 3), round(dice.random(), 3))
    elif dice.random() < 0.4 and target in RANGES:
        lowest, highest = RANGES[target].lowest, RANGES[target].highest
        values = (round(dice.uniform(lowest, highest), 9), round(dice.uniform(lowest, highest), 9))
    absolute = mode == "absolute"
    return MapLine(
        control,
        target,
        channel=channel,
        mode=mode,
        takeover=dice.choice(["jump", "pick_up", "scaled"]) if absolute else "jump",
        range=ends,
        values=values,
        curve=dice.choice([0.0, round(dice.uniform(-1.0, 1.0), 3)]) if absolute else 0.0,
        inverted=dice.random() < 0.3,
    )


def any_map(dice: random.Random, targets: tuple[str, ...] | None = None) -> MapFile:
    curves = ["linear", "soft", "hard", dice.randint(1, 127), ((1, 1), (64, dice.randint(1, 127)), (127, 100))]
    lines = [any_line(dice, targets) if targets else any_line(dice) for _ in range(dice.randint(0, 12))]
    return MapFile(
        name=dice.choice(["", "My map", "Räume: #1 'x'"]),
        ports=tuple(dice.choice([[], ["keys"], ["Ein Gerät: [1]", "yes"]])),
        device=dice.choice([None, MapDevice("keys:out", dice.randint(1, 3), "1-1.2")]),
        with_default=dice.random() < 0.5,
        velocity_curve=dice.choice(curves),
        lines=tuple(lines),
    )


def any_event(dice: random.Random, device: int = 0) -> ChannelEvent:
    channel, value = dice.choice([0, 0, 0, 1, 9]), dice.choice([0, 1, 63, 64, 65, 127, dice.randint(0, 127)])
    common = ControlChange(channel, dice.choice([6, 38, 98, 99, 100, 101, dice.randint(0, 119)]), value, device)
    return dice.choice(
        [
            *[common] * 8,
            NoteOn(channel, dice.randint(0, 40), max(1, value), device),
            NoteOff(channel, dice.randint(0, 40), value, device),
            PolyTouch(channel, dice.randint(0, 40), value, device),
            Aftertouch(channel, value, device),
            PitchWheel(channel, dice.randint(-8192, 8191), device),
            ProgramChange(channel, dice.randint(0, 40), device),
        ]
    )


def parameter_events(number: int, value: int, channel: int = 0) -> list[ChannelEvent]:
    """The control changes that set a non-registered parameter (NRPN).

    number, value: 14 bits each.
    """
    pairs = ((99, number >> 7), (98, number & 127), (6, value >> 7), (38, value & 127))
    return [ControlChange(channel, control, half) for control, half in pairs]
