"""A rack with one part is bit-identical to an engine. With several, each note goes to the right parts."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.config import Adsr, EffectsConfig
from runtime.effects.effects import Effects
from runtime.engine.engine import Engine
from runtime.events import (
    ALL_PARTS,
    Action,
    ActiveSensing,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PartChange,
    PitchWheel,
    ProgramChange,
    SoundChange,
    Swap,
    TargetMove,
    VoiceLimit,
)
from runtime.rack.arpeggiator import Arpeggiator
from runtime.rack.parts import Part, PartSettings, Playable
from runtime.rack.rack import Rack
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.patch import Patch
from runtime.sound.sound import SoundEffects
from tests.support.clicks import excess_db
from tests.support.partitions import Timed, assert_same, envelopes, modes, partitions, render, timed_events
from tests.support.playing import ENDED_S, SAMPLE_RATE_HZ, decoder, notes_in, parameter
from tests.support.racks import engine_of, patch_of, playable_of, rack_of

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
UPPER, LOWER = PartSettings(lowest_key=60), PartSettings(highest_key=59)

part_changes = st.builds(
    PartChange,
    part=st.integers(0, 3),
    lowest_key=st.none() | st.integers(0, 70),
    transpose=st.none() | st.integers(-12, 12),
    level_db=st.none() | st.floats(-20.0, 6.0),
    pan=st.none() | st.floats(-1.0, 1.0),
)
swaps = st.builds(Swap, st.integers(-1, 2), st.sampled_from(("tiny", "tiny-chroma")))
rack_events = st.lists(
    st.tuples(st.integers(0, 8999), st.one_of(part_changes, swaps, st.just(Action("panic")))), max_size=5
)
several = st.lists(
    st.builds(
        PartSettings,
        channel=st.sampled_from((-1, 0, 1)),
        lowest_key=st.sampled_from((0, 60)),
        transpose=st.sampled_from((0, 7)),
        level_db=st.sampled_from((0.0, -3.0)),
        pan=st.sampled_from((0.0, 0.5)),
    ),
    min_size=2,
    max_size=4,
)


def heard(rack: Rack, events: Sequence[tuple[float, Event]], length_s: float) -> np.ndarray:
    """The rack's sound, float32 (n_frames, 2). events: (time in s, event)."""
    timed = [(round(time_s * SAMPLE_RATE_HZ), event) for time_s, event in events]
    return render(rack, timed, [256], True, round(length_s * SAMPLE_RATE_HZ))


def notes_at(sound: np.ndarray, time_s: float) -> list[int]:
    first = round(time_s * SAMPLE_RATE_HZ)
    return notes_in(sound[first : first + round(0.3 * SAMPLE_RATE_HZ), 0])


@FEW
@given(timed_events, partitions, modes, envelopes)
def test_one_part_is_the_engine_to_the_bit(timed: Timed, blocks: list[int], mode: str, envelope: Adsr) -> None:
    patch = patch_of(6, mode, envelope)
    for early in (True, False):
        alone = render(engine_of(patch, limits=True), timed, blocks, early)
        racked = render(rack_of(patch=patch), timed, blocks, early)
        assert np.array_equal(alone, racked)


def with_swaps(rack: Rack, timed: Timed, patch: Patch) -> Rack:
    """Post the swaps in `timed` and no other events; returns the rack. Each swap gets new engines."""
    for frame, event in timed:
        if isinstance(event, Swap):
            made = playable_of(patch, event.instrument)
            if event.part == ALL_PARTS:
                made = Part(made, LOWER), Part(playable_of(patch), UPPER)
            rack.post(msgspec.structs.replace(event, made=made), frame)
    return rack


def without_swaps(timed: Timed) -> Timed:
    return [(frame, event) for frame, event in timed if not isinstance(event, Swap)]


