"""The verdict says what the figures mean, and the report is one page that needs no other file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from export.making.curve import learning_curve
from export.making.page import Pair, Report, write_page
from export.making.verdict import key_warning, verdict
from tests.support.own_folder import tone
from training.corpus.recordings import Recording
from training.making.fates import Fate

FIGURES = {
    "path_db": 3.1, "still_db": 4.0, "corpus_mean_db": 6.1, "change_correlation": 0.71, "told_apart_still": 0.91,
    "told_apart_path": 1.0, "heldout_path_db": 5.2, "in_tune": 0.996, "octave_off": 0.0, "keys_out_of_tune": [],
}  # fmt: skip


def test_each_figure_comes_with_what_it_means() -> None:
    assert verdict(FIGURES, 8, frames_held_out=False) == [
        "follows its recordings well: 3.1 dB apart (the mean of all its sounds would be 6.1 dB); held still, 4.0 dB",
        "their change over time is followed with correlation 0.71 (1 would be exactly)",
        "its sounds are told apart in 100 % of trials, held still in 91.0 % (by chance about 12 %)",
        "recordings that it was not taught: 5.2 dB apart",
        "in tune 99.6 %, an octave off 0 %",
    ]


def test_an_instrument_that_is_no_better_than_the_mean_is_not_praised() -> None:
    first = verdict(FIGURES | {"path_db": 6.5}, 8, frames_held_out=False)[0]
    assert first.startswith("follows its recordings no better than the mean of all its sounds: 6.5 dB")
    alone = verdict(FIGURES | {"path_db": 6.5}, 1, frames_held_out=True)[0]
    assert alone == "follows its recordings poorly: 6.5 dB apart; held still, 4.0 dB"


def test_keys_out_of_tune_are_named() -> None:
    assert key_warning(FIGURES) is None
    off = FIGURES | {"keys_out_of_tune": [60, 66]}
    assert "C4, F#4" in key_warning(off)
    assert verdict(off, 8, frames_held_out=False)[-1] == f"WARNING: {key_warning(off)}"


def test_figures_that_are_not_known_are_left_out() -> None:
    unknown = dict.fromkeys(FIGURES) | {"keys_out_of_tune": []}
    assert verdict(unknown, 1, frames_held_out=True) == [
        "it knows pitch classes, but no octaves: how well it is in tune was not measured"
    ]


def test_the_page_holds_its_sounds_and_asks_for_nothing(tmp_path: Path) -> None:
    sound = tone(60).astype(np.float32)
    recording = Recording(tmp_path / "a.wav", "a.wav", note=60, sound="horn <b>")
    pairs = [Pair(recording, sound, sound, 0.0), Pair(recording, sound)]
    history = [{"epoch": epoch, "loss": 0.1 / epoch, "val_loss": None} for epoch in range(1, 9)]
    fates = [Fate("bad & broken.wav", None, "left out: broken")]
    report = Report("mine", ["WARNING: C4"], ["1 file"], pairs, fates, history, "./timbrebox play", FIGURES, 44100)
    write_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('<audio controls preload="none" src="data:audio/mpeg;base64,') == 3
    assert "horn &lt;b&gt;" in page
    assert "bad &amp; broken.wav" in page
    assert not re.search(r"<script|https?://|<link|<img", page)


def test_the_curve_has_a_point_for_each_epoch() -> None:
    history = [{"epoch": epoch, "loss": 0.1 / epoch, "val_loss": 0.2 / epoch} for epoch in range(1, 9)]
    curve = learning_curve(history)
    points = re.findall(r'points="([^"]*)"', curve)
    assert [len(line.split()) for line in points] == [8, 8]
    heights = [float(point.split(",")[1]) for point in points[0].split()]
    assert heights == sorted(heights)  # the error falls, so y rises: in the picture, y grows downwards
    assert "epoch" in curve
    assert "error (mean square)" in curve
    assert "No epoch" in learning_curve([])
