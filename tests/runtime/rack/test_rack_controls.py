"""In a rack, each control moves the parts that it should move."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
import pytest

from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.events import Action, ControlChange, MapChange, NoteOff, NoteOn, Swap
from runtime.rack.parts import PartSettings
from runtime.rack.rack import Rack
from tests.support.racks import patch_of, playable_of, rack_of


def after(rack: Rack, *events: object) -> Rack:
    """The rack, 100 ms after these events."""
    for event in events:
        rack.post(event)
    rack.render(np.zeros((4410, 2), np.float32))
    return rack


@pytest.mark.parametrize(("channel", "moved"), [(0, (True, False)), (1, (False, True)), (15, (True, True))])
def test_a_control_moves_the_part_of_its_channel_and_one_that_no_part_hears_moves_all(
    channel: int, moved: tuple[bool, bool]
) -> None:
    rack = after(rack_of(PartSettings(channel=0), PartSettings(channel=1)), ControlChange(channel, 70, 127))
    assert tuple(rack.engine(part).target_position("latent.1") == 1.0 for part in range(2)) == moved


def test_a_press_starts_an_action_once_although_there_are_three_parts() -> None:
    rack = rack_of(PartSettings(), PartSettings(), PartSettings())
    lines = [MapLine("cc 20", action="next_sound"), MapLine("note 30", action="save")]
    after(rack, MapChange(0, bind(lines)), ControlChange(0, 20, 127), ControlChange(0, 20, 0))
    after(rack, NoteOn(0, 30, 90), NoteOff(0, 30), NoteOn(0, 60, 90))
    assert rack.take_actions() == [Action("next_sound"), Action("save")]
    assert rack.status.n_notes == 3


def test_a_mapped_panic_silences_every_part_at_its_frame() -> None:
    sounds = []
    for size in (64, 4096):
        rack = rack_of(PartSettings(), PartSettings(transpose=12))
        rack.post(MapChange(0, bind([MapLine("cc 20", action="panic")])), 0)
        rack.post(NoteOn(0, 60, 100), 0)
        rack.post(ControlChange(0, 20, 127), 3001)
        sound = np.zeros((8192, 2), np.float32)
        for first in range(0, len(sound), size):
            rack.render(sound[first : first + size])
        sounds.append(sound)
    assert np.abs(sounds[0][2000:3000]).max() > 0.01
    assert not sounds[0][4000:].any()
    np.testing.assert_array_equal(*sounds)


def test_a_map_holds_for_its_device_alone() -> None:
    rack = rack_of()
    after(rack, MapChange(2, bind([MapLine("cc 20", "latent.2")])), ControlChange(0, 20, 127, device=1))
    assert rack.engine().target_position("latent.2") == 0.0
    after(rack, ControlChange(0, 20, 127, device=2))
    assert rack.engine().target_position("latent.2") == 1.0


def test_the_history_of_a_swap_holds_no_engine() -> None:
    rack, history = rack_of(), deque()
    rack.keep_history(history)
    made = playable_of(patch_of())
    after(rack, Swap(0, "tiny", made=made))
    gone = weakref.ref(made.engine)
    del made
    after(rack, Swap(0, "tiny", made=playable_of(patch_of())))
    rack.take_retired()
    assert [event.instrument for _, event in history if isinstance(event, Swap)] == ["tiny", "tiny"]
    assert gone() is None
