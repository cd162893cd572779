"""The page's process can run without having been started by `play`.

Then it can read the ring of the sound that `play` plays, but cannot write to the ring.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.client import connect

from runtime.audio.sound_ring import RecentSound
from runtime.panel.playing.borrowed import borrow_ring
from tests.runtime.panel.test_picture import band_of, picture
from tests.support.panel import Page
from tests.support.panel_program import PanelProgram
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, home_of_its_own

HARMONICS = [band_of(261.63 * k) for k in (1, 2, 3)]
TINY = ROOT / "tests" / "data" / "tiny.onnx"


def play(home: Path) -> LiveProgram:
    return LiveProgram(["--audio", "null", "--no-panel", "--instrument", TINY], dict(os.environ), home)


def test_its_picture_shows_the_output_also_after_play_was_started_again(tmp_path: Path) -> None:
    with PanelProgram(tmp_path) as panel:
        for _ in range(2):
            with play(tmp_path), Page(connect(f"ws://127.0.0.1:{panel.port}/ws")) as page:
                page.tell("watch", topics=["picture"])
                page.tell("note", note=60, velocity=110)
                picture(page, lambda seen: len(seen.hz) == 1 and seen.heard_db[HARMONICS].max() > -60.0)
                page.tell("note", note=60)
                picture(page, lambda seen: not seen.hz and seen.heard_db.max() < -60.0)


def test_a_borrower_reads_and_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert borrow_ring() is None  # nothing plays
    with play(tmp_path):
        ring = borrow_ring()
        time.sleep(0.2)
        assert np.isfinite(RecentSound(ring).read(1000)).all()
        with pytest.raises(OSError, match=r"Bad file descriptor|not permitted"):
            os.pwrite(ring, b"x", 0)
        with pytest.raises(PermissionError):
            mmap.mmap(ring, 0, access=mmap.ACCESS_WRITE)
        os.close(ring)
