"""Measures the page's work, first paint and size in a real Chromium: python -m tests.soak.panel_browser.

Work is the processor time of the page's main thread, from the Performance domain of the DevTools Protocol.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from runtime.panel.assets import FOLDER
from tests.support.browser import Browser
from tests.support.panel import Playing

_COUNT = (
    "window.nPictures = 0; (async () => (await import('/play.js')).play.addEventListener("
    "'picture', () => (window.nPictures += 1)))()"
)

_OPEN_ALL = (
    "document.querySelectorAll('details').forEach((e) => (e.open = true)); document.querySelector('.more')?.click()"
)
_AXE = (
    "axe.run(document, {resultTypes: ['violations']}).then((run) => run.violations.filter((each) => "
    "['serious', 'critical'].includes(each.impact)).flatMap((each) => each.nodes.map((node) => "
    "`${each.id}: ${node.html.slice(0, 120)}`)))"
)


def work(playing: Playing, browser: Browser, tab: str, seconds: float) -> dict[str, float]:
    """Measure one tab while a chord sounds.

    Returns the work of the main thread and of its scripts, each in per cent of one core, and how many pictures of the
    sound came per second.
    """
    browser.command("Page.navigate", url="about:blank")
    browser.open(f"{playing.url}#{tab}")
    browser.command("Performance.enable", timeDomain="threadTicks")
    browser.click("tb-keys .bar button:last-child")
    for note in (60, 64, 67):
        browser.click(f'[data-note="{note}"]')
    browser.evaluate(_COUNT)
    before, n_before, begin_s = _metrics(browser), browser.evaluate("nPictures"), time.monotonic()
    time.sleep(seconds)
    after, n_after, took_s = _metrics(browser), browser.evaluate("nPictures"), time.monotonic() - begin_s
    browser.click(".panic")
    return {
        "task_percent": round(100.0 * (after["TaskDuration"] - before["TaskDuration"]) / took_s, 1),
        "script_percent": round(100.0 * (after["ScriptDuration"] - before["ScriptDuration"]) / took_s, 1),
        "pictures_a_second": round((n_after - n_before) / took_s, 1),
    }


def first_paint_s(playing: Playing, browser: Browser) -> float:
    """Seconds from request to first paint, without the browser's cache."""
    browser.command("Network.enable")
    browser.command("Network.setCacheDisabled", cacheDisabled=True)
    browser.command("Page.navigate", url="about:blank")
    browser.open(f"{playing.url}#play")
    found = browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
    return round(found / 1000.0, 3)


def faults(playing: Playing, browser: Browser, axe: Path) -> list[str]:
    """Faults that axe-core rates serious or critical."""
    found = []
    for width, height, scheme, language in (
        (1280, 900, "light", "en"),
        (768, 1024, "dark", "de"),
        (360, 740, "light", "de"),
    ):
        browser.look(width, height, scheme, still=True)
        for tab in ("play", "map", "sounds", "hands", "files", "box"):
            browser.command("Page.navigate", url="about:blank")
            browser.open(f"{playing.url}#{tab}")
            browser.evaluate(f"localStorage.setItem('timbrebox.language', '{language}')")
            browser.command("Page.navigate", url="about:blank")
            browser.open(f"{playing.url}#{tab}")
            browser.evaluate(_OPEN_ALL)
            if tab == "box":
                browser.click("tb-box .main")
                browser.wait("document.querySelectorAll('.findings li').length > 9", 180.0)
            browser.evaluate(axe.read_text(encoding="utf-8") + "\n;0")
            found += [f"{tab}, {width}, {scheme}: {each}" for each in browser.evaluate(_AXE)]
    return found


def _metrics(browser: Browser) -> dict[str, float]:
    return {each["name"]: each["value"] for each in browser.command("Performance.getMetrics")["metrics"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--instrument", default="orchestra")
    parser.add_argument("--axe", type=Path, help="axe.min.js of the npm package axe-core: what it finds is told, too")
    arguments = parser.parse_args()
    options = ["--audio", "null", "--instrument", arguments.instrument]
    with Playing(options, dict(os.environ)) as playing, Browser() as browser:
        browser.look(1280, 900)
        paints_s = [first_paint_s(playing, browser) for _ in range(3)]
        parts = {tab: work(playing, browser, tab, arguments.seconds) for tab in ("play", "map", "sounds")}
        found = faults(playing, browser, arguments.axe) if arguments.axe else []
    n_bytes = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(json.dumps({"first_paint_s": paints_s, "bytes": n_bytes, "faults": found, **parts}))
    is_light = max(part["task_percent"] for part in parts.values()) < 20.0
    return 0 if is_light and not found and n_bytes < 400_000 and min(paints_s) < 1.0 else 1


if __name__ == "__main__":
    sys.exit(main())
