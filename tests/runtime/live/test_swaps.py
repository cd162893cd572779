"""The real program changes its instrument while it plays."""

from __future__ import annotations

import select
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from runtime.companion.state import read_state
from runtime.config import Config
from runtime.events import Action, Event
from runtime.instrument.library import load
from runtime.link.client import Link
from runtime.live.swapping.racks import Racks
from runtime.live.swapping.swaps import Swaps
from runtime.live.waiting.return_pipe import ReturnPipe
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice, choose
from tests.support.rig import LiveProgram, ask, wait_until

Start = Callable[..., LiveProgram]


def instrument(home: Path) -> str:
    return ask(home, "state")["instrument"]["name"]


def test_the_next_instrument_takes_over_and_comes_back_after_a_restart(home: Path, start: Start) -> None:
    with start("--instrument", "pads") as program:
        for action, name in (("next_instrument", "strings"), ("previous_instrument", "pads")):
            ask(home, "action", name=action)
            wait_until(lambda name=name: instrument(home) == name, name, lambda: program.lines)
        for _ in range(2):
            ask(home, "action", name="previous_instrument")
        wait_until(lambda: instrument(home) == "fm", "fm", lambda: program.lines)
        state = ask(home, "state")
        assert state["sound"]["instrument"]["name"] == "fm"
        wait_until(lambda: "fm" in str(read_state()), "the state", lambda: str(read_state()))
        assert program.stop() == 0
        assert program.errors == ""
    with start():
        assert instrument(home) == "fm"


class Stage:
    """Stands in for the program; it has racks, but no audio output."""

    def __init__(self) -> None:
        self.racks, self.lines, self.n_woken = Racks(choose(Config(), "pads", None, None), lambda: None), [], 0
        self.racks.fit(44100)
        self.swaps = Swaps(self, self.racks, self.lines.append, self._woken)

    def _woken(self) -> None:
        self.n_woken += 1

    @property
    def choice(self) -> Choice:
        return self.racks.choice

    @property
    def rack(self) -> Rack:
        return self.racks.rack

    def post(self, event: Event) -> None:
        self.rack.post(event)

    def tell_sound(self, name: str | None) -> None:
        self.lines.append(f"told {name}")

    def serve(self, n_woken: int) -> None:
        """Wait until a total of `n_woken` instruments have been made or have failed; then render a block."""
        wait_until(lambda: self.n_woken == n_woken, "an instrument")
        self.play_on()

    def play_on(self) -> None:
        self.swaps.serve()
        self.rack.render(np.zeros((256, 2), np.float32))
        for action in self.rack.take_actions():
            self.swaps.happened(action)

    def play_until(self, condition: Callable[[], bool]) -> None:
        wait_until(lambda: self.play_on() or condition(), "what was asked for", lambda: self.lines)


def test_an_instrument_that_cannot_be_read_leaves_the_old_one(tmp_path: Path) -> None:
    stage = Stage()
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    stage.swaps.ask(0, str(tmp_path / "broken.onnx"))
    stage.serve(1)
    assert "broken.onnx: found not an ONNX model" in stage.lines[0]
    assert stage.choice.instrument.path.stem == "pads"
    stage.swaps.step(Action("next_instrument"))
    stage.serve(2)
    assert stage.choice.instrument.path.stem == "strings"
    assert stage.rack.engine().instrument is stage.choice.instrument
    assert len(stage.rack.take_retired()) == 1
    stage.swaps.close()


