"""The events that play the engine: MIDI's, with the field names and numbers of `mido.Message`, and a few more.

Events are immutable. Channels are 0 to 15; notes, velocities, controls, programs and values 0 to 127. device: number of
the MIDI input that an event came from, from 0, so that each input can have a map of its own.
"""

from __future__ import annotations

import msgspec

N_CHANNELS = 16
NEVER = 2**62  # a frame that is never reached


class NoteOn(msgspec.Struct, frozen=True, gc=False):
    """A key goes down.

    velocity: 1 to 127; a MIDI note-on of velocity 0 is a NoteOff.
    """

    channel: int
    note: int
    velocity: int
    device: int = 0


class NoteOff(msgspec.Struct, frozen=True, gc=False):
    """A key comes up.

    velocity: release velocity, 0 to 127, a source of modulation.
    """

    channel: int
    note: int
    velocity: int = 0
    device: int = 0


class PolyTouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on one key.

    value: 0 to 127; 0 is no pressure.
    """

    channel: int
    note: int
    value: int
    device: int = 0


class ControlChange(msgspec.Struct, frozen=True, gc=False):
    """A controller moves.

    control: number of the controller; 120 to 127 are channel mode messages, such as 123, all notes off.
    value: the controller's new position.
    """

    channel: int
    control: int
    value: int
    device: int = 0


class ProgramChange(msgspec.Struct, frozen=True, gc=False):
    """A preset is chosen, by its number, from 0."""

    channel: int
    program: int
    device: int = 0


class Aftertouch(msgspec.Struct, frozen=True, gc=False):
    """Pressure on a whole channel.

    value: 0 to 127; 0 is no pressure.
    """

    channel: int
    value: int
    device: int = 0


class PitchWheel(msgspec.Struct, frozen=True, gc=False):
    """The pitch bend wheel moves.

    pitch: -8192 to 8191; 0 is the middle.
    """

    channel: int
    pitch: int
    device: int = 0


class KnobTurn(msgspec.Struct, frozen=True, gc=False):
    """A knob moves.

    latent: number of the knob, from 0. position: 0 to 1 of its travel.
    """

    latent: int
    position: float


class PhaseBlend(msgspec.Struct, frozen=True, gc=False):
    """The blend of phases moves, from breath to tone.

    position: 0 to 1; 0 is noise phases, 1 coherent phases.
    """

    position: float


class TargetMove(msgspec.Struct, frozen=True, gc=False):
    """A target of the sound moves; `control.targets` names the targets.

    target: such as `filter.cutoff` or `latent.3`. position: 0 to 1 of its travel.
    """

    target: str
    position: float


class SoundChange(msgspec.Struct, frozen=True, gc=False):
    """Another sound is chosen for the next notes.

    prepared: the sound, from `Engine.prepare`.
    """

    prepared: object


class Action(msgspec.Struct, frozen=True, gc=False):
    """The player asks for something that the engine cannot do by itself, such as `next_sound` or `save`.

    name: as in `control.targets.ACTIONS`. number: for `program`, the program's number with its bank, bank * 128 +
    program; else 0. part: number of the part, from 0.
    """

    name: str
    number: int = 0
    part: int = 0


class ActiveSensing(msgspec.Struct, frozen=True, gc=False):
    """The sender is still connected. After one such event, 0.33 s without any event mean that it is lost."""


class Clock(msgspec.Struct, frozen=True, gc=False):
    """MIDI timing clock: a 24th of a beat has passed."""


class ClockStart(msgspec.Struct, frozen=True, gc=False):
    """A sequencer starts: the next `Clock` is beat 0."""


class ClockContinue(msgspec.Struct, frozen=True, gc=False):
    """A sequencer goes on from where it stopped; the beat does not jump."""


class ClockStop(msgspec.Struct, frozen=True, gc=False):
    """A sequencer stops; its clock may run on."""


class Tempo(msgspec.Struct, frozen=True, gc=False):
    """The tempo changes, as long as no MIDI clock comes.

    bpm: beats per minute.
    """

    bpm: float


class MapChange(msgspec.Struct, frozen=True, gc=False):
    """The controls of a MIDI input move other targets from now on.

    device: number of the input. map: a `control.mapping.bindings.Bindings`, of which the events need not know.
    """

    device: int
    map: object


class VoiceLimit(msgspec.Struct, frozen=True, gc=False):
    """A limit on the voices that sound at once, so that rendering costs less; voices beyond the limit end.

    n_voices: from 1 (in the modes mono and legato from 2) to the `n_voices` of the settings.
    """

    n_voices: int


class EndVoice(msgspec.Struct, frozen=True, gc=False):
    """The most dispensable voice ends, because a note elsewhere needs its place."""


class PartChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A part of the rack changes; what is None stays.

    part: its number, from 0. channel: 0 to 15, or -1 for all. lowest_key, highest_key, lowest_velocity,
    highest_velocity: the notes that it plays from now on. transpose: in semitones. level_db, pan: -1 left to 1 right.
    send: factor, 0 to 1, of what it sends to the effects.
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
    """Another instrument takes over a part: the next notes play it, notes that sound ring out on the old one.

    part: its number, from 0. instrument: the new one's name or file. sound: name or file of its sound; None: its first.
    made: what plays it, made ahead; None: the rack makes it, which only a rack that may wait can do.
    """

    part: int
    instrument: str
    sound: str | None = None
    made: object = None


class Reset(msgspec.Struct, frozen=True, gc=False):
    """All notes end, and all controllers go back to where they were at the start; knobs stay."""


ChannelEvent = NoteOn | NoteOff | PolyTouch | ControlChange | ProgramChange | Aftertouch | PitchWheel
Event = (
    ChannelEvent
    | KnobTurn
    | PhaseBlend
    | TargetMove
    | SoundChange
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
