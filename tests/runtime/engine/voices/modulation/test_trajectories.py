"""Where a trajectory is read, and how several are blended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.engine.voices.modulation.playhead import PLAYHEAD_UPDATE_FRAMES
from runtime.engine.voices.modulation.trajectories import Trajectories, blend_weights
from runtime.sound.trajectory.trajectory import Trajectory
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.trajectories import ramp, random_trajectory

RATE = 48000
FULL = {"attack_s": 0.2, "loop_s": (0.5, 1.5), "release_s": 1.7}


def playing(trajectory: Trajectory, modulated: bool = False, **fields: Any) -> Trajectories:
    """One trajectory, which lane 0 plays from frame 0 on."""
    played = Trajectories([PlayedTrajectory(trajectory, **fields)], trajectory.knobs, 1, RATE, modulated)
    played.start(0, 0, 60, 100)
    return played


def offset(played: Trajectories, time_s: float, lane: int = 0) -> float:
    """How far the trajectory moves the first knob at this time."""
    return float(played.values([lane], round(time_s * RATE))[0][0, 0])


def place(played: Trajectories, time_s: float) -> float:
    """The place at which `ramp` is read, in seconds from its start. Asserts that all its values are read there."""
    found = offset(played, time_s)
    colour_db = played.values([0], round(time_s * RATE))[1]
    assert np.allclose(colour_db, -found, atol=1e-6)
    level_db = played.levels_db([0], np.array([round(time_s * RATE)]))
    assert np.allclose(level_db, -found, atol=1e-4)
    return found * 10.0


@pytest.mark.parametrize("speed", [0.05, 0.5, 1.0, 2.0, 20.0])
def test_a_speed_is_seconds_of_the_trajectory_in_a_second(speed: float) -> None:
    played = playing(ramp(plays_once=True), speed=speed)
    for time_s in (0.0, 0.012, 0.05, 0.09):
        assert place(played, time_s) == pytest.approx(speed * time_s, abs=2e-5)
    assert place(played, 2.5 / speed) == pytest.approx(2.0, abs=1e-5)


def test_the_attack_is_followed_by_the_loop_again_and_again() -> None:
    played = playing(ramp(**FULL))
    for time_s in (0.1, 0.4, 0.6, 0.9, 1.2):
        assert place(played, time_s) == pytest.approx(time_s, abs=1e-5)
    for time_s in (0.5, 0.8, 1.3, 1.45):
        first = place(played, time_s)
        for n_loops in (1, 2, 1000):
            assert place(played, time_s + n_loops) == pytest.approx(first, abs=1e-5)


def test_backward_runs_from_the_end_of_the_loop() -> None:
    played = playing(ramp(**FULL), direction="backward")
    assert place(played, 0.6) == pytest.approx(0.9, abs=1e-5)
    assert place(played, 1.6) == pytest.approx(0.9, abs=1e-5)
    once = playing(ramp(plays_once=True), direction="backward", speed=2.0)
    for time_s, expected in ((0.0, 2.0), (0.4, 1.2), (0.9, 0.2), (1.1, 0.0)):
        assert place(once, time_s) == pytest.approx(expected, abs=1e-5)
    half = playing(ramp(plays_once=True), direction="backward", start=0.5)
    assert place(half, 0.3) == pytest.approx(0.7, abs=1e-5)


def test_ping_pong_turns_at_both_ends_of_the_loop() -> None:
    played = playing(ramp(**FULL), direction="ping_pong")
    for time_s, expected in ((0.3, 0.3), (1.49, 1.49), (1.6, 1.4), (2.4, 0.6), (2.6, 0.6), (3.0, 1.0)):
        assert place(played, time_s) == pytest.approx(expected, abs=1e-5)
    whole = playing(ramp(plays_once=True), direction="ping_pong")
    for time_s, expected in ((1.9, 1.9), (2.1, 1.9), (3.9, 0.1), (4.1, 0.1)):
        assert place(whole, time_s) == pytest.approx(expected, abs=1e-5)


def test_a_note_begins_at_its_start() -> None:
    assert place(playing(ramp(**FULL), start=0.2), 0.1) == pytest.approx(0.4, abs=1e-5)


def steps(played: Trajectories, first_s: float, last_s: float, every: int = 48) -> np.ndarray:
    """For each value, the largest change from one frame to the frame `every` later: (n_values + 1,).

    The final entry is the level's.
    """
    frames = np.arange(round(first_s * RATE), round(last_s * RATE), every)
    values = np.array([np.concatenate([v[0] for v in played.values([0], int(frame))]) for frame in frames])
    level_db = played.levels_db([0], frames)[0]
    return np.abs(np.diff(np.column_stack([values, level_db]), axis=0)).max(axis=0)


@pytest.mark.parametrize("direction", ["forward", "backward", "ping_pong"])
@pytest.mark.parametrize("loop_s", [(0.5, 1.5), (0.0, 1.1), (0.3, 0.317), None])
def test_a_loop_makes_no_larger_steps_than_were_recorded(direction: str, loop_s: tuple[float, float] | None) -> None:
    trajectory = random_trajectory(3, loop_s=loop_s)
    looped = steps(playing(trajectory, direction=direction), 0.0, 6.0)
    recorded = steps(playing(random_trajectory(3, plays_once=True)), 0.0, 2.0)
    # The loop's crossfade spreads the difference between the loop's ends over many frames, and hardly enlarges a step.
    assert np.all(looped <= recorded * 1.02)


def test_a_loop_of_two_hops_hardly_makes_larger_steps() -> None:
    looped = steps(playing(random_trajectory(3, loop_s=(0.7, 0.75))), 0.0, 6.0)
    assert np.all(looped <= 1.5 * steps(playing(random_trajectory(3, plays_once=True)), 0.0, 2.0))


def test_a_sweep_returns_within_the_crossfade() -> None:
    (step, *_) = steps(playing(ramp(**FULL)), 0.0, 5.0)
    assert step <= 0.1 / 0.25 * 48 / RATE + 1e-6
    (turning, *_) = steps(playing(ramp(**FULL), direction="ping_pong"), 0.0, 5.0)
    assert turning <= 0.1 * 48 / RATE + 1e-6


@pytest.mark.parametrize("key_up_s", [0.0, 0.05, 1.0, 1.49, 7.3])
@pytest.mark.parametrize("fields", [{}, {"direction": "backward", "speed": 3.0}])
def test_a_release_begins_without_a_jump_and_ends_at_the_last_value(key_up_s: float, fields: dict[str, Any]) -> None:
    played = playing(ramp(**FULL), **fields)
    before = place(played, key_up_s)
    played.release(0, round(key_up_s * RATE))
    assert place(played, key_up_s) == pytest.approx(before, abs=1e-5)
    speed = fields.get("speed", 1.0)
    # Two crossfades may move the value at the same time. The crossfade to the release moves it by at most the whole
    # ramp, 0.2, in 50 ms. At speed 1, the loop's crossfade moves it by at most 1.7 s of the ramp, 0.17, in 0.25 s.
    allowed = (0.2 / 0.05 + 1.7 / 0.25 * speed / 10.0) * 48 / RATE
    assert steps(played, max(0.0, key_up_s - 0.05), key_up_s + 0.5).max() <= allowed
    for time_s in (0.05, 0.06, 0.09):
        assert place(played, key_up_s + time_s) == pytest.approx(1.7 + time_s * speed, abs=2e-5)
    assert place(played, key_up_s + 1.0) == pytest.approx(2.0, abs=1e-5)


def test_without_a_release_the_loop_goes_on() -> None:
    played, held = (playing(ramp(loop_s=(0.5, 1.5))) for _ in range(2))
    played.release(0, RATE)
    assert place(played, 3.3) == place(held, 3.3)
    assert not played.playheads.has_release


def test_without_a_loop_the_note_waits_before_its_release() -> None:
    played = playing(ramp(plays_once=True, release_s=1.0))
    assert place(played, 5.0) == pytest.approx(1.0, abs=1e-5)
    played.release(0, 5 * RATE)
    assert place(played, 5.2) == pytest.approx(1.2, abs=1e-5)


@pytest.mark.parametrize("motion", [0.0, 0.5, 1.0, 2.0])
def test_motion_is_the_distance_from_the_mean(motion: float) -> None:
    plain = playing(ramp(**FULL))
    moved = playing(ramp(**FULL), motion=motion)
    for time_s in (0.1, 0.7, 1.1):
        assert place(moved, time_s) == pytest.approx(1.0 + motion * (place(plain, time_s) - 1.0), abs=1e-4)
    moved.release(0, 2 * RATE)
    assert place(moved, 2.2) == pytest.approx(1.0 + motion * 0.9, abs=1e-4)


def test_colour_says_how_much_of_the_colour_curve_is_kept() -> None:
    trajectory = random_trajectory()
    whole, half, none = (playing(trajectory, colour=colour) for colour in (1.0, 0.5, 0.0))
    whole_db, half_db, none_db = (one.values([0], 9999)[1].copy() for one in (whole, half, none))
    assert np.abs(whole_db).max() > 1.0
    assert np.allclose(half_db, whole_db / 2.0, atol=1e-5)
    assert not none_db.any()
    assert (whole.has_colour, none.has_colour) == (True, False)
    assert np.array_equal(whole.values([0], 9999)[0], none.values([0], 9999)[0])


def test_latents_move_their_knobs_and_leave_the_others() -> None:
    knobs = ("x", "b", "y", "a")
    trajectory = random_trajectory(knobs=("a", "b"), plays_once=True)
    played = Trajectories([PlayedTrajectory(trajectory)], knobs, 1, RATE)
    played.start(0, 0, 60, 100)
    offsets, _ = played.values([0], 0)
    assert np.allclose(offsets[0], [0.0, trajectory.latents[0, 1], 0.0, trajectory.latents[0, 0]])
    assert played.keep[0].tolist() == [1, 1, 1, 1]
    replacing = Trajectories([PlayedTrajectory(ramp(replaces_knobs=True))], knobs, 1, RATE)
    replacing.start(0, 0, 60, 100)
    assert replacing.keep[0].tolist() == [1, 1, 1, 0]
    with pytest.raises(UserError, match="found the knob 'a'"):
        Trajectories([PlayedTrajectory(trajectory)], ("b",), 1, RATE)


def test_a_legato_note_goes_on_where_the_old_one_is() -> None:
    played = Trajectories([PlayedTrajectory(ramp(**FULL))], ("a",), 2, RATE)
    played.start(0, 0, 60, 100)
    played.release(1, 50)
    played.take_over(1, 0, 64, 100)
    for time_s in (0.3, 4.7):
        assert offset(played, time_s, 1) == offset(played, time_s, 0)


LANES = 6


def several(modulated: bool = False) -> Trajectories:
    """Six lanes, begun at different frames, play three trajectories; two keys are released."""
    played = [
        PlayedTrajectory(random_trajectory(1, **FULL), key=40, velocity=20, speed=1.3),
        PlayedTrajectory(random_trajectory(2, n_hops=50), key=70, velocity=20, direction="backward", motion=2.0),
        PlayedTrajectory(random_trajectory(3, loop_s=(0.1, 1.7)), key=70, velocity=120, direction="ping_pong"),
    ]
    trajectories = Trajectories(played, ("a", "b"), LANES, RATE, modulated)
    for lane in range(LANES):
        trajectories.start(lane, 1000 * lane, 35 + 7 * lane, 10 + 22 * lane)
    trajectories.release(1, 90000)
    trajectories.release(4, 91000)
    return trajectories


def test_values_do_not_depend_on_other_lanes_or_earlier_calls() -> None:
    played = several()
    frames = np.array([95000, 92001, 91500, 91000, 90999, 90001, 30000])
    batch = {int(frame): [v.copy() for v in played.values(range(LANES), int(frame))] for frame in frames}
    levels_db = played.levels_db(range(LANES), frames).copy()
    other = several()
    for number, frame in reversed(list(enumerate(frames))):
        for lanes in ([2], [5, 0, 3], [4, 1]):
            for found, expected in zip(other.values(lanes, int(frame)), batch[int(frame)], strict=True):
                assert np.array_equal(found, expected[lanes])
            assert np.array_equal(other.levels_db(lanes, frames[number : number + 1])[:, 0], levels_db[lanes, number])
            assert np.array_equal(other.levels_db(lanes, frames[number:]), levels_db[lanes, number:])


def advance(played: Trajectories, frame: int, speed: float, shift: float = 0.0, n_lanes: int = 1) -> None:
    """Give the first n_lanes lanes this speed and shift from `frame` on."""
    lanes = np.arange(n_lanes)
    played.playheads.advance(frame, lanes, np.full(n_lanes, speed), np.full(n_lanes, shift))


def test_a_modulation_at_rest_changes_nothing() -> None:
    still, moving = several(), several(modulated=True)
    for frame in range(5056, 98_000, PLAYHEAD_UPDATE_FRAMES):
        advance(moving, frame, 1.0, n_lanes=LANES)
        if frame % 6400 == 0:
            for one, other in zip(still.values(range(LANES), frame), moving.values(range(LANES), frame), strict=True):
                assert np.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_between_two_updates_changes_no_bit(seed: int) -> None:
    random = np.random.default_rng(seed)
    once, often = several(modulated=True), several(modulated=True)
    ahead = None
    for frame in range(89_984, 94_000, PLAYHEAD_UPDATE_FRAMES):
        speeds, shifts = np.sin(frame + np.arange(LANES)) * 3.0, np.cos(frame * 0.01 + np.arange(LANES)) * 0.2
        for played in (once, often):
            played.playheads.advance(frame, np.arange(LANES), speeds, shifts)
        for at in frame + random.integers(0, PLAYHEAD_UPDATE_FRAMES, 3):
            often.values(random.permutation(LANES)[:3], int(at))
        read_at = frame + int(random.integers(0, PLAYHEAD_UPDATE_FRAMES))
        for one, other in zip(once.values([1, 4], read_at), often.values([1, 4], read_at), strict=True):
            assert np.array_equal(one, other)
        assert ahead is None or np.array_equal(once.levels_db([1, 4], np.array([frame])), ahead)
        ahead = once.levels_db([1, 4], np.array([frame + PLAYHEAD_UPDATE_FRAMES]))


def test_a_modulated_speed_adds_up() -> None:
    played, expected_s = playing(ramp(plays_once=True), modulated=True), 0.0
    for frame in range(0, 24_000, PLAYHEAD_UPDATE_FRAMES):
        speed = 1.0 + np.sin(frame / 3000.0)
        advance(played, frame, speed)
        assert place(played, (frame + 10) / RATE) == pytest.approx(expected_s + speed * 10 / RATE, abs=1e-5)
        expected_s += speed * PLAYHEAD_UPDATE_FRAMES / RATE


def test_a_note_that_turns_back_stays_in_its_loop() -> None:
    played = playing(ramp(**FULL), modulated=True)
    for frame in range(0, 3 * RATE, PLAYHEAD_UPDATE_FRAMES):
        advance(played, frame, 1.0 if frame < 0.8 * RATE else -1.0)
        if frame > RATE:
            assert 0.49 < place(played, frame / RATE) < 1.51
    early = playing(ramp(**FULL), modulated=True)
    for frame in range(0, RATE, PLAYHEAD_UPDATE_FRAMES):
        advance(early, frame, 1.0 if frame < 0.3 * RATE else -1.0)
    assert place(early, 1.0) == 0.0


def test_a_shift_is_a_share_of_the_held_part_and_never_jumps() -> None:
    played, places = playing(ramp(**FULL), modulated=True, speed=0.05), []
    for frame in range(0, RATE, PLAYHEAD_UPDATE_FRAMES):
        advance(played, frame, 1.0, 0.25 if frame >= 0.1 * RATE else 0.0)
        steps = range(0, PLAYHEAD_UPDATE_FRAMES, PLAYHEAD_UPDATE_FRAMES // 4)
        places += [place(played, (frame + step) / RATE) for step in steps]
    assert places[-1] == pytest.approx(0.05 + 0.25 * 1.5, abs=1e-3)
    assert np.abs(np.diff(places)).max() <= 0.25 * 1.5 / 4 + 1e-3


def test_playheads_without_modulation_refuse_to_be_advanced() -> None:
    with pytest.raises(ValueError, match="without modulation"):
        advance(playing(ramp()), 64, 1.0)


def test_a_note_that_begins_anew_forgets_its_release() -> None:
    played = playing(ramp(**FULL), modulated=True)
    played.release(0, 100)
    advance(played, 128, 1.0)
    played.start(0, 1000, 60, 100)
    advance(played, 1024, 1.0)
    assert offset(played, (1000 + 4800) / RATE) == pytest.approx(0.01, abs=1e-6)
    played.release(0, 1088)
    assert place(played, 1088 / RATE + 0.06) == pytest.approx(1.76, abs=1e-5)


# Blending


def test_one_trajectory_is_heard_everywhere() -> None:
    assert blend_weights([(None, None)])[0, 127].tolist() == [1.0]
    assert blend_weights([(60, 100)])[127, 1].tolist() == [1.0]


def test_between_two_keys_the_weights_move_in_equal_steps() -> None:
    blend = blend_weights([(72, None), (48, None)])
    weights = blend[:, 64]
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert weights[48].tolist() == weights[0].tolist() == [0.0, 1.0]
    assert weights[72].tolist() == weights[127].tolist() == [1.0, 0.0]
    assert np.allclose(weights[60], 0.5)
    assert np.abs(np.diff(weights, axis=0)).max() == pytest.approx(1.0 / 24.0)


def test_key_and_velocity_blend_four_trajectories() -> None:
    blend = blend_weights([(40, 30), (40, 110), (80, 30), (80, 110)])
    assert blend[40, 110].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert np.allclose(blend[50, 90], [0.75 * 0.25, 0.75 * 0.75, 0.25 * 0.25, 0.25 * 0.75])


@pytest.mark.parametrize("places", [[(40, 30), (80, 110)], [(40, 30), (40, 110), (80, 60)], [(1, 1), (2, 9), (3, 3)]])
def test_any_places_blend_without_a_jump(places: list[tuple[int, int]]) -> None:
    blend = blend_weights(places)
    weights = blend[:, 1:]
    assert np.allclose(weights.sum(axis=-1), 1.0, atol=1e-6)
    assert weights.min() >= 0.0
    for number, (key, velocity) in enumerate(places):
        assert weights[key, velocity - 1, number] == 1.0
    gaps = [np.diff(sorted({p[axis] for p in places})).min() for axis in (0, 1)]
    for axis, gap in enumerate(gaps):
        assert np.abs(np.diff(weights, axis=axis)).max() <= 1.0 / gap + 1e-6


def test_a_blend_is_the_weighted_sum_of_its_trajectories() -> None:
    first, second = random_trajectory(1, **FULL), random_trajectory(2, n_hops=140)
    both = Trajectories([PlayedTrajectory(first, key=40), PlayedTrajectory(second, key=60)], ("a", "b"), 1, RATE)
    both.start(0, 0, 45, 100)
    alone = playing(first), playing(second)
    for key_up in (False, True):
        if key_up:
            for played in (both, *alone):
                played.release(0, 70_000)
        for frame in (0, 12345, 71_000, 90_000):
            parts = [np.concatenate(one.values([0], frame), axis=1) for one in alone]
            expected = 0.75 * parts[0] + 0.25 * parts[1]
            assert np.allclose(np.concatenate(both.values([0], frame), axis=1), expected, atol=1e-5)
            levels = [one.levels_db([0], np.array([frame])) for one in alone]
            assert np.allclose(both.levels_db([0], np.array([frame])), 0.75 * levels[0] + 0.25 * levels[1], atol=1e-4)
