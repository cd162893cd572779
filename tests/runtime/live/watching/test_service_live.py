"""Neither a missing sound card nor a mistake in the settings ends the real service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.notices import Notices
from tests.support.places import ROOT
from tests.support.rig import JackServer, LiveProgram, Player, wait_until

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"
OUTPUTS = ("PortAudio:out_0", "PortAudio:out_1")


@pytest.fixture
def systemd() -> Iterator[Notices]:
    with Notices() as notices:
        yield notices


def settings(device: str = "null", **more: object) -> str:
    audio = {"device": device, "buffer_frames": 512} | ({} if device == "null" else {"host_api": "JACK"})
    config = {"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}, "instrument": str(TINY)}
    return yaml.safe_dump(config | more)


def refusal(arguments: list[object], env: dict[str, str], home: Path) -> str:
    """The line with which an interactive `play` refuses to start."""
    program = LiveProgram(arguments, env, home)
    with pytest.raises(AssertionError, match="ended without"):
        program.__enter__()
    assert program.wait() == 2
    assert program.errors.count("\n") == 1
    return program.errors


def test_a_named_card_that_is_not_there_yet_is_waited_for(tmp_path: Path, systemd: Notices) -> None:
    late, path = JackServer(tmp_path / "jackd.log"), tmp_path / "box.yaml"
    path.write_text(settings("system"))
    assert "audio host_api: found 'JACK'" in refusal(["--config", path], late.env, tmp_path / "home")
    with LiveProgram(["--config", path], late.env | systemd.env) as program:
        assert "JACK" in program.wait_for("No sound yet")
        wait_until(lambda: "No sound yet" in systemd.status, "the status", lambda: systemd.told)
        with late:
            program.wait_for("Sound card: ")
            program.wait_for("MIDI input: timbrebox:in")
            with Player(late, "timbrebox:in", OUTPUTS) as player:
                player.send([0x90, 69, 100])
                player.record(0.3)
                assert np.abs(player.record(0.5)).max() > 0.01
                wait_until(lambda: "1 voices" in systemd.status, "the status", lambda: systemd.told)
            assert "No sound" not in systemd.status
            assert "JACK Audio Connection Kit: system, 44100 Hz, MIDI: timbrebox:in" in systemd.status
            assert program.stop() == 0
        assert program.errors == ""


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("volumen_db: 3\n", "volumen_db"),
        ("audio: [", "YAML"),
        (yaml.safe_dump({"midi": {"api": "NO_SUCH"}}), "NO_SUCH"),
        (yaml.safe_dump({"midi": {"map": "no-such-map"}}), "no-such-map"),
    ],
)
def test_with_broken_settings_it_plays_with_the_last_good_ones_and_says_so(
    jack_server: JackServer, tmp_path: Path, systemd: Notices, broken: str, words: str
) -> None:
    path, home = tmp_path / "box.yaml", tmp_path / "home"
    path.write_text(settings(volume_db=-7.0))
    with LiveProgram(["--config", path], jack_server.env | systemd.env, home) as program:
        wait_until(lambda: list(home.rglob("settings.json")), "the settings that are kept")
        assert "not used" not in systemd.status
        assert program.stop() == 0
    path.write_text(broken)
    assert words in refusal(["--config", path], jack_server.env, home)
    with LiveProgram(["--config", path], jack_server.env | systemd.env, home) as program:
        said = program.wait_for("The settings are not used")
        assert words in said
        assert "the last good ones" in said
        assert "timbrebox:in" in program.wait_for("READY")
        wait_until(lambda: words in systemd.status, "the status", lambda: systemd.told)
        assert program.stop() == 0
        assert program.errors == ""


def test_without_good_settings_it_plays_with_the_defaults(
    jack_server: JackServer, tmp_path: Path, systemd: Notices
) -> None:
    path = tmp_path / "box.yaml"
    path.write_text("volumen_db: 3\n")
    with LiveProgram(["--config", path, "--audio", "null"], jack_server.env | systemd.env) as program:
        assert "the defaults" in program.wait_for("The settings are not used")
        assert program.stop() == 0
