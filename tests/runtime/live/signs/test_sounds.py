"""Cues are sounds for a user without a screen."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.cues import CuePlayer
from runtime.audio.sound_ring import RingReader, SoundRing
from runtime.live.signs.cues import CHIME, NOTES, PEAK, WAITING, YES, make_cues
from runtime.live.signs.sounds import SignSounds
from tests.support.places import DATA
from tests.support.rig import wait_until

RATE_HZ = 44100
TINY = DATA / "tiny.onnx"


class Silence:
    frame = 0

    def render(self, out: np.ndarray) -> None:
        out.fill(0.0)
        self.frame += len(out)


@pytest.fixture(scope="module")
def cues() -> dict[str, np.ndarray]:
    return make_cues(TINY, RATE_HZ)


def begins_s(sound: np.ndarray) -> list[float]:
    """The times in s at which notes begin: 0, and each rise of the level by more than 30 %."""
    n = RATE_HZ // 50
    levels = np.array([np.abs(sound[i : i + n]).max() for i in range(0, len(sound) - n, n)])
    rises = np.flatnonzero((levels[1:] > 1.3 * levels[:-1]) & (levels[1:] > 0.02)) + 1
    return [0.0, *(float(i * n) / RATE_HZ for k, i in enumerate(rises) if k == 0 or i > rises[k - 1] + 1)]


def test_each_cue_is_as_loud_ends_in_silence_and_is_unlike_the_others(cues: dict[str, np.ndarray]) -> None:
    assert set(cues) == {CHIME, WAITING, YES}
    for sound in cues.values():
        assert abs(np.abs(sound).max() - PEAK) < 1e-6
        assert np.abs(sound[-10:]).max() < 1e-3
        assert len(sound) < 2.0 * RATE_HZ
    assert len({len(sound) for sound in cues.values()}) == 3
    assert begins_s(cues[WAITING])[-1] > 0.55  # its pitch falls twice, with a pause between
    assert np.array_equal(cues[YES], make_cues(TINY, RATE_HZ)[YES])
    quiet = make_cues(TINY, RATE_HZ, volume_db=-20.0)
    assert abs(np.abs(quiet[YES]).max() - 0.1 * PEAK) < 1e-6
    assert NOTES[CHIME][-1][1] > NOTES[CHIME][0][1]
    assert NOTES[WAITING][-1][1] < NOTES[WAITING][0][1]


@pytest.mark.parametrize("block_frames", [64, 100, 4096])
def test_a_cue_is_added_whole_in_blocks_of_any_size(cues: dict[str, np.ndarray], block_frames: int) -> None:
    player, heard = CuePlayer(), []
    player.play(cues[YES])
    player.play(cues[CHIME])
    for _ in range(3 * RATE_HZ // block_frames):
        block = np.zeros((block_frames, 2), np.float32)
        player.add(block)
        heard.append(block)
    sound = np.concatenate(heard)
    n = len(cues[YES])
    assert np.array_equal(sound[:n], cues[YES])
    begin = -(-n // block_frames) * block_frames
    assert np.array_equal(sound[begin : begin + len(cues[CHIME])], cues[CHIME])
    assert not sound[begin + len(cues[CHIME]) :].any()


def test_a_cue_is_heard_but_not_recorded(cues: dict[str, np.ndarray]) -> None:
    ring = SoundRing(2**15)
    blocks = BlockRenderer(Silence(), RATE_HZ, 256, ring=ring)
    blocks.cues = CuePlayer()
    blocks.cues.play(cues[YES])
    heard = np.concatenate([blocks.next_block(256, False).copy() for _ in range(60)])
    assert np.abs(heard).max() > 0.1
    recorded = RingReader(ring.descriptor).read(0, len(heard)).sound
    assert len(recorded) == len(heard)
    assert not recorded.any()


def test_it_never_exceeds_full_scale() -> None:
    player = CuePlayer()
    player.play(np.full((8, 2), 0.5, np.float32))
    block = np.full((8, 2), 0.9, np.float32)
    player.add(block)
    assert block.max() == 1.0


class Heard(SignSounds):
    """Stores the names of cues instead of playing them."""

    def __init__(self, greets: bool = True):
        super().__init__(greets)
        self.names: list[str] = []

    def _play(self, name: str) -> None:
        self.names.append(name)


@pytest.mark.parametrize(
    ("looks", "heard"),
    [
        ([(True, True)] * 3, [CHIME]),
        ([(True, False)] * 3, [WAITING]),
        ([(True, False), (True, True), (True, False), (True, True)], [WAITING, CHIME]),
        ([(False, True), (False, False)], []),
        ([(False, False), (True, False), (True, True)], [WAITING, CHIME]),
        ([(False, True), (True, True), (False, True), (True, True)], [CHIME]),
    ],
)
def test_the_start_is_heard_once(looks: list[tuple[bool, bool]], heard: list[str]) -> None:
    sounds, off = Heard(), Heard(greets=False)
    for has_card, has_input in looks:
        sounds.look(has_card, has_input)
        off.look(has_card, has_input)
    assert sounds.names == heard
    assert off.names == []


def test_what_is_asked_for_before_its_sound_is_made_is_heard_then() -> None:
    woken: list[bool] = []
    sounds = SignSounds(True, wake=lambda: woken.append(True))
    sounds.follow(TINY, RATE_HZ, 0.0)
    sounds.look(True, True)
    wait_until(lambda: woken, "the cues")
    sounds.serve()
    block = np.zeros((RATE_HZ, 2), np.float32)
    sounds.player.add(block)
    assert abs(np.abs(block).max() - PEAK) < 1e-6


def test_a_broken_instrument_is_said(tmp_path) -> None:
    woken, lines = [], []
    sounds = SignSounds(True, wake=lambda: woken.append(True), say=lines.append)
    sounds.follow(tmp_path / "none.onnx", RATE_HZ, 0.0)
    wait_until(lambda: woken, "the end of the thread")
    sounds.yes()
    assert len(lines) == 1
    assert "No chime" in lines[0]
