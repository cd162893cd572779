"""Lets a stranger use the page, for the ten tasks in panel_tasks.md: python -m tests.soak.panel_stranger.

Starts a JACK server, `play`, a MIDI keyboard with knobs, and a headless Chromium with the page. Reads commands from
standard input, one a line, as JSON, and answers each with one line of JSON. From a shell:

    mkfifo commands; python -m tests.soak.panel_stranger <commands >answers & exec 3>commands
    echo '{"do": "shot", "file": "now.png"}' >&3; tail -n 1 answers

Places are pixels of the window, from its upper left corner; times are seconds. If a command fails, the answer has
`error`.

| command | what it does |
|---|---|
| {"do": "shot", "file": "now.png"} | writes a picture of the window |
| {"do": "elements"} | lists what is in the window: role, name, box [left, top, width, height], state |
| {"do": "click", "x": 10, "y": 20} | clicks; "hold": 0.5 keeps the button down for 0.5 s, "n": 2 clicks twice |
| {"do": "drag", "x": 10, "y": 20, "to": [60, 90]} | drags; also over several places, "to": [[60, 90], [80, 20]] |
| {"do": "hover", "x": 10, "y": 20} | moves the pointer |
| {"do": "wheel", "x": 10, "y": 20, "by": 300} | scrolls down by 300 pixels |
| {"do": "type", "text": "Rain"} | types a text into the field that has the focus |
| {"do": "key", "key": "Shift+Tab"} | presses a key: a letter, Enter, Escape, Tab, Space, ArrowUp …; also with "hold" |
| {"do": "choose", "x": 10, "y": 20, "option": "flute"} | picks from a field's list; pictures do not show this list |
| {"do": "knob", "control": 21, "value": 64} | turns a knob of the MIDI keyboard, from its last value to this one |
| {"do": "note", "note": 60, "on": true} | presses or releases a key of the MIDI keyboard |
| {"do": "wait", "s": 1} | waits |
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.support.browser import Browser
from tests.support.panel import Playing
from tests.support.rig import JackServer, Keyboard

KEYBOARD = "Stage keys"
TURN_S = 0.01  # time from one value of a turned knob to the next
SETTLED_S = 0.15  # after a command, the page needs at most this long to answer
SHOWN = ("pressed", "checked", "expanded", "selected", "disabled", "focused", "valuetext", "value")
# Elements with these roles are not listed: they say nothing, or repeat the name of a listed element.
UNLISTED = {"none", "generic", "InlineTextBox", "RootWebArea", "LineBreak", "ListMarker", "MenuListPopup", "option"}
NAMED_BY_TEXT = {"button", "tab", "heading", "link", "cell", "columnheader", "rowheader", "LabelText", "Legend"}
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "Space": 32, "Backspace": 8, "Delete": 46, "Home": 36, "End": 35} | {
    f"Arrow{name}": 37 + k for k, name in enumerate(("Left", "Up", "Right", "Down"))
}
SHIFT = 8
CHOOSE = """(() => {
  const field = document.elementFromPoint(%d, %d).closest("select"), name = %s;
  const option = [...(field?.options ?? [])].find((each) => each.text === name);
  if (!option) return `no such option here: ${[...(field?.options ?? [])].map((each) => each.text).join(", ")}`;
  field.focus();
  field.value = option.value;
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
})()"""

# An element's box and state; null if it is not in sight.
PLACE = """function () {
  const element = this.closest ? this : this.parentElement, range = document.createRange();
  range.selectNode(this);
  const { left, top, width, height } = (this.closest ? this : range).getBoundingClientRect();
  if (!width || !height || left + width <= 0 || top + height <= 0) return null;
  if (left >= innerWidth || top >= innerHeight) return null;
  const within = (at, most) => Math.min(most - 1, Math.max(0, at));
  const middle = [within(left + width / 2, innerWidth), within(top + height / 2, innerHeight)];
  const bar = document.elementFromPoint(...middle)?.closest(".dock, .top, .tabs, tb-toast");
  if (bar && !bar.contains(element)) return null;
  const state = {};
  if (element.ariaCurrent) state.current = element.ariaCurrent;
  if (element.options) state.options = [...element.options].map((each) => each.text);
  return { box: [left, top, width, height].map(Math.round), state };
}"""


class Hands:
    def __init__(self, browser: Browser, keyboard: Keyboard):
        self._browser, self._keyboard = browser, keyboard
        self._knobs: dict[int, int] = {}

    def shot(self, file: str) -> dict[str, Any]:
        self._browser.picture(Path(file))
        return {"file": file}

    def elements(self) -> dict[str, Any]:
        return {"elements": [*listed(self._browser)]}

    def click(self, x: float, y: float, hold: float = 0.0, n: int = 1) -> None:
        self.hover(x, y)
        for k in range(n):
            self._mouse("mousePressed", x, y, clickCount=k + 1)
            time.sleep(hold)
            self._mouse("mouseReleased", x, y, clickCount=k + 1)

    def drag(self, x: float, y: float, to: list[Any], steps: int = 20, hold: float = 0.0) -> None:
        self.hover(x, y)
        self._mouse("mousePressed", x, y)
        time.sleep(hold)
        for u, v in to if isinstance(to[0], list) else [to]:
            for k in range(1, steps + 1):
                self._mouse("mouseMoved", x + (u - x) * k / steps, y + (v - y) * k / steps)
                time.sleep(0.02)
            x, y = u, v
        self._mouse("mouseReleased", x, y)

    def hover(self, x: float, y: float) -> None:
        self._browser.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, buttons=0)

    def wheel(self, x: float, y: float, by: float) -> None:
        self._browser.command("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=by)

    def type(self, text: str) -> None:
        self._browser.command("Input.insertText", text=text)

    def key(self, key: str, hold: float = 0.0) -> None:
        *with_keys, name = key.split("+")
        typed = {"Enter": "\r", "Space": " "}.get(name, name if len(name) == 1 else "")
        event = {"key": " " if name == "Space" else name, "modifiers": SHIFT if "Shift" in with_keys else 0}
        event["code"] = f"Key{name.upper()}" if len(name) == 1 and name.isalpha() else name
        event["windowsVirtualKeyCode"] = KEYS.get(name) or ord(name.upper())
        text = {"text": typed} if typed else {}
        self._browser.command("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        time.sleep(hold)
        self._browser.command("Input.dispatchKeyEvent", type="keyUp", **event)

    def choose(self, x: float, y: float, option: str) -> dict[str, Any]:
        fault = self._browser.evaluate(CHOOSE % (x, y, json.dumps(option)))
        return {"error": fault} if fault else {}

    def knob(self, control: int, value: int) -> None:
        last = self._knobs.get(control, 0 if value else 127)
        for step in range(last, value, 4 if value > last else -4):
            self._keyboard.play([0xB0, control, step])
            time.sleep(TURN_S)
        self._keyboard.play([0xB0, control, value])
        self._knobs[control] = value

    def note(self, note: int, on: bool = True, velocity: int = 90) -> None:
        self._keyboard.play([0x90 if on else 0x80, note, velocity])

    def wait(self, s: float) -> None:
        time.sleep(s)

    def _mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        button = {"button": "left", "buttons": 0 if kind == "mouseReleased" else 1, "clickCount": 1} | more
        self._browser.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)


def listed(browser: Browser) -> Iterator[dict[str, Any]]:
    """Each element in the window: its role, name and state, as a screen reader is told them, and its box in pixels."""
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    roles = {node["nodeId"]: node.get("role", {}).get("value", "") for node in nodes}
    for node in nodes:
        role, name = roles[node["nodeId"]], node.get("name", {}).get("value", "")
        is_part = role == "StaticText" and roles.get(node.get("parentId")) in NAMED_BY_TEXT
        if node["ignored"] or is_part or role in UNLISTED or not (name or "value" in node):
            continue
        place = _place(browser, node["backendDOMNodeId"]) if "backendDOMNodeId" in node else None
        if place is None:
            continue
        said = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
        said["value"] = node.get("value", {}).get("value")
        state = {key: said[key] for key in SHOWN if said.get(key) is not None} | place["state"]
        yield {"role": role, "name": name, "box": place["box"]} | ({"state": state} if state else {})


def _place(browser: Browser, node: int) -> dict[str, Any] | None:
    """An element's box in pixels, and the states that the accessibility tree lacks; None if it is not in sight."""
    try:
        found = browser.command("DOM.resolveNode", backendNodeId=node)["object"]["objectId"]
    except AssertionError:  # replaced meanwhile
        return None
    asked = {"functionDeclaration": PLACE, "objectId": found, "returnByValue": True}
    return browser.command("Runtime.callFunctionOn", **asked)["result"].get("value")


