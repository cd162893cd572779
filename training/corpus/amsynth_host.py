"""A small offline host for a DSSI synthesizer, run as a separate process that reads a request and writes samples.

One process renders one patch only, because all instances of amsynth in a process share one noise generator: a patch
rendered after another would sound different from the same patch rendered alone. The host imports the standard library
only, so that it starts fast.
The structures follow LADSPA 1.1, DSSI 1.0 and ALSA's sequencer event.
"""

from __future__ import annotations

import ctypes
import json
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_float, c_int, c_ubyte, c_uint, c_ulong, c_void_p

BLOCK_SIZE = 64
MIDI_CHANNEL = 0
PORT_INPUT, PORT_OUTPUT, PORT_CONTROL, PORT_AUDIO = 1, 2, 4, 8
HINT_SAMPLE_RATE, HINT_LOGARITHMIC, HINT_DEFAULT_MASK = 0x8, 0x10, 0x3C0
HINT_CONSTANTS = {0x200: 0.0, 0x240: 1.0, 0x280: 100.0, 0x2C0: 440.0}  # default hints that are a constant
# Default hints that are a point between a port's two bounds: the weight of the upper bound, 0 to 1.
HINT_WEIGHTS = {0x40: 0.0, 0x80: 0.25, 0xC0: 0.5, 0x100: 0.75, 0x140: 1.0}
EVENT_NOTE_ON = 6


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
    """ALSA's snd_seq_event_t for a note, 28 bytes. frame: when the event happens, in samples from the block's start."""

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


class DssiDescriptor(Structure):
    """DSSI_Descriptor up to `run_synth`, the last member that this host uses."""

    _fields_ = [
        ("version", c_int),
        ("ladspa", POINTER(LadspaDescriptor)),
        ("configure", c_void_p),
        ("get_program", c_void_p),
        ("select_program", c_void_p),
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
    """One instance of the plugin. controls: values of its control ports by name; KeyError if there is no such port."""

    def __init__(self, plugin: DssiDescriptor, controls: dict[str, float], sample_rate_hz: int):
        self._plugin, self._ladspa = plugin, plugin.ladspa.contents
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

    def play(self, note: int, velocity: int, n_samples: int) -> bytes:
        """The samples of a note that is held to the end, as float32 bytes, one channel after the other."""
        outputs = [(c_float * n_samples)() for _ in self._audio_ports]
        event = NoteEvent(type=EVENT_NOTE_ON, channel=MIDI_CHANNEL, note=note, velocity=velocity)
        for start in range(0, n_samples, BLOCK_SIZE):
            for port, output in zip(self._audio_ports, outputs, strict=True):
                self._ladspa.connect_port(self._handle, port, byref(output, 4 * start))
            n_events = 1 if start == 0 else 0
            self._plugin.run_synth(self._handle, min(BLOCK_SIZE, n_samples - start), byref(event), n_events)
        return b"".join(bytes(output) for output in outputs)

    def close(self) -> None:
        """Free the instance."""
        if self._ladspa.deactivate:
            self._ladspa.deactivate(self._handle)
        self._ladspa.cleanup(self._handle)


def main() -> int:
    """Read one request as JSON from standard input and write the samples of its notes to standard output.

    Request: plugin (path), controls {port name: value}, notes, velocity, n_samples (per note), sample_rate_hz.
    Every note gets a new instance of the plugin, so that the note has no tail or glide from the note before.
    """
    request = json.load(sys.stdin)
    try:
        plugin = load_plugin(request["plugin"])
        for note in request["notes"]:
            synth = Synth(plugin, request["controls"], request["sample_rate_hz"])
            sys.stdout.buffer.write(synth.play(note, request["velocity"], request["n_samples"]))
            synth.close()
    except KeyError as error:
        print(f"the plugin has no control named {error}", file=sys.stderr)
        return 1
    except (OSError, AttributeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
