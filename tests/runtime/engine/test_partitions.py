"""Whatever the events are, the output is bit-identical for all block sizes."""

from __future__ import annotations

import functools
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.config import Adsr, Config, MidiConfig, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel
from runtime.midi.files import read_events
from tests.support.partitions import Timed, assert_same, envelopes, modes, partitions, timed_events
from tests.support.places import DATA, ROOT
from tests.support.playing import SAMPLE_RATE_HZ, decoder, parameter

PIECE_S = 2.0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(timed_events, partitions, modes, envelopes, st.sampled_from((1, 3, 20)), st.sampled_from((0.0, 0.03)),
       st.sampled_from((0, 3)), st.sampled_from((0.0, 0.0, 0.5, 1.0)))  # fmt: skip
def test_any_events_in_any_blocks(
    timed: Timed,
    blocks: list[int],
    mode: str,
    envelope: Adsr,
    n_voices: int,
    portamento_s: float,
    n_members: int,
    phase_blend: float,
) -> None:
    voice = VoiceConfig(
        mode=mode, n_voices=n_voices, envelope=envelope, portamento_s=portamento_s, vibrato_semitones=2.0
    )
    midi = MidiConfig(mpe_lower_members=n_members)
    config = Config(voice=voice, midi=midi, phase_blend=phase_blend, seed=7)

    def make() -> Engine:
        return Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, config=config)

    assert_same(make, timed, blocks)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(timed_events, partitions, st.sampled_from(("tiny-chroma", "tiny-none")), st.sampled_from((22050, 48000)))
def test_any_events_on_transposing_instruments_and_other_rates(
    timed: Timed, blocks: list[int], instrument: str, sample_rate_hz: int
) -> None:
    assert_same(lambda: Engine(decoder(instrument), 6, sample_rate_hz, 7), timed, blocks)


@pytest.mark.parametrize("seed", range(3))
def test_bent_voices_whose_blend_goes_and_comes_back(seed: int) -> None:
    """When the blend comes back from 0, coherent phases start anew. Sound made with the old phases must not play.

    How much of this sound has been made depends on the block size.
    """
    random, hop_size, n_hops = np.random.default_rng(seed), decoder().card.spec.hop_size, 12
    timed: Timed = [(0, event) for event in [*parameter(0, 0, 12), PhaseBlend(1.0), PitchWheel(0, 4000)]]
    timed += [(int(random.integers(900)), NoteOn(0, 48 + 2 * k, 20)) for k in range(16)]
    for hop in range(3, n_hops - 2, 3):
        at = hop * hop_size
        timed += [
            (at - int(random.integers(1, 120)), PitchWheel(0, int(random.integers(-8000, 0)))),
            (at - 5, PhaseBlend(0.0)),
            (at + hop_size - 5, PhaseBlend(1.0)),
            (at + hop_size + 76, PitchWheel(0, int(random.integers(4000, 8000)))),
        ]
    assert_same(lambda: Engine(decoder(), 16, SAMPLE_RATE_HZ, 7), timed, [64], n_hops * hop_size)


@pytest.mark.parametrize("n_voices", [8, 20])
@pytest.mark.parametrize("seed", range(4))
def test_steady_bent_voices_that_leave_and_join_their_bus(seed: int, n_voices: int) -> None:
    """Voices begin, end, are stolen, and change their gains."""
    random, n_frames = np.random.default_rng(seed), 24 * 1024
    notes = [48 + 2 * k for k in range(n_voices)]
    timed: Timed = [(0, ControlChange(0, 1, 127 * (seed % 2))), (0, PitchWheel(0, 2000))]
    timed += [(int(random.integers(600)), NoteOn(0, note, int(random.integers(20, 100)))) for note in notes]
    for _ in range(12):
        note = int(random.choice(notes))
        at = int(random.integers(4000, n_frames - 2000))
        timed += [(at, NoteOff(0, note)), (at + int(random.integers(2000)), NoteOn(0, note, 60))]
        timed.append((int(random.integers(3000, n_frames)), PitchWheel(0, int(random.integers(-8192, 8192)))))
        timed.append((int(random.integers(3000, n_frames)), KnobTurn(0, float(random.random()))))
    for event in (PhaseBlend(0.4 * (seed // 2)), ControlChange(0, 7, 80), PitchWheel(1, 500), PhaseBlend(0.0)):
        timed.append((int(random.integers(6000, n_frames)), event))
    blocks = [int(2.0 ** random.uniform(0.0, 12.0)) for _ in range(200)]
    config = Config(voice=VoiceConfig(n_voices=n_voices, envelope=Adsr(0.0, 0.0, 1.0, 0.02)), seed=seed)
    make = functools.partial(Engine, decoder(), sample_rate_hz=SAMPLE_RATE_HZ, config=config)
    assert_same(make, timed, blocks, n_frames)


@pytest.mark.parametrize("blocks", [(64,), (1, 4096, 7, 63, 1023), (1024, 1, 1)], ids=str)
def test_the_bundled_pieces_in_any_blocks(blocks: tuple[int, ...]) -> None:
    n_frames = round(PIECE_S * SAMPLE_RATE_HZ)
    pieces = sorted(DATA.glob("*.mid")) + sorted((ROOT / "runtime" / "demo").glob("*.mid"))
    assert len(pieces) >= 2
    for piece in pieces:
        timed = [(round(time_s * SAMPLE_RATE_HZ), event) for time_s, event in read_events(piece) if time_s < PIECE_S]
        sound = assert_same(lambda: Engine(decoder(), 12, SAMPLE_RATE_HZ, 1), timed, blocks, n_frames)
        assert np.abs(sound).max() > 0.02, piece


def test_one_frame_at_a_time_with_everything_moving() -> None:
    timed = dense_piece(np.random.default_rng(5), 3000)
    assert_same(lambda: Engine(decoder(), 20, SAMPLE_RATE_HZ, 1), timed, (1,), 3000)


@pytest.mark.parametrize("seed", range(2))
def test_a_dense_piece_in_random_blocks(seed: int) -> None:
    random = np.random.default_rng(seed)
    n_frames = 30000
    timed = dense_piece(random, n_frames)
    blocks = [int(2.0 ** random.uniform(0.0, 12.0)) for _ in range(200)]
    assert max(accumulate(blocks)) > n_frames
    n_voices = int(random.choice([2, 8, 16, 33, 64]))
    assert_same(lambda: Engine(decoder(), n_voices, SAMPLE_RATE_HZ, 1), timed, blocks, n_frames)


def dense_piece(random: np.random.Generator, n_frames: int) -> Timed:
    """Random notes, controllers and bends: four of each kind per 1,000 frames, but at least 20 of each kind."""
    timed: Timed = []

    def frame() -> int:
        return int(random.integers(n_frames))

    for _ in range(max(20, n_frames // 250)):
        start, note, channel = frame(), int(random.integers(20, 110)), int(random.integers(2))
        timed.append((start, NoteOn(channel, note, int(random.integers(1, 128)))))
        timed.append((start + int(random.integers(1, 9000)), NoteOff(channel, note)))
        control = int(random.choice([1, 7, 10, 11, 64, 66, 70, 71, 121]))
        timed.append((frame(), ControlChange(channel, control, int(random.integers(128)))))
        timed.append((frame(), PitchWheel(channel, int(random.integers(-8192, 8192)))))
    return timed