def obey(hands: Hands, line: str) -> dict[str, Any]:
    try:
        command = json.loads(line)
        name = command.pop("do")
        if name.startswith("_") or not hasattr(hands, name):
            return {"error": f"no such command: {name}"}
        answer = {"done": name} | (getattr(hands, name)(**command) or {})
    except Exception as error:  # a wrong command must not end the test
        return {"error": f"{type(error).__name__}: {error}"}
    if name not in ("shot", "elements"):
        time.sleep(SETTLED_S)
    return answer


def lines() -> Iterator[str]:
    """Lines of the standard input.

    No wait is longer than 1 s, because a signal that comes just before a wait does not end that wait.
    """
    rest = b""
    while True:
        while not select.select([sys.stdin], [], [], 1.0)[0]:
            pass
        given = os.read(sys.stdin.fileno(), 1 << 16)
        *whole, rest = (rest + given).split(b"\n") if given else (rest, b"")
        yield from (line.decode() for line in whole)
        if not given:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--instrument", default="orchestra")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that SIGTERM, like Ctrl+C, ends all that was started
    with ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="tb-stranger-")))
        server = started.enter_context(JackServer(folder / "jackd.log", period_frames=256))
        os.environ.update(server.env)
        keyboard = Keyboard(KEYBOARD)
        started.callback(keyboard.unplug)
        settings = folder / "play.yaml"
        audio = {"host_api": "JACK", "device": "system", "buffer_frames": 256}
        settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK"}}))
        arguments = ["--config", settings, "--instrument", options.instrument]
        playing = started.enter_context(Playing(arguments, server.env))
        browser = started.enter_context(Browser())
        browser.look(options.width, options.height, options.scheme)
        browser.open(playing.url)
        browser.command("Accessibility.enable")
        hands = Hands(browser, keyboard)
        ready = {"ready": playing.url, "window": [options.width, options.height], "keyboard": KEYBOARD}
        print(json.dumps(ready), flush=True)
        for line in lines():
            if line.strip():
                print(json.dumps(obey(hands, line), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
