"""The soak programs run for a short time, and detect errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.engine.limiter import limit
from runtime.events import NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from tests.soak import live_swaps, panel, play_files, random_sounds
from tests.soak.fuzz_midi import BLOCK_FRAMES, TINY, BrokenError, Storm, main, make_engine
from tests.soak.storm import byte_blocks, message_blocks
from tests.support.clicks import spikes_db


def test_a_small_storm_of_every_kind_breaks_nothing(tmp_path: Path) -> None:
    report = tmp_path / "fuzz.json"
    assert main(["--bytes", "20000", "--messages", "600", "--seed", "1", "--json", str(report)]) == 0
    runs = json.loads(report.read_text())["runs"]
    assert len(runs) == 8
    assert all(run["n_notes"] > 5 and run["n_checks"] for run in runs)
    assert max(run["peak"] for run in runs) <= 1.0


@pytest.mark.parametrize("make", [
    lambda random: byte_blocks(100_000, random), lambda random: message_blocks(8_000, 16, BLOCK_FRAMES, random),
])  # fmt: skip
def test_the_same_seed_makes_the_same_storm_of_every_kind_of_event(make) -> None:
    first, same = (list(make(np.random.default_rng(5))) for _ in range(2))
    assert first == same
    assert len({type(event) for block in first for _, event in block}) >= 9
    assert all(0 <= frame < BLOCK_FRAMES for block in first for frame, _ in block)


def test_a_note_that_does_not_end_is_noticed() -> None:
    storm = Storm(make_engine(4, "poly", 0))
    performance = storm.engine._performance
    performance._EVENT_HANDLERS = {**performance._EVENT_HANDLERS, NoteOff: lambda _self, _event, _frame: None}
    storm.n_checks = 2  # so the next check uses the third of ENDINGS, which sends note-offs
    for _ in storm.play(iter([[(0, NoteOn(0, 60, 100))]])):
        pass
    with pytest.raises(BrokenError, match="every key up"):
        storm.check_stuck()


def test_an_exception_and_a_bad_sample_are_noticed() -> None:
    storm = Storm(make_engine(4, "poly", 0))
    with pytest.raises(BrokenError, match="KeyError"):
        list(storm.play(iter([[(0, object())]])))  # type: ignore[list-item]
    storm = Storm(make_engine(4, "poly", 0))
    storm.engine._mixer._tails[:] = np.nan
    storm.engine._mixer.tails_end = 10**9
    with pytest.raises(BrokenError, match="nan"):
        list(storm.play(iter([[]])))


def test_a_file_is_played_and_its_notes_are_counted_in_and_out(tmp_path: Path) -> None:
    folder, report = tmp_path / "pieces", tmp_path / "report.json"
    folder.mkdir()
    (folder / "scale.mid").write_bytes((TINY.parent / "scale.mid").read_bytes())
    assert play_files.main([str(folder), "--seconds", "3", "--voices", "2", "--json", str(report)]) == 0
    total = json.loads(report.read_text())["folders"]["."]
    assert (total["n_files"], total["n_notes"], total["n_ended"]) == (1, 4, 4)


def test_a_lost_note_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play_files, "render", lambda *_: ("", 0.0))
    with pytest.raises(play_files.WrongError, match="0 begun"):
        play_files.play(TINY.parent / "scale.mid", Decoder(TINY), 3.0, 2)


def test_a_filter_must_keep_the_lowest_harmonics_as_long_as_the_note_is_measured() -> None:
    time_s = np.arange(random_sounds.LONG_SPEC.frame_size) / random_sounds.SAMPLE_RATE_HZ
    harmonics = np.array([np.sin(2.0 * np.pi * 261.626 * number * time_s) for number in range(1, 9)])
    plain, high = harmonics.sum(axis=0), harmonics[3:].sum(axis=0)
    assert random_sounds.keeps_lowest(0.1 * plain, plain, 60)
    assert not random_sounds.keeps_lowest(high, plain, 60)
    assert not random_sounds.keeps_lowest(np.where(time_s < 0.2, plain, high), plain, 60)


def test_a_few_random_sounds_break_nothing(tmp_path: Path) -> None:
    report = tmp_path / "sounds.json"
    random_sounds.main(["--sounds", "8", "--in-tune", "8", "--json", str(report)])
    found = json.loads(report.read_text())
    assert found["n_sounds"] == 8
    assert [each for each in found["broken"] if not each["transposed"]] == []
    assert found["tuning"]["in_tune"] >= 0.75


def test_what_is_wrong_with_a_sound_is_noticed() -> None:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (30000, 2)).astype(np.float32)
    noise[-2000:] = 0.0
    assert random_sounds.broken(noise, 0) is None
    assert random_sounds.broken(noise, 1) == "does not end"
    for value, wrong in ((np.nan, "not a number"), (1.5, "above full scale"), (0.9, "clicks")):
        spoilt = noise * np.float32(0.1)
        spoilt[15000] = value
        assert random_sounds.broken(spoilt, 0).startswith(wrong)


def test_a_resonance_that_sweeps_fast_is_no_click_but_a_gap_in_it_is() -> None:
    """A filter's resonance sweeps past five harmonics at 120 octaves per second."""
    time_s = np.arange(44100) / 44100
    octaves = np.clip((time_s - 0.4) * 120.0, 0.0, 8.0)
    sound = np.zeros(len(time_s))
    for number in range(1, 6):
        past = np.log2(number * 3951.0 / 2351.0) - octaves
        gain = 10.0 ** (24.0 / 20.0 / (1.0 + 8.0 * past**2) ** 2) / np.sqrt(1.0 + 4.0 ** (2.0 * past))
        sound += 0.1 / number * gain * np.sin(2.0 * np.pi * number * 3951.0 * time_s)
    sound *= np.hanning(len(sound)) ** 0.05
    assert spikes_db(sound) < -3.0
    sound[10000:10004] = 0.0
    assert spikes_db(sound) > 0.0


