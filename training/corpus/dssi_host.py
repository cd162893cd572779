"""A small offline host for a DSSI synthesizer. The host reads a request, and writes samples or a list of programs.

One process renders one patch, because all instances of amsynth in a process share a noise generator. For a fast start,
only the standard library is imported. The structures follow LADSPA 1.1, DSSI 1.0 and ALSA's sequencer event.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_float, c_int, c_ubyte, c_uint, c_ulong, c_void_p

BLOCK_SIZE = 64
MIDI_CHANNEL = 0
PORT_INPUT, PORT_OUTPUT, PORT_CONTROL, PORT_AUDIO = 1, 2, 4, 8
HINT_SAMPLE_RATE, HINT_LOGARITHMIC, HINT_DEFAULT_MASK = 0x8, 0x10, 0x3C0
HINT_CONSTANTS = {0x200: 0.0, 0x240: 1.0, 0x280: 100.0, 0x2C0: 440.0}  # LADSPA's default hints that stand for constants
# Default hints for a value between a port's two bounds, with the weight of the upper bound, 0 to 1.
HINT_WEIGHTS = {0x40: 0.0, 0x80: 0.25, 0xC0: 0.5, 0x100: 0.75, 0x140: 1.0}
EVENT_NOTE_ON, EVENT_NOTE_OFF = 6, 7


class PortRangeHint(Structure):
    """LADSPA_PortRangeHint: the bounds and the default value of a control port."""

    _fields_ = [("hint", c_int), ("lower", c_float), ("upper", c_float)]


class LadspaDescriptor(Structure):
    """LADSPA_Descriptor: the ports and functions of a plugin."""

    _fields_ = [
        ("unique_id", c_ulong),
        ("label", c_char_p),
        ("properties", c_int),
        ("name", c_char_p),
        ("maker", c_char_p),
        ("copyright", c_char_p),
        ("n_ports", c_ulong),
        ("port_descriptors", POINTER(c_int)),
        ("port_names", POINTER(c_char_p)),
        ("port_range_hints", POINTER(PortRangeHint)),
        ("implementation_data", c_void_p),
        ("instantiate", CFUNCTYPE(c_void_p, c_void_p, c_ulong)),
        ("connect_port", CFUNCTYPE(None, c_void_p, c_ulong, c_void_p)),
        ("activate", CFUNCTYPE(None, c_void_p)),
        ("run", c_void_p),
        ("run_adding", c_void_p),
        ("set_run_adding_gain", c_void_p),
        ("deactivate", CFUNCTYPE(None, c_void_p)),
        ("cleanup", CFUNCTYPE(None, c_void_p)),
    ]


class NoteEvent(Structure):
    """ALSA's snd_seq_event_t for a note, 28 bytes.

    frame: the note's time, in samples from the block's start.
    """

    _fields_ = [
        ("type", c_ubyte),
        ("flags", c_ubyte),
        ("tag", c_ubyte),
        ("queue", c_ubyte),
        ("frame", c_uint),
        ("time_ns", c_uint),
        ("addresses", c_ubyte * 4),
        ("channel", c_ubyte),
        ("note", c_ubyte),
        ("velocity", c_ubyte),
        ("off_velocity", c_ubyte),
        ("duration", c_uint),
    ]


class ProgramDescriptor(Structure):
    """DSSI_Program_Descriptor: a program of the plugin."""

    _fields_ = [("bank", c_ulong), ("program", c_ulong), ("name", c_char_p)]


class DssiDescriptor(Structure):
    """DSSI_Descriptor up to `run_synth`, the last member that this host uses."""

    _fields_ = [
        ("version", c_int),
        ("ladspa", POINTER(LadspaDescriptor)),
        ("configure", CFUNCTYPE(c_void_p, c_void_p, c_char_p, c_char_p)),
        ("get_program", CFUNCTYPE(POINTER(ProgramDescriptor), c_void_p, c_ulong)),
        ("select_program", CFUNCTYPE(None, c_void_p, c_ulong, c_ulong)),
        ("get_midi_controller_for_port", c_void_p),
        ("run_synth", CFUNCTYPE(None, c_void_p, c_ulong, POINTER(NoteEvent), c_ulong)),
    ]


def load_plugin(path: str) -> DssiDescriptor:
    """The first DSSI descriptor in the shared library at `path`; OSError if there is none."""
    entry = ctypes.CDLL(path).dssi_descriptor
    entry.argtypes, entry.restype = [c_ulong], POINTER(DssiDescriptor)
    descriptor = entry(0)
    if not descriptor:
        raise OSError(f"{path} describes no DSSI plugin")
    return descriptor.contents


def default_value(hint: PortRangeHint, sample_rate_hz: int) -> float:
    """The default value of a control port. Source: the default hints in the LADSPA header, ladspa.h."""
    kind = hint.hint & HINT_DEFAULT_MASK
    if kind in HINT_CONSTANTS:
        return HINT_CONSTANTS[kind]
    if kind not in HINT_WEIGHTS:
        return 0.0
    scale = sample_rate_hz if hint.hint & HINT_SAMPLE_RATE else 1
    lower, upper, weight = hint.lower * scale, hint.upper * scale, HINT_WEIGHTS[kind]
    if hint.hint & HINT_LOGARITHMIC and lower > 0.0 and upper > 0.0:
        return lower ** (1.0 - weight) * upper**weight
    return lower * (1.0 - weight) + upper * weight


class Synth:
    """One instance of the plugin.

    controls: values of control ports, by the port's name; KeyError if the plugin has no such port.
    """

    def __init__(self, plugin: DssiDescriptor, controls: dict[str, float], sample_rate_hz: int):
        self._plugin, self._ladspa = plugin, plugin.ladspa.contents
        self._sample_rate_hz = sample_rate_hz
        self._handle = self._ladspa.instantiate(plugin.ladspa, sample_rate_hz)
        if not self._handle:
            raise OSError("the plugin did not start")
        self._audio_ports: list[int] = []
        self._ports: dict[int, c_float] = {}  # keeps alive the memory that the plugin reads
        by_name: dict[str, c_float] = {}
        for port in range(self._ladspa.n_ports):
            kind = self._ladspa.port_descriptors[port]
            if kind & PORT_CONTROL:
                value = c_float(default_value(self._ladspa.port_range_hints[port], sample_rate_hz))
                self._ports[port] = by_name[self._ladspa.port_names[port].decode()] = value
                self._ladspa.connect_port(self._handle, port, byref(value))
            elif kind & PORT_OUTPUT:
                self._audio_ports.append(port)
        for name, value in controls.items():
            by_name[name].value = value
        if self._ladspa.activate:
            self._ladspa.activate(self._handle)

    def programs(self) -> list[tuple[int, int, str]]:
        """Bank, number and name of every program."""
        found = []
        while self._plugin.get_program and (program := self._plugin.get_program(self._handle, len(found))):
            name = (program.contents.name or b"").decode(errors="replace").strip()
            found.append((program.contents.bank, program.contents.program, name))
        return found

    def set_up(self, settings: list[list[str]], program: list[int] | None, warm_up_samples: int) -> None:
        """Configure the plugin, select a program (bank and number), and let the plugin run without a note.

        The plugin runs for `warm_up_samples` in real time before the selection and again after it, because some plugins
        load a program in a thread. OSError if the plugin refuses a setting.
        """
        for key, value in settings:
            if self._plugin.configure(self._handle, key.encode(), value.encode()):
                raise OSError(f"the plugin refuses the setting {key} = {value}")
        self._idle(warm_up_samples)
        if program is not None:
            self._plugin.select_program(self._handle, *program)
            self._idle(warm_up_samples)

    def play(self, note: int, velocity: int, n_samples: int, n_held: int) -> bytes:
        """A note's samples as float32 bytes, one channel after the other; the note ends after n_held samples."""
        outputs = [(c_float * n_samples)() for _ in self._audio_ports]
        for start in range(0, n_samples, BLOCK_SIZE):
            end = min(start + BLOCK_SIZE, n_samples)
            for port, output in zip(self._audio_ports, outputs, strict=True):
                self._ladspa.connect_port(self._handle, port, byref(output, 4 * start))
            event, n_events = NoteEvent(type=EVENT_NOTE_ON, channel=MIDI_CHANNEL, note=note, velocity=velocity), 0
            if start == 0:
                n_events = 1
            elif start <= n_held < end:
                event.type, event.frame, n_events = EVENT_NOTE_OFF, n_held - start, 1
            self._plugin.run_synth(self._handle, end - start, byref(event), n_events)
        return b"".join(bytes(output) for output in outputs)

    def _idle(self, n_samples: int) -> None:
        silence, event = (c_float * BLOCK_SIZE)(), NoteEvent()
        for _ in range(0, n_samples, BLOCK_SIZE):
            for port in self._audio_ports:
                self._ladspa.connect_port(self._handle, port, byref(silence))
            self._plugin.run_synth(self._handle, BLOCK_SIZE, byref(event), 0)
            time.sleep(BLOCK_SIZE / self._sample_rate_hz)

    def close(self) -> None:
        """Free the plugin's instance."""
        if self._ladspa.deactivate:
            self._ladspa.deactivate(self._handle)
        self._ladspa.cleanup(self._handle)


