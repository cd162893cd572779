"""Only regular files of limited size are read; writing replaces a whole file or changes nothing."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.base.files import (
    atomic_write,
    read_bounded_file,
    read_json,
    refuse_bad_target,
    remove_leftovers,
    write_json,
)


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


ODD: list[tuple[Callable[[Path], None], str]] = [
    (os.mkfifo, "found a pipe"),
    (listening_socket, "found a socket"),
    (Path.mkdir, "found a folder"),
    (lambda path: path.symlink_to(path.name), "found Too many levels of symbolic links"),
]
ODD_NAMES = ["pipe", "socket", "folder", "circle of links"]


def write(path: Path, text: str, **settings: object) -> None:
    with atomic_write(path, **settings) as stream:
        stream.write(text)


def write_half(path: Path, error: BaseException) -> None:
    with atomic_write(path) as stream:
        stream.write("after")
        stream.flush()
        raise error


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"12345678")
    assert read_bounded_file(path, "a number", 8) == b"12345678"
    with pytest.raises(UserError, match=r"in: found 8 bytes or more; expected a number of at most 7; shorten it$"):
        read_bounded_file(path, "a number", 7, "shorten it")


@pytest.mark.parametrize(("make", "said"), ODD, ids=ODD_NAMES)
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "in")
    with pytest.raises(UserError, match=f"in: {said}.*; expected a number; check the path$"):
        read_bounded_file(tmp_path / "in", "a number", 8)


def test_a_missing_file_and_a_name_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for name, said in (("none", "no such file"), ("a\0b", "embedded null"), ("none/in", "no such"), ("", "a folder")):
        with pytest.raises(UserError, match=said):
            read_bounded_file(tmp_path / name, "a number", 8)


def test_a_file_that_says_it_is_empty_is_read_to_the_limit() -> None:
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("no /proc here")
    assert path.stat().st_size == 0
    assert read_bounded_file(path, "a map", 2**24).count(b"\n") > 10
    with pytest.raises(UserError, match="101 bytes or more"):
        read_bounded_file(path, "a map", 100)


# --- Writing ---------------------------------------------------------------------------------------------------------


def test_text_and_bytes_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "gr\u00fcn\n")
    assert out.read_bytes() == b"gr\xc3\xbcn\n"
    with atomic_write(out, "wb") as stream:
        stream.write(b"\x00\xff")
        assert out.read_bytes() == b"gr\xc3\xbcn\n"
    assert out.read_bytes() == b"\x00\xff"
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    write(tmp_path / "out", "before")
    with pytest.raises(type(error)):
        write_half(tmp_path / "out", error)
    assert (tmp_path / "out").read_text() == "before"
    assert names(tmp_path) == {"out"}


def test_a_full_disk_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="out: found No space left on device"), atomic_write(tmp_path / "out"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == set()


@pytest.mark.parametrize(("make", "said"), ODD, ids=ODD_NAMES)
def test_what_is_no_file_is_not_replaced(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    out = tmp_path / "out"
    make(out)
    before = out.lstat()
    with pytest.raises(UserError, match=f"out: {said}.*; expected a path for a file"):
        write(out, "after")
    assert (out.lstat().st_ino, out.lstat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
def test_an_input_is_not_overwritten_through_any_link(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    given, out = tmp_path / "in", tmp_path / "out"
    given.write_text("before")
    link(given, out)
    for target, source in ((out, given), (given, out), (given, given)):
        with pytest.raises(UserError, match=f"found the same file as {source}, which is read"):
            write(target, "after", inputs=[tmp_path / "gone", source])
    assert given.read_text() == "before"
    write(out, "after", inputs=[tmp_path / "gone", __file__])
    assert out.read_text() == "after"


def test_a_link_is_followed_and_the_part_lies_beside_its_target(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link"
    link.symlink_to("far/out")
    with atomic_write(link) as stream:
        assert names(tmp_path) == {"far", "link"}
        stream.write("after")
    assert link.is_symlink()
    assert (tmp_path / "far" / "out").read_text() == "after"
    assert names(tmp_path / "far") == {"out"}


def test_a_missing_folder_is_made_or_not_as_the_caller_says(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none/out: found No such file or directory; expected a writable place"):
        write(tmp_path / "none" / "out", "", makes_folder=False)
    assert names(tmp_path) == set()
    write(tmp_path / "new" / "folder" / "out", "")
    assert names(tmp_path / "new" / "folder") == {"out"}


def test_a_file_in_a_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for makes_folder in (False, True):
        with pytest.raises(UserError, match=r"file/out: found Not a directory"):
            write(tmp_path / "file" / "out", "", makes_folder=makes_folder)


def test_a_bad_target_is_refused_before_it_is_written_in_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o555)
    bad = {"folder": {}, "none/out": {"makes_folder": False}, "file/out": {}, "file": {"inputs": [tmp_path / "file"]}}
    if os.geteuid() != 0:  # root may write even to a folder without write permission
        bad |= {"closed/out": {}, "closed/new/out": {}}
    before = names(tmp_path)
    for name, settings in bad.items():
        with pytest.raises(UserError) as early:
            refuse_bad_target(tmp_path / name, **settings)
        with pytest.raises(UserError) as late:
            write(tmp_path / name, "", **settings)
        assert str(early.value) == str(late.value)
    assert refuse_bad_target(tmp_path / "new" / "folder" / "out") == tmp_path / "new" / "folder" / "out"
    assert refuse_bad_target(tmp_path / "file") == tmp_path / "file"
    assert names(tmp_path) == before


def test_only_what_dead_processes_left_of_the_same_target_goes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    alive = os.getppid()
    gone = {f".out.{dead.pid}.part", f".out.{os.getpid()}.part"}
    kept = {f".out.{alive}.part", f".other.{dead.pid}.part", f".out.{dead.pid}.parts", ".out.part", ".out.x.part"}
    for name in gone | kept:
        (tmp_path / name).touch()
    write(tmp_path / "out", "after")
    assert names(tmp_path) == kept | {"out"}
    remove_leftovers(tmp_path)
    assert names(tmp_path) == {f".out.{dead.pid}.parts", ".out.part", ".out.x.part", "out"}


def test_a_planted_link_in_the_part_s_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("before")
    (tmp_path / f".out.{os.getpid()}.part").symlink_to("precious")
    write(tmp_path / "out", "after")
    assert (tmp_path / "precious").read_text() == "before"
    assert names(tmp_path) == {"precious", "out"}


def test_json_comes_back_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    write_json(path, {"colour": "gr\u00fcn", "n": 1})
    assert "gr\u00fcn" in path.read_text(encoding="utf-8")
    assert read_json(path) == {"colour": "gr\u00fcn", "n": 1}
    for content, said in (
        (b"[1]", "found a list; expected a JSON object"),
        (b"{", "found no readable JSON"),
        (b"\xff", "found no readable JSON"),
        (b"[" * 100_000, "found no readable JSON"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=said):
            read_json(path)
