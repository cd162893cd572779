"""The doctor's report contains no private names."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.doctor.report import private_names, report_text, without_private
from tests.support.made_machine import MadeMachine


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeMachine:
    """A made-up machine of the user `annmu`, with serial numbers of USB devices and three of the user's own files."""
    home = tmp_path / "home" / "annmu"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "annmu")
    monkeypatch.setenv("LOGNAME", "annmu")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setattr("platform.node", lambda: "annsbox.lan")
    machine = MadeMachine(tmp_path / "machine")
    machine.write("sys/bus/usb/devices/1-1/serial", "A1B2C3D4")
    machine.write("sys/bus/usb/devices/1-2/serial", "0")
    own = home / "data" / "timbrebox"
    for path in ("sounds/For Bob.yaml", "recordings/2026-11-28-194300-For Bob.wav", "instruments/grandma.onnx"):
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_text("")
    return machine


def test_what_is_private_is_replaced(owner: MadeMachine, tmp_path: Path) -> None:
    lines = [
        f"settings {tmp_path}/home/annmu/my.yaml, /home/bobby/x.yaml, /media/annmu/stick",
        "Keyboard Launchkey A1B2C3D4:out of annmu on annsbox.lan or annsbox",
        "grandma plays For Bob; wrote secret-session.wav and /tmp/other.FLAC",
        "annmusic stays, for it is another word; ./timbrebox play --buffer 512",
    ]
    text = report_text(lines, owner.root)
    private = ("A1B2C3D4", "annsbox", "bobby", "For Bob", "secret-session", "other.FLAC", "grandma", str(tmp_path))
    for name in private:
        assert name not in text
    assert text.count("annmu") == 1
    assert "settings ~/my.yaml, /home/USER/x.yaml, /media/USER/stick" in text
    assert "Launchkey SERIAL:out of USER on HOST or HOST" in text
    assert "./timbrebox play --buffer 512" in text
    assert "onnxruntime 1." in text


def test_common_words_are_no_names(owner: MadeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "pi")
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setattr("platform.node", lambda: "timbrebox")
    names = private_names(owner.root)
    assert without_private("timbrebox of pi, as root, 0", names) == "timbrebox of pi, as root, 0"
