"""A note for which the decoder outputs infinities is silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.config import Config
from runtime.engine.engine import Engine
from runtime.events import ControlChange, NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.rack.build import build_rack
from runtime.sound.choice import choose
from tests.support.broken_instrument import BROKEN_NOTE, TINY, write_broken

RATE_HZ, KNOB = 44100, 71


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_broken(tmp_path_factory.mktemp("broken") / "broken.onnx")


def played(path: Path, *events: tuple[int, object]) -> tuple[Engine, np.ndarray]:
    """Send events to a new engine; returns the engine, and two seconds of its sound.

    events: tuples (frame, event).
    """
    engine = Engine(Decoder(path), sample_rate_hz=RATE_HZ)
    for frame, event in events:
        engine.post(event, frame)
    out = np.zeros((2 * RATE_HZ, 2), np.float32)
    engine.render(out)
    return engine, out


def test_the_broken_instrument_plays_like_the_whole_one_where_it_is_not_broken(broken: Path) -> None:
    events = (0, NoteOn(0, BROKEN_NOTE - 1, 100)), (RATE_HZ, ControlChange(0, KNOB, 127))
    engine, out = played(broken, *events)
    assert engine.n_muted == 0
    assert np.array_equal(out, played(TINY, *events)[1])


def test_a_note_is_silent_where_its_spectrum_is_not_finite_and_sounds_again_elsewhere(broken: Path) -> None:
    engine, out = played(
        broken,
        (0, ControlChange(0, KNOB, 127)),
        (100, NoteOn(0, BROKEN_NOTE, 100)),
        (RATE_HZ, ControlChange(0, KNOB, 0)),
    )
    assert engine.n_muted > 0
    assert np.isfinite(out).all()
    assert not out[: RATE_HZ // 2].any()
    assert np.abs(out[-RATE_HZ // 2 :]).max() > 0.01


def test_other_notes_sound_as_if_the_broken_one_were_not_there(broken: Path) -> None:
    other = (0, ControlChange(0, KNOB, 127)), (100, NoteOn(0, BROKEN_NOTE + 3, 100))
    alone = played(broken, *other)[1]
    beside = played(broken, *other, (200, NoteOn(0, BROKEN_NOTE, 100)), (RATE_HZ, NoteOff(0, BROKEN_NOTE)))[1]
    assert np.abs(alone).max() > 0.01
    assert np.abs(alone - beside).max() < 1e-6


def test_the_rack_with_its_reverb_stays_finite(broken: Path) -> None:
    choice = choose(Config(), str(broken), None, None)
    rack = build_rack(choice.patch, choice.instrument, RATE_HZ)
    rack.post(ControlChange(0, 91, 127))
    rack.post(ControlChange(0, KNOB, 127))
    for note in range(BROKEN_NOTE - 2, BROKEN_NOTE + 3):
        rack.post(NoteOn(0, note, 100))
    out = np.zeros((RATE_HZ, 2), np.float32)
    rack.render(out)
    assert rack.n_muted > 0
    assert np.isfinite(out).all()
    assert np.abs(out).max() > 0.01
