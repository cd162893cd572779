"""Broken files are used, or refused in one printable line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.instrument import session, trial_process
from runtime.instrument.decoder import Decoder
from runtime.instrument.foreign import trial
from tests.soak.hostile import own_places
from tests.support.hostile_commands import HARMFUL, KINDS, run_command
from tests.support.hostile_kinds import Kind, kinds
from tests.support.hostile_models import GOOD, MODELS, TRAP

N_EACH = 25
# One example of each kind of harm; tests/soak/hostile.py tries all files.
SOME = ("/dev/zero as config", "a pipe as midi", "sound with an escape in its name", "aliases in aliases", "1 Hz",
        "2 MB of notes", "an archive that grows", "a model that takes memory", "instruments with bad ones")  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return kinds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("name", [*KINDS, "stream"])
def test_broken_files_are_used_or_refused(
    made: dict[str, Kind], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(content: bytes, path: Path) -> None:
        try:
            trial_process._run(session.new_session(content))
        except Exception as error:
            raise UserError(path, str(error), "a model that runs", "use another") from None

    monkeypatch.setattr(session, "refuse_untried", tried)
    lines: list[str] = []
    kind, path = made[name], tmp_path / f"broken{made[name].suffix}"
    path.write_bytes(kind.make(-1))
    kind.use(path, 0)  # number -1 made a good file: it must be used
    for number in range(N_EACH):
        path.write_bytes(kind.make(number))
        try:
            kind.use(path, number)
        except UserError as error:
            lines.append(str(error))
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", SOME)
def test_the_command_uses_or_refuses_what_does_harm(name: str, tmp_path: Path) -> None:
    outcome = run_command(HARMFUL[name](tmp_path), tmp_path, own_places(tmp_path), name)
    assert outcome.fault is None


def test_a_stranger_s_model_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, remembered = tmp_path / "strange.onnx", Path(os.environ["XDG_STATE_HOME"], "timbrebox", "tried-instruments")
    path.write_bytes(GOOD)
    before = set(remembered.iterdir())
    Decoder(path)
    (new,) = set(remembered.iterdir()) - before
    assert new.read_text() == "good"
    monkeypatch.setattr(trial, "_known", {})
    monkeypatch.setattr(trial, "_tried", lambda *_: pytest.fail("tried again"))
    Decoder(path)


def test_a_model_that_takes_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strange.onnx"
    path.write_bytes(MODELS["that takes time"])
    monkeypatch.setattr(trial, "LONGEST_S", 1.5)
    with pytest.raises(UserError, match=r"not loaded within 1\.5 s"):
        Decoder(path)


def test_a_model_that_ends_its_process_is_refused_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "strange.onnx"
    path.write_bytes(MODELS["that takes memory"])
    monkeypatch.setattr(trial, "_known", {})
    with pytest.raises(UserError) as first:
        Decoder(path)
    monkeypatch.setattr(trial, "_known", {})
    monkeypatch.setattr(trial, "_tried", lambda *_: pytest.fail("tried again"))
    with pytest.raises(UserError) as second:
        Decoder(path)
    assert str(first.value) == str(second.value)


def test_a_spectrum_that_is_no_number_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "trap.onnx"
    path.write_bytes(TRAP)
    decoder = Decoder(path)
    decoder.inputs[:] = 0.5
    decoder.inputs[1, 0] = -1.0
    assert not decoder.decode(3)[1].any()
    assert decoder.n_silenced == 1
