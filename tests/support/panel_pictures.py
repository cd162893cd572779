"""Makes the pictures of docs/panel.md from the real page: python -m tests.support.panel_pictures.

The map's picture is large; reduce it to 256 colours before it is committed.
"""

from __future__ import annotations

import os
import time

from tests.support.browser import Browser
from tests.support.panel import Playing
from tests.support.places import ROOT

PICTURES = (
    ("panel-play-light.png", "play", 1280, 930, "light"),
    ("panel-map-dark.png", "map", 1280, 800, "dark"),
    ("panel-phone.png", "play", 360, 740, "light"),
)


def main() -> None:
    """Write the pictures, with a chord held."""
    with Playing(["--audio", "null", "--instrument", "orchestra"], dict(os.environ)) as playing, Browser() as browser:
        for name, tab, width, height, scheme in PICTURES:
            browser.look(width, height, scheme)
            browser.command("Page.navigate", url="about:blank")
            browser.open(f"{playing.url}#{tab}")
            browser.click("tb-keys .bar button:last-child")
            for note in (60, 64, 67):
                browser.click(f'[data-note="{note}"]')
            if tab == "map":
                place = browser.middle("tb-map canvas", 0.3, 0.45)
                browser.mouse("mousePressed", place)
                browser.mouse("mouseReleased", place)
            browser.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
            time.sleep(1.0)
            browser.picture(ROOT / "docs" / name)


if __name__ == "__main__":
    main()
