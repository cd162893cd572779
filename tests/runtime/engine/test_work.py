"""Counts the decodes, transforms and allocations that the engine needs to make sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

from runtime.config import Adsr
from runtime.engine.engine import Engine
from runtime.engine.sounding.voice_sound import VoiceSound
from runtime.engine.synthesis.hops import DenseHop, HopSynthesis
from runtime.engine.synthesis.transposing.resampling import Resampler
from runtime.engine.voices.changes import Changes
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel
from runtime.instrument.decoder import Decoder
from tests.support.allocations import Allocation, recorded_arrays
from tests.support.places import DATA
from tests.support.playing import SAMPLE_RATE_HZ, Player, parameter

BLOCK = 64
N_BLOCKS = 345  # half a second
HOP_SIZE = 1024
HOPS = N_BLOCKS * BLOCK / HOP_SIZE
# How many hops a lane makes ahead while no spectrum changes.
AHEAD = 2
# Quiet enough to stay below the limiter's knee.
CHORD = [NoteOn(0, 48 + 2 * k, 20) for k in range(16)]
# Smaller arrays, such as one number for each lane, are allowed.
LARGE_BYTES = 256


def blocks(
    player: Player, each_block: Callable[[int], Iterable[Event]] = lambda number: ()
) -> tuple[list[tuple[int, int]], list[list[Allocation]]]:
    """Render half a second in blocks; returns two lists with an element for each block.

    The first list has (decodes, transforms). The second list has the allocated arrays.

    each_block: takes a block's number, and returns the events that are sent just before this block.
    """
    out = np.zeros((BLOCK, 2), np.float32)
    work, arrays = [], []
    for number in range(N_BLOCKS):
        player.send(*each_block(number))
        n_decoded, n_transforms = work_done(player)
        with recorded_arrays() as recorded:
            player.engine.render(out)
        decoded, transforms = work_done(player)
        work.append((decoded - n_decoded, transforms - n_transforms))
        arrays.append(recorded)
    return work, arrays


def work_done(player: Player) -> tuple[int, int]:
    """How many decodes and transforms there were so far. `Engine.status` does not count the newest of them yet."""
    return player.engine._spectra.n_decoded, player.engine._sound.n_transforms


def played(n_voices: int = 16, events: Sequence[Event] = CHORD) -> Player:
    """A player that got these events 0.2 s ago, so that all attacks are over."""
    player = Player(n_voices, knobs=(0.5, 0.5)).send(*events)
    player.hear(0.2)
    return player


def sums(work: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(w[0] for w in work), sum(w[1] for w in work)


# At rest


def test_silence_costs_nothing_even_while_knobs_turn() -> None:
    work, arrays = blocks(played(events=[]), lambda number: [KnobTurn(0, number / N_BLOCKS)])
    assert sums(work) == (0, 0)
    assert not [a for block in arrays for a in block if a.n_bytes >= LARGE_BYTES]


def test_steady_voices_are_not_decoded_and_take_one_transform_a_hop_together() -> None:
    work, _ = blocks(played())
    n_decoded, n_transforms = sums(work)
    assert n_decoded == 0
    assert HOPS - AHEAD <= n_transforms <= HOPS + AHEAD


def test_voices_whose_envelopes_move_are_each_transformed_once_a_hop() -> None:
    work, _ = blocks(Player(16, knobs=(0.5, 0.5), envelope=Adsr(decay_s=2.0, sustain=0.5)).send(*CHORD))
    n_decoded, n_transforms = sums(work)
    assert n_decoded == 16
    assert 16 * (HOPS - AHEAD) <= n_transforms <= 16 * (HOPS + AHEAD)


def test_no_block_carries_more_than_its_share_of_the_transforms() -> None:
    # Up to 16 voices hop together. 64 voices hop in groups of 4, one group after the other.
    for n_voices, n_at_once, chord in (
        (16, 16, CHORD),
        (64, 4, [NoteOn(0, 48 + k % 36, 20) for k in range(64)]),
    ):
        work, _ = blocks(played(n_voices, chord))
        assert max(n_transforms for _, n_transforms in work) <= AHEAD * n_at_once, n_voices


def test_a_block_in_which_nothing_happens_allocates_nothing() -> None:
    for player in (played(events=[]), played()):
        _, arrays = blocks(player)
        assert sum(not block for block in arrays) >= N_BLOCKS - 2 * HOPS
        large = [a for block in arrays for a in block if a.n_bytes >= LARGE_BYTES]
        assert not large, large[:5]


def test_ended_notes_cost_nothing() -> None:
    player = played()
    player.send(*(NoteOff(0, note.note) for note in CHORD)).hear()
    work, arrays = blocks(player)
    assert sums(work) == (0, 0)
    assert sum(not block for block in arrays) >= N_BLOCKS - 2 * HOPS


# In motion


def test_a_moving_knob_takes_one_decode_per_voice_and_hop_and_one_transform_per_hop() -> None:
    work, arrays = blocks(played(), lambda number: [KnobTurn(0, number % 97 / 97), KnobTurn(1, number % 89 / 89)])
    n_decoded, n_transforms = sums(work)
    assert 16 * (HOPS - 1) <= n_decoded <= 16 * (HOPS + 1)
    assert n_transforms <= HOPS + 1
    assert not [a for block in arrays for a in block if a.n_bytes >= LARGE_BYTES]


def test_knobs_that_turn_many_times_within_a_hop_are_decoded_once() -> None:
    work, _ = blocks(played(), lambda number: [KnobTurn(0, k / 20) for k in range(20)])
    assert sums(work)[0] <= 16 * (HOPS + 1)


def test_the_work_of_64_voices_is_spread_over_blocks() -> None:
    player = played(64, [NoteOn(0, 20 + k, 20) for k in range(64)])
    work, _ = blocks(player, lambda number: [KnobTurn(0, number % 97 / 97)])
    assert max(decoded for decoded, _ in work) <= 8
    assert 64 * (HOPS - 1) <= sums(work)[0] <= 64 * (HOPS + 1)


@pytest.mark.parametrize(("pitch", "ratio"), [(4096, 2.0), (2048, 2.0**0.5), (-4096, 0.5)])
def test_a_transposed_voice_is_transformed_in_proportion_to_its_ratio(pitch: int, ratio: float) -> None:
    player = played(1, [*parameter(0, 0, 24), NoteOn(0, 60, 20), PitchWheel(0, pitch)])
    n_decoded, n_transforms = sums(blocks(player)[0])
    assert n_decoded == 0
    assert n_transforms <= ratio * HOPS + 2 * AHEAD


@pytest.fixture
def dense_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list to which each call of `HopSynthesis.dense_hops` adds its number of hops."""
    batches: list[int] = []
    dense_hops = HopSynthesis.dense_hops

    def counted(synthesis: HopSynthesis, hops: Iterable[DenseHop], octave: int) -> np.ndarray:
        sound = dense_hops(synthesis, hops, octave)
        batches.append(len(sound))
        return sound

    monkeypatch.setattr(HopSynthesis, "dense_hops", counted)
    return batches


