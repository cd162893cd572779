"""Timbrebox and mido read the same events and times from a MIDI file."""

from __future__ import annotations

import random
from pathlib import Path

import mido
import pytest

from runtime.base.errors import UserError
from runtime.events import Event, Tempo
from runtime.midi.files import read_events
from runtime.midi.messages import from_message
from tests.support.places import DATA, ROOT


def read_by_mido(path: Path) -> list[tuple[float, Event]]:
    events, time_s = [], 0.0
    for message in mido.MidiFile(path):
        time_s += message.time
        if message.is_meta:
            sets_tempo = message.type == "set_tempo" and message.tempo
            event = Tempo(mido.tempo2bpm(message.tempo)) if sets_tempo else None
        else:
            event = from_message(message)
        if event is not None and getattr(event, "channel", None) != 9:
            events.append((time_s, event))
    while events and isinstance(events[-1][1], Tempo):
        events.pop()
    return events


def random_message(chance: random.Random) -> mido.Message | mido.MetaMessage:
    place = {"channel": chance.randrange(16), "time": chance.choice((0, chance.randrange(2000)))}
    kind = chance.randrange(6)
    if kind == 0:
        return mido.MetaMessage("set_tempo", tempo=chance.randrange(10**6), time=place["time"])
    if kind == 1:
        return mido.Message("sysex", data=[1, 2], time=place["time"])
    if kind == 2:
        return mido.Message("pitchwheel", pitch=chance.randrange(-8192, 8192), **place)
    if kind == 3:
        return mido.Message("aftertouch", value=chance.randrange(128), **place)
    return mido.Message("note_on", note=chance.randrange(128), velocity=chance.randrange(128), **place)


OURS = [DATA / "scale.mid", *(ROOT / "runtime/demo").glob("*.mid")]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_files(path: Path) -> None:
    assert read_events(path) == read_by_mido(path)


def test_random_files(tmp_path: Path) -> None:
    chance, path = random.Random(1), tmp_path / "x.mid"
    for _ in range(100):
        tracks = [
            mido.MidiTrack([random_message(chance) for _ in range(chance.randrange(30))])
            for _ in range(chance.randrange(1, 4))
        ]
        mido.MidiFile(type=1, ticks_per_beat=chance.randrange(1, 1000), tracks=tracks).save(path)
        assert read_events(path) == read_by_mido(path)


@pytest.mark.parametrize(("content", "said"), [
    (b"", "does not begin as one"),
    (b"MThd\0\0\0\6\0", "truncated"),
    (b"MThd\0\0\0\6\0\2\0\1\0\x60", "type 2"),
    (b"MThd\0\0\0\6\0\0\0\1\0\0", "no ticks"),
    (b"MThd\0\0\0\6\0\0\0\1\xe7\x28", "frames of film"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\x90\x3c\x80", "above 127"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\2\0\x3c", "where a message begins"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\5\x80\x80\x80\x80\0", "without an end"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\5\0\xff\x51\1\0", "a tempo of 1 bytes"),
], ids=range(9))  # fmt: skip
def test_what_is_damaged_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.mid").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_events(tmp_path / "x.mid")
