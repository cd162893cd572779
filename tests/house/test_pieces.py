"""The committed MIDI files are equal to the files that their scripts write, and can be played."""

from __future__ import annotations

import io
from itertools import pairwise

import mido
import pytest

from runtime.demo import DEMO_FILE
from runtime.demo.make_demo import KNOBS, make_demo
from tests.data.make_scale import NOTES, SCALE, make_scale


@pytest.mark.parametrize(("path", "make"), [(DEMO_FILE, make_demo), (SCALE, make_scale)], ids=["demo", "scale"])
def test_the_committed_file_is_what_its_script_writes(path, make) -> None:
    written = io.BytesIO()
    make().save(file=written)
    assert path.read_bytes() == written.getvalue()


@pytest.mark.parametrize("path", [DEMO_FILE, SCALE], ids=["demo", "scale"])
def test_every_note_ends_before_it_starts_again(path) -> None:
    sounding: set[int] = set()
    for message in mido.MidiFile(path):
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


def test_scale_holds_each_semitone_for_half_a_second() -> None:
    now_s, started_s, held = 0.0, {}, []
    for message in mido.MidiFile(SCALE):
        now_s += message.time
        if message.type == "note_on":
            started_s[message.note] = now_s
        elif message.type == "note_off":
            held.append((message.note, round(now_s - started_s[message.note], 3), round(started_s[message.note], 3)))
    assert held == [(note, 0.5, 0.75 * index) for index, note in enumerate(NOTES)]


def test_demo_turns_each_knob_from_end_to_end_within_the_instrument_s_notes() -> None:
    piece = mido.MidiFile(DEMO_FILE)
    notes = {message.note for message in piece if message.type == "note_on"}
    assert min(notes) >= 36
    assert max(notes) <= 96
    for controller in KNOBS:
        values = [m.value for m in piece if m.type == "control_change" and m.control == controller]
        assert (min(values), max(values)) == (0, 127)
        assert max(abs(a - b) for a, b in pairwise(values)) <= 6
    assert 60 < piece.length < 120
