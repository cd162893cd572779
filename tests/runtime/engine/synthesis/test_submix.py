"""The spectra of steady voices are added up, which makes no audible difference."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.engine.synthesis.submix import Membership, Submix
from runtime.events import ControlChange, NoteOff, PitchWheel
from tests.support import chord
from tests.support.chord import AT, CHORD, HOP_SIZE, KNOBS, mixed_and_alone
from tests.support.hearing import level_db
from tests.support.playing import SAMPLE_RATE_HZ, Player

EVENTS = chord.EVENTS | {"bent": [PitchWheel(0, 2000)], "all sound off": [ControlChange(0, 120, 0)]}


@pytest.mark.parametrize("at", [8 * HOP_SIZE, AT, 8 * HOP_SIZE + 100])
@pytest.mark.parametrize("name", EVENTS)
def test_a_chord_sounds_as_if_its_voices_were_made_one_by_one(name: str, at: int) -> None:
    mixed, alone = mixed_and_alone([(at, event) for event in EVENTS[name]])
    assert level_db(mixed - alone) < level_db(alone) - 100.0


@pytest.mark.parametrize("name", EVENTS)
def test_a_submix_is_inaudible_while_a_knob_turns(name: str) -> None:
    # A turning knob causes crossfades of 8 ms. During a crossfade, a voice's old sound may get the carrier's envelope
    # instead of its own. So this test allows a larger difference than the test above.
    mixed, alone = mixed_and_alone([*KNOBS, *((AT - 200, event) for event in EVENTS[name])])
    assert level_db(mixed - alone) < level_db(alone) - 40.0


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
