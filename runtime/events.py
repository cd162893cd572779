"""What the engine is told: immutable events in mido's words, made from mido's messages.

Channels are 0 to 15, notes, velocities, controls and values 0 to 127, pitch -8192 to 8191, as in `mido.Message`.
"""

from __future__ import annotations

import msgspec

N_CHANNELS = 16


class NoteOn(msgspec.Struct, frozen=True, gc=False):
    """A key goes down; velocity 1 to 127."""

    channel: int
    note: int
    velocity: int


class NoteOff(msgspec.Struct, frozen=True, gc=False):
    """A key comes up."""

    channel: int
    note: int
    velocity: int = 0


class PolyTouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on one key."""

    channel: int
    note: int
    value: int


class ControlChange(msgspec.Struct, frozen=True, gc=False):
    """A controller moves; the channel mode messages (120 all sound off, 123 all notes off, …) are controls too."""

    channel: int
    control: int
    value: int


class ProgramChange(msgspec.Struct, frozen=True, gc=False):
    """Another program is asked for."""

    channel: int
    program: int


class Aftertouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on the whole channel."""

    channel: int
    value: int


class PitchWheel(msgspec.Struct, frozen=True, gc=False):
    """The bend wheel moves; pitch is 0 at rest."""

    channel: int
    pitch: int


class KnobTurn(msgspec.Struct, frozen=True, gc=False):
    """A knob of the instrument moves; latent counts from 0, position is 0 to 1 of its playable travel."""

    latent: int
    position: float


class PhaseBlend(msgspec.Struct, frozen=True, gc=False):
    """The sound's phases, from those of noise, 0, to coherent ones, 1: from breath to tone."""

    position: float


class ActiveSensing(msgspec.Struct, frozen=True, gc=False):
    """The sender is there; once it has said so, 0.3 s without a word from it mean that it is gone."""


class VoiceLimit(msgspec.Struct, frozen=True, gc=False):
    """No more voices than these from now on: how whoever owns the clock sheds load."""

    n_voices: int


class Reset(msgspec.Struct, frozen=True, gc=False):
    """Everything back to how it was at the start: notes off, controllers at rest."""


ChannelEvent = NoteOn | NoteOff | PolyTouch | ControlChange | ProgramChange | Aftertouch | PitchWheel
Event = ChannelEvent | KnobTurn | PhaseBlend | ActiveSensing | VoiceLimit | Reset
