"""The process that serves the page, started by a real `play`."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import signal
import socket
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from runtime.control.targets import RANGES
from runtime.panel.assets import FOLDER
from runtime.panel.limits import LONGEST_MESSAGE_BYTES, MOST_PAGES, Allowance
from tests.soak.panel import garbage
from tests.support.panel import Page, Playing
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, wait_until

LARGEST_BYTES = 400_000
MOST_MEMORY_KB = 60_000
TINY = ROOT / "tests" / "data" / "tiny.onnx"


def test_a_page_is_told_what_plays(page: Page) -> None:
    assert page.hello["targets"]["filter.cutoff"] == RANGES["filter.cutoff"]._asdict()
    present = page.present
    assert present["state"]["instrument"]["name"] == present["card"]["instrument"] == "strings"
    assert len(present["card"]["embedding"]["map_2d"]) == 400
    assert "note" in present["methods"]
    assert "virtual-analogue" in present["instruments"]


def test_a_note_starts_and_ends_and_is_heard(page: Page) -> None:
    page.tell("note", note=60, velocity=100)
    page.wait("meter", lambda meter: meter["voices"] == 1 and meter["level_db"] > -60.0)
    page.tell("note", note=60, velocity=0)
    page.voices(0)


def test_the_notes_of_a_page_end_with_it_and_those_of_another_page_go_on(playing: Playing, page: Page) -> None:
    page.tell("note", note=64, velocity=100)
    with playing.page() as other:
        other.tell("note", note=60, velocity=100)
        other.tell("note", note=64, velocity=100)
        page.voices(3)
    page.wait("meter", lambda meter: meter["voices"] < 3)
    time.sleep(0.5)
    # Both voices of note 64 remain, because one page still holds this key.
    page.wait("meter", lambda meter: meter["voices"] == 2)
    page.tell("note", note=64)
    page.voices(0)


def test_the_notes_of_a_program_end_with_its_link(playing: Playing, page: Page) -> None:
    with playing.link() as link:
        link.ask("note", note=72, velocity=80)
        page.voices(1)
    page.voices(0)


def test_a_page_cannot_end_a_note_that_it_does_not_hold(playing: Playing, page: Page) -> None:
    with playing.page() as other:
        other.tell("note", note=67, velocity=100)
        page.voices(1)
        page.tell("note", note=67, velocity=0)
        assert page.ask("moves", positions={"pan": 0.5})["result"] == {"n_moves": 1}
        time.sleep(0.3)
        page.voices(1)
        other.tell("note", note=67, velocity=0)
        page.voices(0)


def test_a_slider_moves_a_target_and_every_page_hears_of_it(playing: Playing, page: Page) -> None:
    with playing.page() as other:
        page.tell("moves", positions={"filter.cutoff": 0.25, "latent.latent 1": 0.75})
        moved = other.wait("meter", lambda meter: "filter.cutoff" in meter.get("moved", {}))["moved"]
        assert moved["filter.cutoff"] == 0.25
    with playing.link() as link:
        positions = link.ask("state")["positions"]
        assert (positions["filter.cutoff"], positions["latent.latent 1"]) == (0.25, 0.75)
    assert page.ask("moves", positions={"filter.cutoff": 1.0})["result"] == {"n_moves": 1}


def test_sounds_are_saved_renamed_deleted_and_brought_back(page: Page) -> None:
    assert page.ask("save", name="From the page")["result"]["replaced"] is False
    assert page.ask("sounds.rename", name="From the page", new_name="Renamed")["result"]["name"] == "Renamed"
    assert page.ask("sound", name="Renamed")["result"]["name"] == "Renamed"
    page.wait("meter", lambda meter: meter["sound"] == "Renamed")
    page.ask("sounds.delete", name="Renamed")
    assert page.ask("sounds.list")["result"] == []
    assert page.ask("sounds.undo")["result"] == "Renamed is back."
    assert [row["name"] for row in page.ask("sounds.list")["result"]] == ["Renamed"]


def test_another_instrument_plays_while_a_note_is_held() -> None:
    with Playing(["--audio", "null", "--instrument", "fm"], dict(os.environ)) as playing, playing.page() as page:
        page.tell("note", note=60, velocity=100)
        page.voices(1)
        assert page.ask("instrument", name="strings")["result"] == {"instrument": "strings"}
        present = page.wait("play", lambda present: present["card"]["instrument"] == "strings")
        assert "latent.latent 1" in present["state"]["positions"]
        assert "did you mean 'strings'" in page.ask("instrument", name="string")["error"]["message"]
        page.tell("note", note=60, velocity=0)
        page.voices(0)
        assert playing.stop() == 0
        assert playing.errors == ""


def test_a_page_reads_and_writes_sounds_but_is_not_told_where_they_lie(page: Page) -> None:
    tree = {"sound_version": 1, "name": "Two", "parts": [{"sound": "cello", "keys": [0, 59]}, {"sound": "harp"}]}
    assert page.ask("sounds.write", name="Two", tree=tree)["result"]["replaced"] is False
    read = page.ask("sounds.read", name="Two")["result"]
    assert read["tree"] == tree
    assert not {"file", "folder"} & read.keys()
    page.ask("sounds.delete", name="Two")


def test_what_is_said_of_sounds_is_kept(playing: Playing, page: Page) -> None:
    mark = {"favourite": True, "tags": ["warm"]}
    assert page.ask("sounds.mark", sound="strings/cello", mark=mark)["result"] == {"strings/cello": mark}
    with playing.page() as other:
        assert other.ask("sounds.marks")["result"] == {"strings/cello": mark}
    assert "favourite" in page.ask("sounds.mark", sound="x", mark={"favourite": 3})["error"]["message"]
    assert page.ask("sounds.mark", sound="strings/cello", mark={})["result"] == {}


def test_a_recording_begins_and_ends(page: Page) -> None:
    page.ask("action", name="record")
    page.wait("meter", lambda meter: meter["recording"])
    page.ask("action", name="record")
    page.wait("meter", lambda meter: not meter["recording"])


def test_every_target_says_what_moves_it(page: Page) -> None:
    rows = {row["target"]: row["moved_by"] for row in page.ask("targets")["result"]}
    assert rows.keys() >= page.present["state"]["positions"].keys()
    assert page.ask("learn", target="width")["result"]["target"] == "width"


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("record", {"do": "status"}, "a request that pages may send"),
        ("sounds.write", {"name": "x", "tree": {"parts": [{"sound": "/etc/x.yaml"}]}}, "a sound in a file"),
        ("sounds.write", {"name": "x", "tree": {"morph": {"sounds": ["a", "../b.yml"]}}}, "a sound in a file"),
        ("sounds.write", {"name": "x", "tree": {"trajectory": [{"file": "/etc/passwd"}]}}, "a trajectory in a file"),
        ("sound", {"tree": {"trajectory": {"file": "x.trajectory"}}}, "a trajectory in a file"),
        ("sound", {"tree": {"sound_version": 1}, "folder": "/etc"}, "unknown field"),
        ("move", {"target": "filter.cutof", "position": 0.5}, "did you mean 'filter.cutoff'"),
        ("note", {"note": "C"}, "Expected `int`"),
        ("watch", {"topics": ["everything"]}, "Invalid enum value"),
    ],
)
def test_what_a_page_may_not_send_is_refused(page: Page, method: str, params: dict, words: str) -> None:
    assert words in page.ask(method, **params)["error"]["message"]


def test_the_files_are_there_are_small_and_name_no_other_host(playing: Playing) -> None:
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert sum(map(len, files.values())) < LARGEST_BYTES
    for name, content in files.items():
        status, headers, received = playing.get(f"/{name}")
        assert (status, received) == (200, content)
        assert headers["x-content-type-options"] == "nosniff"
        addresses = set(re.findall(rb"\b(?:https?|wss?):/+[^\s\"'`<>]+", content))
        assert addresses <= {b"http://www.w3.org/2000/svg", b"ws://${location.host}/ws", b"ws://${location.host}/files"}
        status, headers, packed = playing.get(f"/{name}", **{"Accept-Encoding": "br, gzip"})
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(packed) == content
        assert "content-encoding" not in playing.get(f"/{name}", **{"Accept-Encoding": "gzip;q=0"})[1]
    status, headers, received = playing.get("/")
    assert received == files["index.html"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert playing.get("/", **{"If-None-Match": headers["etag"]})[0] == 304


@pytest.mark.parametrize(
    "path",
    ["/../serving.py", "/%2e%2e/serving.py", "//etc/passwd", "/..%2fserving.py", "/index.html/", "/page/", "/ws/x"],
)
def test_no_path_leads_out_of_the_page(playing: Playing, path: str) -> None:
    assert playing.get(path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}"])
def test_a_foreign_host_is_refused(playing: Playing, host: str) -> None:
    host = host.format(port=playing.port)
    assert playing.get("/", Host=host)[0] == 421
    with pytest.raises(InvalidStatus) as refused, _raw_host(playing, host):
        pass
    assert refused.value.response.status_code == 421


def _raw_host(playing: Playing, host: str):
    """Connect to this machine under another host's name, as a page can do after DNS rebinding."""
    name, _, port = host.partition(":")
    stream = socket.create_connection(("127.0.0.1", playing.port))
    return connect(f"ws://{name}:{port or 80}/ws", sock=stream)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_site_s_page_is_refused(playing: Playing, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, playing.page(origin=origin.format(port=playing.port)):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_our_own_page_is_let_in(playing: Playing, name: str) -> None:
    with playing.page(origin=f"http://{name}:{playing.port}") as page:
        assert page.present["card"]["name"] == "strings"


def test_only_this_machine_can_connect(playing: Playing) -> None:
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = [line[1] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == playing.port]
    assert listening == [f"0100007F:{playing.port:04X}"]


def test_garbage_leaves_the_page_working(playing: Playing, page: Page) -> None:
    generator = random.Random(17)
    with playing.page() as other:
        for _ in range(300):
            other.socket.send(garbage(generator))
        other.tell("note", note=60, velocity=100)
        page.voices(1)
        assert "result" in other.ask("sounds.list")
    page.voices(0)
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", playing.port)) as stream:
            stream.sendall(generator.randbytes(generator.randrange(1, 3000)))
    with playing.page() as other, pytest.raises(Exception, match=r"1009|too big|exceeds"):  # noqa: PT012
        other.socket.send(b"x" * (LONGEST_MESSAGE_BYTES + 1))
        other.wait("never")
    assert playing.get("/")[0] == 200
    assert page.ask("state")["result"]["part"] == 0


def test_many_connections_leave_those_that_are_there(playing: Playing, page: Page) -> None:
    silent = []
    for _ in range(1000):
        stream = socket.socket()
        stream.setblocking(False)
        stream.connect_ex(("127.0.0.1", playing.port))
        silent.append(stream)
    page.tell("note", note=60, velocity=100)
    page.voices(1)
    page.tell("note", note=60, velocity=0)
    page.voices(0)
    for stream in silent:
        stream.close()

    def is_answered() -> bool:
        try:
            return playing.get("/")[0] == 200
        except ConnectionError:  # earlier connections are still being closed
            return False

    wait_until(is_answered, "an answer")


def test_a_page_that_reads_nothing_is_dropped_and_what_plays_goes_on(playing: Playing, page: Page) -> None:
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    stream.connect(("127.0.0.1", playing.port))
    with playing.page(max_queue=1, sock=stream) as slow:
        with pytest.raises(ConnectionClosed):  # noqa: PT012
            give_up_s = time.monotonic() + 60.0  # the page's process handles only a few hundred messages a second
            while time.monotonic() < give_up_s:
                slow.socket.send(json.dumps({"method": "targets", "id": 1}))
        page.tell("note", note=60, velocity=100)
        page.voices(1)
    page.tell("note", note=60, velocity=0)
    page.voices(0)


def test_who_speaks_too_fast_waits() -> None:
    allowance = Allowance(rate=0.5, burst=3.0)
    assert [allowance.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 1.5 < allowance.take() <= 2.0
    assert 3.5 < allowance.take() <= 4.0


def test_the_number_of_pages_has_a_limit(playing: Playing) -> None:
    wait_until(lambda: _opens(playing, MOST_PAGES), "room for all pages")  # earlier pages may still be closing
    wait_until(lambda: not _opens(playing, MOST_PAGES + 1), "a refusal")
    wait_until(lambda: _opens(playing, 1), "room for a page")


def _opens(playing: Playing, n_pages: int) -> bool:
    """Whether n_pages pages can be open at once; False if a page is refused because there are too many."""
    with contextlib.ExitStack() as pages:
        try:
            for _ in range(n_pages):
                pages.enter_context(playing.page())
        except InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
            return False
    return True


def test_its_process_is_small(playing: Playing, page: Page) -> None:
    status = Path(f"/proc/{playing.panel_process()}/status").read_text()
    assert int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) < MOST_MEMORY_KB


def test_it_comes_back_on_the_same_port_and_its_notes_end() -> None:
    with Playing(["--audio", "null", "--instrument", TINY], dict(os.environ)) as playing:
        with playing.page() as page:
            page.tell("note", note=60, velocity=100)
            page.voices(1)
            first = playing.panel_process()
            os.kill(first, signal.SIGKILL)
            begin_s = time.monotonic()
        with playing.page(open_timeout=10.0) as page:
            assert time.monotonic() - begin_s < 5.0
            assert playing.panel_process() != first
            page.voices(0)
        playing.wait_for("page's process has died")
        assert playing.stop() == 0
        assert playing.errors == ""


def test_it_ends_with_a_killed_play() -> None:
    with Playing(["--audio", "null", "--instrument", TINY], dict(os.environ)) as playing:
        wait_until(playing.panel_process, "the page's process")
        panel = playing.panel_process()
        playing.kill()
        wait_until(lambda: not Path(f"/proc/{panel}").exists(), "the end of the page's process")


def test_no_panel_is_no_panel_and_a_taken_port_is_a_mistake() -> None:
    with LiveProgram(["--audio", "null", "--instrument", TINY, "--no-panel"], dict(os.environ)) as program:
        assert program.stop() == 0
        assert not [line for line in program.lines if "PANEL" in line]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=rf"--panel-port: found {port} .*expected a free port"):
            LiveProgram(["--audio", "null", "--instrument", TINY, "--panel-port", port], dict(os.environ)).__enter__()
    with Playing(["--audio", "null", "--instrument", TINY, "--panel-port", port], dict(os.environ)) as playing:
        assert playing.port == port
        assert playing.stop() == 0