@pytest.mark.parametrize("n_voices", [16, 20, 24, 64])
@pytest.mark.parametrize("step", [0, 5], ids=["held", "moving"])
def test_bent_voices_are_transformed_in_fours_spread_over_blocks(
    step: int, n_voices: int, dense_batches: list[int]
) -> None:
    chord = [NoteOn(0, 48 + k % 36, 20) for k in range(n_voices)]
    # Panned voices are not steady, so no bus adds them up.
    player = played(n_voices, [ControlChange(0, 10, 20), *chord]).send(PitchWheel(0, 1000))
    player.hear(0.3)
    work, _ = blocks(player, lambda number: [PitchWheel(0, 1000 + step * number)])
    assert max(n_transforms for _, n_transforms in work) <= 8
    assert max(dense_batches) == 4
    assert np.mean(dense_batches) > 3.5


def test_the_block_in_which_a_chord_is_first_bent_makes_no_more_than_it_must(dense_batches: list[int]) -> None:
    player = played(16)
    player.send(PitchWheel(0, 1000)).hear(BLOCK / SAMPLE_RATE_HZ)
    assert 16 <= sum(dense_batches) <= 16 + 4


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list to which each call of `Resampler.read` adds its number of lanes."""
    lanes_read: list[int] = []
    read = Resampler.read

    def counted(resampler: Resampler, lanes: Sequence[int], *args) -> np.ndarray:
        lanes_read.append(len(lanes))
        return read(resampler, lanes, *args)

    monkeypatch.setattr(Resampler, "read", counted)
    return lanes_read


STEADY_MOTIONS: dict[str, tuple[Sequence[Event], Callable[[int], Iterable[Event]]]] = {
    "bent": ([PitchWheel(0, 1000)], lambda number: ()),
    "the wheel turning": ([PitchWheel(0, 1000)], lambda number: [PitchWheel(0, number * 5)]),
    "vibrato": ([ControlChange(0, 1, 127)], lambda number: ()),
    "coherent": ([PitchWheel(0, 1000), PhaseBlend(1.0)], lambda number: ()),
}


@pytest.mark.parametrize("name", STEADY_MOTIONS)
def test_sixteen_steady_bent_voices_take_one_transform_a_hop_and_are_read_as_one(name: str, reads: list[int]) -> None:
    events, each_block = STEADY_MOTIONS[name]
    player = played(16, [*events, *CHORD])
    reads.clear()
    work, _ = blocks(player, each_block)
    n_decoded, n_transforms = sums(work)
    assert n_decoded == 0
    assert n_transforms <= 1.1 * HOPS + AHEAD
    assert set(reads) == {1}


def test_vibrato_takes_few_reads(reads: list[int]) -> None:
    player = played(16, [ControlChange(0, 1, 127), *CHORD])
    reads.clear()
    blocks(player)
    assert len(reads) <= 2 * HOPS + AHEAD


def test_a_turning_wheel_begins_no_spans_and_reads_little_that_is_not_played(monkeypatch: pytest.MonkeyPatch) -> None:
    frames_read, begun = [], []
    read, follow = Resampler.read, VoiceSound.follow

    def noted_read(resampler: Resampler, lanes: list, heads: list, frame: int, n_frames: int) -> np.ndarray:
        frames_read.append(n_frames)
        return read(resampler, lanes, heads, frame, n_frames)

    def noted_follow(voice_sound: VoiceSound, changes: Changes, frame: int, *args) -> bool:
        begun.append(frame)
        return follow(voice_sound, changes, frame, *args)

    monkeypatch.setattr(Resampler, "read", noted_read)
    monkeypatch.setattr(VoiceSound, "follow", noted_follow)
    player = played(16, [*CHORD, PitchWheel(0, 1000)])
    player.hear(0.1)
    frames_read.clear(), begun.clear()
    blocks(player, lambda number: [PitchWheel(0, number * 5)])
    assert 1 <= len(begun) <= HOPS + AHEAD
    assert sum(frames_read) <= 1.05 * N_BLOCKS * BLOCK


@pytest.mark.parametrize("blend", [0.0, 1.0])
def test_knobs_in_motion_make_most_hops_of_a_bent_chord_twice(blend: float) -> None:
    player = played(16, [PhaseBlend(blend), *CHORD, PitchWheel(0, 1000)])
    player.hear(0.1)
    work, _ = blocks(player, lambda number: [KnobTurn(0, number % 97 / 97)])
    n_decoded, n_transforms = sums(work)
    assert n_decoded <= 16 * (HOPS + 1)
    assert n_transforms <= 2.6 * HOPS
    assert max(n_transforms for _, n_transforms in work) <= 3


def test_coherent_voices_take_one_transform_per_hop_while_a_knob_moves() -> None:
    work, _ = blocks(played(16, [PhaseBlend(1.0), *CHORD]), lambda number: [KnobTurn(0, number % 97 / 97)])
    assert sums(work)[1] <= HOPS + 1


def test_a_new_note_on_an_ended_bent_voice_makes_no_missed_sound() -> None:
    player = played(4, [*parameter(0, 0, 12), PitchWheel(0, 1000), *CHORD[:3]])
    player.send(NoteOff(0, CHORD[0].note), NoteOff(0, CHORD[1].note)).hear(0.02)
    player.send(PitchWheel(0, 5000)).hear(2.0)  # the wheel moves while the two released notes fade
    assert player.engine.status.n_active_voices == 1
    work, _ = blocks(player, lambda number: [NoteOn(0, 70, 20)] if number == 0 else [])
    assert max(n_transforms for _, n_transforms in work) <= 4


def test_a_bent_chord_goes_back_to_plain_work_with_the_wheel_at_rest() -> None:
    player = played(16, [PitchWheel(0, 1000), *CHORD])
    player.send(*(NoteOff(0, note.note) for note in CHORD), PitchWheel(0, 0)).hear()
    player.send(*CHORD).hear(0.1)
    _, arrays = blocks(player)
    assert not [a for block in arrays for a in block if a.n_bytes >= LARGE_BYTES]


# Notes that begin


def test_a_note_begins_with_one_decode_and_one_transform() -> None:
    player = played(16, CHORD[:8])
    before = player.engine.status
    player.send(NoteOn(0, 75, 20)).hear(1 / SAMPLE_RATE_HZ)
    status = player.engine.status
    assert status.n_decoded - before.n_decoded == 1
    assert status.n_transforms - before.n_transforms <= 1 + 8 * AHEAD  # perhaps the eight older voices hop, too


class CountingDecoder(Decoder):
    def decode(self, n_rows: int) -> np.ndarray:
        self.batches = [*getattr(self, "batches", []), n_rows]
        return super().decode(n_rows)


def test_a_chord_is_one_batch_and_so_is_every_hop_of_it() -> None:
    counting = CountingDecoder(DATA / "tiny.onnx")
    engine = Engine(counting, 16)
    out = np.zeros((BLOCK, 2), np.float32)
    for event in CHORD:
        engine.post(event)
    engine.render(out)
    assert counting.batches == [16]
    for number in range(N_BLOCKS):
        engine.post(KnobTurn(0, number % 97 / 97))
        engine.render(out)
    assert set(counting.batches) == {16}
    assert len(counting.batches) <= HOPS + 2


def test_a_stolen_voice_is_not_transformed_for_its_fade() -> None:
    player = played(4, CHORD[:4])
    before = player.engine.status
    player.send(*(NoteOn(0, 60 + 5 * k, 20) for k in range(4))).hear(1 / SAMPLE_RATE_HZ)
    status = player.engine.status
    assert status.n_stolen == 4
    assert status.n_decoded - before.n_decoded == 4
    # Each of the four new voices takes one transform. The first stolen voice was the carrier of the submix: its ring
    # held the sound of all four old voices. So the sound of each of the other three was made separately.
    assert status.n_transforms - before.n_transforms == 4 + 3


def test_gains_and_pedals_are_neither_decoded_nor_transformed() -> None:
    work, _ = blocks(
        played(),
        lambda number: [ControlChange(0, 7, number % 128), ControlChange(0, 64, number % 2 * 127)],
    )
    n_decoded, n_transforms = sums(work)
    assert n_decoded == 0
    assert n_transforms <= 16 * (HOPS + AHEAD)
