"""`bench` measures every figure."""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import io
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.__main__ import main
from runtime.bench.blocks import N_SPELLS, measure, started
from runtime.bench.cases import CASES, NAMED, Case
from runtime.bench.figures import FULL, QUICK, Amounts
from runtime.bench.floor import floor_load
from runtime.bench.latency import BUFFER_FRAMES, press_keys, step_knobs
from runtime.bench.process import live_underruns
from runtime.commands.machine import bench
from runtime.config import AudioConfig, Config
from runtime.engine.synthesis.hops import N_OVERLAPS
from runtime.instrument.decoder import Decoder
from tests.support.places import DATA
from tests.support.playing import SAMPLE_RATE_HZ, decoder
from tests.support.rig import PERIOD_FRAMES, JackServer

TINY_AMOUNTS = Amounts(case_s=0.01, n_notes=2, n_chords=2, n_knob_steps=2, n_live_seconds=1)
KEYS = {
    "machine", "instrument", "real_time_priority", "engine", "note_on_ms", "chord_on_ms", "knob_ms", "cold_start_s",
    "rss_mb", "install_mb", "underruns", "live",
}  # fmt: skip
TIMES = ["p50_ms", "p99_ms", "p999_ms", "max_ms"]
RATIOS = ("p99_of_plain", "load_of_plain")
ROW_KEYS = {"voices", "buffer", "moving", *TIMES, "budget_ms", "load"}
CASE_NAMES = ("wheel", "vibrato", "coherent", "modulated", "bandwidth", "width", "all", "effects")
PLAIN_ROWS = [(n, buffer, moving) for n in (1, 16, 64) for buffer in (64, 256) for moving in (True, False)]
CASE_ROWS = [(name, buffer) for name in CASE_NAMES for buffer in (64, 256)]


class CountingDecoder(Decoder):
    n_rows = 0

    def decode(self, n_rows: int) -> np.ndarray:
        self.n_rows += n_rows
        return super().decode(n_rows)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str]:
    """The figures and the printed text of a short `bench` without a sound card."""
    folder = tmp_path_factory.mktemp("bench")
    settings, written = folder / "silent.yaml", folder / "bench.json"
    settings.write_text("audio: {device: 'null'}\n")
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    options = ["--quick", "--json", str(written), "--config", str(settings), "--instrument", str(DATA / "tiny.onnx")]
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(bench, "QUICK", TINY_AMOUNTS)
        assert bench.run(parser.parse_args(options)) == 0
    return json.loads(written.read_text()), printed.getvalue()


@pytest.fixture(scope="module")
def figures(run: tuple[dict, str]) -> dict:
    return run[0]


def test_every_figure_is_there(figures: dict) -> None:
    assert set(figures) >= KEYS
    assert figures["instrument"] == decoder().card.name
    assert isinstance(figures["real_time_priority"], bool)
    assert set(figures["machine"]) == {"processor", "cores", "system", "python", "numpy", "onnxruntime"}
    assert figures["cold_start_s"] > 0.0
    assert 10.0 < figures["rss_mb"] < 1000.0
    assert figures["install_mb"] is None or figures["install_mb"] > 0.0
    assert (figures["underruns"], figures["live"]) == (None, None)
    for key in ("note_on_ms", "chord_on_ms", "knob_ms"):
        assert 0.0 < figures[key]["p50"] <= figures[key]["p99"] <= figures[key]["max"]


def test_plain_rows_come_first_then_the_named_cases(figures: dict) -> None:
    rows = figures["engine"]
    plain = [(row["voices"], row["buffer"], row["moving"]) for row in rows if "case" not in row]
    named = [(row["case"], row["buffer"]) for row in rows if "case" in row]
    assert (plain, named) == (PLAIN_ROWS, CASE_ROWS)
    assert all("case" not in row for row in rows[: len(PLAIN_ROWS)])
    assert all((row["voices"], row["moving"]) == (16, True) for row in rows[len(PLAIN_ROWS) :])


def test_only_plain_rows_have_a_floor(figures: dict) -> None:
    for row in figures["engine"]:
        assert set(row) == ROW_KEYS | ({"case", *RATIOS} if "case" in row else {"floor_load"})
        assert all(row.get(ratio, 1.0) > 0.0 for ratio in RATIOS)
        assert row.get("floor_load", 1.0) > 0.0


def test_rows_hold_the_buffer_s_length_and_times_in_order(figures: dict) -> None:
    for row in figures["engine"]:
        assert row["budget_ms"] == pytest.approx(row["buffer"] / SAMPLE_RATE_HZ * 1e3)
        times_ms = [row[key] for key in TIMES]
        assert times_ms == sorted(times_ms)
        assert times_ms[0] > 0.0
        assert row["load"] > 0.0


