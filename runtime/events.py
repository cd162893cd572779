"""The events that play the engine and the rack: MIDI's events, with the fields of `mido.Message`, and other events.

Channels are 0 to 15. Notes, velocities, controls, programs and values are 0 to 127.

An event's `device` is the number of the MIDI input that received the event, from 0. Each input can have its own control
map.
"""

from __future__ import annotations

import msgspec

N_CHANNELS = 16
NEVER = 2**62  # a frame that is never reached
ALL_PARTS = -1  # `part` of a Swap that replaces all parts


class NoteOn(msgspec.Struct, frozen=True, gc=False):
    """A key goes down.

    velocity: 1 to 127; a MIDI note-on of velocity 0 is a NoteOff.
    """

    channel: int
    note: int
    velocity: int
    device: int = 0


class NoteOff(msgspec.Struct, frozen=True, gc=False):
    """A key comes up. velocity: the release velocity, 0 to 127."""

    channel: int
    note: int
    velocity: int = 0
    device: int = 0


class PolyTouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on one key. value: 0 to 127."""

    channel: int
    note: int
    value: int
    device: int = 0


class ControlChange(msgspec.Struct, frozen=True, gc=False):
    """A controller moves.

    control: number of the controller; 120 to 127 are channel mode messages, such as 123, all notes off.
    """

    channel: int
    control: int
    value: int
    device: int = 0


class ProgramChange(msgspec.Struct, frozen=True, gc=False):
    """The player chooses a sound. program: the sound's number in the selected bank, 0 to 127."""

    channel: int
    program: int
    device: int = 0


class ProgramForAll(msgspec.Struct, frozen=True, gc=False):
    """A program change that is to replace all parts of a rack.

    The rack posts it to the first part's engine, which answers with the action `program`.
    """

    channel: int
    program: int


class Aftertouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on a whole channel. value: 0 to 127."""

    channel: int
    value: int
    device: int = 0


class PitchWheel(msgspec.Struct, frozen=True, gc=False):
    """The pitch bend wheel moves. pitch: -8192 to 8191, with 0 in the middle."""

    channel: int
    pitch: int
    device: int = 0


class KnobTurn(msgspec.Struct, frozen=True, gc=False):
    """A knob moves.

    latent: number of the knob, from 0.
    position: the knob's new position, 0 to 1.
    """

    latent: int
    position: float


class PhaseBlend(msgspec.Struct, frozen=True, gc=False):
    """The phase blend changes. position: its new value, from 0 (noise phases) to 1 (coherent phases)."""

    position: float


class TargetMove(msgspec.Struct, frozen=True, gc=False):
    """A target of the sound moves.

    target: one that `control.targets` lists, such as `filter.cutoff`.
    position: the target's new position in its range, 0 to 1.
    """

    target: str
    position: float


class SoundChange(msgspec.Struct, frozen=True, gc=False):
    """Another sound is chosen for the next notes of one part.

    prepared: the sound, as `Engine.prepare` of the part's engine returned it.
    part: number of the part, from 0.
    """

    prepared: object
    part: int = 0


class Action(msgspec.Struct, frozen=True, gc=False):
    """The player starts an action, such as `next_sound` or `save`. An engine itself carries out only `panic`.

    name: one of `control.targets.ACTIONS`, or `program` for a program change, or `swapped` after a Swap.
    number: for `program`, bank * 128 + program; else 0.
    part: number of the part, from 0.
    """

    name: str
    number: int = 0
    part: int = 0


class ActiveSensing(msgspec.Struct, frozen=True, gc=False):
    """The sender says that it is connected; if no event at all follows within 0.33 s, it counts as disconnected."""


class Clock(msgspec.Struct, frozen=True, gc=False):
    """MIDI timing clock: a 24th of a beat has passed."""


class ClockStart(msgspec.Struct, frozen=True, gc=False):
    """A sequencer starts: the next `Clock` is beat 0."""


class ClockContinue(msgspec.Struct, frozen=True, gc=False):
    """A sequencer continues where it stopped; the beat does not jump."""


class ClockStop(msgspec.Struct, frozen=True, gc=False):
    """A sequencer stops; it can go on sending `Clock`."""


class Tempo(msgspec.Struct, frozen=True, gc=False):
    """The tempo changes; the event is ignored while a MIDI clock is received. bpm: beats per minute."""

    bpm: float


class MapChange(msgspec.Struct, frozen=True, gc=False):
    """The control map of a MIDI input changes.

    device: number of the input.
    map: the new map, a `control.mapping.bindings.Bindings`. This module does not import that class.
    """

    device: int
    map: object


class VoiceLimit(msgspec.Struct, frozen=True, gc=False):
    """Limit how many voices sound together; voices beyond the limit end.

    n_voices: from 1 (in the modes mono and legato from 2) to the settings' `n_voices`.
    """

    n_voices: int


class EndVoice(msgspec.Struct, frozen=True, gc=False):
    """The engine ends its most dispensable voice, because the rack needs a voice for another note."""


class PartChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A part of the rack changes; fields that are None stay unchanged.

    part: number of the part, from 0.
    channel: the channel that the part hears, 0 to 15, or -1 for all.
    transpose: in semitones.
    pan: from -1, left, to 1, right.
    send: gain of what the part sends to the effects, 0 to 1.
    """

    part: int
    channel: int | None = None
    lowest_key: int | None = None
    highest_key: int | None = None
    lowest_velocity: int | None = None
    highest_velocity: int | None = None
    transpose: int | None = None
    level_db: float | None = None
    pan: float | None = None
    send: float | None = None


class Swap(msgspec.Struct, frozen=True):
    """One part gets another instrument, or all parts are replaced. Sounding notes keep the old instrument.

    part: number of the part, from 0, or ALL_PARTS.
    instrument: name or file of the new instrument. If all parts are replaced, it is the first part's instrument.
    sound: name or file of a sound; None for the instrument's first sound.
    made: the part's new Playable, or the Parts that replace all parts. If it is None, a Swap of one part does nothing.
    """

    part: int
    instrument: str
    sound: str | None = None
    made: object = None


class Reset(msgspec.Struct, frozen=True, gc=False):
    """All notes end, and all controllers return to their initial values; knobs keep their positions."""


ChannelEvent = NoteOn | NoteOff | PolyTouch | ControlChange | ProgramChange | Aftertouch | PitchWheel
Event = (
    ChannelEvent
    | KnobTurn
    | PhaseBlend
    | TargetMove
    | SoundChange
    | ProgramForAll
    | Action
    | ActiveSensing
    | Clock
    | ClockStart
    | ClockContinue
    | ClockStop
    | Tempo
    | MapChange
    | VoiceLimit
    | EndVoice
    | PartChange
    | Swap
    | Reset
)
