"""Every message of a keyboard becomes the right event, or none."""

from __future__ import annotations

import mido
import pytest
from mido.messages.specs import SPEC_BY_TYPE

from runtime import events
from runtime.midi.messages import from_message


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (mido.Message("note_on", channel=3, note=60, velocity=100), events.NoteOn(3, 60, 100)),
        (mido.Message("note_on", channel=3, note=60, velocity=0), events.NoteOff(3, 60, 0)),
        (mido.Message("note_off", channel=15, note=127, velocity=64), events.NoteOff(15, 127, 64)),
        (mido.Message("polytouch", channel=1, note=40, value=9), events.PolyTouch(1, 40, 9)),
        (mido.Message("control_change", channel=2, control=74, value=127), events.ControlChange(2, 74, 127)),
        (mido.Message("program_change", channel=4, program=12), events.ProgramChange(4, 12)),
        (mido.Message("aftertouch", channel=5, value=33), events.Aftertouch(5, 33)),
        (mido.Message("pitchwheel", channel=6, pitch=-8192), events.PitchWheel(6, -8192)),
        (mido.Message("active_sensing"), events.ActiveSensing()),
        (mido.Message("clock"), events.Clock()),
        (mido.Message("start"), events.ClockStart()),
        (mido.Message("continue"), events.ClockContinue()),
        (mido.Message("stop"), events.ClockStop()),
        (mido.Message("reset"), events.Reset()),
    ],
)
def test_a_message_becomes_its_event(message: mido.Message, event: events.Event) -> None:
    assert from_message(message) == event
    assert type(from_message(message)) is type(event)


def test_a_channel_event_knows_its_device() -> None:
    assert from_message(mido.Message("control_change", control=74, value=5), 3) == events.ControlChange(0, 74, 5, 3)
    assert from_message(mido.Message("note_on", note=60, velocity=0), 3) == events.NoteOff(0, 60, device=3)
    assert from_message(mido.Message("clock"), 3) == events.Clock()


def test_every_kind_of_message_is_an_event_or_nothing() -> None:
    heard = {name for name in SPEC_BY_TYPE if from_message(mido.Message(name)) is not None}
    assert heard == {
        "note_on", "note_off", "polytouch", "control_change", "program_change", "aftertouch", "pitchwheel",
        "active_sensing", "clock", "start", "continue", "stop", "reset",
    }  # fmt: skip
    assert from_message(mido.MetaMessage("set_tempo")) is None


def test_events_cannot_be_changed_and_can_be_keys() -> None:
    event = events.NoteOn(0, 60, 100)
    with pytest.raises(AttributeError):
        event.note = 61  # type: ignore[misc]
    assert {event: 1}[events.NoteOn(0, 60, 100)] == 1
