"""A user updates Timbrebox on the page.

One half of an update runs as root. In these tests, this half runs when the test says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.panel.files import updates
from runtime.service.updating.news import News, write_news
from tests.runtime.panel.test_files_page import CHECKS, choose
from tests.support.browser import Browser
from tests.support.panel_program import free_port
from tests.support.places import DATA, ROOT
from tests.support.rig import LiveProgram, wait_until
from tests.support.update_page import states
from tests.support.updating import RootsHalf, make_key, make_update

SAID = "document.querySelector('tb-update .work')?.textContent ?? ''"


@pytest.fixture(scope="module")
def program() -> Iterator[LiveProgram]:
    """A running `play` without the page. As in the service, another process serves the page (see `port`)."""
    arguments = ["--no-panel", "--audio", "null", "--instrument", DATA / "tiny.onnx"]
    with LiveProgram(arguments, dict(os.environ)) as program:
        yield program


@pytest.fixture
def half(program: LiveProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RootsHalf]:
    """The half of an update that runs as root, on a machine that has version 1.2.3."""
    half = RootsHalf(tmp_path, monkeypatch, Path(program.env["XDG_STATE_HOME"]) / "timbrebox")
    yield half
    half.arrived.unlink(missing_ok=True)


@pytest.fixture
def port(half: RootsHalf, program: LiveProgram) -> Iterator[int]:
    """The port of a page. `half` can install the updates that are sent to the page."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.updating_panel", half.folder, "panel", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=program.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("PANEL http")
        yield port
        process.terminate()


@pytest.fixture
def page(browser: Browser, port: int) -> Iterator[Browser]:
    """The page, with its tab for the box open. The test fails if the page writes an error to the console."""
    with browser.at(f"http://127.0.0.1:{port}/", "box"):
        yield browser


def offered(page: Browser) -> None:
    page.wait("document.querySelector('tb-update')?.hidden === false")


def send(page: Browser, half: RootsHalf, update: Path) -> None:
    """Choose an update on the page, send it, and wait until it has arrived."""
    choose(page, "update", update)
    page.wait("!document.querySelector('tb-update .buttons').hidden")
    page.click("tb-update .buttons .main")
    wait_until(half.arrived.exists, "the update")


def says(page: Browser, words: str) -> None:
    page.wait(f"({SAID}).includes({words!r})")


def test_without_a_list_of_signers_there_is_no_button_and_nothing_is_taken(
    page: Browser, half: RootsHalf, port: int
) -> None:
    offered(page)
    half.signers.unlink()
    page.click("#tab-play")
    page.click("#tab-box")
    page.wait("document.querySelector('tb-update').hidden")
    with pytest.raises(AssertionError, match="a page that takes no updates"):
        list(states(port, make_update(half.folder, "1.3.0", half.key)))
    assert not half.arrived.exists()


def test_an_update_is_chosen_sent_checked_and_installed_and_the_page_says_each(page: Browser, half: RootsHalf) -> None:
    offered(page)
    update = make_update(half.folder, "1.3.0", half.key)
    choose(page, "update", update)
    page.wait("document.querySelector('tb-update .buttons').textContent.includes('1.3.0.update')")
    assert not half.arrived.exists(), "it must be sent only after the second press"
    page.click("tb-update .buttons .main")
    says(page, "The update has arrived")
    assert half.arrived.read_bytes() == update.read_bytes()
    assert [half.arrived.stat().st_mode & 0o777, half.arrived.parent.stat().st_mode & 0o777] == [0o640, 0o770]
    page.wait("document.querySelector('tb-update button').disabled")
    arrived = half.arrived.rename(half.arrived.with_name("kept"))
    write_news(News("checking"), half.news_file)
    says(page, "is being checked")
    write_news(News("installing", signer="anna@home", version="1.3.0"), half.news_file)
    says(page, "Version 1.3.0 is being installed")
    says(page, "Signed by anna@home.")
    arrived.rename(half.arrived)
    half.run()
    says(page, "Version 1.3.0 plays now.")
    page.wait("!document.querySelector('tb-update button').disabled")
    page.click("tb-update .work button")  # loads the new page
    says(page, "Version 1.3.0 plays now.")


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_refusal_is_said_in_one_line_and_its_reason_in_both_languages(
    language: str, page: Browser, half: RootsHalf
) -> None:
    offered(page)
    if language == "de":
        page.click("tb-tools [lang=de]")
        page.wait("document.documentElement?.lang === 'de'")
        offered(page)
    send(page, half, make_update(half.folder, "1.3.0", make_key(half.folder / "other")))
    with pytest.raises(UserError):
        half.run()
    says(page, {"en": "not signed by anyone whom this box trusts", "de": "von niemandem unterschrieben"}[language])
    says(page, "found a signature by nobody whom this machine trusts")
    assert not half.arrived.exists()
    for width, scheme in ((360, "dark"), (1280, "light")):
        page.look(width, 900, scheme, still=True)
        for check in ("small", "nameless", "faint"):
            assert page.evaluate(f"({CHECKS}).{check}()") == [], f"{width}, {scheme}, {check}"
    if language == "de":
        page.look(1280, 900)
        page.click("tb-tools [lang=en]")
        page.wait("document.documentElement?.lang === 'en'")


def test_one_update_at_a_time(page: Browser, half: RootsHalf, port: int) -> None:
    offered(page)
    update = make_update(half.folder, "1.3.0", half.key)
    send(page, half, update)
    with pytest.raises(AssertionError, match="another update under way"):
        list(states(port, update))
    half.run()
    says(page, "plays now")
    assert [state["state"] for state in states(port, None)] == ["done"]


def test_the_page_hands_over_fewer_than_systemd_lets_root_s_half_start(half: RootsHalf, port: int) -> None:
    unsigned = half.folder / "unsigned.update"
    unsigned.write_bytes(b"hello")
    for _ in range(5):
        taking = states(port, unsigned)
        next(taking)
        with pytest.raises(UserError):
            half.run()
        assert [state["state"] for state in taking][-1] == "refused"
    with pytest.raises(AssertionError, match="try again in"):
        list(states(port, unsigned))
    unit = (ROOT / "runtime" / "service" / "timbrebox-update.service").read_text().splitlines()
    assert {"StartLimitIntervalSec=10min", "StartLimitBurst=20"} <= set(unit)
    assert updates._BURST + 600 * updates._RATE < 20


def test_what_is_too_large_is_refused_before_it_is_sent(page: Browser, half: RootsHalf) -> None:
    offered(page)
    large = half.folder / "large.update"
    large.touch()
    os.truncate(large, 128 * 2**20 + 1)
    choose(page, "update", large)
    page.wait("!document.querySelector('tb-update .buttons').hidden")
    page.click("tb-update .buttons .main")
    page.wait("document.querySelector('tb-toast').textContent.includes('too large: at most 128 MB')")
    assert not half.arrived.exists()


def test_if_nothing_takes_it_the_page_says_what_to_type(page: Browser, half: RootsHalf) -> None:
    offered(page)
    send(page, half, make_update(half.folder, "1.3.0", half.key))
    page.wait(f"({SAID}).includes('sudo systemctl restart timbrebox-update.path')", 40.0)
    page.wait("!document.querySelector('tb-update button').disabled")
