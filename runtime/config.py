"""The settings, as `configs/instrument.yaml` holds them: `load_config` reads a file into a Config.

Every setting has a default. The classes of the settings' sections come first, in the order of Config's fields.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from runtime.base.checked_yaml import load_yaml
from runtime.base.errors import UserError
from runtime.control_numbers import RESERVED

DEFAULT_CONFIG = Path(__file__).parent.parent / "configs" / "instrument.yaml"
MAX_VOICES = 64
HIGHEST_LATENT = 64

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=30.0)]
Channel = Annotated[int, msgspec.Meta(ge=1, le=16)]


class Adsr(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope of every note.

    attack_s, decay_s, release_s: 0 to 30 seconds. sustain: a level from 0 to 1.
    hold_s: time at the peak, between attack and decay, 0 to 30 seconds.
    curve: shape of attack, decay and release, -1 to 1: 1, fast, then slow; 0, a straight line; -1, slow, then fast.
    """

    attack_s: Seconds = 0.005
    decay_s: Seconds = 0.3
    sustain: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    release_s: Seconds = 0.25
    hold_s: Seconds = 0.0
    curve: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 1.0


class VoiceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How notes sound.

    mode: `poly`; `mono`, only the newest key; `legato`, like `mono` but without a new attack while keys overlap.
    n_voices: the most notes at once, 1 to MAX_VOICES.
    velocity_db_per_decade: change of level for ten times the velocity, 0 to 60 dB; at 0, velocity has no effect.
    vibrato_hz: rate of the vibrato, 0.1 to 20 Hz.
    vibrato_semitones: depth of the vibrato at full modulation wheel or pressure, 0 to 12 semitones.
    portamento_s: duration of the glide between overlapping keys in `mono` and `legato`, 0 to 10 seconds.
    """

    mode: Literal["poly", "mono", "legato"] = "poly"
    n_voices: Annotated[int, msgspec.Meta(ge=1, le=MAX_VOICES)] = 16
    velocity_db_per_decade: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 30.0
    vibrato_hz: Annotated[float, msgspec.Meta(ge=0.1, le=20.0)] = 5.5
    vibrato_semitones: Annotated[float, msgspec.Meta(ge=0.0, le=12.0)] = 0.5
    portamento_s: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 0.0
    envelope: Adsr = Adsr()


class TuningConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pitch of every key.

    a4_hz: frequency of A4, 220 to 880 Hz.
    transpose_semitones: -48 to 48. octave_shift: -4 to 4.
    scale: path of a Scala file (.scl); None is equal temperament.
    scale_root_note: MIDI note, 0 to 127, on which the scale begins.
    """

    a4_hz: Annotated[float, msgspec.Meta(ge=220.0, le=880.0)] = 440.0
    transpose_semitones: Annotated[int, msgspec.Meta(ge=-48, le=48)] = 0
    octave_shift: Annotated[int, msgspec.Meta(ge=-4, le=4)] = 0
    scale: str | None = None
    scale_root_note: Annotated[int, msgspec.Meta(ge=0, le=127)] = 60


class AudioConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sound goes.

    host_api: part of the host API's name; None: the system's default.
    device: part of the device's name; None: the system's default; the text "null": no device, the sound is not heard.
    sample_rate_hz: 8000 to 192000; None: the device's default rate.
    buffer_frames: size of a block, 16 to 8192 frames.
    """

    host_api: str | None = None
    device: str | None = None
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)] | None = None
    buffer_frames: Annotated[int, msgspec.Meta(ge=16, le=8192)] = 256


class MidiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where MIDI comes from.

    api: rtmidi's name of the MIDI API, such as LINUX_ALSA or UNIX_JACK; None: the system's default.
    inputs: parts of the names of inputs to open; empty: every input.
    virtual_port: name of a virtual port to which other programs can connect; None: no such port.
    channel: the only channel to play, 1 to 16; None: all channels.
    mpe_lower_members, mpe_upper_members: number of member channels of the lower and the upper MPE zone, 0 to 15; 0: no
        zone. A keyboard may change both numbers.
    map: a control map for every input, the name of one in configs/controllers or among the user's, or the path of a
        .yaml file; None: each input has the map that names its port, if there is one.
    controllers: whether such maps are chosen by the port's name.
    """

    api: str | None = None
    inputs: tuple[str, ...] = ()
    virtual_port: str | None = None
    channel: Channel | None = None
    mpe_lower_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    mpe_upper_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    map: str | None = None
    controllers: bool = True


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings.

    instrument: an instrument's name, or the path of an .onnx file; None: the default instrument.
    preset: the name of a preset on the instrument's card; None: the first.
    seed: seed of the noise, 0 or more; the same seed gives the same sound.
    volume_db: level of the whole sound, -60 to 12 dB.
    pan: from -1, left, to 1, right; each MIDI channel's own pan is added to it.
    phase_blend: 0 to 1; 0 is noise phases, 1 coherent phases.
    phase_control: the MIDI control, 0 to 127, that moves phase_blend; None: no control; unset: as in the control map.
    latent_controls: for MIDI controls, 0 to 127, the number of the latent that each moves, 1 to HIGHEST_LATENT, instead
        of what it moves in the control map.
    """

    instrument: str | None = None
    preset: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    volume_db: Annotated[float, msgspec.Meta(ge=-60.0, le=12.0)] = 0.0
    pan: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 0.0
    phase_blend: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    phase_control: Annotated[int, msgspec.Meta(ge=0, le=127)] | msgspec.UnsetType | None = msgspec.UNSET
    voice: VoiceConfig = VoiceConfig()
    tuning: TuningConfig = TuningConfig()
    audio: AudioConfig = AudioConfig()
    midi: MidiConfig = MidiConfig()
    latent_controls: dict[
        Annotated[int, msgspec.Meta(ge=0, le=127)], Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_LATENT)]
    ] = msgspec.field(default_factory=dict)


def load_config(path: str | Path | None = None) -> Config:
    """Read the settings from a YAML file.

    path: the file; None: DEFAULT_CONFIG, the project's settings. A key that the file leaves out has its default.
    UserError, which names the file and the key, if the file is unreadable, a key is unknown, a value is out of range,
    a knob or the blend of phases is given a control that MIDI reserves, or the same control moves both.
    """
    config = load_yaml(path or DEFAULT_CONFIG, Config)
    _refuse_taken_controls(config, path or DEFAULT_CONFIG)
    return config


def _refuse_taken_controls(config: Config, path: str | Path) -> None:
    """UserError if a control that moves a knob or the phases already has another meaning."""
    for key, numbers in (("phase_control", {config.phase_control}), ("latent_controls", config.latent_controls.keys())):
        taken = RESERVED & numbers
        if taken:
            found = f"control {min(taken)}, which MIDI gives another meaning"
            raise UserError(f"{path}, {key}", found, "a free control such as 70 to 79", "choose another number")
    if config.phase_control in config.latent_controls:
        found = f"control {config.phase_control}, which moves the phases (phase_control)"
        remedy = "choose another number, or set phase_control: null"
        raise UserError(f"{path}, latent_controls", found, "a different control for each knob", remedy)
