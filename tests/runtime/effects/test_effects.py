"""The sound of the effects is the same to the bit for all block sizes. The effects sleep while there is silence."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.config import ChorusConfig, EffectsConfig, EqualiserConfig, ReverbConfig
from runtime.effects.effects import Effects
from tests.support.allocations import recorded_arrays
from tests.support.effects import SAMPLE_RATE_HZ, noise, play, silence
from tests.support.partitions import partitions

N_FRAMES = 12000
LARGE_BYTES = 2048
TONED = EqualiserConfig(low_db=6.0, mid_db=-3.0, high_db=4.0)
reverbs = st.builds(
    ReverbConfig,
    enabled=st.booleans(),
    size_m=st.sampled_from((5.0, 12.0, 50.0)),
    decay_s=st.sampled_from((0.3, 2.0, 10.0)),
    pre_delay_s=st.sampled_from((0.0, 0.013)),
    width=st.sampled_from((0.0, 1.0)),
)
choruses = st.builds(
    ChorusConfig,
    enabled=st.booleans(),
    mode=st.sampled_from(("chorus", "ensemble")),
    rate_hz=st.floats(0.05, 5.0),
    depth_ms=st.sampled_from((0.0, 2.0, 6.0)),
)
equalisers = st.builds(
    EqualiserConfig, low_db=st.sampled_from((0.0, 12.0)), mid_db=st.sampled_from((0.0, -7.0)), high_db=st.just(0.0)
)
all_settings = st.builds(EffectsConfig, reverbs, choruses, equalisers)
changes = st.lists(st.tuples(st.integers(0, N_FRAMES - 1), all_settings), max_size=4)


def _gated(seed: int, gaps: list[int]) -> np.ndarray:
    """Noise with silent gaps. gaps: the frames at which the gaps begin and end, alternately."""
    sound = noise(N_FRAMES, seed=seed)
    for begin, end in zip(gaps[::2], [*gaps[1::2], N_FRAMES], strict=False):
        sound[begin:end] = 0.0
    return sound


@settings(max_examples=40, deadline=None)
@given(
    first=all_settings,
    changes=changes,
    blocks=partitions,
    gaps=st.lists(st.integers(0, N_FRAMES), min_size=2, max_size=4),
    rate_hz=st.sampled_from((8000, 44100, 192000)),
    start=st.sampled_from((0, 100, 10**9 + 77)),
)
def test_the_sound_is_the_same_to_the_bit_for_any_blocks(first, changes, blocks, gaps, rate_hz, start) -> None:
    dry, sends = noise(N_FRAMES, seed=1), [_gated(seed, sorted(gaps)) for seed in (2, 3)]
    changes = sorted(((start + frame, config) for frame, config in changes), key=lambda change: change[0])
    whole = play(Effects(rate_hz, first), dry, *sends, [N_FRAMES], changes, start=start)
    assert np.isfinite(whole).all()
    for early in (True, False):
        cut = play(Effects(rate_hz, first), dry, *sends, blocks, changes, early, start)
        differ = np.flatnonzero((whole != cut).any(axis=1))
        assert not len(differ), f"from frame {differ[0]} on, changes announced {'early' if early else 'just in time'}"


def test_no_sends_are_as_sends_of_silence() -> None:
    """The settings change while the reverb and the chorus sleep, and again just after the sends sound again."""
    dry, gap = noise(90000), silence(75000)
    sends = [np.concatenate((noise(700), gap, noise(14300, seed=seed))) for seed in (2, 3)]
    first = EffectsConfig(ReverbConfig(size_m=5.0, decay_s=0.3))
    changes = [
        (20000, EffectsConfig(ReverbConfig(size_m=9.0))),
        (75600, EffectsConfig(ReverbConfig(size_m=30.0), ChorusConfig(mode="ensemble"))),
        (75705, EffectsConfig(ReverbConfig(size_m=6.0), ChorusConfig(depth_ms=5.0))),
    ]
    explicit = play(Effects(SAMPLE_RATE_HZ, first), dry, *sends, [500], changes)
    effects, sound = Effects(SAMPLE_RATE_HZ, first), dry.copy()
    for frame, settings_ in changes:
        effects.change(frame, effects.prepare(settings_))
    for done in range(0, len(sound), 100):
        block = slice(done, done + 100)
        assert done != 70000 or effects.sleep
        effects.add(done, sound[block], *(send[block] if send[block].any() else None for send in sends))
    assert (explicit == sound).all()


@pytest.mark.parametrize("name", ["reverb", "chorus"])
def test_a_tail_rings_out_and_then_costs_nothing(name: str) -> None:
    config = EffectsConfig(ReverbConfig(size_m=8.0, decay_s=0.5))
    effects, at = Effects(SAMPLE_RATE_HZ, config), 0
    burst = noise(4096, 0.3)
    for round_ in range(2):
        assert effects.sleep
        sends = {"reverb": (burst, None), "chorus": (None, burst)}[name]
        play(effects, silence(4096), *sends, start=at)
        assert not effects.sleep
        tail = play(effects, silence(4 * SAMPLE_RATE_HZ), None, None, start=at + 4096)
        assert np.abs(tail[:400]).max() > 0.01
        assert effects.sleep
        last = np.flatnonzero(tail.any(axis=1)).max()
        assert np.abs(tail[max(0, last - 100) : last + 1]).max() < 2e-6 if name == "reverb" else last < 2000
        n_before = effects.n_cells_computed
        at += 4096 + len(tail)
        rest = play(effects, silence(1000), silence(1000), None, start=at)
        assert not rest.any()
        assert effects.n_cells_computed == n_before
        at += 1000 + round_


def test_effects_that_are_off_leave_the_sound_as_it_is_and_do_no_work() -> None:
    config = EffectsConfig(ReverbConfig(enabled=False), ChorusConfig(enabled=False))
    effects, dry = Effects(SAMPLE_RATE_HZ, config), noise(50000)
    assert (play(effects, dry, dry, dry) == dry).all()
    assert effects.n_cells_computed == 0


def test_a_sound_sent_to_silence_never_meets_denormal_numbers() -> None:
    effects = Effects(SAMPLE_RATE_HZ, EffectsConfig(ReverbConfig(decay_s=0.3, size_m=5.0), equaliser=TONED))
    fading = noise(120000) * np.float32(0.999) ** np.arange(120000, dtype=np.float32)[:, None]
    assert np.abs(fading[-1]).max() < 1e-38
    sound = play(effects, silence(len(fading)), fading, fading)
    assert effects.sleep
    assert not sound[-1000:].any()


@pytest.mark.parametrize(("rate_hz", "n_seconds"), [(8000, 60), (44100, 60), (192000, 6)])
def test_full_scale_noise_for_a_minute_stays_bounded(rate_hz: int, n_seconds: int) -> None:
    reverb = ReverbConfig(size_m=5.0, decay_s=10.0, damping=0.0, bass=2.0)
    effects = Effects(rate_hz, EffectsConfig(reverb, ChorusConfig(mode="ensemble", depth_ms=6.0), TONED))
    loud = np.sign(noise(rate_hz)).astype(np.float32)
    peaks = []
    for second in range(n_seconds):
        sound = play(effects, silence(rate_hz), loud, loud, [4096], start=second * rate_hz)
        assert np.isfinite(sound).all()
        peaks.append(float(np.abs(sound).max()))
    assert max(peaks) < 60.0
    assert n_seconds < 60 or np.mean(peaks[-10:]) < 1.2 * np.mean(peaks[20:30])


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="decay_s"):
        msgspec.convert({"reverb": {"decay_s": 11.0}}, EffectsConfig)


def test_playing_allocates_no_large_arrays() -> None:
    config = EffectsConfig(chorus=ChorusConfig(mode="ensemble"), equaliser=TONED)
    effects, sent = Effects(SAMPLE_RATE_HZ, config), noise(8192)
    play(effects, sent, sent, sent, [256])
    later = effects.prepare(EffectsConfig(ReverbConfig(size_m=40.0)))
    block = sent[:256].copy()
    with recorded_arrays() as record:
        effects.change(8192, later)
        for number in range(64):
            effects.add(8192 + 256 * number, block, sent[:256], sent[:256])
    assert record
    large = {allocation.where for allocation in record if allocation.n_bytes > LARGE_BYTES}
    assert not large
