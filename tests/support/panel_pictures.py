"""Makes the pictures in docs/panel.md from the real page: python -m tests.support.panel_pictures.

Before a commit, reduce the pictures to 256 colours, and the picture of the map to 64 colours.
"""

from __future__ import annotations

import math
import os
import time

from tests.support.browser import Browser
from tests.support.panel import Playing
from tests.support.places import ROOT

PICTURES = (
    ("panel-play-light.png", "play", 1280, 930, "light"),
    ("panel-map-dark.png", "map", 1280, 800, "dark"),
    ("panel-phone.png", "play", 360, 740, "dark"),
    ("panel-sounds.png", "sounds", 768, 1024, "light"),
    ("panel-box.png", "box", 1280, 930, "light"),
)


def main() -> None:
    with Playing(["--audio", "null", "--instrument", "orchestra"], dict(os.environ)) as playing, Browser() as browser:
        for name, tab, width, height, scheme in PICTURES:
            browser.look(width, height, scheme)
            browser.command("Page.navigate", url="about:blank")
            browser.open(f"{playing.url}#{tab}")
            browser.click("tb-keys .bar button:last-child")
            for note in (60, 64, 67):
                browser.click(f'[data-note="{note}"]')
            if tab == "map":
                _draw_path(browser)
            if tab == "sounds":
                browser.click("tb-layers summary")
            if tab == "box":
                browser.click("tb-box .main")
                is_done = "document.querySelector('.findings li') && !document.querySelector('tb-box .main').disabled"
                browser.wait(is_done, 180.0)
            browser.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
            browser.evaluate("document.querySelector('tb-toast').hide()")
            time.sleep(1.0)
            browser.picture(ROOT / "docs" / name)


def _draw_path(browser: Browser) -> None:
    browser.click(".path button")
    canvas, last = "tb-map canvas:not(.ground)", (0.0, 0.0)
    for k in range(41):
        last = browser.middle(canvas, 0.2 + 0.014 * k, 0.5 + 0.12 * math.sin(k / 6.0))
        browser.mouse("mouseMoved" if k else "mousePressed", last)
    browser.mouse("mouseReleased", last)


if __name__ == "__main__":
    main()
