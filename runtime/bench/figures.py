"""Measures all figures of the command `bench`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from runtime.base.realtime import AUDIO_PRIORITY, promoted
from runtime.bench import blocks, latency, process, report
from runtime.bench.cases import CASES
from runtime.bench.report import Report
from runtime.config import Config
from runtime.instrument.decoder import Decoder

# For the progress line: how long a small server takes for one second of a case's sound, and for one latency trial.
ABOUT_S_OF_CASE = 0.25
ABOUT_S_OF_TRIAL = 0.15


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured.

    case_s: seconds of sound for each case.
    n_live_seconds: how long the sound device plays, in seconds.
    The other fields are numbers of latency trials.
    """

    case_s: float
    n_notes: int
    n_chords: int
    n_knob_steps: int
    n_live_seconds: int

    @property
    def about_s(self) -> float:
        """Approximate duration of all measurements, in seconds."""
        n_trials = self.n_notes + self.n_chords + self.n_knob_steps
        return len(CASES) * self.case_s * ABOUT_S_OF_CASE + n_trials * ABOUT_S_OF_TRIAL + self.n_live_seconds


FULL = Amounts(case_s=10.0, n_notes=200, n_chords=100, n_knob_steps=100, n_live_seconds=20)
QUICK = Amounts(case_s=1.0, n_notes=20, n_chords=10, n_knob_steps=10, n_live_seconds=2)


def all_figures(config: Config, decoder: Decoder, amounts: Amounts, shown: Report) -> dict[str, object]:
    """Measure everything; `shown` prints each figure as soon as it is known.

    config: the settings for the measurement on the sound device. UserError if that device cannot be opened.
    """
    figures: dict[str, object] = {"machine": process.machine(), "instrument": decoder.card.name}
    with promoted(AUDIO_PRIORITY) as permitted:
        figures["real_time_priority"] = permitted
    shown.say(report.machine_line(figures))
    cold_start_s, rss_mb = process.start_and_memory(decoder.path)
    with _collector_off():
        figures["engine"] = _engine_rows(decoder, amounts, shown)
        figures |= _latencies(decoder, amounts, shown)
        live = process.live_underruns(config, decoder, amounts.n_live_seconds, lambda: shown.advance(1.0))
    figures |= {"cold_start_s": cold_start_s, "rss_mb": rss_mb, "install_mb": process.install_mb()}
    figures |= {"underruns": None if live is None else live["underruns"], "live": live}
    shown.say(report.process_line(figures))
    shown.say(report.live_line(live))
    return figures


def _engine_rows(decoder: Decoder, amounts: Amounts, shown: Report) -> list[dict[str, object]]:
    rows = []
    for case in CASES:
        rows.append(blocks.measure(decoder, case, amounts.case_s))
        shown.say(report.row_line(rows[-1]))
        shown.advance(amounts.case_s * ABOUT_S_OF_CASE)
    return rows


def _latencies(decoder: Decoder, amounts: Amounts, shown: Report) -> dict[str, dict[str, float]]:
    def on_trial() -> None:
        shown.advance(ABOUT_S_OF_TRIAL)

    note_on_ms = latency.note_on_ms(decoder, 1, amounts.n_notes, on_trial)
    shown.say(report.latency_line("key to sound, 64 frames, 16 voices sounding", note_on_ms))
    chord_on_ms = latency.note_on_ms(decoder, 16, amounts.n_chords, on_trial)
    shown.say(report.latency_line("the last note of a 16-note chord", chord_on_ms))
    knob_ms = latency.knob_ms(decoder, amounts.n_knob_steps, on_trial)
    shown.say(report.latency_line("knob to 90 % of its change", knob_ms))
    return {"note_on_ms": note_on_ms, "chord_on_ms": chord_on_ms, "knob_ms": knob_ms}


@contextmanager
def _collector_off() -> Iterator[None]:
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
