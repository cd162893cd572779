"""The settings of `configs/instrument.yaml`; their types give their limits."""

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
LARGEST_ROOM_M, LONGEST_PRE_DELAY_S = 50.0, 0.25  # the reverb's limits; its delay lines are long enough for both

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=30.0)]
Channel = Annotated[int, msgspec.Meta(ge=1, le=16)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
LOWEST_VOLUME_DB, HIGHEST_VOLUME_DB = -60.0, 12.0
LevelDb = Annotated[float, msgspec.Meta(ge=LOWEST_VOLUME_DB, le=HIGHEST_VOLUME_DB)]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
GainDb = Annotated[float, msgspec.Meta(ge=-12.0, le=12.0)]


class Adsr(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope of every note.

    sustain: the level of a held note.
    hold_s: time at the peak, between attack and decay.
    curve: shape of attack, decay and release. 1 is fast, then slow. 0 is linear. -1 is slow, then fast.
    """

    attack_s: Seconds = 0.005
    decay_s: Seconds = 0.3
    sustain: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    release_s: Seconds = 0.25
    hold_s: Seconds = 0.0
    curve: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 1.0


class VoiceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How notes sound.

    mode: `poly`, `mono` (only the newest key), or `legato` (like `mono`, but no new attack while keys overlap).
    velocity_db_per_decade: change of level for ten times the velocity, in dB.
    vibrato_semitones: depth of the vibrato at full modulation wheel or pressure.
    portamento_s: duration of the glide between overlapping keys in `mono` and `legato`.
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

    scale: path of a Scala file (.scl); None for equal temperament.
    scale_root_note: MIDI note on which the scale begins.
    """

    a4_hz: Annotated[float, msgspec.Meta(ge=220.0, le=880.0)] = 440.0
    transpose_semitones: Annotated[int, msgspec.Meta(ge=-48, le=48)] = 0
    octave_shift: Annotated[int, msgspec.Meta(ge=-4, le=4)] = 0
    scale: str | None = None
    scale_root_note: Annotated[int, msgspec.Meta(ge=0, le=127)] = 60


class AudioConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sound goes.

    host_api: part of the host API's name; None for any host API.
    device: part of the device's name, or "null" for silence without a device; None for the default device.
    sample_rate_hz: None for the device's default rate.
    chime: whether a chime sounds at the program's start; None for a chime only if the program runs as a service.
    """

    host_api: str | None = None
    device: str | None = None
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)] | None = None
    buffer_frames: Annotated[int, msgspec.Meta(ge=16, le=8192)] = 256
    chime: bool | None = None


class MidiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where MIDI comes from.

    api: rtmidi's name of the MIDI API, such as LINUX_ALSA or UNIX_JACK; None for the system's default.
    inputs: open only inputs whose name contains one of these texts. If there are none, every input is opened, or with
        `virtual_port` only that port.
    virtual_port: name of a port to which other programs can connect; None for no such port.
    channel: the only channel to play; None for all channels.
    mpe_lower_members, mpe_upper_members: number of member channels of each MPE zone; 0 for no zone. Messages of a
        keyboard can change both.
    map: the control map of every input. It is the name of a map in configs/controllers or in the user's folder, or the
        path of a .yaml file. With None, each input's port name chooses a map.
    controllers: whether maps are chosen by port names when `map` is None.
    """

    api: str | None = None
    inputs: tuple[str, ...] = ()
    virtual_port: str | None = None
    channel: Channel | None = None
    mpe_lower_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    mpe_upper_members: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    map: str | None = None
    controllers: bool = True


class ReverbConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reverb's room.

    level_db: level of the reverb. At 0 dB and with a full send, the reverb is as loud as the dry sound.
    size_m: length of the room in metres.
    decay_s: time in which 1 kHz decays by 60 dB.
    pre_delay_s: time before the reverb, in addition to 3 ms and the room's own delay.
    damping: how much faster treble decays. At 6 kHz the decay time is (1 - 0.6 * damping) * decay_s.
    bass: decay time at 125 Hz divided by decay_s.
    width: from 0 (mono) to 1 (left and right uncorrelated).
    """

    enabled: bool = True
    level_db: LevelDb = 0.0
    size_m: Annotated[float, msgspec.Meta(ge=5.0, le=LARGEST_ROOM_M)] = 22.0
    decay_s: Annotated[float, msgspec.Meta(ge=0.3, le=10.0)] = 2.2
    pre_delay_s: Annotated[float, msgspec.Meta(ge=0.0, le=LONGEST_PRE_DELAY_S)] = 0.01
    damping: Share = 0.6
    bass: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)] = 1.1
    width: Share = 1.0


class ChorusConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chorus: copies of the sound with modulated pitches.

    level_db: level of all copies together.
    mode: `chorus` (two copies) or `ensemble` (three copies with a second, faster modulation).
    depth_ms: how far the delay of a copy is modulated up and down.
    width: how differently left and right are modulated, from 0 (alike) to 1.
    """

    enabled: bool = True
    level_db: LevelDb = 0.0
    mode: Literal["chorus", "ensemble"] = "chorus"
    rate_hz: Annotated[float, msgspec.Meta(ge=0.05, le=5.0)] = 0.6
    depth_ms: Annotated[float, msgspec.Meta(ge=0.0, le=6.0)] = 2.0
    width: Share = 1.0


class EqualiserConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The equaliser of the whole sound: three gains; 0 for no change.

    low_db: gain below low_hz.
    mid_db: gain around mid_hz, about two octaves wide.
    high_db: gain above high_hz.
    """

    low_db: GainDb = 0.0
    low_hz: Annotated[float, msgspec.Meta(ge=40.0, le=400.0)] = 120.0
    mid_db: GainDb = 0.0
    mid_hz: Annotated[float, msgspec.Meta(ge=200.0, le=6000.0)] = 1000.0
    high_db: GainDb = 0.0
    high_hz: Annotated[float, msgspec.Meta(ge=2000.0, le=12000.0)] = 6000.0


class EffectsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The effects on the whole sound, between the voices and the limiter."""

    reverb: ReverbConfig = ReverbConfig()
    chorus: ChorusConfig = ChorusConfig()
    equaliser: EqualiserConfig = EqualiserConfig()


class BoxConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The GPIO numbers of a Raspberry Pi's pins; None for no connection.

    led_pin: a lamp, wired with a resistor to ground.
    shutdown_pin: a button, wired to ground. The machine powers off when the button is held for 2 s.
    """

    led_pin: Pin | None = None
    shutdown_pin: Pin | None = None


class PanelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the panel (a web page) is served, and where OSC is received; see docs/panel.md.

    address: this machine's address to listen on. With 127.0.0.1 only this machine can open the page. With 0.0.0.0
        paired devices in every network of this machine can open it, too.
    port: None for 8246. If 8246 is taken, and only this machine can open the page, a free port is used.
    names: further host names of this machine, by which browsers in a network open the page.
    osc_port: UDP port for OSC; None for no OSC.
    osc_address: like address, for OSC. OSC has no pairing: every device that reaches this address can play.
    """

    address: str = "127.0.0.1"
    port: Port | None = None
    names: tuple[str, ...] = ()
    osc_port: Port | None = None
    osc_address: str = "127.0.0.1"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings.

    instrument: an instrument's name, or the path of an .onnx file; None for the default instrument.
    preset: the name of a preset on the instrument's card; None for the first preset.
    seed: the same seed gives the same noise.
    pan: from -1 (left) to 1 (right); each MIDI channel's own pan is added to it.
    phase_blend: from 0 (noise phases) to 1 (coherent phases).
    phase_control: the MIDI control that moves phase_blend; None for no control. It replaces the default map's control
        for phase_blend. If this setting is left out, the control map decides.
    latent_controls: for each MIDI control, the number of the latent that it moves; the first latent has the number 1.
        An entry replaces the control map's lines for the same control. If there are entries, the default map's lines
        for latents are left out, too.
    """

    instrument: str | None = None
    preset: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    volume_db: LevelDb = 0.0
    pan: Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)] = 0.0
    phase_blend: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    phase_control: Annotated[int, msgspec.Meta(ge=0, le=127)] | msgspec.UnsetType | None = msgspec.UNSET
    voice: VoiceConfig = VoiceConfig()
    tuning: TuningConfig = TuningConfig()
    audio: AudioConfig = AudioConfig()
    midi: MidiConfig = MidiConfig()
    effects: EffectsConfig = EffectsConfig()
    box: BoxConfig = BoxConfig()
    panel: PanelConfig = PanelConfig()
    latent_controls: dict[
        Annotated[int, msgspec.Meta(ge=0, le=127)], Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_LATENT)]
    ] = msgspec.field(default_factory=dict)


def load_config(path: str | Path | None = None) -> Config:
    """Read the settings from a YAML file; None for DEFAULT_CONFIG.

    UserError if the file is unreadable, a key is unknown, a value is out of range, or a control or a pin
    already has another use. The error names the file and the key.
    """
    config = load_yaml(path or DEFAULT_CONFIG, Config)
    box = config.box
    if box.led_pin is not None and box.led_pin == box.shutdown_pin:
        found = f"pin {box.led_pin} for the lamp and for the button"
        raise UserError(f"{path or DEFAULT_CONFIG}, box", found, "two pins", "choose another number")
    _refuse_taken_controls(config, path or DEFAULT_CONFIG)
    return config


def _refuse_taken_controls(config: Config, path: str | Path) -> None:
    for key, numbers in (("phase_control", {config.phase_control}), ("latent_controls", config.latent_controls.keys())):
        taken = RESERVED & numbers
        if taken:
            found = f"control {min(taken)}, which MIDI gives another meaning"
            raise UserError(f"{path}, {key}", found, "a free control such as 70 to 79", "choose another number")
    if config.phase_control in config.latent_controls:
        found = f"control {config.phase_control}, which moves the phases (phase_control)"
        remedy = "choose another number, or set phase_control: null"
        raise UserError(f"{path}, latent_controls", found, "a different control for each knob", remedy)
