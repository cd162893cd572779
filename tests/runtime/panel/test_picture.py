"""The live picture shows what is heard, and is sent only when it is wanted."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from runtime.acoustics.spectrum_picture import HIGHEST_HZ, LOWEST_HZ, N_BANDS, QUIETEST_DB, SpectrumPicture
from runtime.audio.sound_ring import SoundRing
from runtime.panel.playing import painter
from runtime.panel.playing.painter import Painter
from tests.support.panel import Page, Playing

RATE_HZ = 48000


class Seen(NamedTuple):
    hz: tuple[float, ...]
    heard_db: np.ndarray
    decoded_db: np.ndarray
    latents: bytes

    @classmethod
    def of(cls, content: bytes) -> Seen:
        """Read a picture as docs/panel.md describes it."""
        n_notes, n_latents = content[0], content[1]
        at = 4 + 4 * n_notes
        levels = [
            np.frombuffer(content, np.uint8, N_BANDS, at + k * N_BANDS) * (-QUIETEST_DB / 255.0) + QUIETEST_DB
            for k in range(2)
        ]
        latents = content[at + 2 * N_BANDS :]
        assert len(latents) == n_latents
        return cls(struct.unpack_from(f"<{n_notes}f", content, 4), *levels, latents)


def band_of(hz: float) -> int:
    return int(N_BANDS * np.log(hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))


def sine(hz: float, amplitude: float, n: int) -> np.ndarray:
    one = amplitude * np.sin(2.0 * np.pi * hz * np.arange(n) / RATE_HZ)
    return np.stack((one, one), axis=1).astype(np.float32)


@pytest.mark.parametrize("hz", [60.0, 440.0, 5000.0])
def test_a_sine_in_the_ring_stands_in_its_band_at_its_level(hz: float) -> None:
    ring = SoundRing(2**15)
    ring.write(0, sine(hz, 0.1, 30000))
    ring.write(30000, sine(hz, 0.1, 20000)[:6000])  # wraps around: longer than the space before the ring's end
    seen = Seen.of(Painter(ring.descriptor).paint({"rate_hz": RATE_HZ, "hz": [hz]}))
    ring.close()
    assert abs(int(np.argmax(seen.heard_db)) - band_of(hz)) <= 3
    assert seen.heard_db.max() == pytest.approx(-20.0, abs=3.0)
    assert seen.heard_db[band_of(15000.0)] < -80.0
    assert seen.hz == (hz,)


def test_a_picture_that_stays_the_same_is_sent_for_a_second_only() -> None:
    paint = Painter(None)
    news = {"rate_hz": RATE_HZ, "hz": []}
    sent = [paint.paint(news) for _ in range(100)]
    assert sent[0] is not None
    assert sent[-1] is None
    paint.begin_again()
    assert paint.paint(news) is not None
    assert paint.paint(news | {"hz": [440.0]}) is not None


def test_the_sizes_are_those_of_the_decoder_s_picture() -> None:
    assert painter.N_BANDS == N_BANDS == len(SpectrumPicture(10.0, 1500).draw(np.ones(1500, np.float32), 1.0))


def test_a_spectrum_that_ends_early_is_silent_above() -> None:
    drawn = np.frombuffer(SpectrumPicture(10.0, 500).draw(np.ones(500, np.float32), 1.0), np.uint8)
    assert drawn[band_of(100.0)] == 255
    assert drawn[band_of(4000.0)] == 255
    assert not drawn[band_of(6000.0) :].any()


def picture(page: Page, is_right: Callable[[Seen], bool]) -> Seen:
    """The next picture for which `is_right` is true."""
    deadline_s = time.monotonic() + 30.0
    while time.monotonic() < deadline_s:
        message = page.socket.recv(30.0)
        if isinstance(message, bytes) and is_right(Seen.of(message)):
            return Seen.of(message)
    raise AssertionError("the picture that was waited for did not come")


def test_a_page_that_asks_sees_the_note_that_plays(page: Page) -> None:
    page.tell("watch", topics=["picture"])
    page.tell("note", note=60, velocity=110)
    harmonics = [band_of(261.63 * k) for k in (1, 2, 3)]
    seen = picture(page, lambda seen: len(seen.hz) == 1 and seen.heard_db[harmonics].max() > -60.0)
    assert seen.hz == pytest.approx((261.63,), abs=0.01)
    assert seen.decoded_db[harmonics].max() > -60.0
    assert len(seen.latents) == len(page.present["card"]["latents"])
    page.tell("note", note=60)
    picture(page, lambda seen: not seen.hz and seen.decoded_db.max() == QUIETEST_DB)


def test_a_page_that_does_not_ask_is_sent_no_picture_and_nothing_is_measured(playing: Playing, page: Page) -> None:
    page.tell("watch", topics=[])
    page.tell("note", note=60, velocity=110)
    with playing.link() as link:
        link.ask("watch", topics=["picture"])
        assert next(link.news(5.0))[0] == "picture"  # a client that watches the topic gets it
    until_s = time.monotonic() + 0.5
    while time.monotonic() < until_s:
        assert isinstance(page.socket.recv(5.0), str)
    page.tell("note", note=60)