@FEW
@given(timed_events, rack_events, several, partitions, modes, envelopes)
def test_several_parts_in_any_blocks(
    timed: Timed, rack: Timed, parts: list[PartSettings], blocks: list[int], mode: str, envelope: Adsr
) -> None:
    patch = patch_of(5, mode, envelope)

    def make() -> Rack:
        return with_swaps(rack_of(*parts, patch=patch, instruments=("tiny", "tiny-none")), rack, patch)

    assert_same(make, timed + without_swaps(rack), blocks)


def test_a_swapped_engine_begins_as_if_it_had_always_been_there() -> None:
    patch, at = patch_of(), 5003
    always, later = engine_of(patch), engine_of(patch)
    sound = np.zeros((2, 6000, 2), np.float32)
    always.render(np.zeros((at, 2), np.float32))
    later.start_at(at)
    for engine, out in zip((always, later), sound, strict=True):
        engine.post(NoteOn(0, 60, 100), at + 300)
        engine.render(out)
    assert np.abs(sound[0]).max() > 0.01
    assert np.array_equal(*sound)


def test_keys_go_to_the_parts_of_their_range() -> None:
    lower = PartSettings(highest_key=59, transpose=-12)
    rack = rack_of(lower, UPPER)
    sound = heard(rack, [(0.0, NoteOn(0, 60, 100)), (0.0, NoteOn(0, 60 - 5, 100))], 0.5)
    assert rack.status.n_notes == 2
    assert notes_at(sound, 0.1) == [60]  # note 43 also sounds, but `notes_at` finds only the notes of APART
    assert heard(rack_of(lower), [(0.0, NoteOn(0, 60, 100))], 0.2).max() == 0.0


def test_velocities_and_channels_choose_parts() -> None:
    soft, hard = PartSettings(highest_velocity=80), PartSettings(lowest_velocity=81, transpose=7)
    assert notes_at(heard(rack_of(soft, hard), [(0.0, NoteOn(0, 60, 80))], 0.5), 0.1) == [60]
    assert notes_at(heard(rack_of(soft, hard), [(0.0, NoteOn(0, 60, 81))], 0.5), 0.1) == [67]
    first, second = PartSettings(channel=0), PartSettings(channel=1, transpose=7)
    sound = heard(rack_of(first, second), [(0.0, NoteOn(1, 60, 100)), (0.0, PitchWheel(0, 8191))], 0.5)
    assert notes_at(sound, 0.1) == [67]


def test_a_note_ends_on_its_part_though_the_ranges_have_changed() -> None:
    rack = rack_of(LOWER, UPPER)
    changes = [PartChange(part=1, lowest_key=72, transpose=5), PartChange(part=0, highest_key=71)]
    events = [(0.0, NoteOn(0, 64, 100)), *((0.1, change) for change in changes), (0.2, NoteOff(0, 64))]
    sound = heard(rack, events, 1.0)
    assert notes_at(sound, 0.2 + ENDED_S) == []
    assert rack.status.n_active_voices == 0


@pytest.mark.parametrize("n_parts", [2, 4])
def test_the_oldest_voice_of_all_parts_ends_when_the_limit_is_reached(n_parts: int) -> None:
    rack = rack_of(*(PartSettings(channel=number) for number in range(n_parts)), patch=patch_of(4))
    keys = (48, 55, 60, 64, 67, 71)
    events = [(0.1 * number, NoteOn(number % n_parts, key, 100)) for number, key in enumerate(keys)]
    sound = heard(rack, events, 1.0)
    assert notes_at(sound, 0.6) == list(keys[2:])
    assert rack.status.n_active_voices == 4
    assert rack.status.n_stolen == 2


def test_a_released_voice_of_another_part_ends_first() -> None:
    patch = patch_of(3, envelope=Adsr(attack_s=0.0, release_s=5.0))
    rack = rack_of(PartSettings(channel=0), PartSettings(channel=1), patch=patch)
    on = [(0.0, NoteOn(0, 48, 100)), (0.1, NoteOn(1, 60, 100)), (0.2, NoteOn(1, 67, 100))]
    sound = heard(rack, [*on, (0.3, NoteOff(1, 60)), (0.4, NoteOn(0, 74, 100))], 0.9)
    assert notes_at(sound, 0.5) == [48, 67, 74]


