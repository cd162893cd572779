"""The real command `doctor` examines this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.doctor.examination import CHECKS, examine
from runtime.doctor.findings import BAD, Finding, Given, screen_lines, summary
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, home_of_its_own

TINY = ROOT / "tests" / "data" / "tiny.onnx"


def doctor(home: Path, *options: object) -> tuple[int, str, dict]:
    answer = home / "doctor.json"
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "runtime", "doctor", "--json", str(answer), *map(str, options)]
    env = os.environ | home_of_its_own(home)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout, json.loads(answer.read_text())


def test_it_measures_this_machine_and_writes_a_report(tmp_path: Path) -> None:
    home = tmp_path / "home"
    status, screen, answer = doctor(home, "--instrument", TINY, "--report", tmp_path / "report.txt")
    findings = {each["name"]: each for each in answer["findings"]}
    assert list(findings)[:1] == ["System"]
    assert {"Processor", "Memory", "Sound card", "Keyboard", "Instrument", "Speed", "Disk", "Network"} <= set(findings)
    assert status == int(answer["verdict"] == "bad")
    assert "tiny" in findings["Instrument"]["says"]
    speed = answer["figures"]["speed"]
    assert (speed["voices"], speed["buffer"]) == (16, 256)
    assert speed["n_blocks"] > 300
    assert 0.0 < speed["p50_ms"] <= speed["p99_ms"] <= speed["max_ms"]
    for finding in findings.values():
        assert (finding["verdict"] == "good") == (finding["mend"] == "")
        assert finding["mend"] in screen
    report = (tmp_path / "report.txt").read_text()
    assert "good     Instrument" in report
    assert str(tmp_path) not in report


def test_it_asks_what_plays_and_does_not_disturb_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ["--audio", "null", "--instrument", TINY, "--panel-port", 8937]
    with LiveProgram(arguments, dict(os.environ), home) as program:
        program.wait_for("PANEL")
        _, _, answer = doctor(home, "--instrument", TINY)
        assert program.stop() == 0
    findings = {each["name"]: each["says"] for each in answer["findings"]}
    assert "on null, 0 voices now" in findings["Playing"]
    assert "not measured" in findings["Speed"]
    assert "speed" not in answer["figures"]
    assert answer["playing"]["process"] == program.process_id
    assert "this machine only" in findings["Network"]


def test_what_is_broken_is_bad_and_the_rest_is_told(tmp_path: Path) -> None:
    settings, broken = tmp_path / "box.yaml", tmp_path / "broken.onnx"
    settings.write_text("volumen_db: 3\n")
    broken.write_bytes(TINY.read_bytes()[:-40])
    status, screen, answer = doctor(tmp_path / "home", "--config", settings, "--instrument", broken)
    bad = {each["name"] for each in answer["findings"] if each["verdict"] == "bad"}
    assert status == 1
    assert {"Settings", "Instrument", "Speed"} <= bad
    assert "volumen_db" in screen
    assert "good     Disk" in screen


def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    def check_nonsense(_given: Given) -> list[Finding]:
        raise ZeroDivisionError("this machine is odd")

    found = list(examine(Given(config=None), (check_nonsense, CHECKS[0])))
    assert (found[0].name, found[0].verdict) == ("Nonsense", BAD)
    assert "this machine is odd" in found[0].says
    assert found[1].name == "System"


@pytest.mark.parametrize("width", [60, 110])
def test_the_screen_keeps_its_width_and_commands_whole(width: int) -> None:
    command = "sudo " + "very-long-command " * 10
    lines = screen_lines([Finding("Real time", "to mend", "word " * 50, command)], width)
    assert max(map(len, lines[:-1])) <= width
    assert lines[-1].strip() == f"-> {command}".strip()
    assert lines[0].startswith("to mend  Real time")
    assert summary([]) == "All is good."
