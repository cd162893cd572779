"""MIDI learn recognises the control that moves, and its kind."""

from __future__ import annotations

import random

import pytest

from runtime.base.errors import UserError
from runtime.control.learning import Learned, Learner, moved_before, with_learned, without
from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.events import Aftertouch, ChannelEvent, ControlChange, NoteOff, NoteOn, PitchWheel, PolyTouch
from tests.support.control_maps import any_line, parameter_events


def cc(control: int, *values: int, channel: int = 0, device: int = 0) -> list[ChannelEvent]:
    return [ControlChange(channel, control, value, device) for value in values]


def learn(events: list[ChannelEvent], target: str = "width", limit_s: float = 10.0, **options: str) -> Learned | None:
    """Give a learner an event every 20 ms, then call `tick` every 30 ms; returns what was learned."""
    learner, now_s = Learner(), 100.0
    learner.arm(target, now_s, limit_s, **options)
    for event in events:
        now_s += 0.02
        learned = learner.feed(event, now_s)
        if learned is not None:
            assert learner.target is None
            return learned
    while learner.target is not None:
        now_s += 0.03
        learned = learner.tick(now_s)
        if learned is not None:
            return learned
    assert now_s - 100.0 == pytest.approx(limit_s, abs=0.05)
    return None


def line_of(events: list[ChannelEvent], target: str = "width") -> MapLine:
    learned = learn(events, target)
    assert learned is not None
    bind([learned.line])
    return learned.line


SLOW = list(range(40, 60))


