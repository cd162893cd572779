"""The spectra of steady voices are added up: this is inaudible, and saves their transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.synthesis.submix import Membership, Submix
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PitchWheel, VoiceLimit
from tests.support.hearing import level_db
from tests.support.playing import SAMPLE_RATE_HZ, Player, play

HOP_SIZE = 1024
CHORD = [NoteOn(0, 48 + 3 * k, 30 + 5 * k) for k in range(8)]
N_FRAMES = 24 * HOP_SIZE
AT = 8 * HOP_SIZE + 300
KNOBS = [(k * 200, KnobTurn(0, 0.5 + 0.4 * np.sin(k / 9.0))) for k in range(N_FRAMES // 200)]
# By name: events at one frame, while a steady chord sounds.
EVENTS: dict[str, Sequence[Event]] = {
    "nothing": [],
    "a key comes up": [NoteOff(0, 51)],
    "the loudest key comes up": [NoteOff(0, 69)],
    "all keys come up": [NoteOff(0, note.note) for note in CHORD],
    "a new note": [NoteOn(0, 80, 90)],
    "voices stolen": [NoteOn(0, 80 + k, 90) for k in range(9)],
    "the volume turns": [ControlChange(0, 7, 60)],
    "panned": [ControlChange(0, 10, 20)],
    "bent": [PitchWheel(0, 2000)],
    "fewer voices": [VoiceLimit(3)],
    "all sound off": [ControlChange(0, 120, 0)],
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


def played(events: Sequence[tuple[int, Event]], blend: float = 0.0) -> tuple[np.ndarray, int]:
    """Play a chord and these events on twelve voices; returns the sound's left side and the number of transforms."""
    engine = Player(12, knobs=(0.5, 0.5), phase_blend=blend).engine
    sound = play(engine, [*((0, note) for note in CHORD), *events], N_FRAMES)
    return sound[:, 0], engine.status.n_transforms


@pytest.mark.parametrize("at", [8 * HOP_SIZE, AT, 8 * HOP_SIZE + 100])
@pytest.mark.parametrize("name", EVENTS)
def test_a_chord_sounds_as_if_its_voices_were_made_one_by_one(name: str, at: int) -> None:
    events = [(at, event) for event in EVENTS[name]]
    mixed, n_mixed = played(events)
    with one_by_one():
        alone, n_alone = played(events)
    assert level_db(mixed - alone) < level_db(alone) - 100.0
    assert n_mixed < n_alone


@pytest.mark.parametrize("name", EVENTS)
def test_a_submix_is_inaudible_while_a_knob_turns(name: str) -> None:
    # During a crossfade of 8 ms, the rest of a voice's old sound may follow the loudest voice's envelope.
    events = sorted([*KNOBS, *((AT - 200, event) for event in EVENTS[name])], key=lambda entry: entry[0])
    mixed, n_mixed = played(events)
    with one_by_one():
        alone, n_alone = played(events)
    assert level_db(mixed - alone) < level_db(alone) - 40.0
    assert n_mixed < n_alone


def test_a_steady_chord_takes_one_transform_a_hop_and_a_voice_that_leaves_it_one_more() -> None:
    def transforms(n_hops: int) -> int:
        before = player.engine.status.n_transforms
        player.hear(n_hops * HOP_SIZE / SAMPLE_RATE_HZ)
        return player.engine.status.n_transforms - before

    player = Player(12).send(*CHORD)
    player.hear(0.2)
    assert transforms(20) <= 20 + 2
    player.send(ControlChange(0, 64, 127), NoteOff(0, 51)).hear(0.1)
    assert transforms(20) <= 20 + 2, "the pedal holds the note: nothing has changed"
    player.send(ControlChange(0, 64, 0))
    assert transforms(1) <= 1 + 2 * 2, "only the released voice is made separately"
    player.hear(0.2)
    assert transforms(20) <= 20 + 2


@pytest.mark.parametrize("blend", [0.5, 1.0])
def test_steady_voices_with_coherent_phases_share_a_transform_too(blend: float) -> None:
    player = Player(12, phase_blend=blend).send(*CHORD)
    player.hear(0.2)
    before = player.engine.status.n_transforms
    player.hear(20 * HOP_SIZE / SAMPLE_RATE_HZ)
    assert player.engine.status.n_transforms - before <= 20 + 2


def test_a_submix_knows_which_members_are_left() -> None:
    membership = Membership(6)
    submix = Submix(slice(1, 5), np.array([0.2, 0.0, 0.8, 0.4], np.float32))
    assert (submix.carrier, submix.members) == (3, [1, 3, 4])
    assert submix.share(slice(3, 5)).tolist() == [1.0, 0.5]
    membership.put(submix.members, submix)
    assert membership.members_among(range(6)) == [1, 3, 4]
    assert submix.is_whole
    membership.put([4], None)
    assert membership.members_among(range(6)) == [1, 3]
    assert not submix.is_whole
    membership.put([0, 1, 3], None)
    assert membership.members_among(range(6)) == []
