"""In MPE, each note has its own bend, pressure and slide."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import MidiConfig
from runtime.events import Aftertouch, ControlChange, Event, NoteOff, NoteOn, PitchWheel, PolyTouch
from tests.support.playing import ENDED_S, SAMPLE_RATE_HZ, Player, centroid_note, parameter

FULL = 8191
LOWER, UPPER = 0, 15


def zone(master: int, n_members: int) -> list[Event]:
    return parameter(master, 6, n_members)


def bent(semitones: float, range_semitones: float = 48.0) -> int:
    """The pitch wheel's value for a bend."""
    return round(FULL * semitones / range_semitones)


def spread_semitones(player: Player, duration_s: float = 1.0) -> float:
    """Standard deviation of a note's pitch, which is measured in each window of 40 ms."""
    player.hear(ENDED_S)
    parts = np.split(player.hear(duration_s)[:, 0], range(1764, round(duration_s * SAMPLE_RATE_HZ), 1764))
    return float(np.std([centroid_note(part) for part in parts if len(part) == 1764]))


@pytest.mark.parametrize(("master", "member", "other"), [(LOWER, 1, 2), (UPPER, 14, 13)])
@pytest.mark.parametrize("configured", [False, True])
def test_each_note_bends_for_itself_by_up_to_48_semitones(
    master: int, member: int, other: int, configured: bool
) -> None:
    midi = MidiConfig(mpe_lower_members=5 * (master == LOWER), mpe_upper_members=5 * (master == UPPER))
    player = Player(midi=midi) if configured else Player().send(*zone(master, 5))
    player.send(PitchWheel(member, bent(7)), NoteOn(member, 60, 100), NoteOn(other, 74, 100))
    assert player.notes() == [67, 74]
    assert player.send(PitchWheel(member, bent(-5))).notes() == [55, 74]


def test_the_master_s_bend_adds_to_the_note_s_own_and_reaches_no_other_channel() -> None:
    player = Player().send(*zone(LOWER, 5), *parameter(LOWER, 0, 12), PitchWheel(LOWER, bent(4, 12)))
    player.send(PitchWheel(1, bent(3)), NoteOn(1, 60, 100), NoteOn(2, 67, 100), NoteOn(9, 80, 100))
    assert player.notes() == [67, 71, 80]


def test_masters_and_channels_outside_any_zone_have_a_bend_range_of_2() -> None:
    for channel in (LOWER, 9):
        player = Player().send(*zone(LOWER, 5), PitchWheel(channel, FULL), NoteOn(channel, 60, 100))
        player.hear()
        assert centroid_note(player.hear(2.0)[:, 0]) == pytest.approx(62.0, abs=0.2)


def test_a_bend_range_sent_to_one_member_holds_for_the_zone() -> None:
    player = Player().send(*zone(LOWER, 5), *parameter(3, 0, 24), PitchWheel(1, bent(7, 24)), NoteOn(1, 60, 100))
    assert player.notes() == [67]


def test_pressure_deepens_the_vibrato_of_its_own_note() -> None:
    def sway(pressed: int) -> float:
        player = Player(vibrato_semitones=3.0).send(*zone(LOWER, 5), NoteOn(1, 60, 100), Aftertouch(pressed, 127))
        return spread_semitones(player)

    assert sway(2) < 0.5
    assert sway(1) == pytest.approx(3.0 / 2.0**0.5, abs=0.5)
    assert sway(LOWER) == pytest.approx(3.0 / 2.0**0.5, abs=0.5)


def test_pressure_on_one_key_reaches_that_key_alone() -> None:
    for pressed, sways in ((61, False), (60, True)):
        player = Player(vibrato_semitones=3.0).send(NoteOn(0, 60, 100), PolyTouch(0, pressed, 127))
        assert (spread_semitones(player) > 1.5) == sways


