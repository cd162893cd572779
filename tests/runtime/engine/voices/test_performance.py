"""The engine's sound follows notes, pedals, mode messages, stealing and programs."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Adsr
from runtime.control_numbers import RESERVED
from runtime.engine.voices.channel_controls import ChannelControls
from runtime.events import ActiveSensing, ControlChange, NoteOff, NoteOn, ProgramChange, Reset, VoiceLimit
from tests.support.hearing import level_db
from tests.support.playing import APART, ENDED_S, SAMPLE_RATE_HZ, Player

SUSTAIN, SOSTENUTO, SOFT = 64, 66, 67
LONG_RELEASE = Adsr(attack_s=0.0, release_s=20.0)


def pedal(control: int, down: bool, channel: int = 0) -> ControlChange:
    return ControlChange(channel, control, 127 if down else 0)


def test_each_key_sounds_and_each_ends_with_its_own_release() -> None:
    player = Player().send(NoteOn(0, 60, 100), NoteOn(0, 67, 100), NoteOn(0, 74, 100))
    assert player.notes() == [60, 67, 74]
    assert player.send(NoteOff(0, 67)).notes() == [60, 74]
    assert player.send(NoteOff(0, 60), NoteOff(0, 74)).notes() == []
    assert player.n_active == 0


def test_a_release_on_another_channel_or_of_a_silent_key_ends_nothing() -> None:
    player = Player().send(NoteOn(3, 60, 100), NoteOff(4, 60), NoteOff(3, 61))
    assert player.notes() == [60]


def test_a_key_that_is_struck_twice_ends_with_one_release() -> None:
    player = Player().send(NoteOn(0, 60, 100), NoteOn(0, 60, 100))
    player.hear()
    player.send(NoteOff(0, 60)).hear()
    assert player.n_active == 0


def test_a_key_that_a_pedal_holds_does_not_pile_up_when_struck_again() -> None:
    player = Player(16).send(pedal(SUSTAIN, True))
    for _ in range(8):
        player.send(NoteOn(0, 60, 100)).hear(0.1)
        player.send(NoteOff(0, 60)).hear(0.1)
    assert player.n_active == 1
    assert player.send(pedal(SUSTAIN, False)).notes() == []


@pytest.mark.parametrize(("velocity", "change_db"), [(10, -30.0), (32, -14.85), (127, 3.11)])
def test_velocity_is_loudness(velocity: int, change_db: float) -> None:
    def level(velocity: int, **settings: float) -> float:
        return Player(**settings).send(NoteOn(0, 60, velocity)).level_db()

    assert level(velocity) == pytest.approx(level(100) + change_db, abs=0.05)
    assert level(velocity, velocity_db_per_decade=0.0) == pytest.approx(level(100), abs=0.01)


# Pedals


def test_the_sustain_pedal_holds_from_64_on_and_only_its_channel() -> None:
    player = Player().send(ControlChange(0, SUSTAIN, 64), NoteOn(0, 60, 100), NoteOn(1, 67, 100))
    player.hear()
    assert player.send(NoteOff(0, 60), NoteOff(1, 67)).notes() == [60]
    assert player.send(ControlChange(0, SUSTAIN, 63)).notes() == []


def test_a_key_still_down_outlives_the_pedal() -> None:
    player = Player().send(pedal(SUSTAIN, True), NoteOn(0, 60, 100), NoteOn(0, 67, 100), NoteOff(0, 67))
    assert player.send(pedal(SUSTAIN, False)).notes() == [60]


def test_sostenuto_holds_the_keys_that_are_down_when_it_is_pressed_and_no_later_ones() -> None:
    player = Player().send(NoteOn(0, 60, 100)).send(pedal(SOSTENUTO, True)).send(NoteOn(0, 67, 100))
    player.hear()
    player.send(pedal(SOSTENUTO, True))  # some pedals repeat their position while they are down
    assert player.send(NoteOff(0, 60), NoteOff(0, 67)).notes() == [60]
    assert player.send(pedal(SOSTENUTO, False)).notes() == []


def test_sostenuto_does_not_hold_notes_that_only_the_sustain_pedal_holds() -> None:
    player = Player().send(pedal(SUSTAIN, True), NoteOn(0, 60, 100), NoteOff(0, 60), NoteOn(0, 67, 100))
    player.send(pedal(SOSTENUTO, True), NoteOff(0, 67)).hear()
    assert player.send(pedal(SUSTAIN, False)).notes() == [67]


def test_the_soft_pedal_lowers_later_notes_and_no_sounding_one() -> None:
    loud, soft = (Player().send(pedal(SOFT, down), NoteOn(0, 60, 100)).level_db() for down in (False, True))
    assert soft == pytest.approx(loud - 6.0, abs=0.05)
    player = Player().send(NoteOn(0, 60, 100))
    player.hear()
    player.send(pedal(SOFT, True))
    assert Player().send(NoteOn(0, 60, 100)).level_db() == pytest.approx(loud, abs=0.01)
    assert player.level_db() == pytest.approx(loud, abs=1.0)


# Channel mode messages


def test_all_sound_off_silences_held_notes_within_10_ms() -> None:
    player = Player(envelope=LONG_RELEASE).send(pedal(SUSTAIN, True))
    player.send(NoteOn(0, 60, 100), NoteOn(0, 67, 100), NoteOn(0, 74, 100), pedal(SOSTENUTO, True), NoteOff(0, 74))
    player.hear()
    player.send(ControlChange(0, 120, 0)).hear(0.01)
    assert player.n_active == 0
    assert not player.hear().any()


@pytest.mark.parametrize("control", [123, 124, 125, 126, 127])
def test_all_notes_off_releases_keys_but_not_notes_that_a_pedal_holds(control: int) -> None:
    player = Player().send(NoteOn(0, 60, 100), NoteOn(1, 67, 100), ControlChange(0, control, 0))
    assert player.notes() == [67]
    player = Player().send(pedal(SUSTAIN, True), NoteOn(0, 60, 100), ControlChange(0, control, 0))
    assert player.notes() == [60]
    assert player.send(pedal(SUSTAIN, False)).notes() == []


def test_reset_all_controllers_lifts_the_pedals_and_keeps_the_keys() -> None:
    player = Player().send(pedal(SUSTAIN, True), NoteOn(0, 60, 100), NoteOff(0, 60), NoteOn(0, 67, 100))
    player.send(NoteOn(0, 74, 100), pedal(SOSTENUTO, True), NoteOff(0, 74)).hear()
    assert player.send(ControlChange(0, 121, 0)).notes() == [67]


def test_a_reset_ends_every_note_of_every_channel() -> None:
    player = Player()
    for channel in range(8):
        player.send(pedal(SUSTAIN, True, channel), NoteOn(channel, 60 + channel, 100))
    player.hear()
    player.send(Reset()).hear()
    assert player.n_active == 0
    assert player.send(NoteOn(0, 60, 100), NoteOff(0, 60)).notes() == [], "a pedal survived"


# Stealing


def test_the_released_go_first_then_the_oldest() -> None:
    player = Player(4, envelope=LONG_RELEASE)
    for note in (60, 64, 67, 71):
        player.send(NoteOn(0, note, 100)).hear(0.02)
    player.send(NoteOff(0, 71), NoteOff(0, 67)).hear(0.02)
    assert player.send(NoteOn(0, 74, 100)).notes() == [60, 64, 71, 74], "the older of the released"
    assert player.send(NoteOn(0, 77, 100)).notes() == [60, 64, 74, 77], "the other one"
    assert player.send(NoteOn(0, 80, 100)).notes() == [64, 74, 77, 80], "the oldest"
    assert player.engine.status.n_stolen == 3


def test_of_a_chord_larger_than_the_voices_the_last_notes_sound() -> None:
    player = Player(4).send(*(NoteOn(0, note, 100) for note in APART))
    assert player.notes() == list(APART[-4:])
    assert player.engine.status.n_stolen == len(APART) - 4
    player.send(*(NoteOff(0, note) for note in APART)).hear()
    assert player.n_active == 0


def test_a_stolen_note_s_release_ends_no_other_note() -> None:
    player = Player(1).send(NoteOn(0, 60, 100), NoteOn(0, 67, 100), NoteOff(0, 60))
    assert player.notes() == [67]


def test_a_voice_limit_keeps_the_newest_and_holds_until_it_is_raised() -> None:
    player = Player(8).send(*(NoteOn(0, note, 100) for note in APART[:6]))
    assert player.send(VoiceLimit(3)).notes() == list(APART[3:6])
    player.send(NoteOn(0, 77, 100)).hear()
    assert player.n_active == 3
    player.send(VoiceLimit(100), NoteOn(0, 80, 100)).hear()
    assert player.n_active == 4


def test_a_voice_limit_of_nothing_leaves_one_voice() -> None:
    player = Player(8).send(VoiceLimit(0), NoteOn(0, 60, 100), NoteOn(0, 67, 100))
    assert player.notes() == [67]


def test_voices_cut_by_a_voice_limit_do_not_count_as_stolen() -> None:
    player = Player(4).send(*(NoteOn(0, note, 100) for note in (60, 64, 67)))
    player.hear()
    player.send(VoiceLimit(1)).hear()
    assert player.engine.status.n_stolen == 0


# Programs


@pytest.mark.parametrize(("events", "positions"), [
    ([ProgramChange(0, 1)], (1.0, 1.0)),
    ([ProgramChange(0, 1), ProgramChange(5, 0)], (0.5, 0.0)),
    ([ProgramChange(0, 2)], (0.2, 0.4)),
    ([ControlChange(0, 0, 1), ProgramChange(0, 1)], (0.2, 0.4)),
    ([ControlChange(0, 32, 1), ProgramChange(0, 1)], (0.2, 0.4)),
    ([ControlChange(0, 0, 1), ControlChange(0, 0, 0), ProgramChange(0, 1)], (1.0, 1.0)),
])  # fmt: skip
def test_a_program_is_a_preset_of_the_card_and_other_banks_hold_none(
    events: list[ControlChange | ProgramChange], positions: tuple[float, float]
) -> None:
    player = Player(knobs=(0.2, 0.4)).send(*events)
    player.hear(0.001)
    assert player.engine.status.positions == pytest.approx(positions)


# Active sensing


def test_a_silent_sender_s_notes_are_released_after_a_third_of_a_second_and_it_may_come_back() -> None:
    player = Player().send(ActiveSensing(), pedal(SUSTAIN, True), NoteOn(0, 60, 100))
    player.hear(0.31)
    assert player.n_active == 1
    assert player.notes() == []
    assert player.send(NoteOn(0, 67, 100)).notes() == [67]
    player.hear(1.0)
    assert player.n_active == 1, "without a new active sensing message, silence releases nothing"


def test_any_message_counts_as_a_sign_of_life_of_the_sender() -> None:
    player = Player().send(NoteOn(0, 60, 100), ActiveSensing())
    for k in range(5):
        player.hear(0.3)
        player.send(ActiveSensing() if k % 2 else ControlChange(0, 1, 0))
    assert player.notes(0.2) == [60]


def test_without_active_sensing_a_note_lasts() -> None:
    player = Player().send(NoteOn(0, 60, 100))
    player.hear(3.0)
    assert player.n_active == 1


def test_a_silent_sender_s_notes_end_at_the_same_frame_in_any_blocks() -> None:
    sounds = []
    for block in (64, 1000):
        player = Player(envelope=Adsr(attack_s=0.0, release_s=0.0)).send(ActiveSensing(), NoteOn(0, 60, 100))
        sounds.append(np.concatenate([player.hear(block / SAMPLE_RATE_HZ) for _ in range(32000 // block)]))
    assert np.array_equal(*sounds)
    assert level_db(sounds[0][-1000:]) < -100.0


# Gains


def test_expression_and_volume_of_a_channel_change_only_its_notes() -> None:
    def change_db(*events: ControlChange) -> float:
        levels = []
        for sent in ((), events):
            player = Player().send(NoteOn(0, 60, 100))
            player.hear()
            levels.append(player.send(*sent).level_db())
        return levels[1] - levels[0]

    assert change_db(ControlChange(0, 11, 64)) == pytest.approx(40.0 * np.log10(64 / 127), abs=0.05)
    assert change_db(ControlChange(0, 7, 127)) == pytest.approx(40.0 * np.log10(127 / 100), abs=0.05)
    assert change_db(ControlChange(1, 7, 0)) == pytest.approx(0.0, abs=0.01)


def test_a_note_ends_silently_to_the_last_bit() -> None:
    player = Player().send(NoteOn(0, 60, 100))
    player.hear()
    player.send(NoteOff(0, 60)).hear(ENDED_S)
    assert not player.hear(1.0).any()


def test_every_control_of_the_table_has_a_handler_and_no_other_has() -> None:
    assert set(ChannelControls._HANDLERS) == RESERVED


@pytest.mark.parametrize("control", range(128))
def test_any_value_of_any_control_leaves_an_engine_that_plays(control: int) -> None:
    player = Player().send(NoteOn(0, 60, 100), *(ControlChange(0, control, value) for value in (127, 0, 64)))
    player.hear()
    assert 60 in player.send(Reset(), NoteOn(0, 60, 100)).notes()
