"""A head's place follows the wanted pitch, and depends on the frame only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.head import INTERVAL_FRAMES, ONE, Head
from runtime.engine.synthesis.transposing.resampling import N_AFTER, Resampler
from runtime.engine.voices.bank import VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.pitch import modulated
from runtime.engine.voices.pitch.ratio import PitchRatio
from runtime.engine.voices.pitches import VoicePitches
from runtime.sound.patch import Patch
from tests.support.playing import decoder

RATE_HZ = 44100
N_FRAMES = 20000


def ratio(
    vibrato_semitones: float = 0.5, vibrato_hz: float = 5.5, glide: tuple[float, int] | None = None
) -> PitchRatio:
    """A voice's pitch ratio.

    glide: a pair: how far above the voice's pitch the glide starts, in semitones, and the frame at which it ends.
    """
    config = VoiceConfig(vibrato_hz=vibrato_hz, vibrato_semitones=vibrato_semitones)
    bank, channels = VoiceBank(1, RATE_HZ, 100, 0), Channels()
    pitches, voice = VoicePitches(channels, RATE_HZ), bank.voices[0]
    patch = Patch(Config(voice=config))
    palette = Palette(decoder().card, patch, None, channels, bank.table, 1, RATE_HZ, lambda *_: None)
    voice.played, voice.knobs = palette.first, SoundKnobs(patch, (0.0, 0.0), 0)
    voice.vibrato_radians_per_frame = 2.0 * math.pi * vibrato_hz / RATE_HZ
    channels[0].mod_wheel = 127
    voice.model_note = 60
    pitches.follow(voice)
    if glide is not None:
        voice.glide_semitones, voice.glide_end = glide
    return pitches.ratios([voice], 0)[0]


def test_modulated_pitches_are_computed_for_the_heads_intervals() -> None:
    """Both modules define INTERVAL_FRAMES, because neither may import the other."""
    assert modulated.INTERVAL_FRAMES == INTERVAL_FRAMES


def head(moving: PitchRatio, elapsed: int = 0) -> Head:
    """A head that begins at frame 0; elapsed: as in `Head`."""
    return Head(0, elapsed, moving, 2 * ONE, 2048, 0)


@pytest.mark.parametrize("stops", [[1] * 300, [63, 64, 65, 1000, 7], [N_FRAMES]], ids=["1", "mixed", "all"])
def test_a_position_is_the_sum_of_the_steps_wherever_it_is_asked_for(stops: Sequence[int]) -> None:
    moving = ratio()
    steps = [round(moving.at(frame // INTERVAL_FRAMES * INTERVAL_FRAMES + 32) * 2 * ONE) for frame in range(N_FRAMES)]
    positions = [0, *itertools.accumulate(steps)]
    asked, frame = head(moving), 0
    for n in itertools.chain.from_iterable(itertools.repeat(stops)):
        if frame + n > N_FRAMES:
            break
        asked.go_to(frame)
        assert asked.position(frame + n) == positions[frame + n]
        frame += n
    changed = head(moving)
    changed.set_ratio(777, ratio(vibrato_semitones=0.0))
    assert changed.position(1777) == positions[777] + 1000 * 2 * ONE


@pytest.mark.parametrize("moving", [ratio(), ratio(0.0, glide=(-2.0, 8820)), ratio(0.3, glide=(2.0, 8820))])
def test_the_pitch_is_within_3_cents_of_its_definition_at_every_moment(moving: PitchRatio) -> None:
    asked = head(moving)
    errors = [1200.0 * math.log2(asked.ratio_at(frame) / moving.at(frame)) for frame in range(N_FRAMES)]
    assert np.abs(errors).max() < 3.0
    # If the head were late, its error would be proportional to the slope of the pitch.
    slope = np.gradient([1200.0 * math.log2(moving.at(frame)) for frame in range(N_FRAMES)])
    late_frames = -np.dot(errors, slope) / np.dot(slope, slope)
    assert abs(late_frames) < 0.003 * RATE_HZ / 4


@pytest.mark.parametrize("n_frames", [1, 64, 100, 1024])
@pytest.mark.parametrize("frame", [0, 63, 64, 1000])
def test_a_read_follows_the_head(frame: int, n_frames: int) -> None:
    """Each sample's value is its index, which shows what was read."""
    rings = DenseRings(3, 1 << 13, N_AFTER)
    rings.rings[:] = np.arange(rings.stride)
    resampler = Resampler(rings, 2048)
    heads = [head(ratio(depth), elapsed=1) for depth in (0.5, 0.2, 0.0)]
    sound = resampler.read([0, 1, 2], heads, frame, n_frames)
    wanted = [[each.position(frame + n) / ONE for n in range(n_frames)] for each in heads]
    np.testing.assert_allclose(sound, wanted, atol=0.01)
    fixed = [head(ratio(0.0), elapsed=1)] * 3
    np.testing.assert_allclose(resampler.read([0, 1, 2], fixed, frame, n_frames)[2], wanted[2], atol=0.01)


def test_a_copied_head_goes_its_own_way_from_the_same_place() -> None:
    first = head(ratio())
    first.go_to(500)
    other = first.copy()
    other.set_ratio(700, ratio(0.0))
    assert other.position(700) == first.position(700)
    assert other.position(900) == first.position(700) + 200 * 2 * ONE != first.position(900)
