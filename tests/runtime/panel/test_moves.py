"""The moves of many pages become few messages to `play`."""

from __future__ import annotations

import asyncio
import random

import pytest

from runtime.base.errors import UserError
from runtime.link.moves import MOST_TARGETS, Moves
from runtime.live.remote.beat import BEAT_S, next_beat_s
from runtime.panel.playing.moves import EVERY_S, MergedMoves


class Told:
    """Stands in for a link.

    said: for each message, the event loop's time and the positions that were sent.
    """

    def __init__(self) -> None:
        self.said: list[tuple[float, dict[str, float]]] = []
        self.is_up = True

    def tell(self, method: str, params: dict[str, dict[str, float]]) -> None:
        if not self.is_up:
            raise UserError("play", "nothing that plays", "a running play", "start it")
        assert method == "moves"
        assert len(params["positions"]) <= MOST_TARGETS
        self.said.append((asyncio.get_running_loop().time(), params["positions"]))


@pytest.mark.parametrize("seed", range(5))
def test_four_pages_cost_as_much_as_one_and_every_target_gets_its_last_position(seed: int) -> None:
    dice, told, last = random.Random(seed), Told(), {}

    async def play() -> float:
        merged, begin_s = MergedMoves(told), asyncio.get_running_loop().time()
        for _ in range(120):
            positions = {f"target {dice.randrange(5)}": dice.random() for _ in range(3)}
            last.update(positions)
            merged.take(Moves(positions))
            await asyncio.sleep(0.002)
        took_s = asyncio.get_running_loop().time() - begin_s
        await asyncio.sleep(2.0 * EVERY_S)
        return took_s

    took_s = asyncio.run(play())
    reached: dict[str, float] = {}
    for _, positions in told.said:
        reached |= positions
    assert reached == last
    assert len(told.said) <= took_s / EVERY_S + 2


def test_the_first_move_is_sent_at_once_and_what_waits_before_another_message() -> None:
    told = Told()

    async def play() -> None:
        merged = MergedMoves(told)
        merged.take(Moves({"pan": 0.1}))
        assert [positions for _, positions in told.said] == [{"pan": 0.1}]
        merged.take(Moves({"pan": 0.2, "width": 0.3}))
        merged.take(Moves({"pan": 0.4}))
        assert len(told.said) == 1
        merged.flush()
        assert told.said[-1][1] == {"pan": 0.4, "width": 0.3}
        merged.flush()
        assert len(told.said) == 2

    asyncio.run(play())


def test_without_a_playing_process_the_first_move_is_refused_and_later_ones_are_dropped() -> None:
    told = Told()

    async def play() -> None:
        merged = MergedMoves(told)
        merged.take(Moves({"pan": 0.1}))
        merged.take(Moves({"pan": 0.2}))
        told.is_up = False
        await asyncio.sleep(2.0 * EVERY_S)
        with pytest.raises(UserError, match="nothing that plays"):
            merged.take(Moves({"pan": 0.3}))
        told.is_up = True
        await asyncio.sleep(2.0 * EVERY_S)
        merged.take(Moves({"pan": 0.4}))

    asyncio.run(play())
    assert [positions for _, positions in told.said] == [{"pan": 0.1}, {"pan": 0.4}]


@pytest.mark.parametrize("seed", range(20))
def test_beats_of_several_kinds_of_news_are_the_same_moments(seed: int) -> None:
    now_s = random.Random(seed).uniform(0.0, 1e6)
    one, two = next_beat_s(now_s), next_beat_s(now_s, 2)
    assert now_s < one <= now_s + BEAT_S * (1.0 + 1e-6)
    assert two in (one, next_beat_s(one + 1e-6))
    assert next_beat_s(two - 1e-6) == two
