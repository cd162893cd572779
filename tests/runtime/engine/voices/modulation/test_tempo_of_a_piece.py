"""The tempo of a piece wins over the tempos of the sounds that it chooses."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import NoteOn, ProgramChange, Tempo
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.hearing import level_db
from tests.support.playing import SAMPLE_RATE_HZ, SHORT, decoder

# This sound is loud in the first half of each beat.
GATED = Sound(
    lfo_1=Lfo("square", beats=1.0, phase="note"), tempo_bpm=120.0, modulation=(Modulation("lfo_1", "level", 0.5),)
)


@pytest.mark.parametrize(("bpm", "half_a_beat_s"), [(None, 0.25), (60.0, 0.5), (240.0, 0.125)])
def test_a_program_change_keeps_the_tempo_of_the_piece(bpm: float | None, half_a_beat_s: float) -> None:
    config = Config(voice=VoiceConfig(envelope=SHORT), phase_blend=1.0)
    engine = Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=Patch(config), programs=[Patch(config, GATED)])
    for event in ([Tempo(bpm)] if bpm else []) + [ProgramChange(0, 0), NoteOn(0, 60, 100)]:
        engine.post(event, 0)
    sound = np.zeros((SAMPLE_RATE_HZ, 2), np.float32)
    engine.render(sound)
    steps = np.array([level_db(part) for part in np.array_split(sound[:, 0], 80)])
    falls = np.flatnonzero(np.diff(steps) < -12.0)
    assert falls[0] / 80.0 == pytest.approx(half_a_beat_s, abs=0.02)
