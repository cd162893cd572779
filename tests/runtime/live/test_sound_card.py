"""Events keep their order when another output takes over, and the notes of a chord begin together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.clock import GRID_FRAMES, MOST_AHEAD
from runtime.config import AudioConfig
from runtime.events import Aftertouch, Clock, ClockStart, ControlChange, Event, NoteOff, NoteOn, PitchWheel, TargetMove
from runtime.live.output.event_frames import most_at_once
from runtime.live.output.sound_card import SoundCard

RATE_HZ, N_FRAMES = 48000, 256
PRESSED, RELEASED = NoteOn(0, 60, 100), NoteOff(0, 60)


class _Rack:
    def __init__(self, frame: int):
        self.frame = frame

    def render(self, out: object) -> None:
        self.frame += len(out)


class _Output:
    sample_rate_hz, buffer_frames = RATE_HZ, N_FRAMES

    def start(self, rack: _Rack, *_: object) -> None:
        self.blocks = BlockRenderer(rack, RATE_HZ, N_FRAMES)


def _play_on(card: SoundCard, rack: _Rack) -> None:
    card.start(_Output(), rack, None, lambda: None, None)


def _next_block(card: SoundCard) -> None:
    card.blocks.next_block(N_FRAMES, underflow=False)


def test_a_key_pressed_while_a_card_is_dead_is_not_released_before_it_is_pressed() -> None:
    card, rack = SoundCard(AudioConfig(), None, dict, False, print), _Rack(0)
    assert card.frame_at(PRESSED, time.perf_counter()) is None
    _play_on(card, rack)
    _next_block(card)
    pressed = card.frame_at(PRESSED, time.perf_counter() + 0.45)  # the card has been dead for 0.45 s
    assert rack.frame < pressed <= MOST_AHEAD * N_FRAMES
    _play_on(card, rack)
    assert card.frame_at(RELEASED, time.perf_counter()) >= pressed  # the new output has asked for no block yet
    _next_block(card)
    assert card.frame_at(RELEASED, time.perf_counter()) >= pressed


def test_a_new_rack_begins_at_its_own_frame() -> None:
    card = SoundCard(AudioConfig(), None, dict, False, print)
    for first in (10**7, 0):
        _play_on(card, _Rack(first))
        _next_block(card)
        assert first < card.frame_at(PRESSED, time.perf_counter()) <= first + MOST_AHEAD * N_FRAMES


def _playing_card() -> SoundCard:
    card = SoundCard(AudioConfig(), None, dict, False, print)
    _play_on(card, _Rack(0))
    _next_block(card)
    return card


def _frames_of_chord(card: SoundCard, n_notes: int, now_s: float) -> list[int]:
    """The frames of notes that arrive 85 us apart: 16 notes in less than two steps of the grid."""
    return [card.frame_at(NoteOn(0, 30 + number, 100), now_s + 85e-6 * number) for number in range(n_notes)]


def test_the_notes_of_a_chord_begin_together_and_those_of_a_run_do_not() -> None:
    card, now_s = _playing_card(), time.perf_counter()
    # A new chord begins only with a note that comes at least three steps of the grid after the first.
    assert len(set(_frames_of_chord(card, most_at_once(N_FRAMES), now_s))) == 1
    run_s = [now_s + 0.02 + 0.005 * k for k in range(4)]
    run = [card.frame_at(NoteOn(0, 60 + k, 100), arrival_s) for k, arrival_s in enumerate(run_s)]
    assert all(abs(later - earlier - 240) <= GRID_FRAMES for earlier, later in pairwise(run))


def test_a_larger_chord_begins_in_several_blocks() -> None:
    card, now_s = _playing_card(), time.perf_counter()
    frames = _frames_of_chord(card, 20, now_s)
    first, second, third = frames[:8], frames[8:16], frames[16:]
    assert set(first) == {frames[0]}
    assert set(second) == {frames[0] + N_FRAMES}
    assert set(third) == {frames[0] + 2 * N_FRAMES}
    # What comes after the chord is heard after it, but a clock keeps its time.
    assert card.frame_at(Clock(), now_s + 0.002) < frames[0] + N_FRAMES
    assert card.frame_at(ControlChange(0, 1, 64), now_s + 0.003) == frames[-1]
    assert card.frame_at(NoteOff(0, 30), now_s + 0.003) == frames[-1] + GRID_FRAMES
    later = card.frame_at(NoteOn(0, 90, 100), now_s + 0.05)
    assert later == card.frame_at(NoteOn(0, 91, 100), now_s + 0.0501) > frames[-1]


def test_two_chords_in_the_time_of_one_buffer_are_put_off_like_one() -> None:
    card, now_s = _playing_card(), time.perf_counter()
    first = _frames_of_chord(card, 6, now_s)
    second = _frames_of_chord(card, 6, now_s + 0.003)
    assert set(first) == {first[0]}
    assert first[0] < second[0] < first[0] + N_FRAMES
    assert second == [second[0]] * 2 + [first[0] + N_FRAMES] * 4


def test_however_many_notes_come_none_is_put_off_by_more_than_some_buffers() -> None:
    card = _playing_card()
    assert max(_frames_of_chord(card, 2000, time.perf_counter() - 0.2)) <= MOST_AHEAD * N_FRAMES


def _chord(between: Sequence[Event]) -> list[tuple[Event, int]]:
    """Events and their frames: four notes, 0.3 ms apart, and events between each two of them, 85 us apart."""
    card, now_s = _playing_card(), time.perf_counter()
    found = []
    for note in range(4):
        for number, event in enumerate((NoteOn(note, 60 + note, 100), *between)):
            found.append((event, card.frame_at(event, now_s + 0.0003 * note + 85e-6 * number)))
    return found


@pytest.mark.parametrize(
    "between",
    [
        (ControlChange(0, 1, 64),),
        (PitchWheel(1, 900), ControlChange(1, 74, 64), Aftertouch(1, 3)),  # as MPE keyboards send before each note
        (TargetMove("width", 0.4),),  # from the page
        (Clock(),),
    ],
    ids=lambda between: type(between[0]).__name__,
)
def test_a_chord_begins_together_although_other_events_lie_between_its_notes(between: Sequence[Event]) -> None:
    found = _chord(between)
    assert len({frame for event, frame in found if isinstance(event, NoteOn)}) == 1
    others = [frame for event, frame in found if not isinstance(event, (NoteOn, Clock))]
    assert set(others) <= {frame for _, frame in found[:1]}
    clocks = [frame for event, frame in found if isinstance(event, Clock)]
    assert all(abs(later - earlier - 0.0003 * RATE_HZ) <= 1 for earlier, later in pairwise(clocks))


def test_a_release_and_a_start_between_the_notes_of_a_chord_keep_their_places() -> None:
    found = _chord((NoteOff(9, 40), ControlChange(0, 64, 0)))
    assert [frame for _, frame in found] == sorted(frame for _, frame in found)
    starts = [frame for event, frame in _chord((Clock(), ClockStart())) if not isinstance(event, NoteOn)]
    assert starts == sorted(starts)


def test_pads_that_release_at_once_sound_and_a_clock_lies_beside_the_grid() -> None:
    card, now_s = _playing_card(), time.perf_counter()
    events = (PRESSED, RELEASED, NoteOn(0, 62, 100), NoteOff(0, 62), NoteOn(0, 64, 100), NoteOff(0, 64))
    frames = [card.frame_at(event, now_s + 30e-6 * number) for number, event in enumerate(events)]
    assert frames == sorted(frames)
    assert all(end - begin >= GRID_FRAMES for begin, end in zip(frames[::2], frames[1::2], strict=True))
    assert all(frame % GRID_FRAMES == 0 for frame in frames)
    clocks = [card.frame_at(Clock(), now_s + 0.01 + number * 0.0005) for number in range(8)]
    assert any(frame % GRID_FRAMES for frame in clocks)
    assert {later - earlier for earlier, later in pairwise(clocks)} <= {23, 24, 25}
