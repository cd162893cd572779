"""The structure of a sound's YAML file.

Add a new field here and in docs/sound.md. If the field replaces a setting, let `with_sound` (settings.py) use it.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

import msgspec

from runtime.base.errors import UserError
from runtime.config import Seconds
from runtime.instrument.card import Position
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.morph import SoundMorph
from runtime.sound.motion import MOST_MODULATIONS, DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.trajectory.use import SoundTrajectories, SoundTrajectory

SOUND_VERSION = 1
LONGEST_NAME = 100

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
MOST_PARTS = 4
Key = Annotated[int, msgspec.Meta(ge=0, le=127)]
Velocity = Annotated[int, msgspec.Meta(ge=1, le=127)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]

# Unicode categories of characters that break a line or cannot be printed: control characters, surrogates, line and
# paragraph separators.
_BAD_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}


class SoundInstrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The instrument that a sound was made for.

    sha256: SHA-256 of the .onnx file, in hexadecimal; None if every version of the instrument fits.
    """

    name: Name
    sha256: Sha256 | None = None


class SoundVoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How notes are played. The fields are as in VoiceConfig; None keeps the settings' value."""

    mode: Literal["poly", "mono", "legato"] | None = None
    portamento_s: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] | None = None
    velocity_db_per_decade: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] | None = None
    vibrato_hz: Annotated[float, msgspec.Meta(ge=0.1, le=20.0)] | None = None
    vibrato_semitones: Annotated[float, msgspec.Meta(ge=0.0, le=12.0)] | None = None


class SoundEnvelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope of every note. The fields are as in Adsr; None keeps the settings' value."""

    attack_s: Seconds | None = None
    hold_s: Seconds | None = None
    decay_s: Seconds | None = None
    sustain: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None
    release_s: Seconds | None = None
    curve: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] | None = None


class SoundEffects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the sound is sent to each effect."""

    reverb: Position = 0.0
    chorus: Position = 0.0


class SoundPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One part: a sound, and the notes that play it.

    sound: name of an instrument's sound or of a user's sound, or path of a .yaml file. The path is relative to the
        folder of the file that has this part.
    instrument: the instrument that plays the sound. With None, a user's sound or a .yaml file plays on the instrument
        that it names. Any other sound plays on the first instrument that has a sound of this name.
    channel: the MIDI channel that plays the part; None for all channels.
    keys: the lowest and the highest key that play the part.
    velocity: the lowest and the highest velocity that play the part.
    transpose: in semitones.
    pan: -1 (left) to 1 (right).
    send: factor of what the sound sends to the effects.
    """

    sound: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    instrument: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None
    channel: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    keys: tuple[Key, Key] = (0, 127)
    velocity: tuple[Velocity, Velocity] = (1, 127)
    transpose: Annotated[int, msgspec.Meta(ge=-48, le=48)] = 0
    level_db: Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)] = 0.0
    pan: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 0.0
    send: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0


SoundParts = Annotated[tuple[SoundPart, ...], msgspec.Meta(max_length=MOST_PARTS)]


class Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sound; fields that are None keep the settings' values.

    instrument: the instrument that the sound was made for, or its name alone.
    phase_blend: 0 (noise phases) to 1 (coherent phases).
    level_db: added to the settings' volume_db.
    pan: -1 (left) to 1 (right).
    tempo_bpm: tempo of LFOs with `beats` and of the arpeggiator, unless a MIDI file, a MIDI clock or the player's taps
        give one.
    tilt_db_per_octave: slope that is added to the spectrum; the level at 1 kHz stays.
    odd_even_db: level of odd harmonics relative to even harmonics. A positive value weakens the even harmonics, a
        negative value the odd harmonics.
    formant_semitones: shift of the spectrum's shape at the same pitch.
    bandwidth_cents: full width of every harmonic at half power.
    width: stereo width, 0 (mono) to 1.
    trajectory: one trajectory, or several that are blended over the keyboard.
    parts: other sounds, layered or split. A sound with parts has nothing else but a name, an instrument and a level.
    """

    sound_version: int = SOUND_VERSION
    name: Name | None = None
    instrument: SoundInstrument | str | None = None
    latents: dict[str, Position] | None = None
    phase_blend: Position | None = None
    level_db: Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)] | None = None
    pan: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] | None = None
    voice: SoundVoice | None = None
    envelope: SoundEnvelope | None = None
    envelope_2: DelayedEnvelope = DelayedEnvelope()
    lfo_1: Lfo = Lfo()
    lfo_2: Lfo = Lfo()
    tempo_bpm: Annotated[float, msgspec.Meta(ge=20.0, le=300.0)] = 120.0
    modulation: Annotated[tuple[Modulation, ...], msgspec.Meta(max_length=MOST_MODULATIONS)] = ()
    filter: Filter = Filter()
    tilt_db_per_octave: Annotated[float, msgspec.Meta(ge=-12.0, le=12.0)] = 0.0
    odd_even_db: Annotated[float, msgspec.Meta(ge=-48.0, le=48.0)] = 0.0
    formant_semitones: Annotated[float, msgspec.Meta(ge=-24.0, le=24.0)] = 0.0
    bandwidth_cents: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 0.0
    width: Position = 0.0
    arpeggiator: Arpeggio = Arpeggio()
    trajectory: SoundTrajectory | SoundTrajectories | None = None
    effects: SoundEffects = SoundEffects()
    parts: SoundParts = ()
    morph: SoundMorph | None = None

    @property
    def made_for(self) -> SoundInstrument | None:
        """The instrument that the sound was made for, even if the file gives only the instrument's name."""
        return SoundInstrument(self.instrument) if isinstance(self.instrument, str) else self.instrument


def refuse_bad_name(name: str, where: object) -> None:
    """UserError if a sound cannot have this name; `where` is the beginning of the error's message."""
    if not name.strip():
        found = "an empty name"
    elif len(name) > LONGEST_NAME:
        found = f"a name of {len(name)} characters"
    elif any(unicodedata.category(character) in _BAD_CATEGORIES for character in name):
        found = f"{name!a}, which cannot be printed on one line"
    else:
        return
    raise UserError(where, found, f"a name of 1 to {LONGEST_NAME} printable characters", "choose another name")