def test_a_sound_with_parts_takes_over_and_an_instrument_that_is_asked_for_meanwhile_plays_last(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text("phase_blend: 1")
    (tmp_path / "both.yaml").write_text("parts: [{sound: a.yaml, instrument: fm}, {sound: a.yaml, instrument: pads}]")
    stage, gone = Stage(), []
    stage.swaps.ask_whole(None, str(tmp_path / "both.yaml"), "Both")
    stage.swaps.ask(0, "strings")
    stage.play_until(lambda: stage.rack.n_parts == 2)
    assert stage.swaps.plays_whole
    stage.play_until(lambda: not stage.swaps.is_pending)
    assert stage.rack.engine(0).instrument.path.stem == "strings"
    assert stage.rack.engine(1).instrument.path.stem == "pads"
    stage.swaps.ask_whole("pads", str(tmp_path / "a.yaml"), "A")
    stage.swaps.ask(1, "fm")  # part 1 will be gone when this instrument is ready
    gone += [weakref.ref(each) for each in stage.rack.engines()]
    stage.rack.take_retired()
    stage.play_until(lambda: not stage.swaps.is_pending)
    assert (stage.rack.n_parts, stage.swaps.plays_whole) == (1, False)
    assert len(stage.rack.take_retired()) == 2
    assert all(each() is None for each in gone)
    assert [line for line in stage.lines if line.startswith("told")] == ["told Both", "told A"]
    assert stage.rack.engine().patch.sound.name == "A"
    stage.swaps.ask_whole(None, str(tmp_path / "none.yaml"), "None")
    stage.play_until(lambda: not stage.swaps.is_pending)
    assert stage.lines[-1].startswith("The sound stays as it is: ")
    assert stage.rack.engine().instrument.path.stem == "pads"
    stage.swaps.close()


def test_an_instrument_that_another_sound_card_overtakes_is_made_again_for_that_card() -> None:
    stage = Stage()
    stage.swaps.ask(0, "strings")
    wait_until(lambda: stage.n_woken == 1, "an instrument for 44100 Hz")
    stage.racks.fit(48000)
    stage.swaps.forget_posted()
    stage.swaps.step(Action("next_instrument"))  # counts from strings
    stage.swaps.step(Action("previous_instrument"))
    stage.play_until(lambda: not stage.swaps.is_pending)
    assert stage.rack.engine().instrument.path.stem == "strings"
    assert stage.rack.engine().sample_rate_hz == 48000
    stage.swaps.close()


def test_an_instrument_for_one_part_stands_at_the_volume_of_all(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("level_db: -5")
    (tmp_path / "both.yaml").write_text("parts: [{sound: a.yaml, instrument: fm}, {sound: a.yaml, instrument: pads}]")
    stage = Stage()
    stage.swaps.ask_whole(None, str(tmp_path / "both.yaml"), "Both")
    stage.play_until(lambda: stage.swaps.plays_whole)
    stage.swaps.ask(1, "strings")
    stage.play_until(lambda: not stage.swaps.is_pending)
    settings, beside_db = stage.rack.engine(1).patch.settings, stage.rack.engine(1).patch.beside_db
    own_db = load("strings").card.presets[0].sound["level_db"]
    assert settings.volume_db == -5.0
    assert settings.volume_db + beside_db == pytest.approx(own_db)
    stage.swaps.close()


def test_the_audio_thread_wakes_the_main_thread_without_waiting() -> None:
    pipe = ReturnPipe()
    for _ in range(100_000):  # writes more bytes than a pipe holds
        pipe.wake()
    assert select.select([pipe.read_fd], [], [], 0.0)[0]
    while select.select([pipe.read_fd], [], [], 0.0)[0]:
        pipe.drain()
    pipe.wake()
    assert select.select([pipe.read_fd], [], [], 0.0)[0]
    pipe.close()


def test_a_sound_with_parts_plays_live_and_comes_back(home: Path, start: Start) -> None:
    (home / "a.yaml").write_text("phase_blend: 1")
    (home / "both.yaml").write_text("parts: [{sound: a.yaml, instrument: pads}, {sound: a.yaml}]\nname: Both")
    with start("--sound", home / "both.yaml") as program:
        assert instrument(home) == "pads"
        wait_until(lambda: read_state() is not None, "the state", lambda: program.lines)
        assert [part["sound"] for part in read_state().sound["parts"]] == ["a.yaml", "a.yaml"]
        with Link(home / "run" / "timbrebox" / "control") as link:
            file = link.ask("save", name="Kept")["file"]
            link.ask("action", name="next_instrument")
            program.wait_for("Instrument: strings.")
            changed = link.ask("save", name="Changed")["file"]
            wait_until(lambda: read_state().sound["name"] == "Changed", "the name", lambda: str(read_state()))
        program.stop()
    whole = {"sound": str((home / "a.yaml").resolve())}
    assert yaml.safe_load(Path(file).read_text())["parts"] == [whole | {"instrument": "pads"}, whole]
    assert yaml.safe_load(Path(changed).read_text())["parts"] == [{"sound": "violin", "instrument": "strings"}, whole]
    with start() as program:
        program.wait_for("The last sound is back: Changed")
        assert instrument(home) == "strings"
