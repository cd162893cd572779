"""Each MIDI channel has its own controllers; two MPE zones have no channel in common."""

from __future__ import annotations

import math

import pytest

from runtime.engine.voices.channels import Channel, Channels


def set_parameter(channels: Channels, number: int, parameter: int, coarse: int, fine: int | None = None) -> bool:
    """Set a registered parameter of a channel; returns what `enter_data` returns for the coarse value."""
    channels[number].choose_parameter(101, 0)
    channels[number].choose_parameter(100, parameter)
    changed = channels.enter_data(number, 6, coarse)
    if fine is not None:
        channels.enter_data(number, 38, fine)
    return changed


def members(channels: Channels, master: int) -> list[int]:
    """The members of a zone, without the master."""
    return channels.with_members(master)[1:]


def test_a_bend_moves_two_semitones_unless_its_range_is_changed() -> None:
    channels = Channels()
    channels[0].bend = 1.0
    assert channels.pitch_semitones(0) == 2.0
    set_parameter(channels, 0, 0, 12, 50)
    assert channels.pitch_semitones(0) == pytest.approx(12.5)
    set_parameter(channels, 0, 0, 0)
    assert channels.pitch_semitones(0) == 0.0
    assert channels.pitch_semitones(1) == 0.0


def test_the_expression_of_a_member_and_of_its_master_both_count() -> None:
    channels = Channels(2)
    assert channels.expression(1) == 1.0
    channels[1].expression = 0
    assert (channels.expression(1), channels.expression(2)) == (0.0, 1.0)
    channels[0].expression = 64
    assert channels.expression(2) == 64 / 127


@pytest.mark.parametrize(("parameter", "coarse", "semitones"), [
    (1, 64, 0.0), (1, 0, -1.0), (1, 127, 63 / 64), (2, 64, 0.0), (2, 52, -12.0), (2, 127, 63.0),
])  # fmt: skip
def test_fine_and_coarse_tuning_shift_a_channel(parameter: int, coarse: int, semitones: float) -> None:
    channels = Channels()
    set_parameter(channels, 3, parameter, coarse)
    assert channels.pitch_semitones(3) == pytest.approx(semitones)
    assert channels.pitch_semitones(4) == 0.0


def test_tunings_and_bend_add_up() -> None:
    channels = Channels()
    set_parameter(channels, 0, 1, 96)
    set_parameter(channels, 0, 2, 65)
    channels[0].bend = -0.5
    assert channels.pitch_semitones(0) == pytest.approx(0.5 + 1.0 - 1.0)


def test_data_without_a_chosen_parameter_changes_nothing() -> None:
    for choice in ([], [(101, 0), (100, 0), (101, 127), (100, 127)], [(101, 0), (100, 0), (99, 1)], [(98, 0)]):
        channels = Channels()
        for control, value in choice:
            channels[0].choose_parameter(control, value)
        channels.enter_data(0, 6, 24)
        channels[0].bend = 1.0
        assert channels.pitch_semitones(0) == 2.0, choice


def test_a_reset_of_controllers_follows_rp_015() -> None:
    channels = Channels()
    channel = channels[0]
    set_parameter(channels, 0, 0, 7)
    set_parameter(channels, 0, 2, 66)
    channel.volume, channel.pan, channel.program, channel.bank = 33, 0, 5, 128
    channel.expression, channel.mod_wheel, channel.pressure, channel.bend = 1, 100, 100, 1.0
    channel.key_pressure[60] = 127
    channel.sustain = channel.sostenuto = channel.soft = True
    channel.reset_controllers()
    assert (channel.volume, channel.pan, channel.program, channel.bank) == (33, 0, 5, 128)
    assert channel.expression == 127
    assert (channel.sustain, channel.sostenuto, channel.soft) == (False, False, False)
    assert channels.vibrato_depth(0) == 0
    assert channels.pitch_semitones(0) == 2.0, "the wheel is at rest, the tuning stays"
    assert channel.bend_range_semitones == 7.0
    channels.enter_data(0, 6, 24)
    assert channel.bend_range_semitones == 7.0, "no parameter is chosen any more"


