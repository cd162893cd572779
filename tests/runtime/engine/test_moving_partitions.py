"""Modulated sounds are bit-identical for all block sizes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.config import Config, MidiConfig, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel, TargetMove, Tempo
from runtime.instrument.card import Card
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import load
from runtime.sound.patch import Patch
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from tests.support.partitions import N_FRAMES, Timed, assert_same, envelopes, modes, partitions, render, timed_events
from tests.support.playing import SAMPLE_RATE_HZ, decoder
from tests.support.sounds import RandomChoices, patches, random_sound

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
configs = st.builds(
    lambda mode, n_voices, n_members, phase_blend, portamento_s, envelope: Config(
        voice=VoiceConfig(
            mode=mode, n_voices=n_voices, envelope=envelope, portamento_s=portamento_s, vibrato_semitones=2.0
        ),
        midi=MidiConfig(mpe_lower_members=n_members),
        phase_blend=phase_blend,
        seed=7,
    ),
    modes, st.sampled_from((1, 3, 16, 20)), st.sampled_from((0, 3)), st.sampled_from((0.0, 0.0, 0.5, 1.0)),
    st.sampled_from((0.0, 0.03)), envelopes,
)  # fmt: skip


def some_patches(card: Card) -> st.SearchStrategy[tuple[Config, list[Patch]]]:
    """Settings, and one to three random patches. The first patch plays at the start."""
    return configs.flatmap(
        lambda config: st.tuples(st.just(config), st.lists(patches(card, config), min_size=1, max_size=3))
    )


def assert_any_blocks(
    instrument: Decoder, rate_hz: int, drawn: tuple[Config, list[Patch]], timed: Timed, blocks: list[int]
) -> None:
    """Assert that these blocks and a single block give the same sound.

    drawn: the settings and patches from `some_patches`.
    """
    config, (first, *programs) = drawn

    def make() -> Engine:
        return Engine(instrument, sample_rate_hz=rate_hz, config=config, patch=first, programs=[*programs, first])

    assert_same(make, timed, blocks)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(some_patches(decoder().card), timed_events, partitions, st.sampled_from((SAMPLE_RATE_HZ, 48000)))
def test_any_sounds_and_events_in_any_blocks(
    drawn: tuple[Config, list[Patch]], timed: Timed, blocks: list[int], rate_hz: int
) -> None:
    assert_any_blocks(decoder(), rate_hz, drawn, timed, blocks)


BUNDLED = load("virtual-analogue")


@settings(max_examples=4, deadline=None, suppress_health_check=SLOW)
@given(some_patches(BUNDLED.card), timed_events, partitions)
def test_any_sounds_of_the_bundled_instrument(
    drawn: tuple[Config, list[Patch]], timed: Timed, blocks: list[int]
) -> None:
    assert_any_blocks(BUNDLED, SAMPLE_RATE_HZ, drawn, timed, blocks)


@pytest.mark.parametrize("seed", range(6))
def test_a_wheel_that_turns_all_the_time(seed: int) -> None:
    """While a wheel turns, the size of blocks decides how much is mixed at a time, but changes no sample."""
    random, card, n_frames = np.random.default_rng(seed), decoder().card, 12000
    config = Config(voice=VoiceConfig(n_voices=int(random.choice([3, 16, 20])), vibrato_semitones=1.0), seed=seed)
    sound = random_sound(RandomChoices(random), tuple(latent.name for latent in card.latents)) if seed % 3 else Sound()
    patch = with_sound(config, sound, card, "test")
    timed: Timed = [(int(random.integers(900)), NoteOn(k % 2, 40 + 3 * k, 60)) for k in range(14)]
    timed += [(int(random.integers(3000, n_frames)), NoteOff(k % 2, 40 + 3 * k)) for k in range(0, 14, 3)]
    timed += [(int(random.integers(3000, n_frames)), NoteOn(0, 50 + 7 * k, 60)) for k in range(5)]
    for control in (1, 7, 10, 64, 74):
        timed.append((int(random.integers(n_frames)), ControlChange(0, control, int(random.integers(128)))))
    for event in (KnobTurn(0, 0.9), PhaseBlend(1.0), Tempo(90.0), KnobTurn(1, 0.1), TargetMove("lfo_1.rate", 0.9)):
        timed.append((int(random.integers(n_frames)), event))
    for frame in range(1000, n_frames, int(random.integers(20, 200))):
        timed.append((frame, PitchWheel(int(random.integers(2)), int(random.integers(-8192, 8192)))))
    sizes = [int(2.0 ** random.uniform(0.0, 11.0)) for _ in range(50)]
    assert_same(lambda: Engine(decoder(), config=config, patch=patch), timed, sizes, n_frames)
    assert_same(lambda: Engine(decoder(), config=config, patch=patch), timed, [64], n_frames)


def without_amounts(sound: Sound) -> Sound:
    """The sound with its filter off, without shaping, and with the amount 0 in every modulation.

    Fields that replace a setting become None. The second envelope and the LFOs stay, but move nothing.
    """
    still = tuple(msgspec.structs.replace(each, amount=0.0) for each in sound.modulation)
    return msgspec.structs.replace(
        sound,
        modulation=still,
        filter=msgspec.structs.replace(sound.filter, type="off"),
        **dict.fromkeys(("latents", "phase_blend", "level_db", "pan", "voice", "envelope")),
        **dict.fromkeys(("tilt_db_per_octave", "odd_even_db", "formant_semitones", "bandwidth_cents", "width"), 0.0),
    )


@pytest.mark.parametrize("seed", range(4))
@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
@given(configs, timed_events)
def test_a_sound_without_amounts_is_no_sound(seed: int, config: Config, timed: Timed) -> None:
    card = decoder().card
    sound = random_sound(RandomChoices(np.random.default_rng(seed)), tuple(latent.name for latent in card.latents))
    patch = with_sound(config, without_amounts(sound), card, "test")
    # A moved cutoff would switch on the filter, whose slope may differ between the two sounds.
    timed = [each for each in timed if not isinstance(each[1], TargetMove)]
    rendered = [
        render(Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, config=config, patch=given), timed, [512], True)
        for given in (patch, None)
    ]
    assert rendered[0].shape == (N_FRAMES, 2)
    assert rendered[0].tobytes() == rendered[1].tobytes()
