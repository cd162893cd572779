"""The user is warned about a machine that makes the audio thread wait."""

from __future__ import annotations

import time

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.load import BlockLoads
from runtime.live.watching.stalls import Stalls

BLOCK_S = 0.01


def stall(loads: BlockLoads, n_times: int, took_s: float = 0.03, worked_s: float = 0.002) -> None:
    """Add blocks.

    took_s: how long each block took by the clock.
    worked_s: the processor time that each block needed.
    """
    for _ in range(n_times):
        loads.add(took_s, worked_s, BLOCK_S)


def test_many_stalls_are_said_once_with_what_to_do() -> None:
    loads, stalls = BlockLoads(), Stalls()
    stall(loads, 4)
    assert stalls.look(loads, 1.0, True) == ""
    stall(loads, 3, 0.0452)
    line = stalls.look(loads, 1.5, True)
    assert "stalled 7 times, for 43 ms at most" in line
    assert "--buffer" in line
    assert "rtprio" not in line
    stall(loads, 50)
    assert stalls.look(loads, 2.0, True) == ""


def test_a_few_stalls_now_and_then_are_not_said() -> None:
    loads, stalls = BlockLoads(), Stalls()
    for minute in range(20):
        stall(loads, 2)
        assert stalls.look(loads, 60.0 * minute, True) == ""


def test_without_a_real_time_priority_it_says_how_to_get_one() -> None:
    loads = BlockLoads()
    stall(loads, 5)
    assert "rtprio" in Stalls().look(loads, 0.0, False)


def test_the_counts_of_another_output_begin_anew() -> None:
    stalls = Stalls()
    first, second = BlockLoads(), BlockLoads()
    stall(first, 4)
    stalls.look(first, 0.0, True)
    stalls.follow()
    stall(second, 1)
    assert "stalled" in stalls.look(second, 1.0, True)


def test_blocks_that_are_too_much_work_are_no_stalls() -> None:
    loads = BlockLoads()
    for _ in range(20):
        loads.add(1.3 * BLOCK_S, 1.2 * BLOCK_S, BLOCK_S)
    assert loads.n_late == 20
    assert Stalls().look(loads, 0.0, True) == ""


class Source:
    frame, wait_s, work_s = 0, 0.0, 0.0

    def render(self, _out: object) -> None:
        time.sleep(self.wait_s)
        end_s = time.thread_time() + self.work_s
        while time.thread_time() < end_s:
            pass


def test_the_renderer_tells_waiting_from_work() -> None:
    source = Source()
    blocks = BlockRenderer(source, 44100, 441)
    source.wait_s = 0.015
    blocks.next_block(441, underflow=False)
    assert (blocks.loads.n_late, blocks.loads.n_stalled) == (1, 1)
    assert blocks.loads.since(0)[0] < 0.9
    source.wait_s, source.work_s = 0.0, 0.015
    blocks.next_block(441, underflow=False)
    assert (blocks.loads.n_late, blocks.loads.n_stalled) == (2, 1)
    assert blocks.loads.since(0)[1] > 1.4
