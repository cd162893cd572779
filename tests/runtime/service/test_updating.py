"""An update is installed only if it is newer, and signed by somebody in the owner's list."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.service import release as release_module
from runtime.service.install import alone
from runtime.service.release import release
from runtime.service.updating import installing, signed
from runtime.service.updating.installing import update_signed
from runtime.service.updating.news import News, write_news
from runtime.service.updating.order import is_released, refuse_not_newer
from runtime.service.updating.signed import Parts, divide, signer_of
from runtime.service.updating.signers import trust
from tests.support.program import make_program
from tests.support.updating import RootsHalf, make_archive, make_key, make_update, signed_by_hand


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RootsHalf:
    """The half of an update that runs as root, on a machine that has version 1.2.3."""
    return RootsHalf(tmp_path, monkeypatch)


def refused(half: RootsHalf, why: str, words: str) -> News:
    """Run the update, assert that it is refused and changes nothing, and return the news of the refusal.

    why: the expected `why` of the news.
    words: the expected part of the error and of the news' line.
    """
    units = sorted((half.folder / "units").glob("*"))
    with pytest.raises(UserError, match=re.escape(words)):
        half.run()
    news = half.news
    assert (news.state, news.why) == ("refused", why)
    assert words in news.line
    assert "\n" not in news.line
    assert not news.goes_on
    assert half.left() == []
    assert (half.plays, sorted((half.folder / "units").glob("*"))) == ("1.2.3", units)
    return news


def test_a_signed_newer_version_is_installed_and_its_signer_named(
    half: RootsHalf, capsys: pytest.CaptureFixture
) -> None:
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    assert half.run() == 0
    news = half.news
    assert (news.state, news.signer, news.version, news.line) == ("done", "anna@home", "1.3.0", "")
    assert half.plays == "1.3.0"
    assert half.left() == []
    assert "1.3.0-2, signed by anna@home, plays." in capsys.readouterr().out
    assert half.news_file.stat().st_mode & 0o777 == 0o644


def test_a_key_that_the_owner_did_not_name_is_refused(half: RootsHalf) -> None:
    half.arrive(make_update(half.folder, "1.3.0", make_key(half.folder / "other")))
    assert refused(half, "signature", "a signature by nobody whom this machine trusts").signer == ""


def test_an_archive_that_was_changed_after_signing_is_refused(half: RootsHalf) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    content = bytearray(update.read_bytes())
    content[-9] ^= 1
    update.write_bytes(content)
    half.arrive(update)
    refused(half, "signature", "a signature that is not this update's (Signature verification failed")


def test_something_after_the_archive_is_refused(half: RootsHalf) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    update.write_bytes(update.read_bytes() + b"more")
    half.arrive(update)
    refused(half, "signature", "a signature that is not this update's")


def test_a_signature_for_another_purpose_is_refused(half: RootsHalf) -> None:
    archive, update = make_archive(half.folder, "1.3.0"), half.folder / "by hand"
    half.arrive(signed_by_hand(archive, half.key, update, "git"))
    refused(half, "signature", "a signature that is not this update's")
    half.arrive(signed_by_hand(archive, half.key, update))
    assert half.run() == 0


@pytest.mark.parametrize("content", ["an archive", "text", "only a signature's beginning", "nothing"])
def test_what_has_no_signature_is_refused(content: str, half: RootsHalf) -> None:
    archive = make_archive(half.folder, "1.3.0").read_bytes()
    made = {"an archive": archive, "text": b"hello\n", "nothing": b"",
            "only a signature's beginning": b"-----BEGIN SSH SIGNATURE-----\n" + b"A" * 100_000}  # fmt: skip
    half.arrived.write_bytes(made[content])
    refused(half, "file", "no signature at its beginning")


def test_a_signature_that_openssh_cannot_read_is_refused(half: RootsHalf) -> None:
    half.arrived.write_bytes(b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\nrest")
    refused(half, "signature", "a signature by nobody")


@pytest.mark.parametrize("validity", ['valid-before="20200101"', 'valid-after="20990101"'])
def test_a_key_that_has_expired_or_is_not_yet_valid_is_refused(validity: str, half: RootsHalf) -> None:
    half.signers.write_text(half.signers.read_text().replace("namespaces=", f"{validity},namespaces="))
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    news = refused(half, "signature", "a signature by nobody")
    assert "key has expired" in news.line or "not yet valid" in news.line


def test_without_a_list_of_signers_or_with_one_that_others_may_write_all_is_refused(half: RootsHalf) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    half.signers.chmod(0o666)
    half.arrive(update)
    refused(half, "signature", "a file that others than root may write")
    half.signers.unlink()
    half.arrive(update)
    refused(half, "signature", "No such file or directory")


@pytest.mark.parametrize("version", ["1.2.3", "1.2.2", "0.9", "1.2.3.0"])
def test_an_old_version_with_a_good_signature_does_not_come_back(version: str, half: RootsHalf) -> None:
    half.arrive(make_update(half.folder, version, half.key))
    news = refused(half, "version", "expected one newer than 1.2.3, which plays")
    assert (news.signer, news.version) == ("anna@home", version)


def test_a_version_that_needs_other_packages_is_refused_before_anything_is_fetched(half: RootsHalf) -> None:
    half.arrive(make_update(half.folder, "1.3.0", half.key, other_packages=True))
    refused(half, "packages", "a version that needs other Python packages")


def test_a_version_that_does_not_get_ready_gives_way_to_the_one_before(half: RootsHalf) -> None:
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    half.problem = "a program that ended 3 times"
    news = refused_at_start(half)
    assert "the version before, 1.2.3-1, plays again" in news.line
    assert half.plays == "1.2.3"


def refused_at_start(half: RootsHalf) -> News:
    with pytest.raises(UserError, match="a program that ended 3 times"):
        half.run()
    assert (half.news.state, half.news.why, half.news.version) == ("refused", "start", "1.3.0")
    assert half.left() == []
    return half.news


def _link(arrived: Path, update: Path) -> None:
    arrived.symlink_to(update)


def _second_name(arrived: Path, update: Path) -> None:
    os.link(update, arrived)


def _fifo(arrived: Path, _update: Path) -> None:
    os.mkfifo(arrived)


def _socket(arrived: Path, _update: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(arrived))


@pytest.mark.parametrize(
    ("put", "words"),
    [(_link, "a link, a"), (_second_name, "a second name"), (_fifo, "a link, a pipe"), (_socket, "a link, a pipe")],
)
def test_what_is_no_plain_file_is_refused_and_never_opened(
    put: Callable[[Path, Path], None], words: str, half: RootsHalf, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    monkeypatch.chdir(half.arrived.parent)  # a socket's path may have at most 107 bytes
    put(half.arrived, update)
    refused(half, "file", words)
    assert update.exists()


def test_a_folder_is_refused_and_does_not_start_the_unit_again(half: RootsHalf) -> None:
    (half.arrived / "inside").mkdir(parents=True)
    with pytest.raises(UserError, match="a link, a pipe or another thing"):
        half.run()
    assert not half.arrived.exists()
    assert half.news.why == "file"
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    assert half.run() == 0


def test_a_link_in_place_of_the_page_s_folder_is_not_followed(half: RootsHalf) -> None:
    elsewhere = half.folder / "elsewhere"
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    half.arrived.parent.rename(elsewhere)
    half.arrived.parent.symlink_to(elsewhere)
    with pytest.raises(UserError, match="expected a folder"):
        half.run()
    assert (elsewhere / half.arrived.name).exists()
    assert half.plays == "1.2.3"


def test_what_is_too_large_is_refused_also_if_it_grows(half: RootsHalf, monkeypatch: pytest.MonkeyPatch) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    half.arrive(update)
    os.truncate(half.arrived, signed.LARGEST_BYTES + 1)  # the added bytes take no room on the disk
    refused(half, "file", "134,217,729 bytes or more; expected at most 134,217,728")
    monkeypatch.setattr(signed, "LARGEST_BYTES", update.stat().st_size - 1)
    with update.open("rb") as stream, pytest.raises(UserError, match="bytes or more"):
        divide(stream, half.folder)


def test_two_at_once_is_one_and_a_refusal(half: RootsHalf) -> None:
    update = make_update(half.folder, "1.3.0", half.key)
    half.arrive(update)
    with alone(anyway=True):
        refused(half, "other", "another installation under way")
    half.arrive(update)
    assert half.run() == 0


def test_what_is_checked_is_what_is_installed(half: RootsHalf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is replaced right after its signature was checked."""
    other = make_update(half.folder, "6.6.6", make_key(half.folder / "other"))

    def checked(parts: Parts, signers: Path) -> str:
        name = signer_of(parts, signers)
        for path in half.arrived.parent.iterdir():
            path.write_bytes(other.read_bytes())
        half.arrive(other)
        return name

    monkeypatch.setattr(installing, "signer_of", checked)
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    half.run()
    assert half.plays == "1.3.0"
    monkeypatch.setattr(installing, "signer_of", signer_of)
    with pytest.raises(UserError, match="nobody whom this machine trusts"):  # the arrived file is now `other`
        half.run()


