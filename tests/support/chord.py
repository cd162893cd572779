"""Plays a chord of steady voices twice: with submixes, and with voices made one by one. Events come while it sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, VoiceLimit
from tests.support.playing import Player, play

HOP_SIZE = 1024
CHORD = [NoteOn(0, 48 + 3 * k, 30 + 5 * k) for k in range(8)]
N_FRAMES = 24 * HOP_SIZE
AT = 8 * HOP_SIZE + 300
KNOBS = [(k * 200, KnobTurn(0, 0.5 + 0.4 * np.sin(k / 9.0))) for k in range(N_FRAMES // 200)]
# For each test case, by name: the events that come at frame AT, while the chord sounds.
EVENTS: dict[str, Sequence[Event]] = {
    "nothing": [],
    "a key comes up": [NoteOff(0, 51)],
    "the loudest key comes up": [NoteOff(0, 69)],
    "all keys come up": [NoteOff(0, note.note) for note in CHORD],
    "a new note": [NoteOn(0, 80, 90)],
    "voices stolen": [NoteOn(0, 80 + k, 90) for k in range(9)],
    "the volume turns": [ControlChange(0, 7, 60)],
    "panned": [ControlChange(0, 10, 20)],
    "fewer voices": [VoiceLimit(3)],
}


@contextmanager
def one_by_one() -> Iterator[None]:
    """Inside a `with`, engines transform each voice separately, without submixes."""
    hop = LaneSound.hop

    def hop_without_gains(sound: LaneSound, lanes: Sequence[int], frame: int, n_hops: int, gains: np.ndarray) -> None:
        hop(sound, lanes, frame, n_hops, np.zeros_like(gains))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LaneSound, "hop", hop_without_gains)
        yield


def mixed_and_alone(events: Sequence[tuple[int, Event]], blend: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The left channels of the chord with submixes, and with voices made one by one.

    events: (frame, event).
    blend: from noise phases (0) to coherent phases (1).

    AssertionError unless submixes save transforms.
    """
    ordered = sorted(events, key=lambda entry: entry[0])
    mixed, n_mixed = _played(ordered, blend)
    with one_by_one():
        alone, n_alone = _played(ordered, blend)
    assert n_mixed < n_alone
    return mixed, alone


def _played(events: Sequence[tuple[int, Event]], blend: float) -> tuple[np.ndarray, int]:
    engine = Player(12, knobs=(0.5, 0.5), phase_blend=blend, vibrato_semitones=0.5).engine
    sound = play(engine, [*((0, note) for note in CHORD), *events], N_FRAMES)
    return sound[:, 0], engine.status.n_transforms
