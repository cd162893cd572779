"""A lane's sound is made far enough ahead, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.voices.bank import CUT_FADE_S
from runtime.engine.voices.pitch.ratio import pitch_ratio
from tests.support.clicks import high_levels_db

SPEC = StftSpec()


@pytest.mark.parametrize("sample_rate_hz", [22050, 44100, 96000])
@pytest.mark.parametrize("n_hops", [0, 1, 2])
def test_sound_is_made_up_to_a_crossfade_past_the_next_hop(n_hops: int, sample_rate_hz: int) -> None:
    """A lane opens at frame 0. At its next hop, it makes the sound of n_hops more hops.

    Its sound then ends one crossfade after the hop at frame (1 + n_hops) * hop_size.
    """
    sound = LaneSound(SPEC, sample_rate_hz, (0,), 0)
    sound.set_spectra([0], np.ones((1, SPEC.n_bins), np.float32), [0.0])
    sound.open(slice(0, 1), 0, 0.0)
    if n_hops:
        sound.hop([0], sound.hop_size, n_hops, np.zeros(1, np.float32))
    end = (1 + n_hops) * sound.hop_size + sound.fade_frames
    assert sound.read_lane(0, end - sound.fade_frames, sound.fade_frames).all()
    assert not sound.read_lane(0, end, 10).any()
    assert round(CUT_FADE_S * sample_rate_hz) <= sound.fade_frames


@pytest.mark.parametrize("is_transposed", [False, True])
def test_the_corners_of_ramps_do_not_click(is_transposed: bool) -> None:
    sound, hop = LaneSound(SPEC, 44100, (0,), 0), SPEC.hop_size
    tone = np.zeros((1, SPEC.n_bins), np.float32)
    tone[0, 30:33] = 0.5, 1.0, 0.5
    gains = np.ones((1, sound.n_bins), np.float32)
    sound.set_spectra([0], tone, [0.0], gains)
    sound.open(slice(0, 1), 0, 1.0, not is_transposed)
    if is_transposed:
        sound.set_ratios([0], 0, [pitch_ratio(1.0, 0.0, 0.0, None, None)])
    heard = []
    for frame in range(hop, 21 * hop, hop):
        sound.hop([0], frame, 1, np.zeros(1, np.float32))
        sound.before_ramp([0], frame, hop)
        gains = 1.0 - gains
        sound.set_targets([0], tone, [0.0], gains)
        sound.ramp([0], frame, hop)
        for at in range(frame, frame + hop, hop // 4):
            read = sound.read_transposed([0], at, hop // 4)[0] if is_transposed else sound.read_lane(0, at, hop // 4)
            heard.append(read.copy())
    whole = np.concatenate(heard).astype(np.float64)
    whole *= np.hanning(len(whole)) / np.abs(whole).max()
    assert high_levels_db(whole).max() < -115.0