def test_a_full_disk_is_said_and_what_arrived_is_removed(half: RootsHalf, monkeypatch: pytest.MonkeyPatch) -> None:
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    monkeypatch.setattr(installing, "divide", lambda *_: open("/dev/full", "wb", buffering=0).write(b"x"))  # noqa: SIM115
    refused(half, "file", "No space left on device")


def test_a_bug_or_a_stop_is_told_to_the_page(half: RootsHalf, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise SystemExit(143)

    half.arrive(make_update(half.folder, "1.3.0", half.key))
    monkeypatch.setattr(installing, "signer_of", stopped)
    with pytest.raises(SystemExit):
        half.run()
    assert (half.news.state, half.news.line) == ("refused", "it ended early (SystemExit)")
    assert half.left() == []


def test_what_was_cut_off_is_removed_by_the_next_update(half: RootsHalf) -> None:
    (half.arrived.parent / ".taken-1-1").write_bytes(b"half")
    (half.home / ".update-old").mkdir()
    write_news(News("installing"), half.news_file)
    assert half.news.goes_on
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    assert half.run() == 0
    assert half.left() == []


def test_the_owner_may_install_an_old_one_by_hand_but_none_of_a_stranger(
    half: RootsHalf, capsys: pytest.CaptureFixture
) -> None:
    assert update_signed(make_update(half.folder, "1.0", half.key), 1) == 0
    assert "Signed by anna@home." in capsys.readouterr().out
    assert half.plays == "1.0"
    with pytest.raises(UserError, match="nobody whom this machine trusts"):
        update_signed(make_update(half.folder, "1.1", make_key(half.folder / "other")), 1)
    assert half.plays == "1.0"


def test_trusting_adds_a_key_once_and_takes_no_private_key(tmp_path: Path) -> None:
    signers, key = tmp_path / "etc" / "update_signers", make_key(tmp_path / "key", 'Anna "at home", 2nd floor')
    public = key.with_suffix(".pub")
    assert trust(public, signers).startswith("Anna-at-home-2nd-floor (SHA256:")
    trust(public, signers)
    trust(make_key(tmp_path / "other", "").with_suffix(".pub"), signers)
    lines = signers.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["Anna-at-home-2nd-floor", "owner"]
    assert all('namespaces="timbrebox-update"' in line for line in lines)
    assert signers.stat().st_mode & 0o777 == 0o644
    for wrong in (key, tmp_path / "nowhere", Path("/dev/zero"), signers):
        with pytest.raises(UserError):
            trust(wrong, signers)
    (tmp_path / "strange.pub").write_text("ssh-ed25519 AAAA anna\n")
    with pytest.raises(UserError, match="a key that OpenSSH cannot read"):
        trust(tmp_path / "strange.pub", signers)
    assert signers.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("new", "old", "is_newer"),
    [("1.10", "1.9", True), ("1.9", "1.10", False), ("2", "1.9.9", True), ("1.2.0", "1.2", False),
     ("1", "strange", True), ("1.2", "1.2rc1", False), ("1.3", "1.2rc1", True), ("1.3rc1", "1.2", False),
     ("0.1.1", "0.1.0", True)],
)  # fmt: skip
def test_the_order_of_versions(new: str, old: str, is_newer: bool) -> None:
    if is_newer:
        refuse_not_newer(new, old)
    else:
        with pytest.raises(UserError):
            refuse_not_newer(new, old)