def test_a_line_is_printed_for_each_figure(run: tuple[dict, str]) -> None:
    figures, printed = run
    lines = printed.splitlines()
    assert figures["machine"]["processor"] in lines[0]
    rows = lines[1 : 1 + len(CASES)]
    assert [" x floor" in line for line in rows] == ["floor_load" in row for row in figures["engine"]]
    for line, row in zip(rows, figures["engine"], strict=True):
        assert f"{row['buffer']} frames, knobs {'moving' if row['moving'] else 'at rest'}" in line
        assert row.get("case", "knobs") in line
    assert [line.split(":")[0].split()[0] for line in lines[1 + len(CASES) :]] == ["key", "the", "knob", "start", "no"]


def test_a_folder_as_target_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "all_figures", lambda *_: pytest.fail("it measured"))
    assert main(["bench", "--json", str(tmp_path), "--instrument", str(DATA / "tiny.onnx")]) == 2
    assert f"{tmp_path}: found a folder; expected a path for a file" in capsys.readouterr().err


def test_quick_measures_a_tenth() -> None:
    quick, full = msgspec.to_builtins(QUICK), msgspec.to_builtins(FULL)
    assert {key: 10 * amount for key, amount in quick.items()} == full


@pytest.mark.parametrize("n_voices", [1, 16])
def test_the_decoder_works_while_knobs_move_and_not_at_rest(n_voices: int) -> None:
    n_rows = {}
    for moving in (True, False):
        counting = CountingDecoder(DATA / "tiny.onnx")
        # This case has a name, so `measure` also plays `case.plain`. Here `case.plain` has the same settings, so each
        # row is decoded twice. For a case without a name, `measure` would call `floor_load`, which decodes more rows.
        measure(counting, Case(n_voices=n_voices, buffer_frames=64, moving=moving, name="counted"), duration_s=1.0)
        n_rows[moving] = counting.n_rows / 2
    assert n_rows[False] == n_voices  # one spectrum for each voice, when its note begins
    n_blocks = SAMPLE_RATE_HZ // 64 // N_SPELLS * N_SPELLS
    n_hops = 2 * n_blocks * 64 / decoder().card.spec.hop_size  # rendered twice: for the load, and for the block's time
    assert n_rows[True] == pytest.approx(n_voices * n_hops, rel=0.1)


def test_the_floor_of_a_plain_case_decodes_only_while_knobs_move() -> None:
    n_rows = []
    for moving in (True, False):
        counting = CountingDecoder(DATA / "tiny.onnx")
        floor_load(counting, 4, moving, n_hops=8)
        n_rows.append(counting.n_rows)
    assert n_rows == [4 * (8 + N_OVERLAPS), 0]


@pytest.mark.parametrize("case", NAMED, ids=lambda case: f"{case.name}-{case.buffer_frames}")
def test_a_named_case_sounds_as_nothing_else_does(case: Case) -> None:
    plain = Case(n_voices=16, buffer_frames=case.buffer_frames, moving=True)
    others = [other for other in NAMED if other.name != case.name and other.buffer_frames == case.buffer_frames]
    sound = rendered(case)
    assert np.abs(sound).max() > 0.0
    for other in (plain, *others):
        assert not np.array_equal(sound, rendered(other))
    assert np.array_equal(sound, rendered.__wrapped__(case))


@functools.cache
def rendered(case: Case) -> np.ndarray:
    engine = started(decoder(), case)
    sound = np.zeros((11008 // case.buffer_frames, case.buffer_frames, 2), np.float32)
    for number, block in enumerate(sound):
        for event in case.events_at(number * case.buffer_frames / SAMPLE_RATE_HZ, decoder().card.n_latents):
            engine.post(event)
        engine.render(block)
    return sound.reshape(-1, 2)


@pytest.mark.parametrize(("n_notes", "n_buffers"), [(1, 1), (8, 1), (16, 2)])
def test_keys_are_heard_soon_after_their_buffer(n_notes: int, n_buffers: int) -> None:
    random = np.random.default_rng(5)
    delays_frames = [press_keys(decoder(), n_notes, random)[0] for _ in range(5)]
    assert all(n_buffers * BUFFER_FRAMES <= delay <= (n_buffers + 1) * BUFFER_FRAMES for delay in delays_frames)


def test_knobs_are_heard_after_their_step_within_two_windows() -> None:
    random = np.random.default_rng(5)
    delays_frames = [step_knobs(decoder(), random) for _ in range(3)]
    assert all(0 < delay < 2 * decoder().card.spec.frame_size for delay in delays_frames)


def test_the_collector_is_on_again_afterwards(run: tuple[dict, str]) -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.rig
def test_a_live_run_counts_the_blocks_of_a_device(on_rig: JackServer) -> None:
    seconds = []
    config = Config(audio=AudioConfig(host_api="jack", buffer_frames=PERIOD_FRAMES))
    live = live_underruns(config, decoder(), 1, lambda: seconds.append(1))
    assert set(live) == {"device", "buffer", "seconds", "blocks", "underruns", "late"}
    assert (live["buffer"], live["seconds"], len(seconds)) == (PERIOD_FRAMES, 1, 1)
    assert live["blocks"] > 0
