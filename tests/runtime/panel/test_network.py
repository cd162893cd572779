"""In a network, the page pairs devices by a code."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from runtime.base.errors import UserError
from runtime.config import PanelConfig
from runtime.panel.access import devices as devices_module
from runtime.panel.access.devices import DAY_S, LONGEST_ABSENCE_S, MOST_DEVICES, Devices, name_of
from runtime.panel.access.names import OwnNames, sender
from runtime.panel.access.pairing import SENDER_BURST, Pairing, TooSoonError
from runtime.panel.admission import ENDED
from runtime.panel.limits import MOST_OF_SENDER
from runtime.panel.listening import listen
from tests.support.panel_program import PanelProgram, network_address

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PanelProgram]:
    """A page that the network can reach; no `play` runs."""
    if network_address() is None:
        pytest.skip("this machine is in no network")
    with PanelProgram(tmp_path_factory.mktemp("home")) as panel:
        yield panel


@contextlib.contextmanager
def page(panel: PanelProgram, address: str | None = None, **headers: str) -> Iterator[ClientConnection]:
    url = f"ws://{address or panel.address}:{panel.port}/ws"
    with connect(url, additional_headers=headers, proxy=None) as opened:
        assert json.loads(opened.recv(30))["params"]["is_on_network"] is True
        yield opened


def ask(opened: ClientConnection, method: str, **params: object) -> dict:
    opened.send(json.dumps({"method": method, "params": params, "id": 1}))
    while (message := json.loads(opened.recv(30))).get("id") != 1:
        pass
    return message


def end_of(opened: ClientConnection) -> int:
    """The close code with which the server closes a page."""
    try:
        while True:
            opened.recv(30)
    except ConnectionClosed as closed:
        return closed.rcvd.code


def refused(panel: PanelProgram, **headers: str) -> int:
    """The HTTP status with which a page's WebSocket is refused."""
    with pytest.raises(InvalidStatus) as found, page(panel, **headers):
        pass
    return found.value.response.status_code


def test_the_user_is_told_where_it_is(panel: PanelProgram) -> None:
    (line,) = [line for line in panel.lines if line.startswith("In the network: ")]
    assert f"http://{panel.address}:{panel.port}/" in line
    assert panel.lines[0] == f"PANEL http://127.0.0.1:{panel.port}/"


def test_who_is_not_paired_sees_the_question_for_the_code_and_nothing_else(panel: PanelProgram) -> None:
    assert b'id="code"' in panel.get("/").content
    assert panel.get("/pair").status == 403
    for path in ("/pair.js", "/pair.css", "/style.css", "/words.js", "/icon.svg"):
        assert panel.get(path).status == 200
    for path in ("/app.js", "/play.js", "/nothing", "/../door.py", "/%2e%2e/door.py"):
        assert panel.get(path).status == 403
    assert refused(panel) == 403
    assert refused(panel, Cookie=f"timbrebox-{panel.port}={'x' * 43}") == 403


def test_this_machine_needs_no_code(panel: PanelProgram) -> None:
    assert b'id="code"' not in panel.get("/", "127.0.0.1").content
    with page(panel, "127.0.0.1") as opened:
        assert "result" in ask(opened, "paired.list")


def test_a_device_is_paired_and_its_pairing_is_ended(panel: PanelProgram) -> None:
    code = panel.code
    answer = panel.pair(User_Agent=PHONE)
    assert answer.status == 204
    set_cookie = answer.getheader("Set-Cookie")
    assert "; HttpOnly; SameSite=Strict" in set_cookie
    assert panel.read_until("Pairing code: ") != f"Pairing code: {code}"
    cookie = set_cookie.split(";")[0]
    assert panel.get("/pair", Cookie=cookie).status == 204
    assert b'id="code"' not in panel.get("/", Cookie=cookie).content
    assert panel.pair(code).status == 403  # a code pairs only one device
    other = panel.cookie()
    with page(panel, Cookie=cookie) as opened, page(panel, Cookie=other) as ends:
        rows = ask(opened, "paired.list")["result"]
        (own,) = [row for row in rows if row["is_this"]]
        assert (own["name"], own["n_pages"]) == ("Safari, iPhone", 1)
        assert ask(opened, "paired.code")["result"]["code"] == panel.code
        assert ask(ends, "paired.end", id=own["id"])["result"] == {"name": "Safari, iPhone"}
        assert "look at the list again" in ask(ends, "paired.end", id=own["id"])["error"]["message"]
        assert end_of(opened) == ENDED
    assert refused(panel, Cookie=cookie) == 403
    kept = (panel.home / "state" / "timbrebox" / "panel-devices.json").read_text()
    assert cookie.split("=")[1] not in kept


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "{address}", "8.8.8.8:{port}", "{address}.nip.io:{port}"]
)
def test_a_foreign_name_is_refused_in_a_network(panel: PanelProgram, host: str) -> None:
    host = host.format(port=panel.port, address=panel.address)
    assert panel.get("/", Host=host).status == 421
    assert panel.get("/pair", Host=host, Timbrebox_Code=panel.code).status == 421


