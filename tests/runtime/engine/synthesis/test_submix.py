"""Voices that rest are mixed as spectra: nobody can hear that, and it saves their transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from runtime.engine.engine import Engine
from runtime.engine.synthesis.submix import Submix, Submixes
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PitchWheel, VoiceLimit
from tests.support.hearing import level_db
from tests.support.playing import SAMPLE_RATE_HZ, Player, play

HOP_SIZE = 1024
CHORD = [NoteOn(0, 48 + 3 * k, 30 + 5 * k) for k in range(8)]
N_FRAMES = 24 * HOP_SIZE
AT = 8 * HOP_SIZE + 300
KNOBS = [(k * 200, KnobTurn(0, 0.5 + 0.4 * np.sin(k / 9.0))) for k in range(N_FRAMES // 200)]
# What happens to a chord that rests, at one frame.
TOLD: dict[str, Sequence[Event]] = {
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
    """Engines that mix no voices."""

    def no_gains(_engine: Engine, hopping: list) -> np.ndarray:
        return np.zeros(hopping[-1].lane - hopping[0].lane + 1, np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_gains_to_mix", no_gains)
        yield


def played(events: Sequence[tuple[int, Event]]) -> tuple[np.ndarray, int]:
    """A chord of eight to which these events happen, of twelve voices: its left side, and the transforms it took."""
    engine = Player(12, knobs=(0.5, 0.5)).engine
    sound = play(engine, [*((0, note) for note in CHORD), *events], N_FRAMES)
    return sound[:, 0], engine.status.n_transforms


@pytest.mark.parametrize("at", [8 * HOP_SIZE, AT, 8 * HOP_SIZE + 100])
@pytest.mark.parametrize("name", TOLD)
def test_a_chord_sounds_as_if_its_voices_were_made_one_by_one(name: str, at: int) -> None:
    events = [(at, event) for event in TOLD[name]]
    mixed, n_mixed = played(events)
    with one_by_one():
        alone, n_alone = played(events)
    assert level_db(mixed - alone) < level_db(alone) - 100.0
    assert n_mixed < n_alone


@pytest.mark.parametrize("name", TOLD)
def test_nor_can_anybody_tell_while_a_knob_turns(name: str) -> None:
    # Within a fade of 8 ms what is left of a voice's old sound may follow its neighbour's envelope.
    events = sorted([*KNOBS, *((AT - 200, event) for event in TOLD[name])], key=lambda entry: entry[0])
    mixed, n_mixed = played(events)
    with one_by_one():
        alone, n_alone = played(events)
    assert level_db(mixed - alone) < level_db(alone) - 40.0
    assert n_mixed < n_alone


def test_a_resting_chord_is_one_transform_a_hop_and_a_voice_that_leaves_it_one_more() -> None:
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
    assert transforms(1) <= 1 + 2 * 2, "only the released voice is made anew"
    player.hear(0.2)
    assert transforms(20) <= 20 + 2


def test_a_submix_knows_who_is_left() -> None:
    submixes = Submixes(6)
    submix = Submix(slice(1, 5), np.array([0.2, 0.0, 0.8, 0.4], np.float32))
    assert (submix.carrier, submix.members) == (3, [1, 3, 4])
    assert submix.share(slice(3, 5)).tolist() == [1.0, 0.5]
    submixes.put(submix.members, submix)
    assert submixes.members_among(range(6)) == [1, 3, 4]
    assert submix.is_whole
    submixes.put([4], None)
    assert submixes.members_among(range(6)) == [1, 3]
    assert not submix.is_whole
    submixes.put([0, 1, 3], None)
    assert submixes.members_among(range(6)) == []
