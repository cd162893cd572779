"""Makes random MIDI, as bytes and as whole messages; the same seed gives the same events."""

from __future__ import annotations

from collections.abc import Iterator

import mido
import numpy as np

from runtime.events import Event, KnobTurn, PhaseBlend, VoiceLimit
from runtime.midi.messages import from_message

BYTES_PER_BLOCK = 1000
MESSAGES_PER_BLOCK = 20
_CHUNK_BLOCKS = 50

Block = list[tuple[int, Event]]


def byte_blocks(n_bytes: int, random: np.random.Generator) -> Iterator[Block]:
    """Events that mido parses from random bytes, in blocks of 1000 bytes; all are at frame 0.

    Every other group of 50 blocks has no resets and fewer status bytes, so that notes last.
    """
    parser = mido.Parser()
    for number in range(-(-n_bytes // BYTES_PER_BLOCK)):
        n = min(BYTES_PER_BLOCK, n_bytes - number * BYTES_PER_BLOCK)
        given = random.integers(256, size=n, dtype=np.uint8)
        if number // _CHUNK_BLOCKS % 2:
            given[random.random(n) < 0.4] &= 0x7F
            given[given == 0xFF] = 0x90
        parser.feed(given.tobytes())
        yield [(0, event) for event in map(from_message, parser) if event is not None]


def message_blocks(n_messages: int, n_voices: int, block_frames: int, random: np.random.Generator) -> Iterator[Block]:
    """Blocks of random events at random frames, from 20 messages a block on average.

    The four messages that set a parameter count as one.
    """
    n_left = n_messages
    while n_left > 0:
        n = min(n_left, int(random.geometric(1.0 / MESSAGES_PER_BLOCK)))
        n_left -= n
        frames = np.sort(random.integers(block_frames, size=n)).tolist()
        yield [(frame, event) for frame in frames for event in _gesture(n_voices, random)]


def _gesture(n_voices: int, random: np.random.Generator) -> list[Event]:
    a, b, value = (int(number) for number in random.integers(128, size=3))
    # Some channels are chosen more often, so that their events interact.
    channel = int(random.choice([0, 0, 0, 1, 1, 2, 14, 15, random.integers(16)]))
    kind = random.choice(_KINDS, p=_WEIGHTS)
    if kind == "parameter":
        chosen = int(random.choice([0, 1, 2, 6, 127]))
        controls = ((101, 0), (100, chosen), (6, min(value, 15) if chosen == 6 else value), (38, b))
        return _events(*(mido.Message("control_change", channel=channel, control=c, value=v) for c, v in controls))
    if kind == "limit":
        return [VoiceLimit(int(random.choice([0, 1, n_voices // 2, n_voices, n_voices])))]
    if kind == "blend":
        return [PhaseBlend(float(random.choice([0.0, 1.0, random.uniform(-0.5, 1.5)])))]
    if kind == "knob":
        return [KnobTurn(int(random.integers(-1, 4)), float(random.uniform(-0.5, 1.5)))]
    if kind in ("active_sensing", "reset"):
        return _events(mido.Message(kind))
    if kind == "pitchwheel":
        return _events(mido.Message(kind, channel=channel, pitch=int(random.integers(-8192, 8192))))
    return _events(mido.Message(kind, channel=channel, **dict(zip(_FIELDS[kind], (a, value), strict=False))))


def _events(*messages: mido.Message) -> list[Event]:
    return [event for event in map(from_message, messages) if event is not None]


_FIELDS = {
    "note_on": ("note", "velocity"),
    "note_off": ("note", "velocity"),
    "polytouch": ("note", "value"),
    "control_change": ("control", "value"),
    "program_change": ("program",),
    "aftertouch": ("value",),
}
_RATES = {
    "note_on": 40, "note_off": 20, "control_change": 20, "pitchwheel": 6, "polytouch": 4, "aftertouch": 4, "knob": 4,
    "parameter": 3, "blend": 1, "program_change": 2, "limit": 0.5, "active_sensing": 0.2, "reset": 0.02,
}  # fmt: skip
_KINDS = list(_RATES)
_WEIGHTS = np.array(list(_RATES.values())) / sum(_RATES.values())
