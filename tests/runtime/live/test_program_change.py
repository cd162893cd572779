"""Bank select and program change reach the user's own sounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from runtime.base.errors import UserError
from runtime.link.client import Link
from runtime.sound.file import save_sound
from runtime.sound.sound import Sound, SoundPart
from tests.support.places import ROOT
from tests.support.rig import JackServer, LiveProgram, Player, wait_until

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"


@contextmanager
def playing(jack_server: JackServer, folder: Path, *arguments: object) -> Iterator[tuple[LiveProgram, Player, Link]]:
    """Yield the program, a keyboard, and a link to the program. At the end, the program must exit without an error."""
    config = folder / "rig.yaml"
    config.write_text(yaml.safe_dump({"midi": {"api": "UNIX_JACK", "virtual_port": "in", "inputs": []}}))
    play = LiveProgram(["--config", config, "--audio", "null", *arguments], jack_server.env, folder)
    with play as program, Player(jack_server, "timbrebox:in", ()) as player:
        with Link(folder / "run" / "timbrebox" / "control") as link:
            yield program, player, link
        assert program.stop() == 0
        assert program.errors == ""


def test_bank_1_has_the_user_s_own_sounds(jack_server: JackServer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_sound(tmp_path / "data" / "timbrebox" / "sounds" / f"{name}.yaml", Sound(pan=0.5))
    (tmp_path / "data" / "timbrebox" / "sounds" / "c.yaml").write_text("pan: 7")
    with playing(jack_server, tmp_path, "--instrument", TINY) as (program, player, link):
        for bank, number, name in ((1, 1, "b"), (1, 0, "a"), (0, 1, "bright"), (1, 1, "b")):
            player.send([0xB0, 0, bank >> 7], [0xB0, 32, bank & 127], [0xC0, number])
            wait_until(lambda n=name: link.ask("state")["sound"].get("name") == n, name, lambda: program.lines)
        player.send([0xC0, 2])
        program.wait_for("The sound stays as it is: ")
        player.send([0xC0, 99])
        wait_until(lambda: any("program 99 of bank 1" in line for line in program.lines), "the line")
        assert link.ask("state")["sound"]["name"] == "b"


def test_a_program_change_on_a_part_s_channel_chooses_that_part_s_sound(
    jack_server: JackServer, tmp_path: Path
) -> None:
    sounds = tmp_path / "data" / "timbrebox" / "sounds"
    for name, instrument in (("a", "pads"), ("b", "strings"), ("c", "pads")):
        save_sound(sounds / f"{name}.yaml", Sound(pan=0.5, instrument=instrument))
    save_sound(sounds / "d.yaml", Sound(parts=(SoundPart(sound="a"),)))
    (tmp_path / "multi.yaml").write_text("parts: [{sound: a, channel: 1}, {sound: a, channel: 2}]\nname: Multi")
    with playing(jack_server, tmp_path, "--sound", tmp_path / "multi.yaml") as (program, player, link):

        def parts() -> list[tuple[str, str]]:
            try:
                file = link.ask("save", name="kept")["file"]
            except UserError:  # the requested instrument does not play yet
                return []
            return [(part["sound"], part.get("instrument")) for part in yaml.safe_load(Path(file).read_text())["parts"]]

        for channel, number, expected in (
            (1, 2, [("a", None), ("c", "pads")]),
            (1, 1, [("a", None), ("b", "strings")]),
            (0, 2, [("c", "pads"), ("b", "strings")]),
        ):
            player.send([0xB0 | channel, 0, 0], [0xB0 | channel, 32, 1], [0xC0 | channel, number])
            wait_until(lambda found=expected: parts() == found, str(expected), lambda: f"{parts()} {program.lines}")
        player.send([0xC1, 3])
        program.wait_for("a sound with parts")


def test_a_program_change_in_a_split_replaces_the_split(jack_server: JackServer, tmp_path: Path) -> None:
    save_sound(tmp_path / "data" / "timbrebox" / "sounds" / "own.yaml", Sound(pan=0.5))
    (tmp_path / "split.yaml").write_text(
        f"name: Split\nparts: [{{sound: bright, instrument: {TINY}, keys: [0, 59]}}, {{sound: own, keys: [60, 127]}}]"
    )
    with playing(jack_server, tmp_path, "--sound", tmp_path / "split.yaml") as (program, player, link):

        def name() -> str | None:
            return link.ask("state")["name"]

        assert name() == "Split"
        player.send([0xC0, 0])
        wait_until(lambda: name() == "mellow", "mellow", lambda: f"{name()} {program.lines}")
        assert not link.ask("present")["state"]["sound"].get("parts")
