"""A real Chromium, controlled by the Chrome DevTools Protocol 1.3 over WebSocket."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_LIMIT_S = 30.0
_MOST_LOOKS = 40  # how many times, at most, `middle` looks whether an element has moved
_FLAGS = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--mute-audio", "--disable-dev-shm-usage",
)  # fmt: skip


def missing_browser() -> str:
    """What must be installed for a Browser; an empty text if nothing is missing."""
    return "" if _program() else "no browser: apt-get install chromium fonts-dejavu-core"


class Browser:
    """A headless Chromium with one page.

    Attribute:
    complaints: the page's uncaught exceptions, its calls of console.error, and the errors that Chromium logs for it.
    """

    def __init__(self) -> None:
        self._ids, self.complaints = itertools.count(1), []
        self._folder = tempfile.TemporaryDirectory(prefix="tb-browser-", ignore_cleanup_errors=True)

    def __enter__(self) -> Browser:
        flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else []), f"--user-data-dir={self._folder.name}"]
        self._log = (Path(self._folder.name) / "log").open("wb")
        self._process = subprocess.Popen([_program(), *flags, "about:blank"], stdout=self._log, stderr=self._log)
        port = self._port()
        self._socket = self._page(port)
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(_LIMIT_S)
        self._log.close()
        self._folder.cleanup()
        # Chromium's other processes end a little later, and may write into the folder until then.
        end_s = time.monotonic() + _LIMIT_S
        while Path(self._folder.name).exists() and time.monotonic() < end_s:
            shutil.rmtree(self._folder.name, ignore_errors=True)
            time.sleep(0.05)

    def command(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(_LIMIT_S))).get("id") != number:
            self._note(message)
        assert "error" not in message, message
        return message["result"]

    def evaluate(self, script: str) -> Any:
        """The value of a script in the page; for a promise, its result."""
        done = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def open(self, url: str) -> None:
        self.command("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.querySelector('tb-slider.tall') !== null")

    def wait(self, condition: str, limit_s: float = _LIMIT_S) -> None:
        """Wait until a script's value is true; AssertionError after limit_s seconds."""
        deadline_s = time.monotonic() + limit_s
        while not self._is_true(f"Boolean({condition})"):
            assert time.monotonic() < deadline_s, f"{condition} did not come; {self.complaints}"
            time.sleep(0.02)

    def _is_true(self, script: str) -> bool:
        try:
            return self.evaluate(script)
        except AssertionError as error:
            if "navigated" in str(error):  # a new page has just replaced the one that ran the script
                return False
            raise

    @contextmanager
    def at(self, url: str, tab: str) -> Iterator[None]:
        """Open the page at a tab for the time of a `with`; AssertionError if there are complaints at its end."""
        self.look(1280, 900)
        self.open(f"{url}#{tab}")
        self.click(f"#tab-{tab}")
        self.complaints.clear()
        yield
        assert self.complaints == []
        self.command("Page.navigate", url="about:blank")

    def middle(self, selector: str, x: float = 0.5, y: float = 0.5, rest_s: float = 0.05) -> tuple[float, float]:
        """Scroll to an element, wait until it rests, and return a point on it, in pixels of the window.

        x, y: the point, as shares of the element's width and height.
        rest_s: how long the element must keep its place.
        """
        place = self._place(selector, x, y)
        for _ in range(_MOST_LOOKS):
            time.sleep(rest_s)
            before, place = place, self._place(selector, x, y)
            if place == before:
                break
        return place

    def _place(self, selector: str, x: float, y: float) -> tuple[float, float]:
        box = self.evaluate(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}}); "
            "const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()"
        )
        return box[0] + x * box[2], box[1] + y * box[3]

    def mouse(self, kind: str, place: tuple[float, float]) -> None:
        """Send an event of the mouse.

        kind: mousePressed, mouseMoved or mouseReleased.
        place: the point in pixels of the window.
        """
        button = {"button": "left", "buttons": 0 if kind == "mouseReleased" else 1, "clickCount": 1}
        self.command("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], **button)

    def click(self, selector: str, rest_s: float = 0.05) -> None:
        place = self.middle(selector, rest_s=rest_s)
        self.mouse("mousePressed", place)
        self.mouse("mouseReleased", place)

    def key(self, kind: str, code: str, key: str) -> None:
        """Send an event of a key.

        kind: keyDown or keyUp.
        code: the key's place on the keyboard.
        key: what the key types, or its name, such as Tab.
        """
        self.command("Input.dispatchKeyEvent", type=kind, code=code, key=key)

    def look(self, width: int, height: int, scheme: str = "light", *, still: bool = False) -> None:
        """Set the page's size in pixels, and its colour scheme.

        still: whether the page is told that the user prefers reduced motion.
        """
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        features += [{"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def picture(self, path: Path) -> None:
        shot = self.command("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", params)))
        elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.complaints.append(" ".join(str(each.get("value", each)) for each in params["args"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def _port(self) -> int:
        log, deadline_s = Path(self._folder.name) / "log", time.monotonic() + _LIMIT_S
        while not (found := re.search(r"ws://127\.0\.0\.1:(\d+)/", log.read_text(errors="replace"))):
            if time.monotonic() > deadline_s or self._process.poll() is not None:
                raise AssertionError(log.read_text(errors="replace"))
            time.sleep(0.05)
        return int(found[1])

    def _page(self, port: int) -> ClientConnection:
        from urllib.request import urlopen

        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_LIMIT_S) as answer:
            (page,) = [each for each in json.load(answer) if each["type"] == "page"]
        return connect(page["webSocketDebuggerUrl"], max_size=None).__enter__()


def _program() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