def test_the_harmonics_that_the_limiter_gives_a_loud_peak_are_no_click_but_a_gap_is() -> None:
    time_s = np.arange(44100) / 44100
    loudness = 0.5 + 0.37 * np.exp(-0.5 * ((time_s - 0.5) / 0.001) ** 2)
    tone = (loudness * np.sin(2.0 * np.pi * 3350.0 * time_s) * np.hanning(len(time_s)) ** 0.05).astype(np.float32)

    def limited(sound: np.ndarray) -> np.ndarray:
        made = np.stack([sound, sound])
        limit(made, np.empty_like(made), np.empty_like(made))
        return made.T

    tone[-200:] = 0.0
    torn = tone.copy()
    torn[22000:22004] = 0.0
    assert random_sounds.broken(limited(tone), 0).startswith("clicks")
    assert random_sounds.broken(limited(tone), 0, lambda: np.stack([tone, tone], axis=1)) is None
    assert random_sounds.broken(limited(torn), 0, lambda: np.stack([torn, torn], axis=1)).startswith("clicks")


def test_points_in_tune_have_narrow_harmonics() -> None:
    instrument = random_sounds.load(random_sounds.DEFAULT_INSTRUMENT)
    random, widest = np.random.default_rng(0), 0.0
    for _ in range(300):
        sound = random_sounds.pitched_sound(random, instrument)
        moves = sum(abs(each.amount) for each in sound.modulation if each.target == "bandwidth")
        widest = max(widest, sound.bandwidth_cents + 100.0 * moves)
    assert widest == pytest.approx(40.0)


def test_a_note_out_of_tune_is_noticed() -> None:
    instrument = random_sounds.load(random_sounds.DEFAULT_INSTRUMENT)
    heard = random_sounds.held(instrument, random_sounds.Sound(), 60)
    spectrum = random_sounds.magnitude_frames(heard, random_sounds.LONG_SPEC)[0]
    cents = random_sounds.cents_off(np.array([spectrum, spectrum]), np.array([60, 61]), random_sounds.LONG_SPEC)
    assert np.abs(cents - [0.0, -100.0]).max() < 10.0


def test_random_messages_leave_the_page_and_what_plays_as_they_were() -> None:
    assert panel.main(["--messages", "600", "--requests", "100", "--slow", "0", "--quiet-s", "1"]) == 0


def swap_pairs(n_late: int, n_late_still: int, grows_mb: float) -> list[live_swaps.Pair]:
    """The counts of 20 pairs. The pairs end with two instruments in turn; with the second, memory is 10 MB higher.

    n_late, n_late_still: late blocks of each spell with swaps, and of each spell without. To each spell's number, a
        random number from 0 to 4 is added.
    grows_mb: growth of memory over all pairs.
    """
    chance = np.random.default_rng(0)
    return [
        live_swaps.Pair(
            live_swaps.Counts(2000, n_late + int(chance.integers(0, 5)), 0, 0),
            live_swaps.Counts(2000, n_late_still + int(chance.integers(0, 5)), 0, 0),
            150.0 + 10.0 * (number % 2) + grows_mb * number / 20.0,
        )
        for number in range(20)
    ]


@pytest.mark.parametrize(("late", "still", "grows_mb", "good"), [
    (3, 3, 0.0, True), (3, 3, 2.0, True), (3, 5, 0.0, True), (9, 3, 0.0, False), (3, 3, 4.0, False),
])  # fmt: skip
def test_swaps_that_make_blocks_late_or_memory_grow_are_noticed(
    late: int, still: int, grows_mb: float, good: bool
) -> None:
    assert live_swaps.report(swap_pairs(late, still, grows_mb)) == good
