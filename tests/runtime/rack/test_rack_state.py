"""A rack that starts from a silent rack's state goes on like that rack, to the bit."""

from __future__ import annotations

import json
from collections import deque

import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.events import Clock, NoteOff, NoteOn, TargetMove
from runtime.rack.build import build_rack, rack_from
from runtime.rack.rack import Rack
from runtime.rack.recorded.head import head_tree, start_of
from runtime.rack.recorded.state import RackState
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.playing import SHORT, decoder

SIZE, RATE_HZ = 256, 44100


def continued(state: RackState) -> Rack:
    return rack_from(start_of(json.loads(json.dumps(head_tree(RATE_HZ, state))), "here"), [decoder()])


def test_a_rack_goes_on_after_its_reverb_has_died_away() -> None:
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), seed=7))
    rack, history = build_rack(patch, decoder(), RATE_HZ), deque()
    rack.keep_history(history)
    rack.post(TargetMove("reverb", 0.8), 10)
    rack.post(TargetMove("chorus", 0.5), 10)
    rack.post(NoteOn(0, 60, 100), 100)
    rack.post(NoteOff(0, 60), 5000)
    block = np.zeros((SIZE, 2), np.float32)
    while rack.frame < 5800:
        rack.ask_for_state()
        rack.render(block)
    states = [each for _, each in history if isinstance(each, RackState)]
    assert [each.holds_notes for each in states] == [100 <= each.frame <= 5000 for each in states]
    assert not any(each.is_silent for each in states[1:])  # first the note sounds, then only its reverb
    while rack.frame < 6000 or not rack.is_silent:
        rack.render(block)
        assert rack.frame < 60 * RATE_HZ
    rack.ask_for_state()
    rack.render(block)
    state = history[-1][1]
    assert isinstance(state, RackState)
    assert state.is_silent
    other = continued(state)
    assert other.frame == rack.frame
    expected, found = np.zeros((2, 200 * SIZE, 2), np.float32)
    for each, out in ((rack, expected), (other, found)):
        each.post(NoteOn(0, 64, 100), rack.frame + 1000 if each is rack else state.frame + 1000)
        each.post(NoteOff(0, 64), state.frame + 9000)
        for at in range(0, len(out), SIZE):
            each.render(out[at : at + SIZE])
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(found, expected)


def test_a_rack_goes_on_with_the_beat_of_a_clock_that_an_arpeggiator_plays() -> None:
    sound = Sound(arpeggiator=Arpeggio(mode="up", rate_beats=0.25, starts="beat"), tempo_bpm=70.0)
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), seed=7), sound)
    rack, history = build_rack(patch, decoder(), RATE_HZ), deque()
    rack.keep_history(history)
    clocks = [919 * number + 31 * (number % 3) for number in range(60)]
    for frame in clocks[:30]:
        rack.post(Clock(), frame)
    rack.post(NoteOn(0, 60, 100), 100)
    rack.post(NoteOff(0, 60), 9000)
    block = np.zeros((SIZE, 2), np.float32)
    while rack.frame < 27000:
        rack.render(block)
    rack.ask_for_state()
    rack.render(block)
    state = history[-1][1]
    assert state.is_silent
    other = continued(state)
    expected, found = np.zeros((2, 100 * SIZE, 2), np.float32)
    for each, out in ((rack, expected), (other, found)):
        for frame in clocks[30:]:
            each.post(Clock(), frame)
        each.post(NoteOn(0, 64, 100), state.frame + 500)
        each.post(NoteOn(0, 67, 100), state.frame + 500)
        for at in range(0, len(out), SIZE):
            each.render(out[at : at + SIZE])
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("at", range(100, 1200, 100))
def test_a_knob_that_moves_just_before_the_state_is_part_of_it(at: int) -> None:
    rack, history = build_rack(Patch(Config(seed=7)), decoder(), RATE_HZ), deque()
    rack.keep_history(history)
    rack.post(TargetMove("latent.1", 0.77), at)
    block = np.zeros((64, 2), np.float32)
    while rack.frame <= at:
        if rack.frame + len(block) > at:
            rack.ask_for_state()
        rack.render(block)
    other = continued(history[-1][1])
    for _ in range(64):
        other.render(block)
    assert other.engine().target_position("latent.1") == 0.77


def test_keys_of_an_arpeggiator_are_held_between_its_notes() -> None:
    sound = Sound(arpeggiator=Arpeggio(mode="up", rate_beats=1.0, gate=0.1))
    rack, history = build_rack(Patch(Config(voice=VoiceConfig(envelope=SHORT)), sound), decoder(), RATE_HZ), deque()
    rack.keep_history(history)
    rack.post(NoteOn(0, 60, 100), 0)
    rack.render(np.zeros((18_000, 2), np.float32))
    rack.ask_for_state()
    rack.render(np.zeros((SIZE, 2), np.float32))
    assert rack.status.n_active_voices == 0
    assert history[-1][1].holds_notes
    assert not history[-1][1].is_silent
