"""Moving voices outside a submix have points of their own."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from runtime.engine.engine import Engine
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.events import NoteOff, NoteOn, PhaseBlend, PitchWheel
from runtime.sound.motion import DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.heard_harmonics import play_sound
from tests.support.playing import decoder, play
from tests.support.shaped import correlation, engine_of, movable_engine, moved_to

HOP = 1024
LATENT = "latent." + decoder().card.latents[0].name
WIDE = Sound(width=0.5, filter=Filter(type="low", cutoff_hz=1500.0))
# This sound moves, so its voices have points of their own; but it moves by less than can be heard.
HARDLY_MOVING = msgspec.structs.replace(WIDE, modulation=(Modulation("envelope_2", "filter.cutoff", 1e-6),))
CHORD = [(3 * k, NoteOn(0, 40 + 2 * k, 60)) for k in range(16)]


def level_db(sound: np.ndarray) -> float:
    return float(20.0 * np.log10(np.sqrt(np.square(sound).mean()) + 1e-12))


@pytest.mark.parametrize("blend", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("cents", [0.0, 20.0])
def test_points_of_their_own_change_no_sound(blend: float, cents: float) -> None:
    """The chord begins at a random frame between two hops."""
    for shift in np.random.default_rng(5).integers(0, HOP, 6).tolist():
        events = [(shift + frame, event) for frame, event in CHORD]
        events += [
            (shift + 9000, PitchWheel(0, 3000)),
            (shift + 15000, NoteOff(0, 44)),
            (shift + 15000, NoteOff(0, 66)),
        ]
        heard, expected = (
            play_sound(
                msgspec.structs.replace(sound, bandwidth_cents=cents), velocity=0, duration_s=0.6, events=events,
                n_voices=16, phase_blend=blend,
            )
            for sound in (HARDLY_MOVING, WIDE)
        )  # fmt: skip
        assert level_db(heard - expected) < level_db(expected) - 60.0


@pytest.mark.parametrize("bend", [0, 3000])
@pytest.mark.parametrize("blend", [0.0, 0.6])
def test_a_width_that_moves_from_0_brings_a_side(blend: float, bend: int) -> None:
    """The bandwidth gives the voices points of their own from the start, before the width moves."""
    events = [(0, PhaseBlend(blend)), (0, PitchWheel(0, bend)), *CHORD]
    events += [(12000, event) for event in moved_to(0.0, 1.0)]
    sound = play(movable_engine(cents=20.0, n_voices=16), events, 24000)
    assert np.array_equal(sound[:12000, 0], sound[:12000, 1])
    assert abs(correlation(sound[16000:])) < 0.2


@pytest.mark.parametrize("cents", [0.0, 20.0])
def test_a_note_stolen_at_a_point_ends_alike_for_all_block_sizes(cents: float) -> None:
    """Notes are stolen at a hop. If a block ends there, sound past the hop may have been made already."""
    lfo = Lfo(rate_hz=0.5)
    sound = Sound(width=0.5, bandwidth_cents=cents, lfo_1=lfo, modulation=(Modulation("lfo_1", LATENT, 0.3),))
    at = 8 * HOP
    events = [*((0, NoteOn(0, 40 + 3 * k, 60)) for k in range(4)), *((at, NoteOn(0, 60 + k, 100)) for k in range(4))]
    whole, cut = (play(engine_of(sound, 4), events, at + HOP, blocks) for blocks in ((4 * HOP + 100,), (256,)))
    np.testing.assert_array_equal(cut, whole)


def test_the_points_of_a_group_lie_a_quarter_of_a_hop_apart() -> None:
    assert HopGroups(16, HOP).point_offsets == [256 * (lane // 4) for lane in range(16)]
    assert HopGroups(10, HOP).point_offsets == [0] * 4 + [256] * 4 + [512] * 2
    assert HopGroups(64, HOP).point_offsets == HopGroups(64, HOP).offsets_by_lane


def test_no_block_makes_the_sound_of_all_voices() -> None:
    """The chord's first block makes all 16 first spectra. Each later block makes four spectra."""
    sound = Sound(width=0.5, lfo_1=Lfo(rate_hz=0.5), modulation=(Modulation("lfo_1", LATENT, 0.3),))
    counts = decodes_by_block(engine_of(sound, 16), [NoteOn(0, 40 + 2 * k, 60) for k in range(16)])
    assert counts[0] == 16
    assert set(counts[1:]) == {4}


def test_a_plucked_chord_begins_without_a_point() -> None:
    """The first block makes the chord's 16 first spectra. Each later block computes a point for four voices."""
    sound = Sound(
        width=0.5, filter=Filter(type="low", cutoff_hz=300.0, envelope_octaves=5.0),
        envelope_2=DelayedEnvelope(decay_s=0.1), modulation=(Modulation("envelope_2", LATENT, 0.1),),
    )  # fmt: skip
    counts = decodes_by_block(engine_of(sound, 16), [NoteOn(0, 40 + 2 * k, 60) for k in range(16)], block=64)
    assert counts[:6] == [16, 4, 4, 4, 4, 4]


def decodes_by_block(engine: Engine, notes: list[NoteOn], n_blocks: int = 40, block: int = 256) -> list[int]:
    """How many spectra each block decodes; the notes begin in the first block."""
    for note in notes:
        engine.post(note, 0)
    out, counts = np.zeros((block, 2), np.float32), []
    for _ in range(n_blocks):
        before = engine.status.n_decoded
        engine.render(out)
        counts.append(engine.status.n_decoded - before)
    return counts
