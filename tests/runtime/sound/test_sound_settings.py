"""A sound's values replace those of the settings."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.build import build_engine
from runtime.events import ControlChange, NoteOff, NoteOn, Reset
from runtime.sound.motion import Lfo
from runtime.sound.patch import Patch
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound, SoundEnvelope, SoundVoice
from tests.support.hearing import level_db
from tests.support.playing import decoder, play

RATE_HZ = 44100
SETTINGS = Config(
    preset="bright", volume_db=-6.0, pan=0.5, phase_blend=0.25, voice=VoiceConfig(n_voices=3, vibrato_hz=7.0)
)


def test_a_sound_that_says_nothing_changes_nothing() -> None:
    said = with_sound(SETTINGS, Sound(voice=SoundVoice(), envelope=SoundEnvelope(), latents={}), decoder().card, "x")
    assert (said.settings, said.positions) == (SETTINGS, None)


def test_what_a_sound_says_wins_and_the_rest_stays() -> None:
    sound = Sound(
        latents={"high harmonics": 0.25},
        phase_blend=0.0,
        level_db=-3.0,
        pan=0.0,
        voice=SoundVoice(mode="mono", portamento_s=0.1),
        envelope=SoundEnvelope(hold_s=0.2, sustain=0.0),
    )
    patch = with_sound(SETTINGS, sound, decoder().card, "x")
    envelope = Adsr(hold_s=0.2, sustain=0.0)
    voice = VoiceConfig(mode="mono", n_voices=3, vibrato_hz=7.0, portamento_s=0.1, envelope=envelope)
    assert patch.settings == Config(preset="bright", volume_db=-9.0, pan=0.0, phase_blend=0.0, voice=voice)
    assert patch.positions == (1.0, 0.25)  # the first position is from the settings' preset
    assert with_sound(Config(), sound, decoder().card, "x").positions == (0.5, 0.25)  # 0.5: the card's first preset


def test_a_sound_that_names_every_knob_needs_no_preset() -> None:
    sound = Sound(latents={"high harmonics": 0.25, "low harmonics": 0.75})
    assert with_sound(Config(preset="none such"), sound, decoder().card, "x").positions == (0.75, 0.25)


def test_a_knob_that_the_instrument_does_not_have_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError) as caught:
        with_sound(Config(), Sound(latents={"hgih harmonics": 0.5}), decoder().card, "my.yaml")
    found = "my.yaml, latents: found the knob 'hgih harmonics'"
    assert str(caught.value) == f"{found}; expected a knob of tiny; did you mean 'high harmonics'?"


def heard(config: Config, seconds: float = 1.0, blocks: tuple[int, ...] = (512,), *events: object) -> np.ndarray:
    """A note's sound, (n_frames, 2).

    events: posted at frame 0, before the note.
    """
    engine = build_engine(Patch(config), decoder(), RATE_HZ)
    timed = [*((0, event) for event in events), (0, NoteOn(0, 60, 100))]
    return play(engine, timed, round(seconds * RATE_HZ), blocks)


def level_at(sound: np.ndarray, time_s: float) -> float:
    middle = round(time_s * RATE_HZ)
    return level_db(sound[middle - 1500 : middle + 1500])


def enveloped(**fields: float) -> Config:
    return Config(phase_blend=1.0, voice=VoiceConfig(envelope=Adsr(**fields)))


def test_the_hold_delays_the_decay_by_its_length() -> None:
    plain = heard(enveloped(attack_s=0.0, decay_s=0.2, sustain=0.1))
    held = heard(enveloped(attack_s=0.0, decay_s=0.2, sustain=0.1, hold_s=0.5))
    assert level_at(held, 0.45) == pytest.approx(level_at(held, 0.1), abs=0.5)
    assert level_at(plain, 0.45) == pytest.approx(level_at(held, 0.1) - 20.0, abs=1.0)
    assert level_at(held, 0.95) == pytest.approx(level_at(plain, 0.45), abs=0.5)


def test_a_note_with_hold_is_the_same_to_the_bit_in_any_blocks() -> None:
    config = msgspec.structs.replace(enveloped(hold_s=0.11, sustain=0.3), pan=-0.4)
    whole = heard(config, 0.6, (26460,))
    assert np.array_equal(whole, heard(config, 0.6, (1, 64, 700)))
    assert np.abs(whole).max() > 0.05


def test_a_key_that_comes_up_ends_the_hold() -> None:
    engine = build_engine(Patch(enveloped(hold_s=5.0, sustain=0.5, release_s=0.05)), decoder(), RATE_HZ)
    sound = play(engine, [(0, NoteOn(0, 60, 100)), (22050, NoteOff(0, 60))], RATE_HZ)
    assert np.abs(sound[20000:22050]).max() > 0.05
    assert np.abs(sound[30000:]).max() == 0.0
    assert engine.status.n_active_voices == 0


def test_a_legato_note_does_not_hold_again() -> None:
    envelope = Adsr(attack_s=0.0, hold_s=0.5, decay_s=0.1, sustain=0.1)
    config = Config(phase_blend=1.0, voice=VoiceConfig(mode="legato", envelope=envelope))
    engine = build_engine(Patch(config), decoder(), RATE_HZ)
    sound = play(engine, [(0, NoteOn(0, 60, 100)), (4410, NoteOn(0, 60, 100))], RATE_HZ)
    assert level_at(sound, 0.4) == pytest.approx(level_at(sound, 0.06) - 20.0, abs=1.5)


@pytest.mark.parametrize(("pan", "control", "left"), [(-1.0, 64, True), (1.0, 64, False), (-1.0, 127, None)])
def test_pan_moves_the_whole_instrument_and_a_channel_s_pan_is_added(
    pan: float, control: int, left: bool | None
) -> None:
    sound = heard(Config(pan=pan), 0.3, (512,), Reset(), ControlChange(0, 10, control))
    levels = np.abs(sound).max(axis=0)
    if left is None:
        assert levels[0] == pytest.approx(levels[1])
    else:
        loud, silent = levels if left else levels[::-1]
        assert loud > 0.05
        assert silent < 1e-6


@pytest.mark.parametrize(("first", "second"), [("lfo_1", None), ("lfo_2", "lfo_1")])
def test_an_lfo_that_scales_itself_is_refused(first: str, second: str | None) -> None:
    sound = Sound(lfo_1=Lfo(depth_from=first), lfo_2=Lfo(depth_from=second))
    with pytest.raises(UserError, match=f"x, lfo_1.depth_from: found {first}; expected a source that does not"):
        with_sound(SETTINGS, sound, decoder().card, "x")


def test_one_lfo_may_scale_the_other() -> None:
    with_sound(SETTINGS, Sound(lfo_1=Lfo(depth_from="lfo_2")), decoder().card, "x")
