"""A moved target does not click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, NoteOff, NoteOn, PitchWheel
from runtime.sound.motion import LATENT, TARGETS, DelayedEnvelope, Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.settings import with_sound
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.clicks import excess_db, moving_excess_db
from tests.support.playing import SAMPLE_RATE_HZ, decoder, play
from tests.support.sounds import UNWIRED
from tests.support.trajectories import random_trajectory

AT = 16123
N_FRAMES = 34000
CONTROL = 20
# The amount of modulation for some targets. For all others, it is 1. With larger amounts, the sound would be so loud
# that the limiter compresses it.
AMOUNTS = {"level": -0.5, "filter.cutoff": -0.5, "pitch": 0.2, "tilt": 0.5}
BENT = 5000  # a position of the pitch wheel
MOVED = [target for target in TARGETS if target not in UNWIRED] + [LATENT + "low harmonics", LATENT + "high harmonics"]
CASES = [(target, bend) for target in MOVED for bend in (0, BENT)]


def patch_for(target: str, source: str, lfo: Lfo, phase_blend: float, sign: float) -> Patch:
    modulation = Modulation(source, target, sign * AMOUNTS.get(target, 1.0))
    sound = Sound(
        filter=Filter(type="low", cutoff_hz=9000.0, resonance_db=0.0 if target == "filter.cutoff" else 6.0),
        lfo_1=lfo,
        modulation=(modulation,),
        latents={"low harmonics": 0.5, "high harmonics": 0.5},
    )
    voice = VoiceConfig(n_voices=4, envelope=Adsr(attack_s=0.0, release_s=0.05))
    config = Config(voice=voice, phase_blend=phase_blend, volume_db=-6.0)
    patch = with_sound(config, sound, decoder().card, "test")
    if target.startswith("trajectory"):
        patch = Patch(patch.settings, sound, patch.positions, (PlayedTrajectory(random_trajectory(knobs=())),))
    return patch


def heard(patch: Patch, events: Sequence[tuple[int, Event]], n_frames: int = N_FRAMES, bend: int = 0) -> np.ndarray:
    """The sound of a note that begins at frame 0; returns (2, n_frames).

    events: what else happens; each is a pair (frame, event).
    bend: position of the pitch wheel.
    """
    engine = Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch)
    return play(engine, [(0, PitchWheel(0, bend)), *events, (0, NoteOn(0, 60, 127))], n_frames).T.astype(np.float64)


@pytest.mark.parametrize("phase_blend", [0.0, 1.0])
@pytest.mark.parametrize(("target", "bend"), CASES)
def test_a_step_of_a_control_does_not_click(target: str, bend: int, phase_blend: float) -> None:
    for sign in (1.0, -1.0):
        patch = patch_for(target, f"cc_{CONTROL}", Lfo(), phase_blend, sign)
        for before, then in ((0, 127), (127, 0)):
            events = [(0, ControlChange(0, CONTROL, before)), (AT, ControlChange(0, CONTROL, then))]
            assert max(excess_db(side, AT) for side in heard(patch, events, bend=bend)) <= 0.0, (sign, before)


@pytest.mark.parametrize("phase_blend", [0.0, 1.0])
@pytest.mark.parametrize(("target", "bend"), CASES)
def test_the_fastest_lfo_does_not_click(target: str, bend: int, phase_blend: float) -> None:
    ends = [(0, ControlChange(0, CONTROL, 127))]
    for shape in ("square", "sine", "random"):
        lfo = Lfo(shape=shape, rate_hz=20.0)
        moving = heard(patch_for(target, "lfo_1", lfo, phase_blend, 1.0), [], bend=bend)
        still = [heard(patch_for(target, f"cc_{CONTROL}", lfo, phase_blend, s), ends, bend=bend) for s in (1.0, -1.0)]
        for side in (0, 1):
            assert moving_excess_db(moving[side], [each[side] for each in still]) <= 0.0, (shape, side)


@pytest.mark.parametrize("phase_blend", [0.0, 1.0])
def test_the_fastest_envelopes_do_not_click(phase_blend: float) -> None:
    sound = Sound(
        filter=Filter(type="low", cutoff_hz=200.0, envelope_octaves=6.0, resonance_db=12.0),
        envelope_2=DelayedEnvelope(delay_s=0.1, attack_s=0.0, hold_s=0.1, decay_s=0.0, sustain=0.3, release_s=0.0),
        modulation=(Modulation("envelope_2", "level", -0.25), Modulation("envelope_2", "pan", 1.0)),
        latents={"low harmonics": 1.0, "high harmonics": 1.0},
    )
    voice = VoiceConfig(n_voices=4, envelope=Adsr(attack_s=0.0, release_s=1.0))
    config = Config(voice=voice, phase_blend=phase_blend, volume_db=-12.0)
    patch = with_sound(config, sound, decoder().card, "test")
    for side in heard(patch, [(AT, NoteOff(0, 60))]):
        for at in (4410, 8820, AT):
            padded = np.concatenate([np.zeros(8000), side])
            assert excess_db(padded, at + 8000) <= 0.0, at
