"""Measures the time from a click on the page's keyboard to the captured sound: python -m tests.soak.panel_touch.

`play` uses a JACK server with periods of 256 frames, and a sound that reaches its full level at once. With other
sounds, the time is 10 to 30 ms longer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from tests.support.browser import Browser
from tests.support.panel import Playing
from tests.support.rig import JackServer, Player, wait_until
from tests.support.touch import touch_to_sound_ms

LONGEST_MS = 25.0
PERIOD_FRAMES = 256


def measure(folder: Path, n: int) -> np.ndarray:
    settings = folder / "rig.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "voice": {"envelope": {"attack_s": 0.0, "release_s": 0.0}}}))
    with (
        JackServer(folder / "jackd.log", period_frames=PERIOD_FRAMES) as server,
        Playing(["--config", settings, "--instrument", "virtual-analogue"], server.env) as playing,
        Player(server, "", ("PortAudio:out_0", "PortAudio:out_1")) as ears,
        Browser() as browser,
        playing.link() as link,
    ):
        browser.look(1280, 900)
        browser.open(f"{playing.url}#play")
        for target in ("envelope.attack", "envelope.release"):
            link.ask("move", target=target, position=0.0)
        wait_until(lambda: np.abs(ears.record(0.1)).max() < 1e-3, "silence")
        touch_to_sound_ms(browser, ears, 60, 3)  # not counted: these clicks make the browser and `play` ready
        return touch_to_sound_ms(browser, ears, 60, n)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=60)
    with tempfile.TemporaryDirectory() as folder:
        took = measure(Path(folder), parser.parse_args().clicks)
    rows = dict(
        zip(("from_sending_ms", "from_the_browser_ms"), np.percentile(took, (50, 90, 100), axis=0).T, strict=True)
    )
    print(
        json.dumps(
            {name: [round(float(value), 1) for value in row] for name, row in rows.items()}
            | {"load": os.getloadavg()[0]}
        )
    )
    return int(np.median(took[:, 0]) > LONGEST_MS)


if __name__ == "__main__":
    sys.exit(main())