def test_a_limit_of_voices_holds_for_all_parts_together() -> None:
    rack = rack_of(PartSettings(channel=0), PartSettings(channel=1))
    on = [(0.02 * number, NoteOn(number % 2, key, 100)) for number, key in enumerate((48, 55, 60, 64))]
    sound = heard(rack, [*on, (0.1, VoiceLimit(2))], 0.6)
    assert notes_at(sound, 0.2) == [60, 64]


def test_a_part_hears_active_sensing_while_others_are_played() -> None:
    rack = rack_of(PartSettings(channel=0), PartSettings(channel=1))
    played = [(0.1 * k, ControlChange(1, 1, k)) for k in range(1, 12)]
    sound = heard(rack, [(0.0, ActiveSensing()), (0.0, NoteOn(0, 60, 100)), *played], 2.0)
    assert notes_at(sound, 1.0) == [60]
    assert notes_at(sound, 1.6) == []


@pytest.mark.parametrize("change", [{"level_db": -30.0}, {"pan": -1.0}, {"level_db": 6.0, "pan": 1.0}])
def test_a_part_that_changes_makes_no_click(change: dict[str, float]) -> None:
    at = SAMPLE_RATE_HZ
    rack = rack_of(UPPER, LOWER)
    sound = heard(rack, [(0.0, NoteOn(0, 60, 90)), (1.0, PartChange(part=0, **change))], 2.0)
    assert max(excess_db(sound[:, side], at) for side in (0, 1)) < 0.0
    assert abs(20 * np.log10(np.abs(sound[-9000:]).max() / np.abs(sound[:at]).max())) > 1.0


