"""The player's controls move targets while a sound plays."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Adsr, Config, VoiceConfig
from runtime.control.targets import RANGES
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn, ProgramChange, TargetMove
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.clicks import excess_db, moving_excess_db
from tests.support.hearing import level_db
from tests.support.playing import ENDED_S, SAMPLE_RATE_HZ, SHORT, Player, decoder, notes_in, play

AT = 22050


def to(target: str, value: float) -> TargetMove:
    """A move of the target to a value in the target's unit."""
    return TargetMove(target, RANGES[target].position_of(value))


def harmonics_db(sound: np.ndarray, note_hz: float = 261.6256) -> np.ndarray:
    """The levels of a note's first 12 harmonics, in dB. The default note is C4."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequency_hz = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ)
    near = [np.abs(frequency_hz - number * note_hz) < 40.0 for number in range(1, 13)]
    return 10.0 * np.log10(np.array([spectrum[each].sum() for each in near]) + 1e-12)


def held(*events: TargetMove) -> np.ndarray:
    """Two seconds of a C4 with all knobs fully up."""
    player = Player(2, knobs=(1.0, 1.0), phase_blend=1.0).send(*events, NoteOn(0, 60, 100))
    player.hear(0.3)
    return player.hear(2.0)


def test_a_cutoff_gives_a_sound_without_filter_a_low_pass_filter_of_24_db_per_octave() -> None:
    loss_db = harmonics_db(held()[:, 0]) - harmonics_db(held(to("filter.cutoff", 1046.5))[:, 0])
    assert loss_db[0] == pytest.approx(0.0, abs=0.3)
    assert loss_db[3] == pytest.approx(3.0, abs=0.5)
    assert loss_db[7] == pytest.approx(24.1, abs=1.5)


def test_a_cutoff_turned_fully_up_again_leaves_the_sound_as_it_was() -> None:
    np.testing.assert_array_equal(held(to("filter.cutoff", 500.0), to("filter.cutoff", 20000.0)), held())


def test_a_tilt_turns_about_1_khz() -> None:
    change_db = harmonics_db(held(to("tilt", -6.0))[:, 0]) - harmonics_db(held()[:, 0])
    assert change_db[3] - change_db[1] == pytest.approx(-6.0, abs=0.3)


def test_odd_even_weakens_even_harmonics() -> None:
    change_db = harmonics_db(held(to("odd_even", 24.0))[:, 0]) - harmonics_db(held()[:, 0])
    assert change_db[1] - change_db[0] == pytest.approx(-24.0, abs=0.5)


def test_a_level_moves_the_notes_that_sound_and_those_that_follow() -> None:
    player = Player(4, knobs=(0.5, 0.5)).send(NoteOn(0, 60, 100))
    before_db = player.level_db()
    assert player.send(to("level", -12.0)).level_db() == pytest.approx(before_db - 12.0, abs=0.5)
    player.send(NoteOff(0, 60)).hear(ENDED_S)
    assert player.send(NoteOn(0, 60, 100)).level_db() == pytest.approx(before_db - 12.0, abs=0.5)


def test_a_pan_moves_a_held_note_to_one_side() -> None:
    player = Player(4, knobs=(0.5, 0.5)).send(NoteOn(0, 60, 100), to("pan", -1.0))
    player.hear(0.3)
    left, right = player.hear(1.0).T
    assert level_db(right) < level_db(left) - 60.0


def test_a_width_spreads_a_held_note() -> None:
    player = Player(4, knobs=(0.5, 0.5)).send(NoteOn(0, 60, 100))
    player.hear(0.5)
    mono = player.hear(0.5)
    np.testing.assert_array_equal(mono[:, 0], mono[:, 1])
    player.send(to("width", 1.0)).hear(0.5)
    left, right = player.hear(1.0).T
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.5


def test_a_release_holds_for_notes_that_are_let_go_afterwards() -> None:
    player = Player(4).send(NoteOn(0, 60, 100))
    player.hear(0.3)
    player.send(to("envelope.release", 0.5), NoteOff(0, 60))
    player.hear(0.4)
    assert player.n_active == 1
    player.hear(0.2)
    assert player.n_active == 0


def test_an_attack_holds_for_the_next_note() -> None:
    player = Player(4, knobs=(0.5, 0.5)).send(to("envelope.attack", 2.0), NoteOn(0, 60, 100))
    early_db = level_db(player.hear(0.2)[:, 0])
    player.hear(1.8)
    assert early_db < level_db(player.hear(0.5)[:, 0]) - 12.0


@pytest.mark.parametrize("target", sorted(set(RANGES) - {"morph", "morph.x", "morph.y", "reverb", "chorus"}))
@pytest.mark.parametrize("blend", [0.0, 1.0])
def test_a_jump_of_a_target_does_not_click(target: str, blend: float) -> None:
    config = Config(voice=VoiceConfig(n_voices=2, envelope=Adsr(release_s=0.03)), seed=3, phase_blend=blend)
    sounds = []
    for start, end in ((0.2, 0.8), (0.8, 0.2)):
        engine = Engine(decoder(), config=config)
        events = [(0, KnobTurn(1, 0.5)), (0, TargetMove(target, start)), (0, NoteOn(0, 60, 100))]
        sounds.append(play(engine, [*events, (AT, TargetMove(target, end))], 3 * AT)[:, 0])
    assert max(excess_db(sound, AT) for sound in sounds) < 0.0


@pytest.mark.parametrize("target", ["filter.cutoff", "level", "pan", "width", "bandwidth", "tilt"])
def test_a_slow_turn_of_a_7_bit_knob_does_not_zipper(target: str) -> None:
    config = Config(voice=VoiceConfig(n_voices=2, envelope=Adsr(release_s=0.03)), seed=3)

    def turned(positions: list[tuple[int, float]]) -> np.ndarray:
        engine = Engine(decoder(), config=config)
        events = [(0, KnobTurn(0, 1.0)), *((f, TargetMove(target, p)) for f, p in positions), (0, NoteOn(0, 60, 100))]
        return play(engine, events, 3 * AT)[:, 0]

    steps = [(9000 + 397 * value, value / 127.0) for value in range(20, 128)]
    still = [turned([(0, position)]) for position in (20.0 / 127.0, 0.6, 1.0)]
    assert moving_excess_db(turned(steps), still) < 0.0


def swaying(**lfo: object) -> Patch:
    config = Config(voice=VoiceConfig(n_voices=2, envelope=SHORT), seed=3)
    modulation = Modulation("lfo_1", "filter.cutoff", 0.4), Modulation("lfo_1", "pitch", 0.02)
    filter_of = Filter(type="low", cutoff_hz=900.0)
    return Patch(config, Sound(lfo_1=Lfo(**lfo), filter=filter_of, modulation=modulation), (0.5, 0.5))


@pytest.mark.parametrize("phase", ["free", "note"])
def test_a_moved_lfo_sounds_as_one_with_that_rate(phase: str) -> None:
    note = (1000, NoteOn(0, 60, 100))
    moved = play(Engine(decoder(), patch=swaying(rate_hz=1.0, phase=phase)), [(0, to("lfo_1.rate", 8.0)), note], AT)
    set_so = play(Engine(decoder(), patch=swaying(rate_hz=8.0, phase=phase)), [note], AT)
    np.testing.assert_allclose(moved, set_so, atol=1e-6)
    slow = play(Engine(decoder(), patch=swaying(rate_hz=1.0, phase=phase)), [note], AT)
    assert np.abs(moved - slow).max() > 0.01


def test_a_turned_lfo_rate_neither_clicks_nor_zippers() -> None:
    def turned(positions: list[tuple[int, float]]) -> np.ndarray:
        moves = [(frame, TargetMove("lfo_1.rate", position)) for frame, position in positions]
        return play(Engine(decoder(), patch=swaying(rate_hz=2.0)), [*moves, (0, NoteOn(0, 60, 100))], 3 * AT)[:, 0]

    steps = [(9000 + 397 * value, value / 127.0) for value in range(20, 128)]
    still = [turned([(0, position)]) for position in (20.0 / 127.0, 0.6, 1.0)]
    assert moving_excess_db(turned(steps), still) < 0.0
    assert excess_db(turned([(0, 0.2), (AT, 0.9)]), AT) < 0.0


def test_a_moved_lfo_is_saved_and_has_its_own_rate_again_when_it_is_chosen_again() -> None:
    engine = Engine(decoder(), patch=swaying(rate_hz=1.0), programs=[swaying(rate_hz=1.0)])
    play(engine, [(0, ProgramChange(0, 0)), (0, to("lfo_1.rate", 8.0))], 1000)
    assert engine.edited_sound().lfo_1.rate_hz == pytest.approx(8.0)
    play(engine, [(1000, ProgramChange(0, 0))], 1000)
    assert engine.edited_sound().lfo_1.rate_hz == 1.0
    again, fresh = engine, Engine(decoder(), patch=swaying(rate_hz=1.0))
    play(fresh, [], 2000)
    sounds = [play(each, [(2500, NoteOn(0, 60, 100))], AT) for each in (again, fresh)]
    np.testing.assert_allclose(*sounds, atol=1e-6)


def test_an_lfo_in_beats_has_no_rate_to_move() -> None:
    engine = Engine(decoder(), patch=swaying(beats=1.0))
    play(engine, [(0, to("lfo_1.rate", 8.0))], 1000)
    assert engine.target_position("lfo_1.rate") is None
    assert engine.edited_sound().lfo_1 == Lfo(beats=1.0)


def with_programs(*sounds: Sound) -> Engine:
    """An engine whose programs are these sounds; the first one plays."""
    config = Config(voice=VoiceConfig(n_voices=4, envelope=SHORT), seed=3)
    patches = [
        Patch(config, sound, positions) for sound, positions in zip(sounds, ((0.0, 0.0), (1.0, 1.0)), strict=True)
    ]
    engine = Engine(decoder(), patch=patches[0], programs=patches)
    engine.post(ProgramChange(0, 0))
    return engine


def test_a_held_note_keeps_its_sound_when_another_is_chosen() -> None:
    def heard(changes: bool) -> np.ndarray:
        engine = with_programs(Sound(), Sound(tilt_db_per_octave=12.0))
        return play(engine, [(0, NoteOn(0, 60, 100)), *([(AT, ProgramChange(0, 1))] if changes else [])], 3 * AT)

    np.testing.assert_array_equal(heard(True), heard(False))


def test_the_next_note_has_the_chosen_sound() -> None:
    engine = with_programs(Sound(), Sound())
    only_fundamental = harmonics_db(play(engine, [(0, NoteOn(0, 60, 100))], 2 * AT)[AT:, 0])
    events = [(2 * AT, NoteOff(0, 60)), (2 * AT, ProgramChange(0, 1)), (3 * AT, NoteOn(0, 60, 100))]
    with_harmonics = harmonics_db(play(engine, events, 4 * AT)[-AT:, 0])
    assert only_fundamental[2] < only_fundamental[0] - 50.0
    assert with_harmonics[2] > with_harmonics[0] - 40.0


def test_a_knob_moves_held_notes_of_an_earlier_sound_too() -> None:
    engine = with_programs(Sound(), Sound())
    play(engine, [(0, NoteOn(0, 60, 100)), (AT, ProgramChange(0, 1))], 2 * AT)
    before = harmonics_db(play(engine, [], AT)[:, 0])
    engine.post(KnobTurn(0, 1.0))
    engine.post(KnobTurn(1, 1.0))
    play(engine, [], AT)
    after = harmonics_db(play(engine, [], AT)[:, 0])
    assert after[1:6].max() > before[1:6].max() + 20.0


def test_notes_of_two_sounds_can_be_told_apart_while_both_sound() -> None:
    engine = with_programs(Sound(), Sound())
    events = [(0, NoteOn(0, 48, 100)), (AT, ProgramChange(0, 1)), (AT, NoteOn(0, 83, 100))]
    assert notes_in(play(engine, events, 3 * AT)[-AT:, 0])[0] == 48
