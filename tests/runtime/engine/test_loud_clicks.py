"""A dark voice far louder than full scale does not click.

The limiter is off: its curve makes harmonics that hide a click.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, NoteOff, NoteOn
from runtime.sound.motion import Modulation
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from tests.support.clicks import spikes_db
from tests.support.playing import SAMPLE_RATE_HZ, decoder, play

CONTROL = 20
KNOBS = {"low harmonics": 1.0, "high harmonics": 0.0}


def worst_spike_db(sound: Sound, note: int, envelope: Adsr, events: Sequence[tuple[int, Event]] = ()) -> float:
    """The `spikes_db` of a note that is held for 0.6 s: the larger of the two channels' values.

    events: further events, each with its frame.
    """
    voice = VoiceConfig(n_voices=1, envelope=envelope)
    patch = with_sound(Config(voice=voice, phase_blend=1.0), sound, decoder().card, "test")
    engine = Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, limits=False)
    end = round(0.6 * SAMPLE_RATE_HZ)
    heard = play(engine, [(0, NoteOn(0, note, 127)), *events, (end, NoteOff(0, note))], end + SAMPLE_RATE_HZ // 2)
    return max(spikes_db(side) for side in heard.T.astype(np.float64))


@pytest.mark.parametrize("curve", [-1.0, -0.5, 0.0])
def test_the_end_of_a_short_decay_does_not_click(curve: float) -> None:
    sound = Sound(tilt_db_per_octave=-10.0, latents=KNOBS)
    for hold_s in (0.3301, 0.3305, 0.3312):
        envelope = Adsr(attack_s=0.1, hold_s=hold_s, decay_s=0.0, sustain=0.0, curve=curve)
        assert worst_spike_db(sound, 40, envelope) <= 0.0


@pytest.mark.parametrize("target", ["level", "pan"])
def test_a_jump_of_a_gain_does_not_click(target: str) -> None:
    sound = Sound(tilt_db_per_octave=-11.0, latents=KNOBS, modulation=(Modulation(f"cc_{CONTROL}", target, -1.0),))
    for at in range(9000, 9300, 50):
        events = [(at, ControlChange(0, CONTROL, 127)), (at + 8000, ControlChange(0, CONTROL, 0))]
        assert worst_spike_db(sound, 48, Adsr(attack_s=0.1), events) <= -4.0, at
