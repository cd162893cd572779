"""The watch notices sound that is not finite, and a device that wants no more blocks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.output import NullOutput
from runtime.config import Config
from runtime.events import Action, Event, NoteOn
from runtime.live.watching.heartbeat import Heartbeat
from runtime.live.watching.watch import Watch
from runtime.rack.build import build_rack
from runtime.rack.rack import Rack
from runtime.sound.choice import choose
from tests.support.broken_instrument import TINY

RATE_HZ, BLOCK = 44100, 256


class Spoilt:
    """A rack whose blocks have NaNs while `is_bad` is true.

    heals: whether an Action sets `is_bad` to False.
    """

    def __init__(self, rack: Rack, heals: bool):
        self._rack, self._heals = rack, heals
        self.is_bad = False
        self.n_parts, self.sample_rate_hz = 1, RATE_HZ
        self.engine, self.n_muted = rack.engine, 0

    @property
    def frame(self) -> int:
        return self._rack.frame

    @property
    def status(self) -> object:
        return self._rack.status

    def post(self, event: Event) -> None:
        if isinstance(event, Action) and self._heals:
            self.is_bad = False
        self._rack.post(event)

    def render(self, out: np.ndarray) -> None:
        self._rack.render(out)
        if self.is_bad:
            out[len(out) // 2, 1] = np.nan


class Player:
    def __init__(self, heals: bool):
        choice = choose(Config(), str(TINY), None, None)
        self.build = lambda: build_rack(choice.patch, choice.instrument, RATE_HZ)
        self.rack = Spoilt(self.build(), heals)
        self.blocks = BlockRenderer(self.rack, RATE_HZ, BLOCK)
        self.posted: list[Event] = []
        self.lines: list[str] = []
        self.watch = Watch(self, self.lines.append, 16)
        self.watch.follow(self.blocks, self.rack, BLOCK / RATE_HZ)
        self.n_renewed = 0

    def post(self, event: Event) -> None:
        self.posted.append(event)
        self.blocks.engine.post(event)

    def renew(self) -> None:
        self.n_renewed += 1
        self.blocks.take_over(self.build())
        self.watch.follow(self.blocks, self.blocks.engine, BLOCK / RATE_HZ)

    def play(self, n_blocks: int) -> np.ndarray:
        played = []
        for _ in range(n_blocks):
            played.append(self.blocks.next_block(BLOCK, underflow=False).copy())
            self.watch.look()
        return np.concatenate(played)


@pytest.mark.parametrize("heals", [True, False])
def test_sound_that_is_not_finite_never_reaches_the_card_and_comes_back(heals: bool) -> None:
    player = Player(heals)
    player.post(NoteOn(0, 60, 100))
    assert np.abs(player.play(50)).max() > 0.01
    player.rack.is_bad = True
    assert not player.play(1).any()
    assert player.blocks.n_not_finite == 1
    assert Action("panic") in player.posted
    end_s = time.monotonic() + 0.5
    while time.monotonic() < end_s:
        assert np.isfinite(player.play(10)).all()
    assert player.n_renewed == (0 if heals else 1)
    player.post(NoteOn(0, 60, 100))
    assert np.abs(player.play(50)).max() > 0.01
    assert sum("not finite" in line and "tiny" in line for line in player.lines) == 1


def test_a_device_that_asks_for_no_more_blocks_has_gone() -> None:
    beat, now_s = Heartbeat(0.01, 0.0), 0.0
    for n_blocks in range(1, 200):
        now_s += 0.05
        assert not beat.look(n_blocks, now_s)
    gone_s = now_s
    while not beat.look(n_blocks, now_s):
        now_s += beat.wait_s(now_s) + 1e-6
    assert 0.3 < now_s - gone_s < 0.8


def test_a_program_that_was_stopped_for_a_while_goes_on() -> None:
    beat = Heartbeat(0.01, 0.0)
    assert not beat.look(5, 1.0)
    assert not beat.look(5, 100.0)
    assert not beat.look(6, 100.2)
    beat.suspect(7, 100.2)
    assert not beat.look(7, 100.25)
    assert beat.look(7, 100.31)


def test_a_device_may_take_long_until_its_first_block() -> None:
    beat = Heartbeat(0.01, 0.0)
    assert not any(beat.look(0, 0.2 * number) for number in range(10))
    assert any(beat.look(0, 2.0 + 0.2 * number) for number in range(10))


def test_the_null_output_keeps_its_heart_beating() -> None:
    choice = choose(Config(), str(TINY), None, None)
    rack = build_rack(choice.patch, choice.instrument, RATE_HZ)
    output, lines = NullOutput(RATE_HZ, BLOCK), []
    output.start(rack)
    watch = Watch(Player(True), lines.append, 16)
    watch.follow(output.blocks, rack, BLOCK / RATE_HZ)
    end_s = time.monotonic() + 2.0
    while time.monotonic() < end_s:
        assert not watch.look()
        time.sleep(watch.wait_s)
    output.close()