def test_own_names_are_let_in(panel: PanelProgram) -> None:
    for name in (socket.gethostname().split(".")[0], "Timbrebox.local"):
        assert panel.get("/", Host=f"{name}:{panel.port}").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://{address}:{port}", "http://{address}:1"])
def test_another_site_s_page_cannot_use_a_paired_device(panel: PanelProgram, origin: str) -> None:
    origin = origin.format(port=panel.port, address=panel.address)
    cookie = panel.cookie()
    assert refused(panel, Cookie=cookie, Origin=origin) == 403
    assert panel.pair(Origin=origin).status == 403
    assert panel.get("/pair", Origin=origin, Cookie=cookie).getheader("Access-Control-Allow-Origin") is None


def test_a_slow_sender_is_cut(panel: PanelProgram) -> None:
    with socket.create_connection((panel.address, panel.port)) as slow:
        slow.sendall(b"GET / HT")
        slow.settimeout(60.0)
        assert slow.recv(100) == b""


def test_one_machine_cannot_take_all_places(panel: PanelProgram) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(MOST_OF_SENDER):
            held.enter_context(socket.create_connection((panel.address, panel.port)))
        with pytest.raises((OSError, ConnectionError)):
            panel.get("/")
        assert panel.get("/", "127.0.0.1").status == 200


def test_guesses_are_few(panel: PanelProgram) -> None:
    wrong = "0000 0000" if panel.code != "0000 0000" else "0000 0001"
    answers = [panel.pair(wrong) for _ in range(int(SENDER_BURST) + 1)]
    assert answers[-1].status == 429
    assert 1 <= int(answers[-1].getheader("Retry-After")) <= 11
    assert panel.pair().status == 429  # after so many guesses, even the right code is refused


def test_a_guess_is_counted_for_its_sender_only(tmp_path: Path) -> None:
    codes: list[str] = []
    pairing = Pairing(Devices(tmp_path / "devices.json", print), codes.append)
    for _ in range(int(SENDER_BURST)):
        assert pairing.guess("12", "10.0.0.1", "") is None
    with pytest.raises(TooSoonError):
        pairing.guess(pairing.code, "10.0.0.1", "")
    assert pairing.guess(pairing.code, "10.0.0.2", "") is not None
    assert codes == [pairing.code]
    assert sender("2001:db8::1") == sender("2001:db8::ffff:2") != sender("2001:db8:0:1::1")
    assert sender("::ffff:10.0.0.1") == "10.0.0.1"


def test_devices_are_kept_and_those_that_stay_away_are_forgotten(tmp_path: Path) -> None:
    now_s, path = [1e9], tmp_path / "state" / "devices.json"
    devices = Devices(path, print, lambda: now_s[0])
    first, token = devices.add(PHONE)
    now_s[0] += LONGEST_ABSENCE_S - DAY_S
    assert devices.find(token).id == first.id
    again = Devices(path, print, lambda: now_s[0])
    assert again.find(token) == first
    now_s[0] += LONGEST_ABSENCE_S + 1.0
    assert again.find(token) is None
    assert again.all() == []
    many = [again.add("")[1] for _ in range(MOST_DEVICES + 1)]
    assert len(again.all()) == MOST_DEVICES
    assert again.find(many[-1]) is not None


def test_a_broken_list_pairs_nobody(tmp_path: Path) -> None:
    path, said = tmp_path / "devices.json", []
    path.write_bytes(b'{"devices": [{"id": "x"}]}')
    assert Devices(path, said.append).all() == []
    assert "must be paired again" in said[0]


def test_a_name_is_made_of_known_words() -> None:
    assert name_of(PHONE) == "Safari, iPhone"
    assert name_of("<script>") == "Another program"
    assert (
        devices_module.name_of("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
        == "Firefox, Linux"
    )


def test_names_of_a_page_for_this_machine_only() -> None:
    names = OwnNames(8246, others=("music.lan",))
    assert names.is_own("localhost:8246", "127.0.0.1")
    assert not any(names.is_own(f"{name}:8246", "10.0.0.1") for name in ("10.0.0.1", "music.lan", "timbrebox.local"))
    open_names = OwnNames(80, True, ("Music.lan",))
    assert open_names.is_own("music.lan", "10.0.0.1")
    assert open_names.is_own("[fd00::1]", "fd00::1")
    assert not open_names.is_own("10.0.0.2", "10.0.0.1")
    assert open_names.is_own_origin("http://10.0.0.1", "::ffff:10.0.0.1")


@pytest.mark.parametrize("address", ["nowhere", "music.lan", "300.1.1.1"])
def test_an_address_that_is_none_is_a_mistake(address: str) -> None:
    with pytest.raises(UserError, match="panel: address: found"):
        listen(PanelConfig(address=address))
