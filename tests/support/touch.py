"""Measures the time from a click on a piano key of the page to its captured sound."""

from __future__ import annotations

import time

import numpy as np

from tests.support.browser import Browser
from tests.support.rig import SAMPLE_RATE_HZ, Player

HEARD_S = 0.5
AUDIBLE_DB = -20.0  # relative to the loudest sample (note_on_ms of `bench`: to the sustained peak)
_CLICKED = "addEventListener('pointerdown', (e) => (window.clickedAt = performance.timeOrigin + e.timeStamp), true)"


def touch_to_sound_ms(browser: Browser, ears: Player, note: int, n: int) -> np.ndarray:
    """Click `n` times on a note's key. Returns the milliseconds from each click to its sound, (n, 2).

    The first column counts from the moment at which the click was sent to the browser, the second from the moment at
    which the browser noticed the click.

    ears: records the sound.
    """
    browser.evaluate(_CLICKED)
    place = browser.middle(f'[data-note="{note}"]', y=0.9)
    took = []
    for _ in range(n):
        ears.begin_recording(HEARD_S)
        time.sleep(0.08)
        sent_s = time.monotonic()
        browser.mouse("mousePressed", place)
        sound = ears.recorded()
        browser.mouse("mouseReleased", place)
        level = np.abs(sound).max(axis=1)
        assert level.max() > 0.01, "the click was not heard"
        heard_s = ears.began_s + np.argmax(level > level.max() * 10.0 ** (AUDIBLE_DB / 20.0)) / SAMPLE_RATE_HZ
        clicked_s = browser.evaluate("clickedAt") / 1e3 - (time.time() - time.monotonic())  # in `time.monotonic()`
        took.append([1e3 * (heard_s - sent_s), 1e3 * (heard_s - clicked_s)])
        time.sleep(0.3)
    return np.array(took)