def main() -> int:
    """Read one request as JSON from standard input, and write the answer to standard output.

    Every request has:
    - `sample_rate_hz`
    - `plugin`: the plugin's path
    - `controls`: {port name: value}

    It may also have:
    - `settings`: [[key, value]]
    - `warm_up_samples`: see `Synth.set_up`

    A request for notes is answered with their samples. Every note gets a new instance. The request has:
    - `notes`, `velocity`: as in MIDI
    - `n_samples`: samples per note

    It may also have:
    - `n_held`: samples until a note ends
    - `program`: [bank, number]

    If a request has a true `list_programs`, the plugin's programs are written as JSON: [[bank, number, name]].
    """
    request = json.load(sys.stdin)
    try:
        answer(request)
    except KeyError as error:
        print(f"the plugin has no control named {error}", file=sys.stderr)
        return 1
    except (OSError, AttributeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def answer(request: dict) -> None:
    """Answer a request of `main`; KeyError for an unknown control, OSError or AttributeError if the plugin fails."""
    plugin, n_samples = load_plugin(request["plugin"]), request.get("n_samples", 0)
    settings, warm_up_samples = request.get("settings", []), request.get("warm_up_samples", 0)
    for note in request.get("notes", []):
        synth = Synth(plugin, request["controls"], request["sample_rate_hz"])
        synth.set_up(settings, request.get("program"), warm_up_samples)
        n_held = request.get("n_held", n_samples)
        sys.stdout.buffer.write(synth.play(note, request["velocity"], n_samples, n_held))
        synth.close()
    if request.get("list_programs"):
        synth = Synth(plugin, request["controls"], request["sample_rate_hz"])
        synth.set_up(settings, None, warm_up_samples)
        sys.stdout.write(json.dumps(synth.programs()))
        synth.close()


if __name__ == "__main__":
    sys.exit(main())
