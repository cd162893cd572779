"""A program change between poly and mono leaves no note stuck."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import Event, NoteOff, NoteOn, ProgramChange
from runtime.sound.patch import Patch
from tests.support.playing import ENDED_S, SAMPLE_RATE_HZ, SHORT, decoder, notes_in

POLY, ALONE = ProgramChange(0, 0), ProgramChange(0, 1)


@pytest.fixture(params=["mono", "legato"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Program 0 is poly, program 1 mono or legato; both play only the fundamental."""
    config = Config(voice=VoiceConfig(n_voices=8, envelope=SHORT))
    alone = msgspec.structs.replace(config, voice=msgspec.structs.replace(config.voice, mode=request.param))
    programs = [Patch(each, positions=(0.0, 0.0)) for each in (config, alone)]
    return Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=programs[0], programs=programs)


def heard(engine: Engine, *events: Event) -> list[int]:
    """The notes that sound after these events, when all released notes have ended."""
    for event in events:
        engine.post(event)
    sound = np.zeros((round(0.4 * SAMPLE_RATE_HZ), 2), np.float32)
    engine.render(sound)
    return notes_in(sound[round(ENDED_S * SAMPLE_RATE_HZ) :, 0])


def test_a_chord_goes_on_under_a_lead(engine: Engine) -> None:
    assert heard(engine, POLY, NoteOn(0, 48, 100), NoteOn(0, 60, 100)) == [48, 60]
    assert heard(engine, ALONE, NoteOn(0, 74, 100)) == [48, 60, 74]
    assert heard(engine, NoteOn(0, 80, 100)) == [48, 60, 80]
    assert heard(engine, NoteOff(0, 80)) == [48, 60, 74]
    assert heard(engine, NoteOff(0, 48), NoteOff(0, 60), NoteOff(0, 74)) == []


def test_a_key_that_came_up_while_the_sound_was_poly_does_not_sound_again(engine: Engine) -> None:
    assert heard(engine, ALONE, NoteOn(0, 60, 100)) == [60]
    assert heard(engine, POLY, NoteOff(0, 60)) == []
    assert heard(engine, ALONE, NoteOn(0, 74, 100)) == [74]
    assert heard(engine, NoteOff(0, 74)) == []
