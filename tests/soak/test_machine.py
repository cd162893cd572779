"""The ear hears what is new in the file that the emulated sound card writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.machine.plugs import Ear

HEAD = bytes(44)


def test_the_ear_hears_what_is_new_and_a_new_file_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    ear = Ear(path)
    assert ear.listen() == 0.0
    path.write_bytes(HEAD + np.full(800, -16384, "<i2").tobytes())
    assert ear.listen() == pytest.approx(0.5)
    assert ear.listen() == 0.0
    with open(path, "ab") as stream:
        stream.write(np.full(3, 8192, "<i2").tobytes())  # one frame, and half of the next
    assert ear.listen() == pytest.approx(0.25)
    path.write_bytes(HEAD + np.full(20, 4096, "<i2").tobytes())  # another card
    assert ear.listen() == pytest.approx(0.125)
