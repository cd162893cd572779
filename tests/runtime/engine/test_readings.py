"""The spectra of coherent and moving sounds are made at a reading, a quarter of a hop before the hop."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.engine.mixer import Mixer
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.events import Event, KnobTurn, NoteOn, PhaseBlend
from runtime.sound.motion import LATENT, Lfo, Modulation
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from tests.support.playing import Player, decoder, play

HOP, AHEAD = 1024, 256
FIRST = 20 * HOP
CHORD = [NoteOn(0, 48 + 2 * k, 20) for k in range(16)]
KNOBS = (0.5, 0.5)


def spectra_and_hops(player: Player, each_block: Callable[[int], Iterable[Event]]) -> list[tuple[int, int]]:
    """Play 64 blocks of 256 frames after the attacks; returns how many decodes and transforms each block makes.

    The decodes of the first block are not counted.
    each_block: returns the events to send before a block, given the block's number.
    """
    player.hear(FIRST / 44100)
    out, work = np.zeros((AHEAD, 2), np.float32), []
    for number in range(64):
        player.send(*each_block(number))
        before = player.engine.status
        player.engine.render(out)
        after = player.engine.status
        # A reading does not update the status. So the decodes are counted where they are made.
        work.append((player.engine._spectra.n_decoded, after.n_transforms - before.n_transforms))
    decoded = np.diff([work[0][0], *(n for n, _ in work)])
    return [(int(n), n_transforms) for n, (_, n_transforms) in zip(decoded, work, strict=True)]


@pytest.mark.parametrize("blend", [0.5, 1.0])
def test_no_block_makes_spectra_and_sound_while_knobs_move(blend: float) -> None:
    player = Player(16, knobs=KNOBS).send(PhaseBlend(blend), *CHORD)
    work = spectra_and_hops(player, lambda number: [KnobTurn(0, number % 97 / 97)])
    assert sum(n_decoded for n_decoded, _ in work) >= 16 * 14
    assert not [each for each in work if each[0] and each[1]]


def test_plain_voices_read_their_knobs_at_the_hop() -> None:
    work = spectra_and_hops(Player(16, knobs=KNOBS).send(*CHORD), lambda number: [KnobTurn(0, number % 97 / 97)])
    assert sum(bool(n_decoded and n_transforms) for n_decoded, n_transforms in work) >= 14


def modulated() -> Engine:
    """An engine in which an LFO moves the first latent, so slowly that points are needed only at hops."""
    latent = LATENT + decoder().card.latents[0].name
    sound = Sound(lfo_1=Lfo(rate_hz=2.0), modulation=(Modulation("lfo_1", latent, 0.3),))
    config = Config(voice=VoiceConfig(n_voices=4))
    return Engine(decoder(), patch=with_sound(config, sound, decoder().card, "test"))


def coherent() -> Engine:
    return Player(4, knobs=KNOBS, phase_blend=1.0).engine


def plain() -> Engine:
    return Player(4, knobs=KNOBS).engine


@pytest.mark.parametrize(
    ("make", "moved_at", "heard_from"),
    [
        (coherent, -AHEAD, 0),
        (coherent, 1 - AHEAD, HOP),
        (modulated, -AHEAD, 0),
        (modulated, 1 - AHEAD, HOP),
        (plain, -AHEAD, 0),
        (plain, 0, 0),
        (plain, 1, HOP),
    ],
)
@pytest.mark.parametrize("blocks", [(64,), (4096,)])
def test_a_knob_is_heard_from_the_hop_after_the_next_reading(
    make: Callable[[], Engine], moved_at: int, heard_from: int, blocks: tuple[int, ...]
) -> None:
    """The knob moves at frame moved_at. It is heard from frame heard_from. Frames are counted from a hop."""
    notes = [(100, NoteOn(0, 60, 80)), (100, NoteOn(0, 67, 80))]
    n_frames = FIRST + 3 * HOP
    still = play(make(), notes, n_frames, blocks)
    moved = play(make(), [*notes, (FIRST + moved_at, KnobTurn(0, 0.9))], n_frames, blocks)
    differs = np.flatnonzero((still != moved).any(axis=1))
    assert FIRST + heard_from <= differs[0] < FIRST + heard_from + 32


def test_a_reading_does_not_end_the_mixed_span(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, mix = [], Mixer.mix
    monkeypatch.setattr(Mixer, "mix", lambda *args: (mixed.append(args[1]), mix(*args)))
    player = Player(16, knobs=KNOBS).send(PhaseBlend(1.0), *CHORD)
    player.hear(FIRST / 44100)
    mixed.clear()
    spectra_and_hops(player, lambda number: [KnobTurn(0, number % 97 / 97)])
    assert not [frame for frame in mixed if frame % HOP == HOP - AHEAD]
    assert len([frame for frame in mixed if frame % HOP == 0]) >= 15


@pytest.mark.parametrize("n_lanes", [1, 16, 17, 64])
def test_hops_and_readings_are_found_in_order(n_lanes: int) -> None:
    hops = HopGroups(n_lanes, HOP)
    hops.reads_early = True
    offsets = {group.offset for group in hops.groups} | {(group.offset - AHEAD) % HOP for group in hops.groups}
    for group in hops.groups:
        group.due = 0  # as if the group sounded; `due` of a silent group is NEVER
    for frame in range(3000):
        assert hops.earliest_hop(frame) == hops.next_hop(frame) >= frame
        assert hops.next_hop(frame) % HOP in offsets
        groups = hops.reading_at(frame)
        assert bool(groups) == (hops.next_reading(frame) == frame)
        assert all((frame + AHEAD - group.offset) % HOP == 0 for group in groups)
