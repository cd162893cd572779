"""A knob of 128 steps, turned fast, adds no noise above 15 kHz."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn, MapChange, NoteOn, TargetMove
from tests.support.clicks import moving_excess_db
from tests.support.playing import decoder, play

N_FRAMES = 60000
START, STEP = 10000, 103  # frames; the knob moves by 1 every STEP frames, so it takes 0.3 s from 0 to 127
JUMP = 8  # a control that is turned fast sends only every eighth value
LINES = {
    "latent.1": {},
    "latent.2": {},
    "phase_blend": {},
    "filter.cutoff": {"values": (300.0, 18000.0)},
    "filter.resonance": {},
    "tilt": {},
    "odd_even": {},
    "formant": {},
    "bandwidth": {},
    "width": {},
    "level": {"values": (-40.0, 12.0)},
    "pan": {},
    "vibrato.depth": {"values": (0.0, 1.0)},
    "vibrato.rate": {},
}


def sound(line: MapLine, turns: list[tuple[int, int]]) -> np.ndarray:
    """A held note while control 20 is turned: float32 (n_frames, 2).

    turns: (frame, value).
    """
    start: list[Event] = [MapChange(0, bind([line])), ControlChange(0, 1, 127), ControlChange(0, 20, turns[0][1])]
    if not line.target.startswith("latent"):
        start += [KnobTurn(latent, 0.0) for latent in range(2)]  # harmonics could hide noise above 15 kHz
    if line.target == "filter.resonance":
        start.append(TargetMove("filter.cutoff", 0.95))
    events = [(0, event) for event in (*start, NoteOn(0, 57, 100))]
    events += [(frame, ControlChange(0, 20, value)) for frame, value in turns]
    return play(Engine(decoder(), 4, seed=1), events, N_FRAMES)


@pytest.mark.parametrize("target", LINES)
def test_a_knob_of_seven_bits_makes_no_zipper(target: str) -> None:
    line = MapLine("cc 20", target, **LINES[target])
    turned = sound(line, [(START + STEP * value, value) for value in range(0, 128, JUMP)])
    still = [sound(line, [(START, value)]) for value in (0, 64, 127)]
    assert any(not np.array_equal(turned, each) for each in still)
    for channel in range(2):
        excess_db = moving_excess_db(turned[:, channel], [each[:, channel] for each in still])
        assert excess_db <= 0.0, f"{target}: {excess_db:.1f} dB"
