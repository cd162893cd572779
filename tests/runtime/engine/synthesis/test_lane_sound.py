"""A lane's sound is made far enough ahead, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.voices.bank import CUT_FADE_S

SPEC = StftSpec()


@pytest.mark.parametrize("sample_rate_hz", [22050, 44100, 96000])
@pytest.mark.parametrize("n_hops", [0, 1, 2])
def test_sound_is_made_up_to_a_crossfade_past_the_next_hop(n_hops: int, sample_rate_hz: int) -> None:
    """A lane opens at frame 0; at its next hop it makes the sound of n_hops hops. The rest of its ring is silent."""
    sound = LaneSound(SPEC, sample_rate_hz, (0,), 0)
    sound.set_spectra([0], np.ones((1, SPEC.n_bins), np.float32), [0.0])
    sound.open(slice(0, 1), 0, 0.0)
    if n_hops:
        sound.hop([0], sound.hop_size, n_hops, np.zeros(1, np.float32))
    end = (1 + n_hops) * sound.hop_size + sound.fade_frames
    assert sound.copy(0, end - sound.fade_frames, sound.fade_frames).all()
    assert not sound.copy(0, end, 10).any()
    assert round(CUT_FADE_S * sample_rate_hz) <= sound.fade_frames
