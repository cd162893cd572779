"""All keys, pedals and bends held by a port can be released."""

from __future__ import annotations

from runtime.events import ControlChange, NoteOff, NoteOn, PitchWheel, ProgramChange
from runtime.midi.held_state import HeldState


def test_what_a_port_holds_is_brought_to_rest() -> None:
    held = HeldState()
    for event in (
        NoteOn(0, 60, 100),
        NoteOn(0, 64, 100),
        NoteOff(0, 60, 0),
        NoteOn(1, 60, 1),
        ControlChange(0, 64, 127),
        ControlChange(1, 64, 127),
        ControlChange(1, 64, 0),
        ControlChange(0, 74, 99),
        PitchWheel(2, 8191),
        ProgramChange(0, 5),
    ):
        held.remember(event)
    assert set(held.releases()) == {
        NoteOff(0, 64, 0), NoteOff(1, 60, 0), ControlChange(0, 64, 0), PitchWheel(2, 0),
    }  # fmt: skip
