"""The command `service` refuses a missing source and a source that its action does not take; it trusts a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.__main__ import main
from runtime.commands.machine import service
from tests.support.updating import make_key


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trust"], "found no source; expected a public key; type: sudo ./timbrebox service trust KEY.pub"),
        (["update"], "found no source; expected a checkout, a .tar.gz or a .update"),
        (["update", "x.update", "--uploaded"], "found x.update; expected a checkout"),
        (["install", "x"], "found x; expected"),
        (["status", "x"], "found x; expected"),
    ],
)
def test_a_source_that_is_missing_or_not_wanted_is_one_line(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(service, "is_booted", lambda: True)
    assert main(["service", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert words in said


def test_trusting_a_key_starts_what_waits_for_updates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    called, signers = [], tmp_path / "etc" / "update_signers"
    monkeypatch.setattr(service, "is_booted", lambda: True)
    monkeypatch.setattr(service.os, "geteuid", lambda: 0)
    monkeypatch.setattr(service, "UNITS", tmp_path)
    monkeypatch.setattr(service, "SIGNERS", signers)
    monkeypatch.setattr(service, "call", lambda *words: called.append(words))
    key = make_key(tmp_path / "key").with_suffix(".pub")
    assert main(["service", "trust", str(key)]) == 0
    assert "The page takes updates that are signed by anna@home (SHA256:" in capsys.readouterr().out
    assert (called, len(signers.read_text().splitlines())) == ([], 1)
    (tmp_path / "timbrebox-update.path").touch()
    assert main(["service", "trust", str(key)]) == 0
    assert called == [("systemctl", "restart", "timbrebox-update.path")]
