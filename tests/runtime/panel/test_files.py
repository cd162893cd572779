"""The page's process receives and sends files."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from runtime.base.errors import UserError
from runtime.panel.files.downloads import disposition
from runtime.panel.files.folders import PassingFolder
from runtime.panel.files.limits import LARGEST_BYTES
from runtime.panel.files.making import Making
from runtime.panel.files.recordings import Recordings
from runtime.panel.files.uploads import Announced, Upload
from tests.support.panel import Playing
from tests.support.places import ROOT
from tests.support.rig import wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"
_LIMIT_S = 30.0


class Part:
    def __init__(self, socket: ClientConnection):
        self.socket, self._ids, self.facts = socket, itertools.count(1), {}

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        self.socket.send(json.dumps({"method": method, "params": params, "id": number}))
        return self._next(lambda message: message.get("id") == number)

    def send(self, kind: str, name: str, content: bytes) -> None:
        assert "error" not in self.ask("send", kind=kind, name=name, bytes=len(content))
        self.socket.send(content)

    def wait(self, is_right: Any) -> dict[str, Any]:
        """Wait for news of files for which `is_right` is true, and return this news."""
        return self._next(lambda message: message.get("method") == "files" and is_right(message["params"]))["params"]

    def _next(self, is_right: Any) -> dict[str, Any]:
        while not is_right(message := json.loads(self.socket.recv(_LIMIT_S))):
            pass
        return message


@pytest.fixture(scope="module")
def playing() -> Iterator[Playing]:
    with Playing(["--audio", "null", "--instrument", TINY], dict(os.environ)) as playing:
        yield playing


@pytest.fixture
def part(playing: Playing) -> Iterator[Part]:
    with files_of(playing) as part:
        yield part


@contextlib.contextmanager
def files_of(playing: Playing, **options: object) -> Iterator[Part]:
    with connect(f"ws://127.0.0.1:{playing.port}/files", **options) as socket:
        yield Part(socket)


def page_folder(playing: Playing) -> Path:
    return Path(playing.env["XDG_STATE_HOME"]) / "timbrebox" / "page"


def incoming(playing: Playing) -> list[Path]:
    return [path for path in page_folder(playing).rglob("file-*") if path.is_file()]


def test_another_site_s_page_may_not_send_files(playing: Playing) -> None:
    with pytest.raises(InvalidStatus, match="403"), files_of(playing, origin="http://elsewhere.example"):
        pass
    status, _, _ = playing.get("/take/anything", Host="elsewhere.example")
    assert status == 421


def test_more_than_was_announced_ends_the_connection_and_leaves_no_file(playing: Playing, part: Part) -> None:
    assert "result" in part.ask("send", kind="sound", name="x.yaml", bytes=10)
    part.socket.send(b"x" * 11)
    failed = part.wait(lambda facts: facts["failed"])["failed"]
    assert failed["line"] == "x.yaml: found more than was announced; expected 10 bytes; send it again"
    with pytest.raises(ConnectionClosed):
        part.socket.recv(_LIMIT_S)
    assert incoming(playing) == []


def test_a_sender_that_goes_leaves_no_file_and_its_place(playing: Playing) -> None:
    with files_of(playing) as part:
        assert "result" in part.ask("send", kind="recording", name="x.wav", bytes=100_000)
        part.socket.send(b"x" * 5000)
        with files_of(playing) as other:
            said = other.ask("send", kind="midi", name="y.mid", bytes=10)["error"]["message"]
            assert said.startswith("y.mid: found x.wav, on which it works; expected one file at a time")
    wait_until(lambda: incoming(playing) == [], "the end of the half file")


@pytest.mark.parametrize(
    "message",
    [
        {"method": "send", "params": {"kind": "midi", "name": "x", "bytes": LARGEST_BYTES["midi"] + 1}},
        {"method": "send", "params": {"kind": "midi", "name": "x", "bytes": 0}},
        {"method": "send", "params": {"kind": "exe", "name": "x", "bytes": 1}},
        {"method": "send", "params": {"kind": "midi", "name": "x" * 1000, "bytes": 1}},
        {"method": "take", "params": {"what": "recording", "name": "../../state/timbrebox/state", "suffix": ".json"}},
        {"method": "take", "params": {"what": "sound", "name": "../state"}},
        {"method": "take", "params": {"what": "piece"}},
        {"method": "recordings.delete", "params": {"name": ".."}},
        {"method": "keep", "params": {"number": -1, "name": "x"}},
        {"method": "present", "params": {}},
        {"method": 5},
    ],
)
def test_a_wrong_request_is_refused_and_the_connection_goes_on(part: Part, message: dict[str, Any]) -> None:
    part.socket.send(json.dumps(message | {"id": "x"}))
    answer = part._next(lambda each: "error" in each)
    assert "\n" not in answer["error"]["message"]
    assert part.ask("recordings")["result"] == []


def test_pieces_without_an_announcement_end_the_connection(part: Part) -> None:
    part.socket.send(b"x")
    with pytest.raises(ConnectionClosed):
        part.wait(lambda _facts: False)


def test_work_is_cancelled_and_ends_with_a_killed_process(playing: Playing, part: Part, tmp_path: Path) -> None:
    piece = mido.MidiFile()
    played = [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=480 * 900)]
    piece.tracks.append(mido.MidiTrack(played))
    piece.save(tmp_path / "long.mid")
    content = (tmp_path / "long.mid").read_bytes()
    panel = playing.panel_process()
    part.send("midi", "long.mid", content)
    part.wait(lambda facts: facts["now"] and facts["now"]["share"])
    assert part.ask("cancel")["result"] == {}
    assert part.wait(lambda facts: facts["now"] is None)["failed"] is None
    assert children_of(panel) == []
    assert incoming(playing) == []
    part.send("midi", "long.mid", content)
    part.wait(lambda facts: facts["now"] and facts["now"]["share"])
    (child,) = children_of(panel)
    os.kill(panel, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the end of the work")
    wait_until(lambda: playing.panel_process() not in (None, panel), "the page's process")
    wait_until(lambda: [path.name for path in page_folder(playing).iterdir()] == [str(playing.panel_process())],
               "the end of the dead process's folder")  # fmt: skip


def children_of(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_folder_is_removed_by_the_next_process_unless_its_own_lives(tmp_path: Path) -> None:
    base = tmp_path / "page"
    living = PassingFolder(base)
    (living.path / "kept").touch()
    dead = base / "4000000"
    dead.mkdir()
    (dead / "left").touch()
    pid = os.fork()
    if pid == 0:
        PassingFolder(base)  # the new process ends without closing its folder
        os._exit(0)
    os.waitpid(pid, 0)
    assert not dead.exists()
    assert (living.path / "kept").exists()
    assert (base / str(pid)).exists()
    assert base.stat().st_mode & 0o077 == 0
    living.close()
    again = PassingFolder(base)
    assert [path.name for path in base.iterdir()] == [str(os.getpid())]
    again.close()
    assert list(base.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload(Announced("midi", "x.mid", 5), tmp_path / "x")
    os.close(upload._file)
    upload._file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(UserError, match=r"^x\.mid: found No space left on device; expected room for it; free some"):
        asyncio.run(upload.take(b"12345"))
    upload.close()
    full = os.statvfs_result((4096, 4096, 10**6, 100, 100, 0, 0, 0, 0, 255))
    monkeypatch.setattr("runtime.panel.files.uploads.os.statvfs", lambda _path: full)
    with pytest.raises(UserError, match="No space left on device"):
        Upload(Announced("midi", "x.mid", 5), tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_recordings_are_whole_files_of_the_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    recordings = Recordings()
    assert recordings.rows() == []
    recordings.folder.mkdir(parents=True)
    for name in ("a.wav", "a.mid", "b.part.wav", "notes.txt", ".c.wav"):
        (recordings.folder / name).write_bytes(b"x")
    (recordings.folder / "link.wav").symlink_to("/etc/passwd")
    (row,) = recordings.rows()
    assert (row["name"], [file["suffix"] for file in row["files"]]) == ("a", [".wav", ".mid"])
    recordings.delete("a")
    assert recordings.rows() == []
    assert recordings.undo() == "a"
    with pytest.raises(UserError, match="nothing to bring back"):
        recordings.undo()
    recordings.delete("a")
    (recordings.folder / "a.flac").write_bytes(b"newer")
    assert recordings.undo() == "a-2"
    assert (recordings.folder / "a.flac").read_bytes() == b"newer"
    for name in ("a", "a-2"):
        recordings.delete(name)
    recordings.close()
    left = sorted(path.name for path in recordings.folder.rglob("*") if path.is_file())
    assert left == [".c.wav", "b.part.wav", "link.wav", "notes.txt"]


def test_a_name_cannot_leave_its_header() -> None:
    assert disposition('a"; x=y\r\nSet-Cookie: z/../ö.wav') == (
        'attachment; filename="a__ x_y__Set-Cookie_ z_..__.wav"; '
        "filename*=UTF-8''a%22%3B%20x%3Dy%0D%0ASet-Cookie%3A%20z%2F..%2F%C3%B6.wav"
    )


def test_an_instrument_is_made_only_where_the_workshop_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.panel.files.making.workshop", lambda: None)
    making = Making(lambda: tmp_path)
    assert making.facts["can_make"] is False
    with pytest.raises(UserError, match="no workshop on this machine"):
        making.refuse(Announced("taught", "a.wav", 5))


def test_recordings_for_an_instrument_keep_what_their_names_say_and_nothing_of_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.panel.files.making.workshop", lambda: "/usr/bin/python3")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    making = Making(lambda: tmp_path)
    for number, name in enumerate(("../x/Violin A#4 (p).WAV", "Violin A#4 (p).wav", "../...flac", "-rf.mp3")):
        announced = Announced("taught", name, 5)
        making.refuse(announced)
        (tmp_path / str(number)).touch()
        making.add(announced, tmp_path / str(number))
    assert sorted(path.name for path in making.folder.iterdir()) == [
        "Violin A#4 -p 2.wav", "Violin A#4 -p.wav", "recording.flac", "rf.mp3"
    ]  # fmt: skip
    for name, said in (("../x", "letters, digits"), ("strings", "a free name"), ("-x", "letters, digits")):
        with pytest.raises(UserError, match=said):
            making.begin(name, ["strings"], None)
    arguments = making.begin("My violin", ["strings"], 5)
    assert f"--out={tmp_path}/data/timbrebox/instruments/My violin.onnx" in arguments
    assert making.heard(f"to hear how far it is: {tmp_path}/work/preview-001.wav")
    assert making.preview(0) == tmp_path / "work" / "preview-001.wav"
    with pytest.raises(UserError, match="another kind of file"):
        making.refuse(Announced("taught", "a.exe", 5))
    with pytest.raises(UserError, match="too many recordings"):
        making.refuse(Announced("taught", "a.wav", 512 * 2**20))
