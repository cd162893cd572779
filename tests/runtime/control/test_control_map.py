"""Every kind of control moves its targets, and no takeover makes a target jump."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.control.knobs import Knobs
from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import load_map, save_map
from runtime.control.mapping.takeover import NEAR, STEEPEST
from runtime.engine.engine import Engine
from runtime.events import (
    Aftertouch,
    ChannelEvent,
    ControlChange,
    MapChange,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    TargetMove,
)
from runtime.sound.patch import Patch
from tests.support.control_maps import PLAYED, any_event, any_line, any_map, parameter_events
from tests.support.playing import Player, decoder, play

EPSILON = 1e-9


class Desk:
    """A control map, and the knobs that it moves. At the start, the knob `target` is at the position `at`."""

    def __init__(self, *lines: MapLine, at: float = 0.5, target: str = "latent.1"):
        self.knobs = Knobs(decoder().card, Patch(Config()))
        self.map = ControlMap(Config())
        self.map.use(0, bind(lines))
        self.target = target
        self.knobs.move(target, at)

    def send(self, *events: ChannelEvent) -> float:
        for event in events:
            self.map.move(event, self.knobs)
        return self.knobs.position(self.target)

    def turn(self, value: int) -> float:
        return self.send(ControlChange(0, 20, value))


def test_a_control_moves_its_target_through_range_curve_and_inversion() -> None:
    line = MapLine("cc 20", "latent.1", range=(0.2, 0.8))
    assert [Desk(line).turn(value) for value in (0, 127)] == pytest.approx([0.2, 0.8])
    line = MapLine("cc 20", "latent.1", range=(0.2, 0.8), inverted=True)
    assert [Desk(line).turn(value) for value in (0, 127)] == pytest.approx([0.8, 0.2])
    bent = MapLine("cc 20", "latent.1", curve=0.5)
    assert [Desk(bent).turn(value) for value in (0, 64, 127)] == pytest.approx([0.0, (64 / 127) ** 2, 1.0])
    upside_down = MapLine("cc 20", "latent.1", curve=0.5, inverted=True)
    assert [Desk(upside_down).turn(value) for value in (0, 63, 127)] == pytest.approx([1.0, (64 / 127) ** 2, 0.0])


def test_values_are_in_the_targets_unit() -> None:
    (binding,) = bind([MapLine("cc 20", "filter.cutoff", values=(200.0, 2000.0))]).moved[20]
    assert binding.place(0.0) == pytest.approx(1.0 / 3.0)
    assert binding.place(1.0) == pytest.approx(2.0 / 3.0)


@pytest.mark.parametrize(
    ("mode", "up", "down", "rests"),
    [
        ("relative_twos_complement", {1: 1, 5: 5, 63: 63}, {127: 1, 123: 5, 64: 64}, 0),
        ("relative_binary_offset", {65: 1, 69: 5, 127: 63}, {63: 1, 59: 5, 0: 64}, 64),
        ("relative_sign_bit", {1: 1, 5: 5, 63: 63}, {65: 1, 69: 5, 127: 63}, 64),
    ],
)
def test_relative_codings(mode: str, up: dict[int, int], down: dict[int, int], rests: int) -> None:
    line = MapLine("cc 20", "latent.1", mode=mode)
    for value, steps in up.items():
        assert Desk(line, at=0.5).turn(value) == pytest.approx(min(1.0, 0.5 + steps / 127.0))
    for value, steps in down.items():
        assert Desk(line, at=0.5).turn(value) == pytest.approx(max(0.0, 0.5 - steps / 127.0))
    assert Desk(line, at=0.5).turn(rests) == 0.5


def test_a_relative_control_stops_at_its_range_and_never_jumps_into_it() -> None:
    line = MapLine("cc 20", "latent.1", mode="relative_twos_complement", range=(0.4, 0.6))
    assert Desk(line, at=0.599).turn(63) == 0.6
    assert Desk(line, at=0.9).turn(1) == 0.9
    assert Desk(line, at=0.9).turn(127) == pytest.approx(0.9 - 0.2 / 127.0)


def test_the_halves_of_a_14_bit_control_never_turn_it_back() -> None:
    desk = Desk(MapLine("cc14 20", "latent.1"))
    for numbers in (range(0, 16384, 37), range(16383, -1, -41)):
        places = []
        for number in numbers:
            places.append(desk.send(ControlChange(0, 20, number >> 7)))
            places.append(desk.send(ControlChange(0, 52, number & 127)))
            assert places[-1] == pytest.approx(number / 16383.0)
        steps = np.diff(places[2:])  # the first two places depend on where the control was before
        assert (steps >= 0.0).all() if numbers[1] > numbers[0] else (steps <= 0.0).all()


def test_a_14_bit_control_without_its_lower_half_reaches_both_ends() -> None:
    desk = Desk(MapLine("cc14 20", "latent.1"))
    assert [desk.turn(value) for value in (0, 127, 0)] == [0.0, 1.0, 0.0]


def test_a_non_registered_parameter_moves_its_target_and_no_other_data_does() -> None:
    desk = Desk(MapLine("nrpn 300", "latent.1"))
    assert desk.send(*parameter_events(300, 12000)) == pytest.approx(12000 / 16383.0)
    assert desk.send(*parameter_events(301, 16383)) == pytest.approx(12000 / 16383.0)
    assert desk.send(ControlChange(0, 101, 0), ControlChange(0, 100, 0), ControlChange(0, 6, 2)) < 0.8
    assert desk.send(*parameter_events(300, 0)) == 0.0
    # The voices need CC 99, because it ends their choice of an RPN.
    assert not desk.map.move(ControlChange(0, 99, 2), desk.knobs)


def test_other_kinds_of_control() -> None:
    assert Desk(MapLine("pitch_wheel", "latent.1")).send(PitchWheel(0, 8191)) == 1.0
    assert Desk(MapLine("pitch_wheel", "latent.1"), at=0.1).send(PitchWheel(0, 0)) == 0.5
    assert Desk(MapLine("pressure", "latent.1")).send(Aftertouch(0, 127)) == 1.0
    assert Desk(MapLine("poly_pressure", "latent.1")).send(PolyTouch(0, 60, 127)) == 1.0
    assert Desk(MapLine("program 5", "latent.1", range=(0.0, 0.7))).send(ProgramChange(0, 5)) == 0.7
    note = Desk(MapLine("note 36", "latent.1"))
    assert note.send(NoteOn(0, 36, 1)) == 1.0
    assert note.send(NoteOff(0, 36)) == 0.0
    assert note.send(NoteOn(0, 37, 1)) == 0.0


def test_a_toggle_turns_at_each_press_whatever_else_has_moved_the_target() -> None:
    desk = Desk(MapLine("cc 20", "latent.1", mode="toggle"), at=0.0)
    assert [desk.turn(value) for value in (127, 0, 127, 0)] == [1.0, 1.0, 0.0, 0.0]
    desk.knobs.move("latent.1", 1.0)
    assert [desk.turn(value) for value in (127, 0)] == [0.0, 0.0]
    only_presses = Desk(MapLine("cc 20", "latent.1", mode="toggle"), at=0.0)
    assert [only_presses.turn(127) for _ in range(3)] == [1.0, 0.0, 1.0]


def test_one_control_may_move_several_targets_and_a_line_for_one_channel_wins() -> None:
    desk = Desk(MapLine("cc 20", "latent.1"), MapLine("cc 20", "phase_blend", inverted=True))
    desk.turn(127)
    assert (desk.knobs.position("latent.1"), desk.knobs.position("phase_blend")) == (1.0, 0.0)
    desk = Desk(MapLine("cc 20", "latent.1"), MapLine("cc 20", "phase_blend", channel=2), at=0.0)
    desk.send(ControlChange(1, 20, 127))
    assert (desk.knobs.position("latent.1"), desk.knobs.position("phase_blend")) == (0.0, 1.0)


def test_what_releases_a_note_is_never_taken_from_the_voices() -> None:
    desk = Desk(MapLine("cc 64", "latent.1"), MapLine("note 36", "latent.2"))
    assert desk.map.move(ControlChange(0, 64, 127), desk.knobs)
    assert not desk.map.move(ControlChange(0, 64, 0), desk.knobs)
    assert desk.map.move(NoteOn(0, 36, 100), desk.knobs)
    assert not desk.map.move(NoteOff(0, 36), desk.knobs)


def test_an_action_starts_at_a_press_only() -> None:
    lines = MapLine("cc 66", action="save"), MapLine("note 36", action="record"), MapLine("program 9", action="panic")
    desk = Desk(*lines)

    def names(*events: ChannelEvent) -> list[str | None]:
        return [action and action.name for action in map(desk.map.action, events)]

    pedal = [ControlChange(0, 66, value) for value in (20, 70, 100, 127, 30, 0, 127, 127)]
    assert names(*pedal) == [None, "save", None, None, None, None, "save", "save"]
    assert names(NoteOn(0, 36, 5), NoteOff(0, 36), NoteOn(0, 37, 5)) == ["record", None, None]
    assert names(*[ProgramChange(0, 9)] * 2, ProgramChange(0, 8)) == ["panic", "panic", None]
    assert names(NoteOn(0, 36, 5, device=3)) == [None]
    assert desk.map.move(ControlChange(0, 66, 127), desk.knobs)  # the map uses CC 66, so CC 66 is no longer a pedal
    assert all(
        map(desk.map.is_mapped, (ControlChange(0, 66, 0), NoteOn(0, 36, 5), NoteOff(0, 36), ProgramChange(0, 9)))
    )
    assert not any(map(desk.map.is_mapped, (ControlChange(0, 64, 0), NoteOn(0, 36, 5, device=3), MapChange(0, None))))


def walk(dice: random.Random, n: int = 60) -> list[int]:
    """The values, 0 to 127, of a knob that is turned back and forth, sometimes fast."""
    value, values = dice.randint(0, 127), []
    while len(values) < n:
        goal, speed = dice.randint(0, 127), dice.choice([1, 1, 3, 20])
        while value != goal and len(values) < n:
            value += max(-speed, min(speed, goal - value))
            values.append(value)
    return values


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("takeover", ["pick_up", "scaled"])
def test_takeover_never_jumps(takeover: str, seed: int) -> None:
    dice = random.Random(seed)
    line = any_line(dice, ("latent.1",))
    while line.mode != "absolute" or line.action or not line.control.startswith("cc "):
        line = any_line(dice, ("latent.1",))
    line = MapLine("cc 20", "latent.1", takeover=takeover, range=line.range, curve=line.curve, inverted=line.inverted)
    desk = Desk(line, at=dice.random())
    (binding,) = bind([line]).moved[20]
    low, high = sorted((binding.start, binding.start + binding.travel))
    before = None
    for value in walk(dice):
        if dice.random() < 0.05:
            desk.knobs.move("latent.1", dice.random())  # as if another control moved the target
        stood, place = desk.knobs.position("latent.1"), binding.place(value / 127.0)
        moved = abs(desk.turn(value) - stood)
        step = 0.0 if before is None else abs(place - before)
        in_reach = low - EPSILON <= stood <= high + EPSILON
        if takeover == "scaled" or not in_reach:
            assert moved <= STEEPEST * step + EPSILON
        elif moved > EPSILON:
            # The control has reached or passed the target's position, so it now moves the target.
            assert desk.knobs.position("latent.1") == pytest.approx(place)
            assert moved <= max(step, NEAR * (high - low)) + 1e-6
            passes = before is not None and min(before, place) - 1e-6 <= stood <= max(before, place) + 1e-6
            assert passes or abs(place - stood) <= NEAR * (high - low) + EPSILON
        before = place


def test_a_pick_up_waits_for_the_control_to_pass() -> None:
    desk = Desk(MapLine("cc 20", "latent.1", takeover="pick_up"), at=0.5)
    assert [desk.turn(value) for value in (0, 30, 60)] == [0.5, 0.5, 0.5]
    assert [desk.turn(value) for value in (70, 127, 10)] == pytest.approx([70 / 127, 1.0, 10 / 127])
    desk.knobs.move("latent.1", 0.9)
    assert desk.turn(20) == 0.9


def test_a_scaled_control_reaches_both_ends_with_its_target() -> None:
    desk = Desk(MapLine("cc 20", "latent.1", takeover="scaled"), at=0.25)
    assert desk.turn(64) == 0.25
    places = [desk.turn(value) for value in range(64, -1, -1)]
    assert places[-1] == pytest.approx(0.0)
    assert (np.diff(places) <= 0.0).all()
    assert desk.turn(127) == 1.0


def run(content_lines: tuple[MapLine, ...], stream: list[ChannelEvent]) -> list[tuple]:
    """For each event: what the map returns, and the positions of the targets in PLAYED after the event."""
    desk, seen = Desk(*content_lines), []
    desk.map.use(1, bind(content_lines[::2]))
    for event in stream:
        said = desk.map.action(event), desk.map.move(event, desk.knobs)
        seen.append((*said, *(desk.knobs.position(target) for target in PLAYED)))
    return seen


@pytest.mark.parametrize("seed", range(40))
def test_any_map_and_any_stream_give_the_same_places_again_also_after_being_kept(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    content = any_map(dice, PLAYED)
    stream = [any_event(dice, dice.choice([0, 0, 1])) for _ in range(300)]
    save_map(tmp_path / "map.yaml", content)
    seen = run(content.lines, stream)
    assert run(load_map(tmp_path / "map.yaml").lines, stream) == seen
    assert run(bind(content.lines).lines, stream) == seen
    assert all(0.0 <= position <= 1.0 for places in seen for position in places[2:])


def test_devices_and_channels_keep_their_own_state() -> None:
    desk = Desk(MapLine("cc14 20", "latent.1"), at=0.0)
    desk.map.use(1, bind([MapLine("cc14 20", "latent.2")]))
    desk.send(ControlChange(0, 20, 100), ControlChange(0, 20, 3, device=1), ControlChange(1, 20, 50))
    desk.send(ControlChange(0, 52, 5))
    assert desk.knobs.position("latent.1") == pytest.approx((100 << 7 | 5) / 16383.0)
    assert desk.knobs.position("latent.2") == pytest.approx(3 / 127.0)


def test_the_settings_lines_win_over_the_default_map() -> None:
    card = decoder().card
    knobs = Knobs(card, Patch(Config()))
    standard = ControlMap(Config())
    assert all(standard.move(ControlChange(0, control, 127), knobs) for control in (3, 70, 73, 74, 76, 79, 91, 93))
    assert not any(standard.move(ControlChange(0, control, 127), knobs) for control in (1, 7, 64, 66, 67, 75))
    assert (knobs.position("latent.1"), knobs.position("phase_blend")) == (1.0, 1.0)
    silent = ControlMap(Config(phase_control=None, latent_controls={20: 1}))
    assert not any(silent.move(ControlChange(0, control, 0), knobs) for control in (3, 70, 76))
    assert silent.move(ControlChange(0, 20, 0), knobs)
    assert knobs.position("latent.1") == 0.0


def test_only_what_is_heard_at_a_hop_may_wait_for_it() -> None:
    lines = [MapLine("cc 20", "latent.1"), MapLine("cc 21", "level"), MapLine("cc 64", "latent.2")]
    lines += [MapLine("cc 22", "latent.1"), MapLine("cc 22", "pan"), MapLine("cc 74", "filter.cutoff")]
    moves = Desk(*lines).map.may_wait_for_hop
    assert moves(ControlChange(0, 20, 1))
    assert not any(moves(ControlChange(0, control, 1)) for control in (1, 6, 21, 22, 64, 74))
    assert (moves(TargetMove("latent.glass", 0.5)), moves(TargetMove("pan", 0.5))) == (True, False)
    assert not moves(MapChange(0, bind([])))


@pytest.mark.parametrize("seed", range(4))
def test_maps_that_change_while_playing_give_the_same_sound_for_any_blocks(seed: int) -> None:
    dice = random.Random(seed)
    events: list[tuple[int, object]] = [(0, NoteOn(0, 60, 100)), (0, NoteOn(0, 67, 100))]
    for _ in range(60):
        frame = dice.randrange(0, 20000)
        change = MapChange(0, bind(any_map(dice, PLAYED).lines))
        events.append((frame, dice.choice([change, *[any_event(dice)] * 3])))
    events.sort(key=lambda each: each[0])
    sounds = [
        play(Engine(decoder(), 4, seed=1), events, 24000, blocks) for blocks in ((24000,), (64,), (1, 700, 33, 4096))
    ]
    assert np.abs(sounds[0]).max() > 0.01
    assert np.array_equal(sounds[0], sounds[1])
    assert np.array_equal(sounds[0], sounds[2])


def test_a_switch_on_a_key_does_not_sound() -> None:
    player = Player()
    player.send(MapChange(0, bind([MapLine("note 60", "phase_blend")])), NoteOn(0, 60, 100))
    assert np.abs(player.hear(0.1)).max() == 0.0
    player.send(NoteOn(0, 60, 100, device=1))
    assert np.abs(player.hear(0.1)).max() > 0.01
