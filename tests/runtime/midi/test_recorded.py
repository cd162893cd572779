"""MIDI files with one tick for each frame keep times exactly, and can be read while they grow."""

from __future__ import annotations

import io
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.base.errors import UserError
from runtime.events import (
    Aftertouch,
    Clock,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    Reset,
    TargetMove,
    Tempo,
    VoiceLimit,
)
from runtime.midi.files import read_events
from runtime.midi.recorded.reading import is_recorded, read_recorded
from runtime.midi.recorded.ticks import one_tick_a_frame
from runtime.midi.recorded.writing import RecordedMidiWriter

HEAD = {"name": "ünï", "numbers": [1, 2.5, 2**62]}
RATES_HZ = (8000, 11025, 16000, 22050, 32000, 44056, 44100, 48000, 64000, 88200, 96000, 176400, 192000)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tick_is_a_frame_exactly(rate_hz: int) -> None:
    division, tempo_us = one_tick_a_frame(rate_hz)
    assert 0 < division < 2**15
    assert 0 < tempo_us < 2**24
    assert division * 1_000_000 == tempo_us * rate_hz  # integers, so n ticks are exactly n frames
    assert 60.0 <= mido.tempo2bpm(tempo_us) <= 480.0
    hour = 3600 * rate_hz
    for tick in range(hour - 1000, hour):
        assert round(mido.tick2second(tick, division, tempo_us) * rate_hz) == tick


def test_at_usual_rates_the_tempo_is_120_and_where_no_file_can_be_exact_there_is_none() -> None:
    assert one_tick_a_frame(44100) == (22050, 500_000)
    assert one_tick_a_frame(48000) == (24000, 500_000)
    assert one_tick_a_frame(44101) is None


channels, values = st.integers(0, 15), st.integers(0, 127)
devices = st.sampled_from((0, 1, 2, 200, 300))
shares = st.floats(0.0, 1.0)
any_event = st.one_of(
    st.builds(NoteOn, channels, values, st.integers(1, 127), devices),
    st.builds(NoteOff, channels, values, values, devices),
    st.builds(PolyTouch, channels, values, values, devices),
    st.builds(ControlChange, channels, values, values, devices),
    st.builds(ProgramChange, channels, values, devices),
    st.builds(Aftertouch, channels, values, devices),
    st.builds(PitchWheel, channels, st.integers(-8192, 8191), devices),
    st.builds(KnobTurn, st.integers(0, 70), shares),
    st.builds(PhaseBlend, shares),
    st.builds(TargetMove, st.text(max_size=20), shares),
    st.builds(Tempo, st.floats(20.0, 300.0)),
    st.builds(VoiceLimit, st.integers(1, 64)),
    st.just(Clock()),
    st.just(Reset()),
)
parts = st.lists(st.lists(st.tuples(st.integers(0, 2**20), any_event), max_size=20), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts, st.integers(0, 2**29))
def test_any_events_come_back_and_the_file_is_whole_after_each_append(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[int, Event]]], rest: int
) -> None:
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    writer, tick, expected = RecordedMidiWriter(path, one_tick_a_frame(44100), HEAD), 0, []
    for part in parts:
        timed = []
        for delta, event in part:
            tick += delta
            timed.append((tick, event))
        tick += 100
        writer.add(timed, tick)
        expected += timed
        read = read_recorded(path)
        assert (read.head, read.events, read.n_ticks) == (HEAD, expected, tick)
        assert len(mido.MidiFile(path).tracks) == 1
    writer.finish(tick + rest)
    read = read_recorded(path)
    assert (read.events, read.n_ticks) == (expected, tick + rest)


def test_other_programs_hear_the_notes_at_their_times(tmp_path: Path) -> None:
    path, rate_hz = tmp_path / "a.mid", 44100
    writer = RecordedMidiWriter(path, one_tick_a_frame(rate_hz), HEAD)
    hour = 3600 * rate_hz
    writer.add([(1, NoteOn(2, 60, 90)), (2, KnobTurn(0, 0.1)), (hour, NoteOn(2, 61, 91, 4))], hour)
    writer.add([(hour + 1, NoteOff(2, 61, 7, 4))], hour + 2)
    writer.finish(hour + rate_hz)
    found, time_s, port = [], 0.0, 0
    midi_file = mido.MidiFile(path)
    assert midi_file.type == 0
    for message in midi_file:
        time_s += message.time
        port = message.port if message.type == "midi_port" else port
        if not message.is_meta:
            found.append((round(time_s * rate_hz), port, message.bytes()))
    assert found == [
        (1, 0, [0x92, 60, 90]),
        (hour, 4, [0x92, 61, 91]),
        (hour + 1, 4, [0x82, 61, 7]),
    ]
    assert midi_file.length == pytest.approx(3601.0)
    assert {message.type for message in midi_file.tracks[0]} >= {"set_tempo", "end_of_track", "sequencer_specific"}
    assert mido.tempo2bpm(next(m.tempo for m in midi_file.tracks[0] if m.type == "set_tempo")) == 120.0
    # `read_events`, which reads any MIDI file, finds the same times.
    assert [round(time_s * rate_hz) for time_s, event in read_events(path) if isinstance(event, NoteOn)] == [1, hour]


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Stands in for a full disk: no file of this process may grow beyond n_bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("n_bytes", range(300, 320))
def test_on_a_full_disk_the_file_stays_whole(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "a.mid"
    writer, n_added = RecordedMidiWriter(path, one_tick_a_frame(44100), HEAD), 0
    with largest_file(n_bytes):
        is_full = False
        while not is_full:
            try:
                writer.add([(100 * n_added, NoteOn(0, n_added % 128, 1))], 100 * n_added + 7)
                n_added += 1
            except OSError:
                is_full = True
        writer.finish(100 * n_added)
    read = read_recorded(path)
    assert read.events == [(100 * n, NoteOn(0, n % 128, 1)) for n in range(n_added)]
    assert len(mido.MidiFile(path).tracks) == 1


def test_a_file_cut_anywhere_gives_what_came_before_or_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    writer = RecordedMidiWriter(path, one_tick_a_frame(44100), HEAD)
    writer.add([(10 * n, NoteOn(0, n, 1)) for n in range(50)], 600)
    writer.finish(600)
    content = path.read_bytes()
    for n_bytes in range(len(content)):
        path.write_bytes(content[:n_bytes])
        assert n_events_or_one_line(path) >= (n_bytes - 230) // 4


def test_damaged_bytes_give_one_line_and_nothing_else(tmp_path: Path) -> None:
    path, chance = tmp_path / "a.mid", random.Random(3)
    writer = RecordedMidiWriter(path, one_tick_a_frame(44100), HEAD)
    writer.add([(10 * n, event) for n, event in enumerate([NoteOn(0, 1, 1), KnobTurn(1, 0.5), Clock()] * 10)], 600)
    writer.finish(600)
    content = path.read_bytes()
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        n_events_or_one_line(path)


def n_events_or_one_line(path: Path) -> int:
    """The number of events; 0 if the file is refused, in one line."""
    refusal = None
    try:
        return len(read_recorded(path).events)
    except UserError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return 0


def test_ordinary_files_are_no_recordings(tmp_path: Path) -> None:
    stream = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("note_on", note=60)])]).save(file=stream)
    (tmp_path / "a.mid").write_bytes(stream.getvalue())
    assert not is_recorded(tmp_path / "a.mid")
    assert not is_recorded(tmp_path / "none.mid")
