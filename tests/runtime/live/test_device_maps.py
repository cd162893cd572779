"""The main thread's side of the control maps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runtime.config import Config
from runtime.control.mapping.lines import MapLine
from runtime.events import Aftertouch, ChannelEvent, ControlChange, NoteOn, PitchWheel, PolyTouch, ProgramChange
from runtime.live.device_maps import DeviceMaps


@pytest.mark.parametrize(
    ("control", "press", "others"),
    [
        ("cc 9", ControlChange(0, 9, 127), [ControlChange(0, 8, 127), NoteOn(0, 9, 100), ProgramChange(0, 9)]),
        ("program 9", ProgramChange(0, 9), [ProgramChange(0, 8), NoteOn(0, 9, 100)]),
        ("note 9", NoteOn(0, 9, 100), [ProgramChange(0, 9), ControlChange(0, 9, 127), PolyTouch(0, 9, 100)]),
        ("note 0", NoteOn(0, 0, 100), [PitchWheel(0, 100), Aftertouch(0, 100)]),
        ("pitch_wheel", PitchWheel(0, 8000), [ControlChange(0, 0, 127), NoteOn(0, 0, 100), Aftertouch(0, 100)]),
    ],
)
def test_only_the_control_of_an_action_starts_it(control: str, press: ChannelEvent, others: list[ChannelEvent]) -> None:
    desk: Any = SimpleNamespace(
        companion=SimpleNamespace(ask=lambda *_, **__: None),
        playing=SimpleNamespace(post=lambda _: None),
        changed=lambda **_: None,
    )
    maps = DeviceMaps(desk, Config())
    maps.relearn(0, (MapLine(control, action="learn"),))
    assert maps.starts(press, "learn")
    assert not maps.starts(press, "save")
    assert not any(maps.starts(other, "learn") for other in others)
