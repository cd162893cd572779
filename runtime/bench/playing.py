"""What all measurements of `bench` share."""

from __future__ import annotations

import math

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn
from runtime.instrument.decoder import Decoder
from runtime.rack.build import build_rack
from runtime.rack.rack import Rack
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

VELOCITY = 100


def new_engine(decoder: Decoder, n_voices: int, seed: int = 0, sound: Sound = Sound()) -> Engine:
    """An engine at the instrument's sample rate; its notes begin without an attack."""
    voice = VoiceConfig(n_voices=n_voices, envelope=Adsr(attack_s=0.0))
    return Engine(decoder, patch=Patch(Config(voice=voice, seed=seed), sound))


def new_rack(decoder: Decoder, n_voices: int, sound: Sound) -> Rack:
    """A rack with one part and with effects, as in `play`; its notes begin without an attack."""
    voice = VoiceConfig(n_voices=n_voices, envelope=Adsr(attack_s=0.0))
    return build_rack(Patch(Config(voice=voice), sound), decoder, decoder.card.sample_rate_hz)


def spread_note(decoder: Decoder, number: int) -> int:
    """The note `number` fifths above the lowest note; after the highest note, the count goes on at the lowest."""
    lowest, highest = decoder.card.note_range
    return lowest + (number * 7) % (highest - lowest + 1)


def knob_turns(n_latents: int, time_s: float) -> list[KnobTurn]:
    """For each of the first n_latents knobs, an event with its position at `time_s`; each knob follows a slow sine."""
    return [KnobTurn(k, 0.5 + 0.5 * math.sin(time_s * (1.0 + 0.37 * k))) for k in range(n_latents)]
