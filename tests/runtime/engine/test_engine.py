"""The engine as its caller sees it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, Reset
from runtime.instrument.decoder import Decoder
from tests.support.hearing import cents_off, level_db
from tests.support.places import DATA
from tests.support.playing import notes_in, play

TINY = DATA / "tiny.onnx"


@pytest.fixture(scope="module")
def tiny() -> Decoder:
    return Decoder(TINY)


def busy_piece(seed: int, n_frames: int) -> list[tuple[int, Event]]:
    """Overlapping notes on two channels, with controllers, knobs and resets."""
    random = np.random.default_rng(seed)
    events: list[tuple[int, Event]] = []
    for number in range(60):
        frame, note = int(random.integers(n_frames)), int(random.integers(30, 100))
        channel = int(random.integers(2))
        events.append((frame, NoteOn(channel, note, int(random.integers(1, 128)))))
        events.append((frame + int(random.integers(1, 20000)), NoteOff(channel, note)))
        control = int(random.choice([7, 10, 11, 64, 70, 71, 121]))
        events.append((int(random.integers(n_frames)), ControlChange(channel, control, int(random.integers(128)))))
        if number % 10 == 0:
            events += [(frame, NoteOn(0, n, 90)) for n in (48, 52, 55, 60)]
    return events


@pytest.mark.parametrize("sample_rate_hz", [44100, 48000])
@pytest.mark.parametrize("n_voices", [6, 40])
@pytest.mark.parametrize("blocks", [(1,), (64,), (4096,), (1, 4096, 7, 63, 64, 65, 2, 512)])
def test_the_output_is_the_same_to_the_bit_in_any_blocks(
    tiny: Decoder, sample_rate_hz: int, n_voices: int, blocks: tuple[int, ...]
) -> None:
    n_frames = 30000
    events = busy_piece(n_voices, n_frames)
    whole = play(Engine(tiny, n_voices, sample_rate_hz, 5), events, n_frames, (n_frames,))
    cut = play(Engine(tiny, n_voices, sample_rate_hz, 5), events, n_frames, blocks)
    assert np.array_equal(whole, cut)
    assert np.abs(whole).max() > 0.05


def test_events_posted_just_in_time_sound_as_if_posted_early(tiny: Decoder) -> None:
    n_frames = 30000
    events = busy_piece(1, n_frames)
    early = play(Engine(tiny, 8, 44100, 5), events, n_frames)
    engine, late = Engine(tiny, 8, 44100, 5), np.zeros((n_frames, 2), np.float32)
    for start in range(0, n_frames, 100):
        for frame, event in events:
            if start <= frame < start + 100:
                engine.post(event, frame)
        engine.render(late[start : start + 100])
    assert np.array_equal(early, late)


def test_the_seed_alone_decides_the_noise(tiny: Decoder) -> None:
    first, same, other = (play(Engine(tiny, 4, 44100, seed), [(0, NoteOn(0, 60, 100))], 9000) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("sample_rate_hz", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("note", [48, 61, 83])
def test_a_note_keeps_its_pitch_at_any_device_rate(tiny: Decoder, sample_rate_hz: int, note: int) -> None:
    events = [(0, KnobTurn(0, 1.0)), (0, KnobTurn(1, 1.0)), (0, NoteOn(0, note, 100))]
    sound = play(Engine(tiny, 1, sample_rate_hz, 3), events, 2 * sample_rate_hz)
    assert abs(cents_off(sound[:, 0], sample_rate_hz, note)) < 10.0


def test_an_event_takes_effect_at_its_own_frame(tiny: Decoder) -> None:
    sound = play(Engine(tiny, 2, 44100, 0), [(777, NoteOn(0, 60, 100))], 2000)
    assert not sound[:778].any()
    assert sound[778:790].any()


def test_one_voice_at_velocity_100_is_near_minus_18_dbfs_from_its_beginning_on(tiny: Decoder) -> None:
    for positions in ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)):
        events = [(0, KnobTurn(i, p)) for i, p in enumerate(positions)] + [(0, NoteOn(0, 57, 100))]
        sound = np.mean([play(Engine(tiny, 1, 44100, s), events, 88200)[:, 0] ** 2 for s in range(8)], axis=0)
        levels = [10.0 * np.log10(part.mean()) for part in np.array_split(sound[441:], 20)]
        assert abs(np.mean(levels) + 18.0) < 3.0
        assert abs(levels[0] - np.mean(levels[1:])) < 2.0, "the note waits for its window to fill"


def test_sixteen_voices_are_reduced_by_at_most_1_db(tiny: Decoder) -> None:
    def level_and_peak(notes: Sequence[int]) -> tuple[float, float]:
        sound = play(Engine(tiny, 16, 44100, 4), [(0, NoteOn(0, note, 100)) for note in notes], 88200)
        return level_db(sound[4410:]), float(np.abs(sound).max())

    notes = [48 + 2 * k for k in range(16)]
    alone = [level_and_peak([note])[0] for note in notes]
    together, peak = level_and_peak(notes)
    expected = 10.0 * np.log10(np.sum(10.0 ** (np.array(alone) / 10.0)))
    assert together > expected - 1.0
    assert peak <= 1.0


def test_a_spectrum_is_decoded_once_and_while_a_knob_moves_once_a_hop(tiny: Decoder) -> None:
    engine = Engine(tiny, 8, 44100, 0)
    play(engine, [(0, NoteOn(0, note, 100)) for note in (48, 60, 72)], 44100)
    assert engine.status.n_decoded == 3
    moves = [(44100 + 441 * k, KnobTurn(0, k / 100.0)) for k in range(100)]
    play(engine, moves, 44100)
    n_hops = 44100 / 1024
    assert 3 * (n_hops - 1) <= engine.status.n_decoded - 3 <= 3 * (n_hops + 1)


def test_a_note_struck_again_is_not_decoded_again_until_a_knob_turns(tiny: Decoder) -> None:
    engine = Engine(tiny, 4, 44100, 0)
    strikes = [(k * 3000, NoteOn(0, 60 + k % 2, 100)) for k in range(6)]
    play(engine, strikes, 20000)
    assert engine.status.n_decoded == 2
    play(engine, [(20000, ControlChange(0, 120, 0)), (30000, KnobTurn(0, 0.1)), (40000, NoteOn(0, 60, 100))], 30000)
    assert engine.status.n_decoded == 3


def test_controls_from_the_mapping_move_the_latents_and_no_others(tiny: Decoder) -> None:
    engine = Engine(tiny, config=Config(latent_controls={20: 2}))
    start = engine.status.positions
    play(engine, [(0, ControlChange(0, 70, 127)), (0, ControlChange(0, 20, 127))], 2000)
    assert engine.status.positions == (start[0], 1.0)


def test_no_note_outlives_its_key_its_pedal_or_a_reset(tiny: Decoder) -> None:
    voice = VoiceConfig(n_voices=4, envelope=Adsr(release_s=0.05))
    for ending in (
        [NoteOff(0, 60)],
        [ControlChange(0, 64, 127), NoteOff(0, 60), ControlChange(0, 64, 0)],
        [ControlChange(0, 64, 127), NoteOff(0, 60), ControlChange(0, 121, 0)],
        [ControlChange(0, 120, 0)],
        [ControlChange(0, 123, 0)],
        [Reset()],
    ):
        engine = Engine(tiny, config=Config(voice=voice))
        sound = play(engine, [(0, NoteOn(0, 60, 100)), *[(8000, event) for event in ending]], 16000)
        assert engine.status.n_active_voices == 0, ending
        assert not sound[-100:].any()


def test_a_pedal_holds_a_note_whose_key_is_up(tiny: Decoder) -> None:
    engine = Engine(tiny, 4, 44100, 0)
    play(engine, [(0, ControlChange(0, 64, 127)), (0, NoteOn(0, 60, 100)), (2000, NoteOff(0, 60))], 88200)
    assert engine.status.n_active_voices == 1


def test_more_notes_than_voices_steal_and_are_counted(tiny: Decoder) -> None:
    engine = Engine(tiny, 4, 44100, 0)
    play(engine, [(1000 * k, NoteOn(0, 50 + k, 100)) for k in range(10)], 20000)
    status = engine.status
    assert (status.n_notes, status.n_stolen, status.n_active_voices) == (10, 6, 4)


def test_as_many_voices_sound_as_the_caller_says(tiny: Decoder) -> None:
    five = {"config": Config(voice=VoiceConfig(n_voices=5))}
    for settings, n_heard in (({}, 16), ({"n_voices": 3}, 3), (five, 5), (five | {"n_voices": 5}, 5)):
        engine = Engine(tiny, **settings)
        play(engine, [(0, NoteOn(0, 48 + k, 100)) for k in range(20)], 1000)
        assert engine.status.n_active_voices == n_heard, settings


def test_an_argument_that_contradicts_the_settings_is_refused(tiny: Decoder) -> None:
    with pytest.raises(ValueError, match="n_voices is 8 as an argument and 16 in the settings"):
        Engine(tiny, 8, config=Config())
    with pytest.raises(ValueError, match="seed is 3 as an argument and 0 in the settings"):
        Engine(tiny, seed=3, config=Config())


def test_the_oldest_released_voice_is_stolen_before_any_held_one(tiny: Decoder) -> None:
    engine = Engine(tiny, config=Config(voice=VoiceConfig(n_voices=3, envelope=Adsr(release_s=5.0))))
    fundamentals = [(0, KnobTurn(latent, 0.0)) for latent in range(2)]
    held, older, newer = (0, NoteOn(0, 48, 100)), (100, NoteOn(0, 60, 100)), (200, NoteOn(0, 67, 100))
    released, stealing = [(300, NoteOff(0, 67)), (400, NoteOff(0, 60))], (500, NoteOn(0, 71, 100))
    sound = play(engine, [*fundamentals, held, older, newer, *released, stealing], 33075)
    assert engine.status.n_stolen == 1
    assert notes_in(sound[11025:, 0]) == [48, 67, 71]


def test_volume_expression_and_pan_change_level_and_place(tiny: Decoder) -> None:
    def levels(*events: Event) -> tuple[float, float]:
        sound = play(Engine(tiny, 1, 44100, 0), [(0, e) for e in events] + [(0, NoteOn(0, 60, 100))], 22050)
        return level_db(sound[2205:, 0]), level_db(sound[2205:, 1])

    centred = levels()
    assert centred[0] == pytest.approx(centred[1], abs=0.01)
    assert levels(ControlChange(0, 7, 50))[0] == pytest.approx(centred[0] - 12.04, abs=0.05)
    assert levels(ControlChange(0, 11, 64))[0] == pytest.approx(centred[0] - 11.9, abs=0.1)
    left, right = levels(ControlChange(0, 10, 0))
    assert left == pytest.approx(centred[0] + 3.01, abs=0.05)
    assert right < -100.0


def test_an_engine_that_played_is_freed_without_the_collector(tiny: Decoder) -> None:
    gc.disable()
    try:
        engine = Engine(tiny, 3, 44100, 0)
        play(engine, [(0, NoteOn(0, 50, 100)), (0, NoteOn(0, 20, 100)), (900, NoteOff(0, 50))], 4096)
        parts = [weakref.ref(part) for part in (engine, engine._sound, engine._performance, engine._mixer)]
        del engine
        assert [part() for part in parts] == [None] * len(parts)
    finally:
        gc.enable()
