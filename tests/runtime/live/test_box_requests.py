"""The real program answers the requests that the page's tab `Box` makes."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.base.errors import UserError
from runtime.companion.chosen import FILE_NAME
from runtime.doctor.examination import CHECKS
from runtime.link.client import Link
from tests.support.notices import Notices
from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, JackServer, Keyboard, LiveProgram, ask, wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"
Start = Callable[..., LiveProgram]


def row(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in rows if each["name"] == name)


def settings_file(folder: Path, **audio: object) -> Path:
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump({"audio": {"device": "null"} | audio, "instrument": str(TINY)}))
    return path


def test_a_chosen_setting_counts_from_the_next_start_on(start: Start, home: Path, tmp_path: Path) -> None:
    with start("--config", settings_file(tmp_path)):
        before = row(ask(home, "settings"), "buffer_frames")
        assert (before["value"], before["default"], before["now"]) == (256, 256, 256)
        after = row(ask(home, "settings.choose", name="buffer_frames", value=1024), "buffer_frames")
        assert (after["value"], after["now"]) == (1024, 256)
        ask(home, "settings.choose", name="a4_hz", value=442.5)
    with start("--config", settings_file(tmp_path)) as program:
        assert "1024 frames" in program.wait_for("READY")
        assert ask(home, "state")["a4_hz"] == 442.5
        assert row(ask(home, "settings.choose", name="buffer_frames", is_back=True), "buffer_frames")["value"] == 256
    with start("--config", settings_file(tmp_path), "--buffer", 64) as program:
        assert "64 frames" in program.wait_for("READY")


def test_a_value_that_has_changed_in_the_file_wins(start: Start, home: Path, tmp_path: Path) -> None:
    with start("--config", settings_file(tmp_path)):
        ask(home, "settings.choose", name="buffer_frames", value=1024)
    with start("--config", settings_file(tmp_path, buffer_frames=128)) as program:
        assert "128 frames" in program.wait_for("READY")


@pytest.mark.parametrize(
    ("name", "value"),
    [("buffer_frames", 1), ("buffer_frames", 256.0), ("a4_hz", 900.0), ("a4_hz", True), ("chime", 1), ("device", None)],
)
def test_a_setting_or_value_that_is_not_offered_is_refused(name: str, value: object, start: Start, home: Path) -> None:
    with start("--instrument", TINY):
        with pytest.raises(UserError):
            ask(home, "settings.choose", name=name, value=value)
        assert row(ask(home, "settings"), "a4_hz")["value"] == 440.0


def test_a_broken_file_of_choices_does_not_keep_it_from_playing(start: Start, home: Path) -> None:
    kept = home / "state" / "timbrebox" / FILE_NAME
    kept.parent.mkdir(parents=True)
    for text in ("{", '{"a4_hz": {"value": [], "instead_of": 440.0}}', '{"device": {"value": 1, "instead_of": 2}}'):
        kept.write_text(text)
        with start("--instrument", TINY):
            assert ask(home, "state")["a4_hz"] == 440.0


def test_the_doctor_runs_beside_and_tells_each_finding(start: Start, home: Path) -> None:
    with start("--instrument", TINY), Link(home / "run" / "timbrebox" / "control") as link:
        assert link.ask("doctor") == {"is_running": False, "findings": [], "n_checks": 0, "at_s": None}
        link.ask("watch", topics=["change"])
        assert link.ask("doctor.start")["is_running"]
        told = []
        for topic, news in link.news(180.0):
            told.append(news["doctor"])
            link.ask("state")  # `play` must answer while the doctor runs
            if topic == "change" and not news["doctor"]["is_running"]:
                break
        assert [len(each["findings"]) for each in told] == sorted(len(each["findings"]) for each in told)
        last = link.ask("doctor")
    assert last == told[-1]
    assert last["n_checks"] == len(CHECKS)
    assert "problem" not in last
    names = {finding["name"] for finding in last["findings"]}
    assert {"System", "Instrument", "Playing", "Disk"} <= names
    assert {finding["verdict"] for finding in last["findings"]} <= {"good", "to mend", "bad"}


def test_health_and_history_have_load_and_latency(start: Start, home: Path) -> None:
    with start("--instrument", TINY):
        wait_until(lambda: ask(home, "health")["load"] > 0.0, "load")
        health, history = ask(home, "health"), ask(home, "history")
    assert health["latency_ms"] == pytest.approx(1e3 * 256 / 44100)
    assert 0.0 < health["load"] <= health["load_most"]
    assert len({len(column) for column in history.values()}) == 1
    assert history["ago_s"] == sorted(history["ago_s"], reverse=True)
    assert history["load"][-1] == health["load"]


def system_that_says(folder: Path, says: str) -> dict[str, str]:
    """A PATH on which `busctl` prints the text `says`, and `systemctl` writes its arguments to the file `asked`."""
    for name, script in (("busctl", f"echo 's \"{says}\"'"), ("systemctl", f'echo "$@" >> {folder}/asked')):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_power_is_offered_where_logind_allows_it(home: Path, tmp_path: Path) -> None:
    env = dict(os.environ) | system_that_says(tmp_path, "yes")
    with LiveProgram(["--audio", "null", "--instrument", TINY], env, home):
        assert ask(home, "powers") == ["power_off", "reboot"]
        assert ask(home, "power", do="power_off") == {"do": "power_off"}
        assert (tmp_path / "asked").read_text() == "poweroff --no-ask-password\n"


def test_nothing_is_offered_without_logind_s_consent_or_a_service(home: Path, tmp_path: Path) -> None:
    env = dict(os.environ) | system_that_says(tmp_path, "challenge")
    with LiveProgram(["--audio", "null", "--instrument", TINY], env, home):
        assert ask(home, "powers") == []
        with pytest.raises(UserError, match="no service"):
            ask(home, "power", do="restart")


def test_a_service_ends_so_that_systemd_starts_it_again(home: Path, tmp_path: Path) -> None:
    env = dict(os.environ) | system_that_says(tmp_path, "na")
    with Notices() as systemd, LiveProgram(["--audio", "null", "--instrument", TINY], env | systemd.env, home) as box:
        assert ask(home, "powers") == ["restart"]
        assert ask(home, "power", do="restart") == {"do": "restart"}
        assert box.wait() == 0


@pytest.mark.rig
def test_a_control_of_the_default_map_is_silenced_and_comes_back(on_rig: JackServer, home: Path) -> None:
    path = home / "rig.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES}
    path.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "inputs": ["keys"]}}))
    keyboard = Keyboard("keys")
    arguments = ["--config", path, "--instrument", TINY]
    with LiveProgram(arguments, on_rig.env, home) as program:
        program.wait_for("MIDI input: keys:out")
        moved_by(home, keyboard, 70, works=True)
        assert ask(home, "silence", target=first_latent(home)) == {"silenced": ["cc 70 of keys:out"]}
        moved_by(home, keyboard, 70, works=False)
        found = row([each | {"name": each["target"]} for each in ask(home, "targets")], first_latent(home))
        assert (found["moved_by"], found["silenced"]) == ([], ["cc 70 (keys:out)"])
        with pytest.raises(UserError, match="silence"):
            ask(home, "silence", target=first_latent(home))
        assert ask(home, "silence", target="filter.cutoff")["silenced"]
        assert program.stop() == 0
    lines = yaml.safe_load(next(home.rglob("maps/*.yaml")).read_text())["lines"]
    assert lines == [{"control": "cc 70", "action": "nothing"}, {"control": "cc 74", "action": "nothing"}]
    with LiveProgram(arguments, on_rig.env, home) as program:
        program.wait_for("keys:out: the default map and 2 learned controls.")
        moved_by(home, keyboard, 70, works=False)
        ask(home, "unlearn", target=first_latent(home))
        moved_by(home, keyboard, 70, works=True)
        assert ask(home, "velocity", device=0, curve="soft") == {"device": 0, "velocity_curve": "soft"}
        assert ask(home, "devices")[0]["velocity_curve"] == "soft"
        assert ask(home, "velocity", device=0, curve="linear")["velocity_curve"] == "linear"
        with pytest.raises(UserError, match="input 7"):
            ask(home, "velocity", device=7, curve="soft")
        assert program.stop() == 0
    keyboard.unplug()


def first_latent(home: Path) -> str:
    return next(name for name in ask(home, "state")["positions"] if name.startswith("latent."))


def moved_by(home: Path, keyboard: Keyboard, control: int, *, works: bool) -> None:
    """Assert that a control moves the first latent; if `works` is false, assert that it does not."""
    for value in (0, 127):
        keyboard.play([0xB0, control, value])
        reached = lambda at=value / 127.0: abs(ask(home, "state")["positions"][first_latent(home)] - at) < 0.01  # noqa: E731
        if works:
            wait_until(reached, f"control {control} at {value}")
        else:
            time.sleep(0.2)
    if not works:
        keyboard.play([0xB0, control, 0])
        time.sleep(0.2)
        assert ask(home, "state")["positions"][first_latent(home)] > 0.9