def test_a_new_zone_takes_channels_from_the_other_zone() -> None:
    channels = Channels()
    channels.set_zone(0, 7)
    channels.set_zone(15, 7)
    assert (members(channels, 0), members(channels, 15)) == (list(range(1, 8)), list(range(8, 15)))
    channels.set_zone(15, 10)
    assert (members(channels, 0), members(channels, 15)) == (list(range(1, 5)), list(range(5, 15)))
    channels.set_zone(0, 15)
    assert (members(channels, 0), members(channels, 15)) == (list(range(1, 16)), [])
    channels.set_zone(15, 3)
    assert (members(channels, 0), members(channels, 15)) == (list(range(1, 12)), [12, 13, 14])
    channels.set_zone(0, 0)
    channels.set_zone(15, 0)
    assert not any(channels.is_member(number) for number in range(16))


@pytest.mark.parametrize("asked", range(0, 128, 5))
@pytest.mark.parametrize("master", [0, 15])
@pytest.mark.parametrize("before", [(0, 0), (7, 7), (15, 0), (0, 15)])
def test_no_channel_is_in_both_zones_and_no_master_is_a_member(
    before: tuple[int, int], master: int, asked: int
) -> None:
    channels = Channels(*before)
    channels.set_zone(master, asked)
    lower, upper = members(channels, 0), members(channels, 15)
    assert not set(lower) & set(upper)
    assert len(members(channels, master)) == min(asked, 15)
    assert not (lower and upper and {0, 15} & {*lower, *upper})


def test_other_channels_configure_no_zone() -> None:
    channels = Channels()
    assert not any(set_parameter(channels, number, 6, 5) for number in range(1, 15))
    assert not any(channels.is_member(number) for number in range(16))
    assert set_parameter(channels, 15, 6, 5)
    assert members(channels, 15) == [10, 11, 12, 13, 14]


def test_a_bend_range_sent_to_one_member_holds_for_all_and_not_for_the_master() -> None:
    channels = Channels(3)
    set_parameter(channels, 2, 0, 24)
    assert [channels[number].bend_range_semitones for number in range(5)] == [2.0, 24.0, 24.0, 24.0, 2.0]


def test_members_bend_by_48_until_they_leave_their_zone() -> None:
    channels = Channels(5)
    channels[1].bend = 1.0
    assert channels.pitch_semitones(1) == 48.0
    channels[0].bend = 0.5
    assert channels.pitch_semitones(1) == 49.0
    channels.set_zone(0, 0)
    assert channels.pitch_semitones(1) == 2.0


def test_a_configured_zone_is_there_again_after_a_reset() -> None:
    channels = Channels(3, 2)
    channels.set_zone(0, 0)
    channels[1].volume = 0
    channels.reset()
    assert (members(channels, 0), members(channels, 15)) == ([1, 2, 3], [13, 14])
    assert channels.gains(1) == pytest.approx((1.0, 1.0))


def test_gains_follow_general_midi_and_a_pan_keeps_the_power() -> None:
    channels = Channels()
    for pan in range(128):
        channels[0].pan = pan
        left, right = channels.gains(0)
        assert left**2 + right**2 == pytest.approx(2.0)
    assert channels.gains(0)[0] == pytest.approx(0.0, abs=1e-6)
    channels[1].volume, channels[1].expression = 50, 64
    assert 20 * math.log10(channels.gains(1)[0]) == pytest.approx(40 * math.log10(50 / 100 * 64 / 127))


@pytest.mark.parametrize("pans", [(0, 0), (127, 127), (0, 127), (127, 64)])
def test_pans_of_master_and_member_never_turn_a_sound_s_sign(pans: tuple[int, int]) -> None:
    channels = Channels(5)
    channels[0].pan, channels[1].pan = pans
    assert min(channels.gains(1)) >= -1e-9


@pytest.mark.parametrize(
    ("sent", "bank"),
    [
        ([(0, 1)], 1),
        ([(0, 0), (32, 1)], 1),
        ([(32, 1)], 1),
        ([(0, 1), (32, 2)], 130),
        ([(32, 2), (0, 1)], 130),
        ([(0, 1), (32, 2), (0, 0)], 2),
    ],
)
def test_a_bank_is_chosen_by_two_controls_or_by_control_0_alone(sent, bank) -> None:
    channel = Channel()
    for control, value in sent:
        channel.select_bank(control, value)
    assert channel.bank == bank