def test_a_swap_plays_new_notes_and_lets_the_old_ring_out() -> None:
    rack = rack_of()
    events = [
        (0.0, ControlChange(0, 64, 127)),
        (0.0, NoteOn(0, 60, 100)),
        (0.1, NoteOff(0, 60)),
        (0.5, Swap(0, "tiny-none", None, playable_of(patch_of(), "tiny-none"))),
        (0.5, NoteOn(0, 67, 100)),
        (0.6, NoteOff(0, 67)),
        (1.0, ControlChange(0, 64, 0)),
    ]
    sound = heard(rack, events, 2.0)
    assert notes_at(sound, 0.6) == [60, 67]  # 67 sounds on: the new engine knows that the pedal is down
    assert notes_at(sound, 1.0 + ENDED_S) == []
    assert len(rack.take_retired()) == 1
    assert rack.status.n_notes == 2
    assert excess_db(sound[:, 0], SAMPLE_RATE_HZ // 2) < 0.0


def test_a_sound_with_other_sends_makes_no_click() -> None:
    at = SAMPLE_RATE_HZ // 2
    sends = SoundEffects(reverb=1.0), SoundEffects(chorus=1.0)
    effects = Effects(SAMPLE_RATE_HZ, EffectsConfig())
    rack = rack_of(patch=patch_of(effects=sends[0]), effects=effects)
    chosen = SoundChange(rack.engine().prepare(patch_of(effects=sends[1])))
    sound = heard(rack, [(0.0, NoteOn(0, 60, 100)), (0.5, chosen)], 1.5)
    still = heard(
        rack_of(patch=patch_of(effects=sends[0]), effects=Effects(SAMPLE_RATE_HZ, EffectsConfig())),
        [(0.0, NoteOn(0, 60, 100))],
        1.5,
    )
    assert np.array_equal(sound[:at], still[:at])
    assert not np.array_equal(sound[at:], still[at:])
    assert max(excess_db(sound[:, side], at) for side in (0, 1)) < 0.0


def whole(*parts: tuple[str, PartSettings], **sound: object) -> Swap:
    """A Swap of all parts.

    parts: (instrument, settings) of each new part.
    sound: arguments of `patch_of`.
    """
    patch = patch_of(**sound)
    return Swap(ALL_PARTS, "tiny", None, tuple(Part(playable_of(patch, name), each) for name, each in parts))


def test_a_split_takes_over_and_lets_notes_and_reverb_ring_out() -> None:
    effects = Effects(SAMPLE_RATE_HZ, EffectsConfig())
    rack = rack_of(patch=patch_of(effects=SoundEffects(reverb=1.0)), effects=effects)
    events = [
        (0.0, NoteOn(0, 55, 100)),
        (0.1, NoteOn(0, 60, 100)),
        (0.4, NoteOff(0, 60)),
        (0.5, whole(("tiny-none", LOWER), ("tiny", UPPER))),
        (0.5, NoteOn(0, 67, 100)),
        (0.9, NoteOff(0, 55)),
        (1.2, NoteOff(0, 67)),
    ]
    sound = heard(rack, events, 2.0)
    assert rack.n_parts == 2
    assert notes_at(sound, 0.55) == [55, 60, 67]  # note 60 has ended, but its reverb still sounds
    assert excess_db(sound[:, 0], SAMPLE_RATE_HZ // 2) < 0.0
    assert len(rack.take_retired()) == 1
    assert rack.status.n_notes == 3
    assert len(rack.engines()) == 2
    assert rack.take_actions() == [Action("swapped", part=ALL_PARTS)]


def test_replaced_parts_keep_their_levels_and_share_the_voices() -> None:
    quiet = PartSettings(level_db=-40.0)
    events = [(0.0, NoteOn(0, 60, 100)), (0.5, whole(("tiny", PartSettings())))]
    sound = heard(rack_of(quiet, quiet), events, 1.0)
    assert np.abs(sound[-9000:]).max() < 0.05 * np.abs(heard(rack_of(), events[:1], 1.0)[-9000:]).max()
    rack = rack_of(PartSettings(), patch=patch_of(3))
    events = [(0.1 * number, NoteOn(0, key, 100)) for number, key in enumerate((48, 55, 60))]
    events += [(0.3, whole(("tiny", PartSettings()), n_voices=3)), (0.4, NoteOn(0, 67, 100))]
    assert notes_at(heard(rack, events, 1.0), 0.6) == [55, 60, 67]


def test_only_a_few_replaced_parts_ring_out() -> None:
    rack = rack_of(LOWER, UPPER)
    keys, events = (48, 55, 60, 64, 67, 71), []
    for number, key in enumerate(keys):
        events += [(0.1 * number, NoteOn(0, key, 100))]
        events += [(0.1 * number + 0.05, whole(("tiny", LOWER), ("tiny", UPPER)))]
    assert notes_at(heard(rack, events, 1.0), 0.6) == list(keys[-4:])


def test_a_swapped_engine_knows_the_wheel_and_its_range() -> None:
    rack, fresh = rack_of(), playable_of(patch_of())
    setup = [*parameter(0, 0, 12), PitchWheel(0, 8191), ControlChange(0, 7, 20)]
    sound = heard(
        rack, [*((0.0, each) for each in setup), (0.1, Swap(0, "tiny", None, fresh)), (0.2, NoteOn(0, 48, 127))], 0.8
    )
    assert notes_at(sound, 0.3) == [60]
    assert np.abs(sound).max() < 0.1


def test_only_a_few_old_engines_ring_out() -> None:
    rack = rack_of()
    keys, events = (48, 55, 60, 64, 67, 71), []
    for number, key in enumerate(keys):
        events += [(0.1 * number, NoteOn(0, key, 100))]
        events += [(0.1 * number + 0.05, Swap(0, "tiny", None, playable_of(patch_of())))]
    sound = heard(rack, events, 1.0)
    assert notes_at(sound, 0.6) == list(keys[-3:])


def test_actions_come_out_in_order_with_their_parts() -> None:
    woken: list[int] = []
    rack = rack_of(PartSettings(channel=0), PartSettings(channel=1), wake=lambda: woken.append(1))
    heard(
        rack,
        [
            (0.0, ProgramChange(1, 100)),
            (0.1, Action("save")),
            (0.2, ControlChange(1, 0, 1)),
            (0.2, ProgramChange(1, 2)),
        ],
        0.3,
    )
    assert rack.take_actions() == [Action("program", 100, 1), Action("save"), Action("program", 128 + 2, 1)]
    assert rack.take_actions() == []
    assert len(woken) == 3


@pytest.mark.parametrize("channels", [(-1, -1), (-1, 1)])
def test_a_program_change_in_layers_is_for_all_parts_unless_one_has_a_channel(channels: tuple[int, int]) -> None:
    patch, program = patch_of(), patch_of(envelope=Adsr(attack_s=0.5))
    settings = [PartSettings(channel=channel) for channel in channels]
    engines = [Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, programs=[program]) for _ in settings]
    rack = Rack([(Playable(engine, patch.sound), each) for engine, each in zip(engines, settings, strict=True)], 8)
    heard(rack, [(0.0, ProgramChange(0, 0)), (0.1, ControlChange(0, 0, 1)), (0.2, ProgramChange(0, 5))], 0.3)
    chosen = [engine.patch is program for engine in engines]
    if channels == (-1, -1):
        assert rack.take_actions() == [Action("program", 0), Action("program", 128 + 5)]
        assert chosen == [False, False]
    else:
        assert rack.take_actions() == [Action("program", 128 + 5)]
        assert chosen == [True, False]


def test_panic_ends_all_notes_at_once() -> None:
    rack = rack_of(UPPER, LOWER)
    on = [(0.0, ControlChange(0, 64, 127)), (0.0, NoteOn(0, 48, 100)), (0.0, NoteOn(0, 67, 100))]
    sound = heard(rack, [*on, (0.3, Action("panic"))], 1.0)
    assert np.abs(sound[round(0.31 * SAMPLE_RATE_HZ) :]).max() == 0.0
    assert rack.take_actions() == []


class Echo:
    """Stands in for the effects: adds both sends to the sound, and stores the sends."""

    sleep = True

    def __init__(self) -> None:
        self.sends: list[np.ndarray] = []

    def add(self, _frame: int, dry: np.ndarray, *sends: np.ndarray | None) -> None:
        sent = [np.zeros_like(dry) if send is None else send for send in sends]
        self.sends.append(np.concatenate(sent, axis=1))
        dry += sent[0] + sent[1]


def sends_of(rack_events: Timed, blocks: list[int], **effects: float) -> np.ndarray:
    """The sound of a rack's two sends, two channels each: float32 (20000, 4).

    effects: fields of SoundEffects.
    """
    echo = Echo()
    rack = rack_of(PartSettings(send=0.5), patch=patch_of(effects=SoundEffects(**effects)), effects=echo)
    render(rack, rack_events, blocks, False, 20000)
    return np.concatenate(echo.sends)


def test_sends_glide_from_the_event_on_in_any_blocks() -> None:
    events: Timed = [(0, NoteOn(0, 60, 100)), (9000, TargetMove("reverb", 0.0)), (10001, TargetMove("chorus", 1.0))]
    whole = sends_of(events, [20000], reverb=0.8)
    assert np.array_equal(whole, sends_of(events, [64, 333, 1, 2048], reverb=0.8))
    assert np.abs(whole[8000:9000, 0]).max() > 0.01
    assert np.abs(whole[9882:, 0]).max() == 0.0
    assert np.abs(whole[:10001, 2]).max() == 0.0
    assert np.abs(whole[12000:, 2]).max() > 0.01
    assert np.abs(np.diff(whole[:, 0])).max() < 0.02


def test_knobs_may_be_turned_from_any_thread_without_a_frame() -> None:
    rack, engine = rack_of(), engine_of(patch_of(), limits=True)
    sound = np.zeros((2, 8192, 2), np.float32)
    for each, out in zip((rack, engine), sound, strict=True):
        each.post(NoteOn(0, 60, 100))
        for first in range(0, 8192, 512):
            each.post(KnobTurn(0, first / 8192))
            each.render(out[first : first + 512])
    assert np.array_equal(*sound)


@FEW
@given(timed_events, rack_events, several, partitions)
def test_parts_with_effects_in_any_blocks(
    timed: Timed, rack: Timed, parts: list[PartSettings], blocks: list[int]
) -> None:
    patch = patch_of(5, effects=SoundEffects(0.5, 0.4))
    moves: Timed = [(2000, TargetMove("reverb", 0.9)), (5001, TargetMove("chorus", 0.0))]

    def make() -> Rack:
        effects = Effects(SAMPLE_RATE_HZ, EffectsConfig())
        return with_swaps(rack_of(*parts, patch=patch, effects=effects), rack, patch)

    assert_same(make, timed + without_swaps(rack) + moves, blocks)


def test_effects_without_sends_change_nothing_and_a_send_rings_on() -> None:
    events: Timed = [(0, NoteOn(0, 60, 100)), (9000, NoteOff(0, 60))]
    dry = render(rack_of(), events, [512], True, 30000)
    silent = render(rack_of(effects=Effects(SAMPLE_RATE_HZ, EffectsConfig())), events, [512], True, 30000)
    assert np.array_equal(dry, silent)
    rack = rack_of(effects=Effects(SAMPLE_RATE_HZ, EffectsConfig()))
    wet = render(rack, [(0, TargetMove("reverb", 1.0)), *events], [512], True, 30000)
    assert np.abs(dry[-5000:]).max() == 0.0
    assert np.abs(wet[-5000:]).max() > 1e-4
    assert rack.status.n_active_voices == 0
    assert not rack.is_silent


def test_an_arpeggio_plays_on_all_parts_in_any_blocks() -> None:
    arpeggio = Arpeggio(mode="up", rate_beats=0.25, gate=1.0)
    patch = patch_of(arpeggiator=arpeggio)

    def make() -> Rack:
        return rack_of(UPPER, LOWER, patch=patch, arpeggiator=Arpeggiator(arpeggio, 120.0, SAMPLE_RATE_HZ))

    chord: Timed = [(0, NoteOn(0, 48, 100)), (0, NoteOn(0, 67, 100)), (24000, NoteOff(0, 48)), (24000, NoteOff(0, 67))]
    sound = assert_same(make, chord, [64, 999, 1, 4096], 33000)
    assert notes_in(sound[1000:5000, 0]) == [48]
    assert notes_in(sound[6800:10900, 0]) == [67]
    assert np.abs(sound[-2000:]).max() == 0.0


def test_another_sound_is_chosen_for_one_part() -> None:
    rack = rack_of(LOWER, UPPER)
    softer = engine_sound(rack, 1, -20.0)
    before = heard(rack, [(0.0, NoteOn(0, 60, 100))], 0.5)
    rack.post(NoteOff(0, 60))
    rack.post(softer)
    after = heard(rack, [(0.6, NoteOn(0, 60, 100))], 0.6)
    assert np.abs(after[-2000:]).max() < 0.15 * np.abs(before[-2000:]).max()


def engine_sound(rack: Rack, part: int, volume_db: float) -> SoundChange:
    patch = patch_of()
    patch = msgspec.structs.replace(patch, settings=msgspec.structs.replace(patch.settings, volume_db=volume_db))
    return SoundChange(rack.engine(part).prepare(patch), part)


def test_an_engine_that_has_left_is_not_kept_by_the_counting_of_voices() -> None:
    patch = patch_of(2, envelope=Adsr(release_s=0.2))
    rack = rack_of(patch=patch)
    gone = weakref.ref(rack.engine())
    events = [(0.0, NoteOn(0, 48, 100)), (0.1, NoteOn(0, 55, 100)), (0.3, NoteOff(0, 48)), (0.3, NoteOff(0, 55))]
    events += [(0.35, Swap(0, "tiny", None, playable_of(patch)))]
    # The note at 0.4 s makes the rack count the voices of both engines, because the old engine still fades then. The
    # rack keeps this count, which refers to the old engine. No later event replaces the count, so the rack must discard
    # the count when the old engine leaves.
    heard(rack, [*events, (0.4, NoteOn(0, 60, 100))], 1.5)
    events.clear()
    assert len(rack.take_retired()) == 1
    assert gone() is None
