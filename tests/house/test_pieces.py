"""The committed MIDI files equal the files that the scripts write, and can be played."""

from __future__ import annotations

import io
from itertools import pairwise

import mido
import pytest

from runtime.demo import DEMO_FILE, PRELUDE_FILE
from runtime.demo.make_demo import PARTS, make_demo
from runtime.demo.make_prelude import KNOBS, make_prelude
from runtime.instrument.library import DEFAULT_INSTRUMENT, load
from runtime.sound.store import instrument_sounds
from tests.data.make_scale import NOTES, SCALE, make_scale


@pytest.mark.parametrize(
    ("path", "make"),
    [(DEMO_FILE, make_demo), (PRELUDE_FILE, make_prelude), (SCALE, make_scale)],
    ids=["demo", "prelude", "scale"],
)
def test_the_committed_file_is_what_its_script_writes(path, make) -> None:
    written = io.BytesIO()
    make().save(file=written)
    assert path.read_bytes() == written.getvalue()


@pytest.mark.parametrize("path", [DEMO_FILE, PRELUDE_FILE, SCALE], ids=["demo", "prelude", "scale"])
def test_every_note_ends_before_it_starts_again(path) -> None:
    sounding: set[tuple[int, int]] = set()
    for message in mido.MidiFile(path):
        if message.type == "note_on":
            assert (message.channel, message.note) not in sounding
            sounding.add((message.channel, message.note))
        elif message.type == "note_off":
            sounding.remove((message.channel, message.note))
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


def test_the_demo_plays_many_sounds_for_about_a_minute_and_puts_the_wheels_back() -> None:
    piece = mido.MidiFile(DEMO_FILE)
    known = instrument_sounds(load(DEFAULT_INSTRUMENT).card, DEFAULT_INSTRUMENT)
    bundled = {sound.program for sound in known.values() if sound.origin == "bundled"}
    chosen = {message.program for message in piece if message.type == "program_change"}
    assert chosen <= bundled
    assert len(chosen) >= len(PARTS)
    at_rest = {1: 0, 7: 100, 11: 127, 64: 0, "pitchwheel": 0, "aftertouch": 0}
    last = {}
    for message in piece:
        if message.type == "control_change":
            last[message.channel, message.control] = message.value
        elif message.type in at_rest:
            last[message.channel, message.type] = message.pitch if message.type == "pitchwheel" else message.value
    assert last == {key: at_rest[key[1]] for key in last}
    assert {moved for _, moved in last} == at_rest.keys()
    assert 55 < piece.length < 75


def test_the_prelude_turns_each_knob_from_end_to_end_within_the_instrument_s_notes() -> None:
    piece = mido.MidiFile(PRELUDE_FILE)
    notes = {message.note for message in piece if message.type == "note_on"}
    assert min(notes) >= 36
    assert max(notes) <= 96
    for controller in KNOBS:
        values = [m.value for m in piece if m.type == "control_change" and m.control == controller]
        assert (min(values), max(values)) == (0, 127)
        assert max(abs(a - b) for a, b in pairwise(values)) <= 6
    assert 60 < piece.length < 120
