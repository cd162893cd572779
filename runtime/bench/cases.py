"""The cases that `bench` measures."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from runtime.bench.playing import knob_turns
from runtime.control_numbers import Control
from runtime.events import ControlChange, Event, PhaseBlend, PitchWheel
from runtime.instrument.card import Card
from runtime.sound.motion import LATENT, DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound, SoundEffects

BUFFERS_FRAMES = (64, 256)
N_VOICES_OF_PLAIN = (1, 16, 64)
N_VOICES_OF_NAMED = 16
_VIBRATO = (ControlChange(0, Control.MOD_WHEEL, 127),)
_COHERENT = (PhaseBlend(1.0),)


def _no_events(time_s: float) -> list[Event]:
    return []


def _plain_sound(card: Card) -> Sound:
    return Sound()


def _modulated_sound(card: Card) -> Sound:
    targets = [LATENT + latent.name for latent in card.latents[:2]]
    return Sound(
        lfo_1=Lfo(rate_hz=5.0, per_voice=True),
        modulation=tuple(Modulation("lfo_1", target, 0.4) for target in targets),
        filter=Filter(type="low", cutoff_hz=2000.0, envelope_octaves=3.0),
        envelope_2=DelayedEnvelope(decay_s=30.0, sustain=0.2),
    )


def _wheel(time_s: float) -> list[Event]:
    return [PitchWheel(0, round(4000 * math.sin(time_s)))]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One way to play: `n_voices` held notes, rendered in blocks of `buffer_frames`.

    moving: whether every knob moves in every block.
    name: None for a plain case, which has no events besides notes and knobs.
    sound: makes the sound from the instrument's card.
    in_rack: True if a rack with its effects plays the notes, as in `play`; False for an engine alone.
    once: events sent with the notes.
    each_block: takes the time in s at which a block begins; returns the block's further events.
    """

    n_voices: int
    buffer_frames: int
    moving: bool
    name: str | None = None
    sound: Callable[[Card], Sound] = _plain_sound
    in_rack: bool = False
    once: tuple[Event, ...] = ()
    each_block: Callable[[float], list[Event]] = _no_events

    @property
    def plain(self) -> Case:
        """The plain case with which this named case is compared."""
        return Case(n_voices=self.n_voices, buffer_frames=self.buffer_frames, moving=self.moving)

    def events_at(self, time_s: float, n_latents: int) -> list[Event]:
        """The block's turns of n_latents knobs, and the events of `each_block`. time_s: when the block begins."""
        turns = knob_turns(n_latents, time_s) if self.moving else []
        return [*turns, *self.each_block(time_s)]


def _named(
    name: str,
    once: tuple[Event, ...] = (),
    each_block: Callable[[float], list[Event]] = _no_events,
    sound: Callable[[Card], Sound] = _plain_sound,
    in_rack: bool = False,
) -> tuple[Case, ...]:
    return tuple(
        Case(
            n_voices=N_VOICES_OF_NAMED,
            buffer_frames=buffer_frames,
            moving=True,
            name=name,
            sound=sound,
            in_rack=in_rack,
            once=once,
            each_block=each_block,
        )
        for buffer_frames in BUFFERS_FRAMES
    )


PLAIN = tuple(
    Case(n_voices=n_voices, buffer_frames=buffer_frames, moving=moving)
    for n_voices in N_VOICES_OF_PLAIN
    for buffer_frames in BUFFERS_FRAMES
    for moving in (True, False)
)
NAMED = (
    *_named("wheel", each_block=_wheel),
    *_named("vibrato", once=_VIBRATO),
    *_named("coherent", once=_COHERENT),
    *_named("modulated", sound=_modulated_sound),
    *_named("bandwidth", once=_COHERENT, sound=lambda card: Sound(bandwidth_cents=20.0)),
    *_named("width", sound=lambda card: Sound(width=0.5)),
    *_named("all", once=_VIBRATO + _COHERENT, each_block=_wheel, sound=_modulated_sound),
    *_named("effects", sound=lambda card: Sound(effects=SoundEffects(reverb=0.5, chorus=0.5)), in_rack=True),
)
CASES = PLAIN + NAMED
