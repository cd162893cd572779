"""Voices are shed in an overload."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from runtime.audio.load import BlockLoads
from runtime.audio.quick_cut import FEWEST_VOICES
from runtime.events import VoiceLimit
from runtime.live.watching.overload import Overload

BLOCK_S = 512 / 44100
N_VOICES = 16
Cost = Callable[[float, int], float]


class Machine:
    """A model of a machine whose player holds n_wanted notes.

    cost: takes a time in s and a number of sounding voices; returns a block's load, its rendering time / playing time.
    stall_s: takes a time in s; returns how long a block is stalled at this time, in s.
    main_waits_s: how much later than it should the main thread looks at the loads.
    limits: for each change of the limit on the main thread, the time and the new limit.
    n_lost: number of blocks with a load above 1.
    """

    def __init__(self, cost: Cost, n_wanted: int = N_VOICES, block_s: float = BLOCK_S, main_waits_s: float = 0.0):
        self.stall_s, self._main_waits_s = lambda _now_s: 0.0, main_waits_s
        self.cost, self.n_wanted, self.block_s = cost, n_wanted, block_s
        self.loads, self.overload = BlockLoads(), Overload(N_VOICES, block_s)
        self.now_s, self.n_lost, self._next_s = 0.0, 0, 0.0
        self.limits: list[tuple[float, int]] = []
        self._limit = N_VOICES

    @property
    def status(self) -> Machine:
        return self

    @property
    def n_active_voices(self) -> int:
        return min(self.n_wanted, self._limit)

    def post(self, event: VoiceLimit) -> None:
        self._limit = event.n_voices

    def play(self, until_s: float) -> None:
        """Play until `until_s`.

        After a nearly late block, the audio thread (`overload.quick`) looks at the loads at once. The main thread
        (`overload`) looks at them main_waits_s later. It also looks at them when the time that
        `overload.wait_s` returns (at most 2 s) is over, again main_waits_s late.
        """
        while self.now_s < until_s:
            n_sounding = self.n_active_voices
            load = self.cost(self.now_s, n_sounding)
            took_s = load * self.block_s + self.stall_s(self.now_s)
            self.loads.add(took_s, load * self.block_s, self.block_s)
            self.n_lost += load > 1.0
            self.now_s += self.block_s
            if took_s > 0.9 * self.block_s:
                self.overload.quick.look(self.loads, self)
                self._next_s = min(self._next_s, self.now_s + self._main_waits_s)
            if self.now_s >= self._next_s:
                if self.overload.look(self.loads, n_sounding, self.now_s):
                    self.limits.append((self.now_s, self.overload.limit))
                    self._limit = self.overload.limit
                self._next_s = self.now_s + self._main_waits_s + min(2.0, self.overload.wait_s(self.now_s))

    @property
    def lost_share(self) -> float:
        return self.n_lost / self.loads.n_blocks


def noisy(cost: Cost) -> Cost:
    """Varies the cost at random from block to block, by up to a tenth."""
    rng = np.random.default_rng(0)
    return lambda now_s, n: cost(now_s, n) * (1.0 + 0.1 * rng.uniform(-1.0, 1.0))


@pytest.mark.parametrize("per_voice", [0.07, 0.09, 0.15, 0.3])
def test_less_than_one_block_in_a_thousand_is_lost(per_voice: float) -> None:
    machine = Machine(noisy(lambda now_s, n: 0.1 + (per_voice if now_s > 1.0 else 0.02) * n))
    machine.play(120.0)
    assert machine.lost_share < 0.001
    assert 0.1 + per_voice * machine.overload.limit < 0.9
    last = [limit for at_s, limit in machine.limits if at_s > 10.0]
    assert len(last) <= 1, last  # the limit does not oscillate


def test_two_late_blocks_are_enough_even_if_the_main_thread_is_late() -> None:
    machine = Machine(noisy(lambda now_s, n: 0.1 + (0.09 if now_s > 1.0 else 0.02) * n), main_waits_s=0.2)
    machine.play(20.0)
    assert machine.n_lost == 2
    assert machine.overload.limit < N_VOICES  # the main thread now has the limit that the audio thread set
    assert len(machine.limits) <= 3


def test_all_voices_are_back_within_5_s_once_there_is_room() -> None:
    machine = Machine(noisy(lambda now_s, n: 0.05 + (0.12 if 5.0 < now_s < 10.0 else 0.03) * n))
    machine.play(9.9)
    assert FEWEST_VOICES <= machine.overload.limit < 8
    machine.play(15.0)
    assert machine.overload.is_full


@pytest.mark.parametrize("n_wanted", [0, 1, 3])
def test_all_are_back_within_5_s_also_if_few_or_none_sound(n_wanted: int) -> None:
    machine = Machine(noisy(lambda now_s, n: 0.05 + (0.12 if now_s < 10.0 else 0.03) * n))
    machine.play(9.9)
    machine.n_wanted = n_wanted
    machine.play(15.0)
    assert machine.overload.is_full


def test_a_trial_that_fails_comes_less_and_less_often() -> None:
    machine = Machine(lambda now_s, n: (0.1 if now_s > 1.0 else 0.02) * n)
    for second in range(0, 220, 22):
        machine.n_wanted = N_VOICES
        machine.play(second + 2.0)
        machine.n_wanted = 2
        machine.play(second + 22.0)
    trials = [at_s for at_s, limit in machine.limits if limit == N_VOICES]
    assert 2 <= len(trials) <= 4
    assert machine.lost_share < 0.002


def test_single_long_waits_shed_nothing() -> None:
    rng = np.random.default_rng(1)
    machine = Machine(lambda _now_s, n: 8.0 if rng.random() < 0.005 else 0.04 * n)
    machine.play(60.0)
    assert not machine.limits


def test_a_machine_that_stalls_again_and_again_sheds_nothing() -> None:
    machine = Machine(noisy(lambda _now_s, n: 0.03 * n))
    machine.stall_s = lambda now_s: 3.0 * BLOCK_S if now_s % 2.0 < 1.0 else 0.0
    machine.play(20.0)
    assert machine.loads.n_stalled > 500
    assert not machine.limits


@pytest.mark.parametrize("first_s", [0.0, 4.9])
def test_the_first_notes_which_are_slow_shed_nothing(first_s: float) -> None:
    machine = Machine(lambda now_s, n: (0.2 if now_s < first_s + 0.25 else 0.03) * n, n_wanted=0)
    machine.play(first_s)
    machine.n_wanted = N_VOICES
    machine.play(first_s + 5.0)
    assert machine.n_lost > 10
    assert not machine.limits


def test_voices_that_are_too_much_are_shed_beside_stalls() -> None:
    machine = Machine(noisy(lambda _now_s, n: 0.1 * n))
    machine.stall_s = lambda now_s: 3.0 * BLOCK_S if now_s % 2.0 < 0.1 else 0.0
    machine.play(20.0)
    assert FEWEST_VOICES < machine.overload.limit < 0.9 * N_VOICES


def test_heavy_blocks_among_light_ones_count_too() -> None:
    machine = Machine(lambda _now_s, _n: 0.1, block_s=64 / 44100)
    machine.play(1.0)
    machine.cost = lambda _now_s, n: (0.075 if machine.loads.n_blocks % 4 == 0 else 0.01) * n
    machine.play(60.0)
    assert machine.limits[0][1] < N_VOICES
    assert machine.lost_share < 0.001


def test_at_least_two_voices_sound_whatever_they_cost() -> None:
    machine = Machine(lambda _now_s, n: 1.5)
    machine.play(5.0)
    assert machine.overload.limit == FEWEST_VOICES
