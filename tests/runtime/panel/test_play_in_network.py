"""In a network, `play` shows its pairing code, and OSC plays notes."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.runtime.panel.test_osc import bundle, message
from tests.support.panel import Page, Playing
from tests.support.panel_program import free_port, network_address
from tests.support.places import ROOT
from tests.support.rig import wait_until


def test_a_network_pairs_and_osc_plays(tmp_path: Path) -> None:
    address, osc_port = network_address(), free_port(socket.SOCK_DGRAM)
    if address is None:
        pytest.skip("this machine is in no network")
    settings = tmp_path / "network.yaml"
    settings.write_text(f"panel: {{address: 0.0.0.0, port: {free_port()}, osc_port: {osc_port}}}\n")
    arguments = ["--audio", "null", "--instrument", ROOT / "tests" / "data" / "tiny.onnx", "--config", settings]
    with Playing(arguments, dict(os.environ)) as playing:
        code = playing.wait_for("Pairing code: ").removeprefix("Pairing code: ").strip()
        with playing.link() as link:
            wait_until(lambda: link.ask("panel"), "the page's news")
            assert link.ask("panel")["code"] == code
        shown = subprocess.run(
            [sys.executable, "-m", "runtime", "panel", "--code"],
            cwd=ROOT,
            env=playing.env,
            capture_output=True,
            text=True,
        )
        assert shown.stdout.startswith(f"Pairing code: {code}\n")
        host = f"{address}:{playing.port}"
        status, _, _ = playing.get("/pair", **{"Host": f"localhost:{playing.port}", "Timbrebox-Code": code})
        assert status == 204  # this machine needs no code: nothing was paired, and the code stays valid
        cookie = paired(address, playing.port, code)
        with Page(connect(f"ws://{host}/ws", additional_headers={"Cookie": cookie}, proxy=None)) as page:
            page.tell("note", note=60, velocity=100)
            page.voices(1)
            page.tell("note", note=60)
            page.voices(0)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pad:
                pad.connect(("127.0.0.1", osc_port))
                pad.send(b"nonsense")
                pad.send(bundle(message("/timbrebox/note", 60, 100), message("/timbrebox/target/pan", 0.25)))
                page.voices(1)
                wait_until(lambda: page.ask("state")["result"]["positions"]["pan"] == 0.25, "the move")
                pad.send(message("/timbrebox/note", 60, 0))
                page.voices(0)
        with playing.link() as link:
            wait_until(lambda: link.ask("panel")["osc"] == {"taken": 2, "ignored": 1}, "the ignored packet")
        assert playing.stop() == 0
        assert playing.errors == ""


def paired(address: str, port: int, code: str) -> str:
    """Pair a new device; returns its cookie."""
    import http.client

    connection = http.client.HTTPConnection(address, port, timeout=60.0)
    connection.request("GET", "/pair", headers={"Timbrebox-Code": code})
    answer = connection.getresponse()
    assert answer.status == 204
    return re.match(r"[^;]+", answer.getheader("Set-Cookie"))[0]
