"""The settings of a playing instrument, as `configs/instrument.yaml` holds them; every one has a default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from runtime.base.checked_yaml import load_yaml
from runtime.base.errors import UserError

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=30.0)]


class Adsr(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attack, decay and release in seconds; sustain is a level from 0 to 1."""

    attack_s: Seconds = 0.005
    decay_s: Seconds = 0.3
    sustain: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    release_s: Seconds = 0.25


class TuningConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reference A in Hz, transposition, and a Scala scale (.scl) that begins at `scale_root_note`."""

    a4_hz: Annotated[float, msgspec.Meta(ge=220.0, le=880.0)] = 440.0
    transpose_semitones: Annotated[int, msgspec.Meta(ge=-48, le=48)] = 0
    octave_shift: Annotated[int, msgspec.Meta(ge=-4, le=4)] = 0
    scale: str | None = None
    scale_root_note: Annotated[int, msgspec.Meta(ge=0, le=127)] = 60

DEFAULT_CONFIG = Path(__file__).parent.parent / "configs" / "instrument.yaml"
MAX_VOICES = 64
# Controls that the engine itself understands, and that no knob may take.
GM_CONTROLS = frozenset({0, 1, 6, 7, 10, 11, 32, 38, 64, 66, 67, *range(98, 102), *range(120, 128)})

Channel = Annotated[int, msgspec.Meta(ge=1, le=16)]


class VoiceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How notes sound: how many at once, how velocity and vibrato are heard, and their envelope.

    mode: `poly`; `mono`, the newest key alone; `legato`, the same without a new attack while keys overlap.
    velocity_db_per_decade: level change in dB for ten times the velocity; 0 ignores velocity. vibrato_semitones: at
    full modulation wheel or pressure. portamento_s: glide between overlapping keys of mono and legato.
    """

    mode: Literal["poly", "mono", "legato"] = "poly"
    n_voices: Annotated[int, msgspec.Meta(ge=1, le=MAX_VOICES)] = 16
    velocity_db_per_decade: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 30.0
    vibrato_hz: Annotated[float, msgspec.Meta(ge=0.1, le=20.0)] = 5.5
    vibrato_semitones: Annotated[float, msgspec.Meta(ge=0.0, le=12.0)] = 0.5
    portamento_s: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 0.0
    envelope: Adsr = Adsr()


class AudioConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sound goes: host API and device by a part of their names (None: the system's default; `null`: none)."""

    host_api: str | None = None
    device: str | None = None
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)] | None = None
    buffer_frames: Annotated[int, msgspec.Meta(ge=16, le=8192)] = 256


class MidiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where MIDI comes from: rtmidi API (such as LINUX_ALSA, UNIX_JACK), inputs by a part of their names (none named:
    all), a virtual port of our own, and one channel (None: all). mpe_lower_members, mpe_upper_members: channels of an
    MPE zone from the start; a keyboard may configure its zone itself."""

    api: str | None = None
    inputs: tuple[str, ...] = ()
    virtual_port: str | None = None
    channel: Channel | None = None
    mpe_lower_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    mpe_upper_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0


class InstrumentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings.

    phase_blend: from the phases of noise, 0, to coherent ones, 1; phase_control moves it. latent_controls: control
    number (0 to 127) to the latent, from 1, that it moves.
    """

    instrument: str | None = None
    preset: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    volume_db: Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)] = 0.0
    phase_blend: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    phase_control: Annotated[int, msgspec.Meta(ge=0, le=127)] | None = 3
    voice: VoiceConfig = VoiceConfig()
    tuning: TuningConfig = TuningConfig()
    audio: AudioConfig = AudioConfig()
    midi: MidiConfig = MidiConfig()
    latent_controls: dict[
        Annotated[int, msgspec.Meta(ge=0, le=127)], Annotated[int, msgspec.Meta(ge=1, le=64)]
    ] = msgspec.field(default_factory=lambda: {70 + i: i + 1 for i in range(8)})


def load_config(path: str | Path | None = None) -> InstrumentConfig:
    """The configuration of a YAML file, or the project's own; UserError names what is wrong in it."""
    config = load_yaml(path or DEFAULT_CONFIG, InstrumentConfig)
    _refuse_taken_controls(config, path or DEFAULT_CONFIG)
    return config


def _refuse_taken_controls(config: InstrumentConfig, path: str | Path) -> None:
    """UserError where a control number moves a knob or the phases and means something else beside."""
    for key, numbers in (("phase_control", {config.phase_control}), ("latent_controls", config.latent_controls.keys())):
        taken = GM_CONTROLS & numbers
        if taken:
            found = f"control {min(taken)}, which MIDI gives another meaning"
            raise UserError(f"{path}, {key}", found, "a free control such as 70 to 79", "choose another number")
    if config.phase_control in config.latent_controls:
        found = f"control {config.phase_control}, which moves the phases (phase_control)"
        remedy = "choose another number, or set phase_control: null"
        raise UserError(f"{path}, latent_controls", found, "a control of its own for each knob", remedy)
