"""The effect `through` keeps the input's pitch, level and length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import load_encoder
from runtime.through.chain import Chain, spec_at
from runtime.through.live import LiveThrough
from runtime.through.offline import through_blocks
from runtime.through.settings import EffectSettings, offsets_at
from tests.support.allocations import recorded_arrays
from tests.support.places import DATA
from tests.support.tones import RATE_HZ, tone

SPEC = StftSpec()
DECODER = Decoder(DATA / "tiny.onnx")
ENCODER = load_encoder(DECODER)
STILL = (0.5, 0.5)
DELAY = SPEC.frame_size + SPEC.hop_size // 4


def through(sound: np.ndarray, n_block: int = 1 << 19, **settings: object) -> np.ndarray:
    """The sound after the effect.

    n_block: samples of a block.
    settings: fields of EffectSettings.
    """
    chain = Chain(DECODER, ENCODER, SPEC)
    chain.set(EffectSettings(**settings))
    blocks = [sound[first : first + n_block] for first in range(0, len(sound), n_block)]
    return np.concatenate(list(through_blocks(blocks, chain)))


def apart_db(first: np.ndarray, second: np.ndarray) -> float:
    """Distance between two sounds, without the frames at both ends."""
    levels = [band_levels_db(magnitude_frames(sound, SPEC)[4:-4], SPEC) for sound in (first, second)]
    return distance_db(*levels)


@pytest.mark.parametrize("note", [57, 60.35, 64.5, 88.2])
def test_the_output_has_the_pitch_the_level_and_the_length_of_the_input(note: float) -> None:
    given = tone(note)
    made = through(given, colour=0.0)
    assert len(made) == len(given)
    heard = heard_notes(magnitude_frames(made, SPEC)[4:-4], SPEC)
    assert np.abs(heard - note).max() < 0.1
    middle = slice(8192, -8192)
    assert abs(20.0 * np.log10(np.std(made[middle]) / np.std(given[middle]))) < 1.0


def test_the_phase_is_the_inputs_so_a_sound_of_the_instrument_comes_out_as_it_went_in() -> None:
    # The tiny decoder can make exactly the input's timbre, so any change is the chain's error.
    given = tone(60)
    made = through(given)
    middle = slice(8192, -8192)
    assert np.corrcoef(made[middle], given[middle])[0, 1] > 0.98


def test_outside_the_range_the_encoder_hears_the_sound_moved_to_the_nearest_note() -> None:
    def latents(note: float) -> np.ndarray:
        through(tone(note, 0.3, n_harmonics=16))
        return ENCODER.outputs[6].copy()

    lowest = DECODER.card.note_range[0]
    assert np.abs(latents(lowest - 7) - latents(lowest)).max() < 0.02
    assert np.abs(latents(lowest + 7) - latents(lowest)).max() > 0.05


def test_the_colour_of_the_input_comes_back() -> None:
    given = tone(57, slope=0.3)
    plain_db, half_db, full_db = (apart_db(through(given, colour=colour), given) for colour in (0.0, 0.5, 1.0))
    assert plain_db > half_db > full_db
    assert full_db < 0.5 * plain_db


def test_every_knob_moves_the_sound_also_with_colour() -> None:
    given = tone(57)
    for knob in range(2):
        low, high = ([0.5, 0.5] for _ in range(2))
        low[knob], high[knob] = 0.0, 1.0
        for colour in (0.0, 1.0):
            ends = [through(given, offsets=offsets_at(tuple(at)), colour=colour) for at in (low, high)]
            assert apart_db(*ends) > 3.0
    assert np.array_equal(through(given, offsets=offsets_at(STILL)), through(given))


def test_dry_is_the_input_itself() -> None:
    given = tone(60.3, 0.4)
    assert np.abs(through(given, wet=0.0) - given).max() < 1e-5
    mixed = 0.5 * (through(given) + given)
    assert np.abs(through(given, wet=0.5) - mixed).max() < 1e-4


@pytest.mark.parametrize("n", [1, 100, 4095, 4096, 5000])
def test_a_short_sound_keeps_its_length(n: int) -> None:
    made = through(tone(60, 0.2)[:n])
    assert len(made) == n
    assert np.isfinite(made).all()


def test_silence_stays_silent_and_noise_is_no_trouble() -> None:
    assert not through(np.zeros(20000, np.float32)).any()
    noise = np.random.default_rng(0).normal(0.0, 0.1, 30000).astype(np.float32)
    assert 0.5 < np.std(through(noise)) / np.std(noise) < 1.5


@pytest.mark.parametrize("n_block", [700, 1024, 30011])
def test_the_blocks_that_come_in_do_not_matter(n_block: int) -> None:
    given = np.concatenate([tone(60, 0.5), tone(67.3, 0.5)])
    assert np.abs(through(given, n_block) - through(given)).max() < 1e-4


def live(
    sound: np.ndarray,
    sizes: Sequence[int],
    n_channels: int = 1,
    positions: object = lambda: STILL,
    waits: Sequence[bool] = (False,),
) -> np.ndarray:
    """The live effect's output: float32 (n,).

    sizes: frames of each block, in rotation.
    positions: function that returns the knob positions.
    waits: `may_wait` for each block, in rotation.
    """
    effect = LiveThrough(Decoder(DECODER.path), ENCODER, RATE_HZ, positions)
    out, at, number = np.zeros((len(sound), 2), np.float32), 0, 0
    while at < len(sound):
        part = sound[at : at + sizes[number % len(sizes)]]
        may_wait = waits[number % len(waits)]
        effect.add(np.repeat(part[:, None], n_channels, axis=1), out[at : at + len(part)], may_wait)
        at, number = at + len(part), number + 1
    assert np.array_equal(out[:, 0], out[:, 1])
    return out[:, 0]


def test_live_it_sounds_as_offline_one_frame_later_for_blocks_of_any_size() -> None:
    given = np.concatenate([tone(60, 0.4), tone(67.3, 0.4)]) * np.float32(0.5)
    expected = through(given)
    heard = live(given, [256])
    assert np.abs(heard[DELAY:] - expected[:-DELAY]).max() < 1e-3
    assert not heard[: SPEC.hop_size].any()
    for sizes, n_channels in (([1024], 1), ([37, 5000, 1, 511], 1), ([256], 2)):
        assert np.array_equal(live(given, sizes, n_channels), heard)
    for sizes, waits in (([256], [True]), ([64], [True, False, True]), ([100, 300, 7], [True, False])):
        assert np.array_equal(live(given, sizes, waits=waits), heard)


def test_live_the_work_of_a_hop_waits_for_a_block_with_less() -> None:
    effect = LiveThrough(Decoder(DECODER.path), ENCODER, RATE_HZ, lambda: STILL)
    given, block = np.ones((64, 1), np.float32), np.zeros((64, 2), np.float32)
    hops: list[int] = []
    effect._chain.convert = lambda _: hops.append(number)
    for number in range(128):
        effect.add(given, block, may_wait=number >= 64 or number % 16 in (15, 0, 1))
    assert hops == [18, 34, 50, 68, 84, 100, 116]


def test_live_a_knob_moves_the_sound_from_where_it_stood_at_the_start() -> None:
    given = tone(57, 0.6)
    at = [(0.2, 0.2)]
    still = live(given, [256], positions=lambda: at[0])
    assert np.array_equal(still, live(given, [256]))

    def moved(first: tuple[float, float], then: tuple[float, float]) -> np.ndarray:
        turns = iter([first] * 3 + [then] * 1000)
        return live(given, [256], positions=lambda: next(turns))

    assert apart_db(still[8192:], moved((0.2, 0.2), (0.2, 0.7))[8192:]) > 3.0
    assert np.array_equal(moved((0.2, 0.2), (0.2, 0.45)), moved((0.5, 0.5), (0.5, 0.75)))


def test_live_it_adds_to_the_notes_and_stays_within_full_scale() -> None:
    effect = LiveThrough(Decoder(DECODER.path), ENCODER, RATE_HZ, lambda: STILL)
    block, given = np.full((8192, 2), 0.5, np.float32), tone(60, 1.0)[:, None] * np.float32(5.0)
    effect.add(given[:8192], block)
    assert (block[: SPEC.hop_size] == 0.5).all()
    block[:] = 0.5
    effect.add(given[8192:16384], block)
    assert 0.9 < np.abs(block).max() <= 1.0


def test_live_it_allocates_no_large_array() -> None:
    knobs = [[0.5, 0.5]]
    effect = LiveThrough(Decoder(DECODER.path), ENCODER, RATE_HZ, lambda: tuple(knobs[0]))
    given, block = tone(60, 0.5)[:, None], np.zeros((256, 2), np.float32)
    for first in range(0, 8192, 256):
        knobs[0][0] += 0.01
        with recorded_arrays() as recorded:
            effect.add(given[first : first + 256], block)
        assert [each for each in recorded if each.n_bytes > 256] == []


@pytest.mark.parametrize(("rate_hz", "frame_size"), [(44100, 4096), (48000, 4096), (96000, 8192), (22050, 2048)])
def test_at_other_sample_rates_frames_last_as_long_and_the_pitch_stays(rate_hz: int, frame_size: int) -> None:
    assert spec_at(SPEC, rate_hz).frame_size == frame_size
    effect = LiveThrough(Decoder(DECODER.path), ENCODER, rate_hz, lambda: STILL)
    # The tone is made for RATE_HZ. The effect takes its samples for a sound at rate_hz, and so hears another pitch. If
    # the effect keeps this other pitch, its output, measured at RATE_HZ, has the tone's pitch.
    given = tone(64.4, 2.0)
    out = np.zeros((len(given), 2), np.float32)
    effect.add(given[:, None], out)
    heard = heard_notes(magnitude_frames(out[-16384:, 0], SPEC), SPEC)
    assert np.abs(heard - 64.4).max() < 0.1
