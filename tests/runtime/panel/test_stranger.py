"""tests.soak.panel_stranger carries out the commands on its standard input, and ends all that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import missing_browser
from tests.support.places import ROOT
from tests.support.rig import missing_tools, wait_until

pytestmark = pytest.mark.rig


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: the browser's socket is in it, and a socket's path may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        yield Path(folder)


@pytest.fixture
def driver(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running tests.soak.panel_stranger, whose temporary files are in `folder`."""
    missing = missing_tools() or missing_browser()
    if missing:
        (pytest.fail if os.environ.get("TIMBREBOX_BROWSER") else pytest.skip)(missing)
    command = [sys.executable, "-m", "tests.soak.panel_stranger", "--instrument", "strings"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, **pipes) as driver:
        assert "ready" in json.loads(driver.stdout.readline())
        yield driver
        driver.stdin.close()  # a kill would leave `play` running
        driver.wait(60)


def ask(driver: subprocess.Popen[str], **command: object) -> dict[str, Any]:
    driver.stdin.write(json.dumps(command) + "\n")
    driver.stdin.flush()
    return json.loads(driver.stdout.readline())


def middle(driver: subprocess.Popen[str], role: str, name: str) -> dict[str, float]:
    """The middle, in pixels, of the first element with this role whose name begins with `name`."""
    listed = ask(driver, do="elements")["elements"]
    box = next(each["box"] for each in listed if each["role"] == role and each["name"].startswith(name))
    return {"x": box[0] + box[2] / 2.0, "y": box[1] + box[3] / 2.0}


def children(process: int) -> list[int]:
    """All descendants of a process."""
    own = [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return own + [each for child in own for each in children(child)]


def test_a_knob_is_learnt_by_mouse_and_midi(driver: subprocess.Popen[str], tmp_path: Path) -> None:
    ask(driver, do="click", **middle(driver, "tab", "Controls"))
    wait_until(lambda: "rowheader" in {each["role"] for each in ask(driver, do="elements")["elements"]}, "the table")
    ask(driver, do="click", **middle(driver, "button", "Learn a control for Latent 1"))
    ask(driver, do="knob", control=21, value=90)

    def is_learnt() -> bool:
        said = [each["name"] for each in ask(driver, do="elements")["elements"]]
        return any("CC\u00a021 · learned" in name for name in said)

    wait_until(is_learnt, "the learnt knob")
    assert ask(driver, do="shot", file=str(tmp_path / "now.png")) == {"done": "shot", "file": str(tmp_path / "now.png")}
    assert (tmp_path / "now.png").read_bytes().startswith(b"\x89PNG")
    assert "no such command" in ask(driver, do="fly")["error"]
    assert "error" in ask(driver, do="click", x="left")


@pytest.mark.parametrize("how", ["its input closes", "it is asked to end"])
def test_it_ends_everything(driver: subprocess.Popen[str], folder: Path, how: str) -> None:
    started = children(driver.pid)
    assert len(started) > 3  # at least the server, the program, its page and the browser
    if how == "its input closes":
        driver.stdin.close()
    else:
        driver.send_signal(signal.SIGTERM)
    assert driver.wait(30.0) == (0 if how == "its input closes" else 1)
    wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in started), "their ends")
    assert not [path for path in folder.iterdir() if path.name.startswith("tb-")]
