"""A rack that starts from another rack's state, taken in silence, is bit-identical, effects included."""

from __future__ import annotations

from collections import deque

import numpy as np

from runtime.config import Config, VoiceConfig
from runtime.engine.recorded.head import PlayedInstrument, Start
from runtime.engine.recorded.state import EngineState
from runtime.events import Clock, NoteOff, NoteOn, TargetMove
from runtime.rack.build import build_rack, rack_from
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.playing import SHORT, decoder

SIZE, RATE_HZ = 256, 44100


def test_a_rack_goes_on_after_its_reverb_has_died_away() -> None:
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), seed=7))
    rack, history = build_rack(patch, decoder(), RATE_HZ), deque()
    rack.keep_history(history)
    rack.post(TargetMove("reverb", 0.8), 10)
    rack.post(TargetMove("chorus", 0.5), 10)
    rack.post(NoteOn(0, 60, 100), 100)
    rack.post(NoteOff(0, 60), 5000)
    block = np.zeros((SIZE, 2), np.float32)
    while rack.frame < 6000 or not rack.is_silent:
        rack.render(block)
        assert rack.frame < 60 * RATE_HZ
    rack.ask_for_state()
    rack.render(block)
    state = history[-1][1]
    assert isinstance(state, EngineState)
    assert state.is_silent
    other = rack_from(Start(RATE_HZ, PlayedInstrument("tiny", "0" * 64), *rack.engine().sounds, state), decoder())
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
    other = rack_from(Start(RATE_HZ, PlayedInstrument("tiny", "0" * 64), *rack.engine().sounds, state), decoder())
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
