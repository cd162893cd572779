"""Width makes the channels differ, and keeps every harmonic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from runtime.engine.engine import Engine
from runtime.events import ControlChange, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.sound import Sound
from tests.runtime.engine.test_clicks import AT, N_FRAMES, excess_db
from tests.runtime.engine.test_partitions import dense_piece
from tests.support.partitions import assert_same
from tests.support.playing import play
from tests.support.shaped import (
    BANDWIDTH_CONTROL,
    WIDTH_CONTROL,
    correlation,
    engine_of,
    harmonic_levels_db,
    movable_engine,
    moved_to,
    shaped_engine,
    swinging_engine,
)

NOISE, COHERENT = 0.0, 1.0
LARGEST_LOSS_DB = 3.0  # how much softer the width may make a harmonic of the mono sum


# (note, pitch wheel, resulting pitch). Note 30 lies outside the model's range.
PITCHES = [(60, 0, 60.0), (30, 0, 30.0), (60, 8191, 62.0)]


@pytest.mark.parametrize("cents", [0.0, 15.0])
@pytest.mark.parametrize("blend", [NOISE, 0.5, COHERENT])
@pytest.mark.parametrize(("note", "bend", "pitch"), PITCHES)
def test_the_wider_the_less_alike_are_the_channels(
    note: int, bend: int, pitch: float, blend: float, cents: float
) -> None:
    correlations = []
    for width in (0.0, 0.25, 0.5, 0.75, 1.0):
        events = [(0, PhaseBlend(blend)), (0, KnobTurn(0, 0.9)), (0, PitchWheel(0, bend)), (0, NoteOn(0, note, 40))]
        sound = play(shaped_engine(cents, width), events, 60000)[8000:]
        correlations.append(correlation(sound))
        in_mono = harmonic_levels_db(sound.mean(axis=1), pitch)
        loudest = in_mono > in_mono.max() - 30.0
        if width == 0.0:
            assert np.array_equal(sound[:, 0], sound[:, 1])
            at_0 = in_mono
        else:
            loss = (at_0 - in_mono)[loudest]
            assert loss.max() <= LARGEST_LOSS_DB
    assert correlations[0] == pytest.approx(1.0)
    assert (np.diff(correlations) < -0.05).all()
    assert correlations[-1] < 0.2


@pytest.mark.parametrize(("note", "bend", "pitch"), PITCHES)
@pytest.mark.parametrize("begins_at", [0, 9000])
def test_coherent_harmonics_are_as_loud_on_either_side(note: int, bend: int, pitch: float, begins_at: int) -> None:
    """If the width rises from 0 while the note sounds, the side (a second lane) begins later than the note's lane.

    The side must then take its phases from this lane.
    """
    events = [(0, PhaseBlend(1.0)), (0, KnobTurn(0, 0.9)), (0, PitchWheel(0, bend)), (0, NoteOn(0, note, 40))]
    moves = [(begins_at, event) for event in moved_to(0.0, 1.0)]
    sound = play(movable_engine(), [*events, *moves], 60000)[14000:]
    plain = harmonic_levels_db(play(shaped_engine(), events, 60000)[14000:, 0], pitch)
    loud = plain > plain.max() - 40.0
    for channel in sound.T:
        assert harmonic_levels_db(channel, pitch)[loud] == pytest.approx(plain[loud], abs=0.15)
    assert abs(correlation(sound)) < 0.05


@pytest.mark.parametrize("blend", [0.5, COHERENT])
@pytest.mark.parametrize(("note", "bend"), [(84, 0), (84, 8191), (96, 0)])
def test_a_bandwidth_keeps_the_power_at_any_pitch(note: int, bend: int, blend: float) -> None:
    """A bandwidth of 100 cents replaces coherent phases by noise of the same power."""
    events = [(0, PhaseBlend(blend)), (0, KnobTurn(0, 0.9)), (0, PitchWheel(0, bend)), (0, NoteOn(0, note, 40))]
    powers = [np.square(play(shaped_engine(cents), events, 90000)[4000:]).mean() for cents in (0.0, 100.0)]
    assert 10.0 * np.log10(powers[1] / powers[0]) == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("make", [shaped_engine, movable_engine])
def test_a_bandwidth_follows_the_blend(make: Callable[[float], Engine]) -> None:
    events = [(0, NoteOn(0, 60, 60)), (0, KnobTurn(0, 0.9))]
    always = play(make(10.0), [(0, PhaseBlend(NOISE)), *events], 30000)
    later = play(make(10.0), [(0, PhaseBlend(COHERENT)), *events, (9000, PhaseBlend(NOISE))], 30000)
    assert np.abs(always[14000:] - later[14000:]).max() < 1e-6
    assert np.abs(always[:9000] - later[:9000]).max() > 0.01


@pytest.mark.parametrize("n_voices", [1, 16, 17, 64])
def test_a_side_has_its_own_noise_for_any_number_of_voices(n_voices: int) -> None:
    """Each row of 16 lanes reads the stored noise at a place of its own.

    The lanes of 64 voices fill four rows, which use up the noise. Their sides form four more rows.
    """
    sound = play(shaped_engine(0.0, 1.0, n_voices), [(0, KnobTurn(0, 0.9)), (0, NoteOn(0, 60, 60))], 60000)[8000:]
    assert abs(correlation(sound)) < 0.2


def test_a_width_of_0_changes_no_bit() -> None:
    """After the width has moved to 1 and back to 0, notes sound as if it had stayed at 0.

    A note that begins after both moves is the same to the bit.
    """
    events = [(0, NoteOn(0, 48, 40)), (0, NoteOn(0, 60, 40)), (30000, NoteOff(0, 48)), (30000, NoteOff(0, 60)),
              (40000, NoteOn(0, 64, 50))]  # fmt: skip
    never = play(movable_engine(), events, 60000)
    assert np.array_equal(never, play(shaped_engine(), events, 60000))
    moves = [(frame, event) for frame, width in ((12000, 1.0), (20000, 0.0)) for event in moved_to(0.0, width)]
    once = play(movable_engine(), events + moves, 60000)
    assert np.array_equal(never[:12000], once[:12000])
    assert np.abs(never[26000:40000] - once[26000:40000]).max() < 1e-6
    assert np.array_equal(never[44000:], once[44000:])
    assert not np.allclose(never[15000:18000], once[15000:18000], atol=0.01)


def test_a_bandwidth_of_0_changes_no_bit() -> None:
    """Both engines have a bandwidth of 0. In the first engine a control could move it, in the second none can."""
    for blend in (NOISE, COHERENT):
        events = [(0, PhaseBlend(blend)), (0, NoteOn(0, 60, 40))]
        assert np.array_equal(play(movable_engine(), events, 20000), play(shaped_engine(), events, 20000))


@pytest.mark.parametrize("blend", [NOISE, COHERENT])
def test_a_control_moves_the_width_as_the_sound_does(blend: float) -> None:
    """It makes no difference whether the sound sets the whole width and bandwidth, or controls add a part of them."""
    events = [(0, PhaseBlend(blend)), (0, KnobTurn(0, 0.9))]
    note = [(2000, NoteOn(0, 60, 60))]
    moved = [(0, ControlChange(0, WIDTH_CONTROL, 64)), (0, ControlChange(0, BANDWIDTH_CONTROL, 13))]
    sound = play(movable_engine(5.0, 0.2), events + moved + note, 40000)
    same = play(shaped_engine(5.0 + 1300.0 / 127.0, 0.2 + 64.0 / 127.0), events + note, 40000)
    assert np.abs(sound - same).max() < 1e-5
    assert 0.2 < correlation(sound[8000:]) < 0.7


@pytest.mark.parametrize("bend", [0, 4096])
@pytest.mark.parametrize("blend", [NOISE, COHERENT])
def test_an_lfo_swings_the_width(blend: float, bend: int) -> None:
    """At width 0 the channels are alike, at width 1 unlike."""
    modulation = (Modulation("lfo_1", "width", 0.5),)
    sound = Sound(width=0.5, lfo_1=Lfo(rate_hz=1.0, phase="note"), modulation=modulation)
    events = [(0, PhaseBlend(blend)), (0, PitchWheel(0, bend)), (0, NoteOn(0, 60, 60))]
    played = play(engine_of(sound), events, 2 * 44100 + 8000)
    highest, lowest = (played[44100 * at // 4 - 2000 : 44100 * at // 4 + 2000] for at in (5, 7))
    assert abs(correlation(highest)) < 0.25
    assert correlation(lowest) > 0.99


def test_an_lfo_swings_the_bandwidth() -> None:
    """The 4th harmonic is narrow at 0 cents, wide at 100 cents."""
    modulation = (Modulation("lfo_1", "bandwidth", 0.5),)
    sound = Sound(bandwidth_cents=50.0, lfo_1=Lfo(rate_hz=1.0, phase="note"), modulation=modulation)
    events = [(0, PhaseBlend(COHERENT)), (0, KnobTurn(0, 0.9)), (0, NoteOn(0, 60, 60))]
    played = play(engine_of(sound), events, 2 * 44100 + 8000)[:, 0]
    shares = []
    for at in (7, 5):
        part = played[44100 * at // 4 - 3000 : 44100 * at // 4 + 3000]
        power = np.square(np.abs(np.fft.rfft(part * np.hanning(len(part)), 44100)))
        near = np.abs(np.arange(len(power)) - 4 * 261.6256)
        shares.append(power[near < 12.0].sum() / power[near < 100.0].sum())
    assert shares[0] > 0.95
    assert shares[1] < 0.7


JUMPS = {
    "width from 0 to 1": ((0.0, 0.0), (0.0, 1.0)),
    "width from 1 to 0": ((0.0, 1.0), (0.0, 0.0)),
    "bandwidth from 0 to 30": ((0.0, 0.0), (30.0, 0.0)),
    "bandwidth from 30 to 2": ((30.0, 0.5), (2.0, 0.5)),
    "both": ((3.0, 0.2), (50.0, 0.9)),
}


@pytest.mark.parametrize("bend", [0, 5000])
@pytest.mark.parametrize("blend", [NOISE, COHERENT])
@pytest.mark.parametrize("name", JUMPS)
def test_no_jump_clicks(name: str, blend: float, bend: int) -> None:
    before, after = JUMPS[name]
    events = [
        (0, PhaseBlend(blend)),
        (0, PitchWheel(0, bend)),
        (0, NoteOn(0, 60, 127)),
        (N_FRAMES - 4000, NoteOff(0, 60)),
    ]
    moves = [(frame, event) for frame, to in ((0, before), (AT, after)) for event in moved_to(*to)]
    sound = play(movable_engine(), moves + events, N_FRAMES)
    for channel in sound.T:
        assert excess_db(channel.astype(np.float64), AT) <= 0.0


@pytest.mark.parametrize("blend", [NOISE, COHERENT])
def test_stealing_a_wide_voice_does_not_click(blend: float) -> None:
    events = [
        (0, PhaseBlend(blend)),
        (0, NoteOn(0, 60, 127)),
        (AT, NoteOn(0, 64, 127)),
        (N_FRAMES - 4000, NoteOff(0, 64)),
    ]
    sound = play(shaped_engine(5.0, 1.0, n_voices=1), events, N_FRAMES)
    for channel in sound.T:
        assert excess_db(channel.astype(np.float64), AT) <= 0.0


# Each of the two LFO rates is tried with every number of voices, and with every blend.
@pytest.mark.parametrize(("n_voices", "blend", "lfo_hz"), [
    (3, NOISE, 3.0), (3, 0.4, 17.0), (3, COHERENT, 3.0),
    (16, NOISE, 17.0), (16, 0.4, 3.0), (16, COHERENT, 17.0),
    (20, NOISE, 3.0), (20, 0.4, 17.0), (20, COHERENT, 3.0),
])  # fmt: skip
def test_any_blocks(n_voices: int, blend: float, lfo_hz: float) -> None:
    random = np.random.default_rng(n_voices)
    n_frames = 24000
    moves = [(k * 2900, event) for k in range(8) for event in moved_to(40.0 * (k % 3), 0.5 * (k % 2))]
    blends = [(0, PhaseBlend(blend)), (9000, PhaseBlend(0.0)), (15000, PhaseBlend(1.0 - blend))]
    timed = [*blends, *moves, *dense_piece(random, n_frames)]
    blocks = [int(2.0 ** random.uniform(0.0, 12.0)) for _ in range(100)]
    assert_same(lambda: swinging_engine(n_voices, lfo_hz), timed, blocks, n_frames)


def test_panned_notes_stay_where_they_are() -> None:
    events = [(0, ControlChange(0, 10, 0)), (0, NoteOn(0, 60, 100))]
    sound = play(shaped_engine(0.0, 1.0), events, 20000)
    assert np.abs(sound[:, 0]).max() > 0.02
    assert np.abs(sound[:, 1]).max() < 1e-4