def test_a_release_is_made_of_this_checkout_without_what_belongs_to_this_machine(
    half: RootsHalf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = make_program(tmp_path / "checkout", "1.4.0")
    (checkout / "pyproject.toml").write_text('[project]\nname = "timbrebox"\nversion = "1.4.0"\n')
    (checkout / "instruments").mkdir()
    (checkout / "instruments" / "mine.onnx").touch()
    (checkout / "runtime" / "__pycache__").mkdir()
    monkeypatch.setattr(release_module, "ROOT", checkout)
    made = release(half.key, None, tmp_path / "out")
    assert made.name == "timbrebox-1.4.0.update"
    half.arrive(made)
    assert half.run() == 0
    plays = half.home / "current"
    assert half.plays == "1.4.0"
    assert not (plays / "instruments").exists()
    assert (plays / ".venv" / "lib" / "package.py").exists()
    assert release(half.key, make_archive(tmp_path / "given", "1.5"), tmp_path / "out").name == "timbrebox-1.5.update"
    with pytest.raises(UserError, match="numbers with dots"):
        release(half.key, make_archive(tmp_path / "rc", "1.6rc1"), tmp_path / "out")
    assert is_released("1.6")


def test_without_openssh_it_says_what_to_install(half: RootsHalf, monkeypatch: pytest.MonkeyPatch) -> None:
    half.arrive(make_update(half.folder, "1.3.0", half.key))
    monkeypatch.setenv("PATH", "/nowhere")
    refused(half, "signature", "sudo apt-get install openssh-client")
