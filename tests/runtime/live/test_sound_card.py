"""Events keep their order when another output plays on."""

from __future__ import annotations

import time

from runtime.audio.clock import MOST_AHEAD
from runtime.audio.output import BlockRenderer
from runtime.config import AudioConfig
from runtime.live.output.sound_card import SoundCard

RATE_HZ, N_FRAMES = 48000, 256


class _Rack:
    def __init__(self, frame: int):
        self.frame = frame

    def render(self, out: object) -> None:
        self.frame += len(out)


class _Output:
    sample_rate_hz, buffer_frames = RATE_HZ, N_FRAMES

    def start(self, rack: _Rack, *_: object) -> None:
        self.blocks = BlockRenderer(rack, RATE_HZ, N_FRAMES)


def _play_on(card: SoundCard, rack: _Rack) -> None:
    card.start(_Output(), rack, None, lambda: None, None)


def _next_block(card: SoundCard) -> None:
    card.blocks.next_block(N_FRAMES, underflow=False)


def test_a_key_pressed_while_a_card_is_dead_is_not_released_before_it_is_pressed() -> None:
    card, rack = SoundCard(AudioConfig(), None, dict, False, print), _Rack(0)
    assert card.frame_at(time.perf_counter()) is None
    _play_on(card, rack)
    _next_block(card)
    pressed = card.frame_at(time.perf_counter() + 0.45)  # the card has been dead for 0.45 s, which nobody knows yet
    assert rack.frame < pressed <= MOST_AHEAD * N_FRAMES
    _play_on(card, rack)
    assert card.frame_at(time.perf_counter()) >= pressed  # still before the first block
    _next_block(card)
    assert card.frame_at(time.perf_counter()) >= pressed


def test_a_new_rack_begins_at_its_own_frame() -> None:
    card = SoundCard(AudioConfig(), None, dict, False, print)
    for first in (10**7, 0):
        _play_on(card, _Rack(first))
        _next_block(card)
        assert first < card.frame_at(time.perf_counter()) <= first + MOST_AHEAD * N_FRAMES
