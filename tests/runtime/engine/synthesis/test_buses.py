"""Steady voices with the same bend are added up in a bus, which makes no audible difference."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PitchWheel
from tests.support import chord
from tests.support.chord import AT, CHORD, HOP_SIZE, KNOBS, N_FRAMES, mixed_and_alone
from tests.support.hearing import level_db
from tests.support.playing import SAMPLE_RATE_HZ, Player, parameter

# Motions of the pitch, by name: for each, a list of (frame, event).
MOTIONS: dict[str, Sequence[tuple[int, Event]]] = {
    "held": [(0, PitchWheel(0, 3000))],
    "bent while it sounds": [(3000, PitchWheel(0, -5000))],
    "turning": [(k * 256, PitchWheel(0, 40 * k)) for k in range(N_FRAMES // 256)],
    "vibrato": [(0, ControlChange(0, 1, 127))],
    "an octave up": [(0, event) for event in (*parameter(0, 0, 24), PitchWheel(0, 4096))],
}
EVENTS = chord.EVENTS | {"back to the model's notes": [PitchWheel(0, 0), ControlChange(0, 1, 0)]}
# Each pair of an event and a motion is played with one of three blends. The blends take turns, so each event is played
# with all three blends, and so is each motion.
CASES = [
    (name, motion, (0.0, 0.6, 1.0)[(row + column) % 3])
    for row, name in enumerate(EVENTS)
    for column, motion in enumerate(MOTIONS)
]


@pytest.mark.parametrize(("name", "motion", "blend"), CASES)
def test_a_bent_chord_sounds_as_if_its_voices_were_made_one_by_one(name: str, motion: str, blend: float) -> None:
    events = [*MOTIONS[motion], *((AT, event) for event in EVENTS[name])]
    mixed, alone = mixed_and_alone(events, blend)
    assert level_db(mixed - alone) < level_db(alone) - 90.0


@pytest.mark.parametrize("motion", ["turning", "vibrato"])
@pytest.mark.parametrize("name", EVENTS)
def test_a_bus_is_inaudible_while_a_knob_turns(name: str, motion: str) -> None:
    # While a knob's crossfade of 8 ms lasts, a voice's old sound may follow the loudest voice's envelope. So this test
    # asks only that the difference is 40 dB softer than the sound.
    events = [*KNOBS, *MOTIONS[motion], *((AT - 200, event) for event in EVENTS[name])]
    mixed, alone = mixed_and_alone(events, 0.0)
    assert level_db(mixed - alone) < level_db(alone) - 40.0


def transforms(player: Player, n_hops: int) -> int:
    before = player.engine.status.n_transforms
    player.hear(n_hops * HOP_SIZE / SAMPLE_RATE_HZ)
    return player.engine.status.n_transforms - before


@pytest.mark.parametrize("blend", [0.0, 1.0])
def test_a_bent_chord_takes_one_transform_a_hop_and_a_voice_that_leaves_it_a_few_more(blend: float) -> None:
    player = Player(12, phase_blend=blend).send(PitchWheel(0, 1000), *CHORD)
    player.hear(0.2)
    assert transforms(player, 20) <= 20 + 3
    player.send(NoteOff(0, 51))
    assert transforms(player, 1) <= 1 + 4, "only the released voice is made separately"
    player.hear(0.2)
    assert transforms(player, 20) <= 20 + 3
    player.send(NoteOn(0, 80, 50)).hear(0.2)
    assert transforms(player, 20) <= 20 + 3, "the new note has joined the others"


def test_voices_at_two_ratios_use_two_buses() -> None:
    others = [NoteOn(1, note.note + 1, note.velocity) for note in CHORD]
    player = Player(16).send(PitchWheel(0, 1000), PitchWheel(1, -1000), *CHORD, *others)
    player.hear(0.2)
    assert 2 * 20 - 4 <= transforms(player, 20) <= 2 * 20 + 4
    # After the next event, both channels have the same pitch ratio, but their lanes are read at different places.
    player.send(PitchWheel(1, 1000)).hear(0.2)
    assert transforms(player, 20) <= 2 * 20 + 6


def test_voices_that_leave_during_a_crossfade_sound_on_wherever_the_dense_hops_end() -> None:
    """With some bends, the knob's crossfade reaches the next dense hop."""
    knob = [(AT - 1500, KnobTurn(0, 0.0)), (AT - 400, KnobTurn(0, 1.0))]
    for bend in range(-8000, 8001, 1000):
        # Pan one step right of the centre. Left and right gains are no longer equal, so no voice is steady, and all
        # leave the bus. Yet the gains hardly change, so that the panning itself makes no audible difference.
        events = [(0, PitchWheel(0, bend + 1)), *knob, (AT - 200, ControlChange(0, 10, 65))]
        mixed, alone = mixed_and_alone(events, 0.0)
        fading = slice(AT - 200, AT + 100)
        assert level_db((mixed - alone)[fading]) < level_db(alone[fading]) - 60.0, bend
