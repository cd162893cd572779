"""The kinds of files that the program reads: how to make a good or a broken file, and how the program reads it."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import mido
import msgspec
import numpy as np
import soundfile

from runtime.base.errors import UserError
from runtime.base.protobuf import fields
from runtime.commands.render import SAMPLE_RATE_HZ
from runtime.companion.sounds import package
from runtime.companion.state import State, read_state, state_path
from runtime.config import Config, load_config
from runtime.control.mapping.map_file import load_map
from runtime.encoding.candidates import Options, coder_of, encode_recording
from runtime.engine.engine import Engine
from runtime.engine.offline import render_recorded
from runtime.engine.voices.pitch.tuning import read_scala
from runtime.events import ControlChange, NoteOff, NoteOn, ProgramChange, Swap
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from runtime.midi.files import read_events
from runtime.midi.input_port import InputPort
from runtime.midi.messages import from_message
from runtime.midi.recorded.events import event_of
from runtime.midi.recorded.reading import is_recorded, read_recorded
from runtime.midi.recorded.ticks import one_tick_a_frame
from runtime.midi.recorded.writing import HEAD, SIGNATURE, RecordedMidiWriter
from runtime.rack.build import build_rack, rack_from
from runtime.rack.parts import PartSettings
from runtime.rack.recorded.head import damage_as_user_error, head_tree, start_of
from runtime.rack.recorded.replay import Replay, plain_event
from runtime.recordings.reading import UnusableError, mono_blocks
from runtime.sound.file import load_sound, sound_from_tree
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from runtime.sound.trajectory.packing import load_trajectory, pack, unpack
from runtime.sound.trajectory.trajectory import N_BANDS, Trajectory
from tests.support.mutation import mutated
from tests.support.places import DATA, ROOT
from tests.support.racks import patch_of, playable_of, rack_of

TINY = DATA / "tiny.onnx"
PLAYED_EVERY = 7  # one of this many usable files is also rendered
_METADATA = 14


class NotFiniteError(Exception):
    """A sample is not finite, or it is beyond full scale."""


class Kind(NamedTuple):
    """A kind of file.

    suffix: end of the file's name.
    make: takes a number; returns the content of a file: a good one for -1, else one that is broken as the number says.
    use: takes a file's path and number, and reads the file as the program does; raises UserError if it is refused.
    """

    suffix: str
    make: Callable[[int], bytes]
    use: Callable[[Path, int], object]


def from_seeds(seeds: list[bytes], head: int | None = None) -> Callable[[int], bytes]:
    return lambda number: seeds[0] if number < 0 else mutated(seeds, number, head=head)


def heard(engine: object, n_frames: int = 4096) -> None:
    out = np.zeros((n_frames, 2), np.float32)
    engine.render(out)
    if not np.abs(out).max() <= 1.0:
        raise NotFiniteError(f"a sample of {np.abs(out).max()}")


def _config(path: Path, _number: int) -> None:
    load_config(path)


def _use_sound(sound: Sound, where: Path, number: int) -> None:
    decoder = Decoder(TINY)
    patch = with_sound(Config(), sound, decoder.card, where, where.parent)
    if number % PLAYED_EVERY == 0:
        rack = build_rack(patch, decoder, SAMPLE_RATE_HZ)
        rack.post(NoteOn(0, 60, 100))
        heard(rack)


def _sound(path: Path, number: int) -> None:
    _use_sound(load_sound(path), path, number)


def _state(path: Path, _number: int) -> None:
    state_path().parent.mkdir(parents=True, exist_ok=True)
    state_path().write_bytes(path.read_bytes())
    state = read_state()
    sound_from_tree(state.sound, path)


def _recorded(path: Path, number: int) -> None:
    if not is_recorded(path):
        read_events(path)
        return
    recorded = read_recorded(path)
    start = start_of(recorded.head, path)
    with damage_as_user_error(path):
        rack = rack_from(start, [Decoder(TINY) for _ in start.instruments])
        engines = [rack.engine(part) for part in range(rack.n_parts)]
        replay = Replay(engines, lambda _instrument: Decoder(TINY), start.settings, path)
        events = ((rack.frame + tick, replay.playable(event)) for tick, event in recorded.each_event())
        n_frames = 3 * 4096 if number % 2 == 0 else 100
        for block in render_recorded(rack, events, n_frames):
            if not np.abs(block).max() <= 1.0:
                raise NotFiniteError(f"a sample of {np.abs(block).max()}")


def _stream(path: Path, _number: int) -> None:
    content, at = path.read_bytes(), 0
    port = InputPort(0, lambda event, at: None, None)
    port._promoted = True  # the port must not change the priority of this process
    while at < len(content):
        size = content[at] % 6
        message = list(content[at + 1 : at + 1 + size])
        port._receive((message, 0.0), None)
        with suppress(ValueError, LookupError):  # mido's errors, which a port catches
            from_message(mido.Message.from_bytes(message))
        at += 1 + size


def _recording(path: Path, number: int) -> None:
    try:
        for block in mono_blocks(path, SAMPLE_RATE_HZ):
            if not np.isfinite(block).all():
                raise NotFiniteError("a sample of a recording")
    except UnusableError as error:
        raise UserError(path, str(error), "a recording", "give another") from None
    if number % (10 * PLAYED_EVERY) == 0:
        decoder = Decoder(TINY)
        encode_recording(path, coder_of(decoder, load_encoder(decoder)), Options(1))


def _onnx(path: Path, number: int) -> None:
    decoder = Decoder(path)
    if number % PLAYED_EVERY == 0:
        engine = Engine(decoder, sample_rate_hz=SAMPLE_RATE_HZ)
        engine.post(NoteOn(0, 60, 100))
        heard(engine)


def _package(path: Path, _number: int) -> None:
    found = package.unpack(path)
    for content in found.trajectories.values():
        unpack(content, path)


def _with_card(text: bytes) -> bytes:
    content, found = TINY.read_bytes(), b""
    for number, value in fields(memoryview(content)):
        if number != _METADATA:
            found += _field(number, value if isinstance(value, int) else bytes(value))
    return found + _field(_METADATA, _field(1, b"timbrebox") + _field(2, text))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _trajectory() -> Trajectory:
    random = np.random.default_rng(1)
    return Trajectory(
        step_s=0.02, knobs=("low harmonics", "high harmonics"), latents=random.uniform(-0.5, 0.5, (60, 2)),
        attack_s=0.05, loop_s=(0.2, 0.8),
        release_s=1.0, colour_db=random.uniform(-6, 6, (60, N_BANDS)), level_db=random.uniform(-9, 0, 240),
    )  # fmt: skip


def _summed(number: int) -> bytes:
    """A trajectory: good for -1, else broken. With an even `number` its checksum is correct, so its content is read."""
    content = pack(_trajectory())
    if number < 0:
        return content
    if number % 2:
        return mutated([content], number, head=60)
    broken = mutated([content[:-4]], number, head=60)
    return broken + struct.pack("<I", zlib.crc32(broken))


def _archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _packed(number: int) -> bytes:
    sound = f"sound_version: 1\nname: x\ntrajectory: {{file: {'a' * 8}.trajectory}}\n".encode()
    if number >= 0 and number % 2:
        sound = mutated([sound], number)
    good = _archive({"sound.yaml": sound, "aaaaaaaa.trajectory": pack(_trajectory())})
    return good if number < 0 or number % 2 else mutated([good], number, head=200)


def _recording_bytes(form: str, subtype: str | None = None) -> bytes:
    time_s = np.arange(22050) / 44100
    sound, stream = 0.3 * np.sin(2 * np.pi * 440 * time_s) + 0.1 * np.sin(2 * np.pi * 880 * time_s), io.BytesIO()
    soundfile.write(stream, np.stack([sound, sound], 1), 44100, format=form, subtype=subtype)
    return stream.getvalue()


def recorded_bytes(folder: Path) -> bytes:
    rack = rack_of(PartSettings(), PartSettings(lowest_key=60))
    history: deque[tuple[int, object]] = deque()
    rack.keep_history(history)
    rack.ask_for_state()
    rack.render(np.zeros((512, 2), np.float32))
    ((_, state),) = history
    rack.post(Swap(1, "tiny", None, playable_of(patch_of())))
    rack.render(np.zeros((512, 2), np.float32))
    swap = history[-1][1]
    path = folder / "seed.mid"
    path.unlink(missing_ok=True)
    writer = RecordedMidiWriter(path, one_tick_a_frame(rack.sample_rate_hz), head_tree(rack.sample_rate_hz, state))
    played = NoteOn(0, 60, 100), ControlChange(0, 1, 90), swap, NoteOff(0, 60, 0), ProgramChange(0, 1)
    plain = [event_of(plain_event(event, Config())) for event in played]
    writer.add([(1000 * number, event) for number, event in enumerate(plain)], 6000)
    writer.finish(8000)
    return path.read_bytes()


def _recorded_maker(good: bytes) -> Callable[[int], bytes]:
    """The `make` of a Kind. It breaks a good recorded MIDI file, either its bytes or the JSON in its head."""
    at = good.index(SIGNATURE + HEAD) + len(SIGNATURE + HEAD)
    tree = json.loads(json.dumps(msgspec.json.decode(good[at + 4 : good.index(b"\xff\x51\x03")][:-1])))
    text = json.dumps(tree).encode()

    def make(number: int) -> bytes:
        if number < 0:
            return good
        if number % 3 == 0:
            return mutated([good], number, head=None)
        broken = mutated([text], number) if number % 3 == 1 else _changed(tree, number)
        said = SIGNATURE + HEAD + zlib.crc32(broken).to_bytes(4, "big") + broken
        rest = good[good.index(b"\xff\x51\x03") - 1 :]
        track = b"\x00\xff\x7f" + _length(len(said)) + said + rest
        return good[:14] + b"MTrk" + len(track).to_bytes(4, "big") + track

    return make


_ODD = [
    0, -1, 1, 2**31, 2**63, 1e308, -1e308, 1e-308, 0.5, True, None, "", "x", [], {}, [[]], [1e308] * 3, "A" * 3000,
    "QQ==",
]  # fmt: skip


def _changed(tree: dict, number: int) -> bytes:
    """The JSON of `tree` with one to three values replaced by values of _ODD."""
    chance = np.random.default_rng(number)
    tree = json.loads(json.dumps(tree))
    for _ in range(chance.integers(1, 4)):
        place, key, holder = tree, None, None
        while isinstance(place, (dict, list)) and place and (holder is None or chance.random() < 0.93):
            keys = list(place) if isinstance(place, dict) else range(len(place))
            holder, key = place, keys[chance.integers(len(keys))]
            place = holder[key]
        holder[key] = json.loads(json.dumps(_ODD[chance.integers(len(_ODD))]))
    return json.dumps(tree).encode()


def _length(value: int) -> bytes:
    code = [value & 127]
    while value := value >> 7:
        code.append(value & 127 | 128)
    return bytes(reversed(code))


def _midi_seeds() -> list[bytes]:
    return [path.read_bytes() for path in (DATA / "scale.mid", ROOT / "runtime/demo/demo.mid")]


def _sound_seeds() -> list[bytes]:
    written = b"trajectory: {inline: {step_s: 0.1, latents: {low harmonics: [0.1, 0.5]}, level_db: [0, -3, -6]}}\n"
    packed = b"trajectory: {inline: '" + base64.b64encode(pack(_trajectory())) + b"'}\n"
    own = b"sound_version: 1\nname: mine\nlatents: {low harmonics: 0.2, high harmonics: 0.7}\n"
    found = [path.read_bytes() for path in sorted((ROOT / "runtime/bundled/sounds").rglob("*.yaml"))[:1]]
    plain = b"envelope: {attack_s: 0.1, curve: 0.5}\nmodulation: [{source: lfo_1, target: pitch, amount: 0.2}]\n"
    return [own + plain, own + written, own + packed, *found]


def kinds(folder: Path) -> dict[str, Kind]:
    """Every kind of file, by the kind's name; folder: a place for temporary files."""
    state = State("tiny", "0" * 64, {"sound_version": 1, "latents": {"low harmonics": 0.5}}, None, {"volume": 0.5})
    card = Decoder(TINY).card.to_json().encode()
    cards = lambda number: _with_card(card if number < 0 else mutated([card], number, head=1500))  # noqa: E731
    changed = json.loads(card)
    maps = [path.read_bytes() for path in sorted((ROOT / "configs/controllers").glob("*.yaml"))]
    rng = np.random.default_rng(3)
    stream = [bytes(rng.integers(0, 256, 400, np.uint8)), bytes([3, 0x90, 60, 100, 3, 0xE0, 1, 2, 2, 0xF0, 0xF7] * 20)]
    config = (ROOT / "configs/instrument.yaml").read_bytes()
    lean = b"volume_db: -3.0\nvoice: {n_voices: 8, envelope: {attack_s: 0.1}}\ntuning: {a4_hz: 441.0}\n"
    scales = [b"! x\nx\n 3\n 100.0\n 3/2\n 2/1\n", b"just\n5\n9/8\n5/4\n3/2\n900.\n2\n"]
    return {
        "config": Kind(".yaml", from_seeds([lean, config]), _config),
        "sound": Kind(".yaml", from_seeds(_sound_seeds()), _sound),
        "map": Kind(".yaml", from_seeds(maps), lambda path, _: load_map(path)),
        "state": Kind(".json", from_seeds([msgspec.json.encode(state)]), _state),
        "midi": Kind(".mid", from_seeds(_midi_seeds(), 60), lambda path, _: read_events(path)),
        "recorded": Kind(".mid", _recorded_maker(recorded_bytes(folder)), _recorded),
        "stream": Kind(".bin", from_seeds(stream), _stream),
        "scala": Kind(".scl", from_seeds(scales), lambda path, _: read_scala(path)),
        "wav": Kind(".wav", from_seeds([_recording_bytes("WAV"), _recording_bytes("WAV", "FLOAT")], 60), _recording),
        "flac": Kind(".flac", from_seeds([_recording_bytes("FLAC")], 100), _recording),
        "ogg": Kind(".ogg", from_seeds([_recording_bytes("OGG")], 200), _recording),
        "onnx": Kind(".onnx", from_seeds([(DATA / "tiny-none.onnx").read_bytes()], 4000), _onnx),
        "card": Kind(".onnx", lambda n: cards(n) if n % 2 else _with_card(_changed(changed, n)), _onnx),
        "trajectory": Kind(".trajectory", _summed, lambda path, _: load_trajectory(path)),
        "package": Kind(".timbrebox", _packed, _package),
    }
