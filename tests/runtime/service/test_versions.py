"""Versions of the program are added side by side, and each is activated in one step."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.service import archive
from runtime.service.archive import opened
from runtime.service.versions import Versions, refuse_hidden_python
from tests.support.program import PYTHON, make_program


def test_a_version_is_whole_readable_by_all_and_plays_only_when_told(tmp_path: Path) -> None:
    versions, source = Versions(tmp_path / "home"), make_program(tmp_path / "source", "one")
    assert versions.current() is None
    added = versions.add(source)
    assert (versions.current(), added.name) == (None, "1.2.3-1")
    versions.switch(added)
    assert versions.current() == added
    for path in (added, *added.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP) == stat.S_IROTH, path
    done = subprocess.run(["sh", tmp_path / "home/current/timbrebox"], capture_output=True, text=True, check=True)
    assert done.stdout == "one\n"
    assert list(added.rglob("*.pyc")), "the service's user cannot write them later"


def test_a_new_version_takes_over_packages_and_instruments_without_a_second_copy(tmp_path: Path) -> None:
    versions, source = Versions(tmp_path / "home"), make_program(tmp_path / "source", "one")
    (source / "instruments").mkdir()
    (source / "instruments" / "mine.onnx").write_bytes(b"first")
    old = versions.add(source)
    versions.switch(old)
    new = versions.add(make_program(tmp_path / "archive", "two", environment=False))
    versions.switch(new)
    for shared in (".venv/lib/package.py", "instruments/mine.onnx"):
        assert (old / shared).samefile(new / shared), shared
    assert (old / "runtime" / "__main__.py").read_text() != (new / "runtime" / "__main__.py").read_text()
    versions.prune(new)
    assert [folder.name for folder in (tmp_path / "home" / "versions").iterdir()] == ["1.2.3-2"]
    assert (new / "instruments" / "mine.onnx").read_bytes() == b"first"
    (source / "instruments" / "mine.onnx").write_bytes(b"learnt again")
    assert (versions.add(source) / "instruments" / "mine.onnx").read_bytes() == b"learnt again"


def test_what_an_interrupted_installation_left_is_deleted_and_a_failed_one_leaves_nothing(tmp_path: Path) -> None:
    versions, folder = Versions(tmp_path / "home"), tmp_path / "home" / "versions"
    (folder / ".1.2.3-1.partial").mkdir(parents=True)
    source = make_program(tmp_path / "source", "one", environment=False)
    (source / "timbrebox").write_text("exit 1\n")  # makes the set-up of the environment fail
    with pytest.raises(UserError, match="packages that cannot be installed"):
        versions.add(source)
    assert list(folder.iterdir()) == []


def test_an_older_kind_of_installation_is_cleared_away_but_not_its_instruments(tmp_path: Path) -> None:
    home = make_program(tmp_path / "home", "old")
    (home / "instruments").mkdir()
    (home / "instruments" / "mine.onnx").write_bytes(b"mine")
    versions = Versions(home)
    new = versions.add(make_program(tmp_path / "source", "new"))
    versions.switch(new)
    versions.prune(new)
    assert sorted(path.name for path in home.iterdir()) == ["current", "versions"]
    assert (new / "instruments" / "mine.onnx").read_bytes() == b"mine"


def test_a_python_that_the_service_cannot_reach_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "python3").touch(mode=0o755)
    with pytest.raises(UserError, match="only its owner can reach"):
        refuse_hidden_python(hidden / "python3")
    refuse_hidden_python(Path("/bin/sh").resolve())


@pytest.mark.parametrize("top", ["", "timbrebox-1.2.3/"])
def test_an_archive_is_opened_with_and_without_a_folder_of_its_own(tmp_path: Path, top: str) -> None:
    source, place = make_program(tmp_path / "source", "one"), tmp_path / "unpacked"
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as stream:
        for part in sorted(source.iterdir()):
            stream.add(part, top + part.name)
    with opened(tmp_path / "a.tar.gz", place) as folder:
        assert (folder / "timbrebox").is_file()
        assert not (folder / ".venv").exists(), "it fits only the machine that it was made on"
    assert not place.exists()
    with opened(source, place) as folder:
        assert folder == source.resolve()


def _member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, content


@pytest.mark.parametrize(
    "members",
    [
        [_member("../outside", b"x")],
        [_member("link", type=tarfile.SYMTYPE, linkname="../.."), _member("link/outside", b"x")],
        [_member("device", type=tarfile.CHRTYPE)],
        [_member("big", b"x" * 2000)],
        [_member(f"file {n}") for n in range(20)],
    ],
)
def test_a_hostile_archive_is_refused_in_one_line(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LARGEST_BYTES", 1000)
    monkeypatch.setattr(archive, "MOST_FILES", 10)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as stream:
        for member, content in members:
            stream.addfile(member, io.BytesIO(content))
    place = tmp_path / "deep" / "unpacked"
    place.parent.mkdir()
    with pytest.raises(UserError), opened(tmp_path / "a.tar.gz", place):
        pass
    assert list(place.parent.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "deep"]


@pytest.mark.parametrize("content", [b"", b"text", bytes(1000)])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match="no readable archive"), opened(tmp_path / "a.tar.gz", tmp_path / "unpacked"):
        pass
    with pytest.raises(UserError, match="no file"), opened(Path(os.devnull), tmp_path / "unpacked"):
        pass


def test_a_link_instead_of_a_file_is_copied_as_a_link(tmp_path: Path) -> None:
    source = make_program(tmp_path / "source", "one")
    assert (Versions(tmp_path / "home").add(source) / ".venv/bin/python").readlink() == PYTHON