@pytest.mark.parametrize(
    ("events", "control", "mode"),
    [
        (cc(21, *SLOW), "cc 21", "absolute"),
        (cc(21, 3, 9, 15), "cc 21", "absolute"),
        (cc(21, *range(1, 14)), "cc 21", "absolute"),
        (cc(21, *range(127, 100, -1)), "cc 21", "absolute"),
        (cc(21, 1, 1, 2, 1, 1, 3), "cc 21", "relative_twos_complement"),
        (cc(21, 1, 1, 1, 127, 127, 126), "cc 21", "relative_twos_complement"),
        (cc(21, 127, 127, 127, 127, 127), "cc 21", "relative_twos_complement"),
        (cc(21, 65, 65, 66, 65, 63, 63), "cc 21", "relative_binary_offset"),
        (cc(21, 65, 65, 65, 65), "cc 21", "relative_binary_offset"),
        (cc(21, 1, 1, 1, 65, 65, 66), "cc 21", "relative_sign_bit"),
        (cc(21, 127, 0), "cc 21", "toggle"),
        (cc(21, 127), "cc 21", "absolute"),
        (cc(66, 127, 0), "cc 66", "toggle"),
        ([PitchWheel(0, 300 * k) for k in range(9)], "pitch_wheel", "absolute"),
        ([Aftertouch(0, 9 * k) for k in range(9)], "pressure", "absolute"),
        ([PolyTouch(0, 60, 9 * k) for k in range(9)], "poly_pressure", "absolute"),
        ([NoteOn(9, 36, 100), NoteOff(9, 36)], "note 36", "toggle"),
        ([NoteOn(0, 60, 100), *(Aftertouch(0, 9 * k) for k in range(9))], "pressure", "absolute"),
        ([e for k in range(8) for e in cc(20, k) + cc(52, 77 * k % 128)], "cc14 20", "absolute"),
        ([e for k in range(20) for e in cc(52, 5 * k) + (cc(20, k // 5) if k % 5 == 0 else [])], "cc14 20", "absolute"),
        ([e for k in range(0, 16383, 999) for e in parameter_events(300, k)], "nrpn 300", "absolute"),
    ],
)
def test_a_control_and_its_kind_are_recognised(events: list[ChannelEvent], control: str, mode: str) -> None:
    line = line_of(events)
    assert (line.control, line.mode, line.target) == (control, mode, "width")


def test_a_control_that_trembles_is_not_learned_and_one_that_moves_beside_it_is() -> None:
    tremble = cc(15, *([64, 65] * 30))
    assert learn(tremble, limit_s=3.0) is None
    moved = [event for pair in zip(tremble, cc(21, *range(40)), strict=False) for event in pair]
    assert line_of(moved).control == "cc 21"


def test_one_step_of_a_knob_is_learned_only_when_nothing_else_came_in_time() -> None:
    learner = Learner()
    learner.arm("width", 0.0, 10.0)
    learner.feed(ControlChange(0, 21, 64), 0.1)
    assert learner.tick(5.0) is None
    assert learner.tick(10.0).line.control == "cc 21"


def test_without_a_movement_the_time_runs_out() -> None:
    assert learn([], limit_s=2.0) is None
    assert learn(cc(100, 5) + cc(101, 0) + cc(6, 2, 9, 30), limit_s=2.0) is None  # parameters (RPN) are not learned
    assert learn(cc(123, 0), limit_s=2.0) is None


def test_a_key_counts_on_its_own_channel_and_a_knob_on_all() -> None:
    assert line_of([NoteOn(9, 36, 100)]).channel == 10
    assert line_of(cc(21, *SLOW, channel=4)).channel == "all"


def test_the_device_is_learned_with_the_control() -> None:
    others = [event for value in range(20) for event in cc(21, 64, device=1) + cc(21, 3 * value, device=2)]
    assert learn(others).device == 2


def test_an_action_is_learned_from_a_switch() -> None:
    assert line_of(cc(66, 127, 0), "save") == MapLine("cc 66", action="save")
    assert line_of([NoteOn(9, 36, 100)], "save") == MapLine("note 36", action="save", channel=10)


def test_soft_takeover_is_for_absolute_controls() -> None:
    assert learn(cc(21, *SLOW), takeover="pick_up").line.takeover == "pick_up"
    assert learn(cc(21, 1, 1, 1, 1), takeover="pick_up").line.takeover == "jump"


def test_a_target_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'width'"):
        Learner().arm("widht", 0.0)


@pytest.mark.parametrize("seed", range(30))
def test_learned_lines_replace_those_of_the_control_and_of_the_target(seed: int) -> None:
    dice, learned = random.Random(seed), ()
    for _ in range(40):
        line = any_line(dice)
        learned = with_learned(learned, line)
        assert learned[-1] == line
        assert [each.moves for each in learned].count(line.moves) == 1
    target = dice.choice(learned).moves
    assert target not in {line.moves for line in without(learned, {target})}
    assert len(without(learned, {target})) == len(learned) - 1
    assert without(learned, None) == ()


def test_conflicts_are_named() -> None:
    lines = [MapLine("cc 21", "width"), MapLine("cc 22", action="save"), MapLine("cc14 10", "tilt")]
    assert moved_before(lines, MapLine("cc 21", "latent.1")) == ["width"]
    assert moved_before(lines, MapLine("cc 21", "width")) == []
    assert moved_before(lines, MapLine("cc 22", "latent.1", channel=3)) == ["save"]
    assert moved_before(lines, MapLine("cc 42", "latent.1")) == ["tilt"]
    assert moved_before(lines, MapLine("cc 64", "latent.1")) == ["the sustain pedal"]
    assert moved_before(lines, MapLine("pitch_wheel", "latent.1")) == ["pitch bend"]
    assert moved_before(lines, MapLine("cc 23", "latent.1")) == []


def test_what_was_learned_says_where_the_control_stands_if_its_target_jumps_there() -> None:
    assert learn(cc(21, *range(4, 68, 4))).share == pytest.approx(64 / 127)
    assert learn(cc(21, 3, 9, 15)).share == pytest.approx(15 / 127)
    assert learn(cc(21, 3, 9, 15), takeover="pick_up").share is None
    assert learn(cc(21, 1, 1, 2, 1, 1, 3)).share is None  # an encoder
    assert learn(cc(21, 127, 0, 127)).share is None  # a switch
    assert learn(cc(21, 3, 9, 15), target="panic").share is None
