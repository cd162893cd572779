"""`record` says whether notes already sound when a recording begins."""

from __future__ import annotations

import pytest

from runtime.commands.record import _line

FACTS = {"files": ["a.wav"], "duration_s": 2.0, "lost_s": 0.0, "is_silent": False}


@pytest.mark.parametrize(("holds_notes", "note"), [(True, True), (False, False)])
def test_only_held_notes_are_said_to_sound_already(holds_notes: bool, note: bool) -> None:
    assert ("notes sound already" in _line("start", FACTS | {"holds_notes": holds_notes})) is note
