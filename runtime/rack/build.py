"""Builds the rack that the settings and the sound describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.effects.effects import Effects
from runtime.engine.build import build_engine
from runtime.instrument.decoder import Decoder
from runtime.rack.arpeggiator import Arpeggiator
from runtime.rack.parts import EVERY_CHANNEL, Part, PartSettings, Playable
from runtime.rack.rack import Rack
from runtime.rack.recorded.head import Start
from runtime.rack.recorded.replay import begun
from runtime.sound.choice import Choice
from runtime.sound.patch import Patch
from runtime.sound.sound import SoundEffects, SoundPart


def playable(patch: Patch, decoder: Decoder, sample_rate_hz: int, programs: Sequence[Patch] | None = None) -> Playable:
    """Build an engine without a limiter, for a part of a rack; arguments and errors as for `build_engine`."""
    engine = build_engine(patch, decoder, sample_rate_hz, programs, limits=False)
    return Playable(engine, patch.sound)


def build_rack(
    patch: Patch,
    decoder: Decoder,
    sample_rate_hz: int,
    programs: Sequence[Patch] | None = None,
    **options: Any,
) -> Rack:
    """Build a rack with one part, an arpeggiator and effects. options: as in `Rack`."""
    part = playable(patch, decoder, sample_rate_hz, programs), PartSettings()
    return _rack([part], patch.settings, sample_rate_hz, options)


def rack_from(start: Start, decoders: Sequence[Decoder]) -> Rack:
    """Build a rack that continues from the state at a recording's start. decoders: each part's instrument."""
    parts = []
    for state, decoder in zip(start.state.parts, decoders, strict=True):
        engine = begun(state, decoder, start.sample_rate_hz)
        sends = [change[1:] for change in engine.take_sends()][-1:] or [(0.0, 0.0)]
        sound = msgspec.structs.replace(engine.patch.sound, effects=SoundEffects(*sends[0]))
        parts.append((Playable(engine, sound), state.settings))
    rack = _rack(parts, start.settings, start.sample_rate_hz, {})
    rack.continue_from(start.state)
    return rack


def _rack(
    parts: list[tuple[Playable, PartSettings]], settings: Config, sample_rate_hz: int, options: dict[str, Any]
) -> Rack:
    first = parts[0][0].sound
    whole = {
        "controls": ControlMap(settings),
        "effects": Effects(sample_rate_hz, settings.effects),
        "arpeggiator": Arpeggiator(first.arpeggiator, first.tempo_bpm, sample_rate_hz),
    }
    return Rack(parts, settings.voice.n_voices, **whole | options)


def build_chosen(choice: Choice, sample_rate_hz: int, **options: Any) -> Rack:
    """Build the rack with all parts of a Choice. options: as in `Rack`."""
    return _rack(_chosen_parts(choice, sample_rate_hz), choice.patch.settings, sample_rate_hz, options)


def parts_of(choice: Choice, sample_rate_hz: int) -> tuple[Part, ...]:
    """Build the parts that a Choice describes. With a Swap, they can then replace all parts of a rack."""
    return tuple(Part(*each) for each in _chosen_parts(choice, sample_rate_hz))


def _chosen_parts(choice: Choice, sample_rate_hz: int) -> list[tuple[Playable, PartSettings]]:
    every = [(part_settings(said), each) for said, each in choice.parts] or [(PartSettings(), choice)]
    return [
        (playable(each.patch, each.instrument, sample_rate_hz, each.programs), settings) for settings, each in every
    ]


def with_positions(choice: Choice, rack: Rack) -> Choice:
    """Return the choice that a rack plays, with the rack's present knob positions."""
    if not choice.parts:
        return _at(choice, rack.engine().status.positions)
    parts = tuple(
        (said, _at(each, rack.engine(number).status.positions)) for number, (said, each) in enumerate(choice.parts)
    )
    return choice._replace(parts=parts)


def _at(choice: Choice, positions: tuple[float, ...]) -> Choice:
    return choice._replace(patch=msgspec.structs.replace(choice.patch, positions=positions))


def part_settings(said: SoundPart) -> PartSettings:
    """Convert what a sound's file says about one part to the settings of this part in a rack."""
    return PartSettings(
        channel=EVERY_CHANNEL if said.channel is None else said.channel - 1,
        lowest_key=said.keys[0],
        highest_key=said.keys[1],
        lowest_velocity=said.velocity[0],
        highest_velocity=said.velocity[1],
        transpose=said.transpose,
        level_db=said.level_db,
        pan=said.pan,
        send=said.send,
    )