@pytest.mark.parametrize("before", [True, False])
def test_controller_74_shifts_the_first_latent_of_one_note(before: bool) -> None:
    def brightness(value: int, channel: int) -> float:
        """Power of harmonics 2 and 3 relative to the fundamental's, in dB."""
        events = [ControlChange(channel, 74, value), NoteOn(1, 60, 100)]
        player = Player(knobs=(0.5, 0.0)).send(*zone(LOWER, 5)).send(*(events if before else events[::-1]))
        player.hear(0.1)
        spectrum = np.abs(np.fft.rfft(player.hear(1.0)[:, 0])) ** 2
        return float(10.0 * np.log10(spectrum[450:850].sum() / spectrum[200:330].sum()))

    centred = brightness(64, 1)
    assert brightness(127, 1) > centred + 2.0
    assert brightness(0, 1) < centred - 10.0
    assert brightness(127, 2) == pytest.approx(centred, abs=0.01)


def test_controller_74_outside_a_zone_is_a_knob_where_it_is_mapped() -> None:
    player = Player(latent_controls={74: 2}).send(ControlChange(3, 74, 127))
    player.hear(0.001)
    assert player.engine.status.positions == (0.0, 1.0)


@pytest.mark.parametrize("pedal", [64, 66])
def test_the_master_s_pedals_hold_its_members_notes(pedal: int) -> None:
    player = Player().send(*zone(LOWER, 5), NoteOn(2, 60, 100), NoteOn(9, 67, 100), ControlChange(LOWER, pedal, 127))
    player.hear()
    assert player.send(NoteOff(2, 60), NoteOff(9, 67)).notes() == [60]
    assert player.send(ControlChange(LOWER, pedal, 0)).notes() == []


@pytest.mark.parametrize("control", [120, 123])
def test_the_master_s_mode_messages_end_its_members_notes(control: int) -> None:
    player = Player().send(*zone(LOWER, 5), NoteOn(2, 60, 100), NoteOn(5, 64, 100), NoteOn(6, 67, 100))
    assert player.send(ControlChange(LOWER, control, 0)).notes() == [67]


def test_the_master_s_volume_and_expression_hold_for_its_members() -> None:
    def level_db(*events: Event) -> float:
        return Player().send(*zone(LOWER, 5), NoteOn(2, 60, 100)).send(*events).level_db()

    unchanged = level_db()
    assert level_db(ControlChange(LOWER, 7, 50)) == pytest.approx(unchanged - 12.04, abs=0.05)
    assert level_db(ControlChange(LOWER, 7, 50), ControlChange(2, 7, 50)) == pytest.approx(unchanged - 24.08, abs=0.05)


def test_a_new_zone_ends_the_notes_that_would_lose_their_channel() -> None:
    player = Player().send(NoteOn(2, 60, 100)).send(*zone(LOWER, 5))
    assert player.notes() == []


def test_only_a_master_s_channel_can_configure_a_zone() -> None:
    player = Player().send(NoteOn(2, 60, 100)).send(*zone(5, 3))
    assert player.notes() == [60]
    player.send(PitchWheel(6, FULL), NoteOn(6, 67, 100)).hear()
    assert 69 not in player.notes()
    assert 60 in player.notes()


@pytest.mark.parametrize("pedal", [64, 66])
def test_no_note_stays_when_its_zone_goes_while_the_master_s_pedal_is_down(pedal: int) -> None:
    player = Player().send(*zone(LOWER, 5), NoteOn(2, 60, 100), ControlChange(LOWER, pedal, 127))
    player.hear()
    player.send(NoteOff(2, 60), *zone(LOWER, 0), ControlChange(LOWER, pedal, 0), ControlChange(LOWER, 123, 0))
    assert player.notes() == []


@pytest.mark.parametrize("pedal", [64, 66])
def test_reset_all_controllers_on_the_master_lifts_its_pedals_from_its_members(pedal: int) -> None:
    player = Player().send(*zone(LOWER, 5), NoteOn(2, 60, 100), ControlChange(LOWER, pedal, 127))
    player.hear()
    assert player.send(NoteOff(2, 60)).notes() == [60]
    assert player.send(ControlChange(LOWER, 121, 0)).notes() == []
