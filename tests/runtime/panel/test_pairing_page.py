"""A real Chromium that opens the page over a network is asked for the pairing code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.panel.test_page import CHECKS, WIDTHS
from tests.support.browser import Browser
from tests.support.panel import Playing
from tests.support.panel_program import free_port, network_address
from tests.support.places import ROOT
from tests.support.rig import wait_until


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    if network_address() is None:
        pytest.skip("this machine is in no network")
    settings: Path = tmp_path_factory.mktemp("settings") / "network.yaml"
    settings.write_text(f"panel: {{address: 0.0.0.0, port: {free_port()}}}\n")
    instrument = ROOT / "tests" / "data" / "tiny.onnx"
    arguments = ["--audio", "null", "--instrument", instrument, "--config", settings]
    with Playing(arguments, dict(os.environ)) as playing:
        yield playing


def code(playing: Playing) -> str:
    with playing.link() as link:
        wait_until(lambda: link.ask("panel"), "the page's news")
        return link.ask("panel")["code"]


def enter(browser: Browser, text: str) -> None:
    browser.wait("document.activeElement?.id === 'code'")
    browser.evaluate("document.querySelector('#code').select()")
    browser.command("Input.insertText", text=text)
    browser.click("form button")


def test_a_browser_is_paired_and_its_pairing_is_ended(browser: Browser, playing: Playing) -> None:
    browser.look(360, 740)
    browser.command("Page.navigate", url=f"http://{network_address()}:{playing.port}/")
    enter(browser, "0000 0000" if code(playing) != "0000 0000" else "1111 1111")
    browser.wait("document.querySelector('#said').textContent === 'That is not the code.'")
    enter(browser, code(playing))
    browser.wait("document.querySelector('tb-slider.tall') !== null")
    assert "timbrebox" not in browser.evaluate("document.cookie")
    browser.click("#tab-hands")
    browser.wait("document.querySelectorAll('tb-paired li').length === 1")
    assert "this device" in browser.evaluate("document.querySelector('tb-paired li').textContent")
    assert code(playing) in browser.evaluate("document.querySelector('tb-paired .code').textContent")
    browser.click("tb-paired li button")
    browser.wait("document.querySelector('#code') !== null")


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_the_question_fits_and_can_be_read(browser: Browser, playing: Playing, width: int, height: int) -> None:
    for scheme in ("light", "dark"):
        browser.look(width, height, scheme, still=True)
        browser.command("Page.navigate", url=f"http://{network_address()}:{playing.port}/")
        browser.wait("document.activeElement?.id === 'code'")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for check in ("small", "nameless", "faint"):
            assert browser.evaluate(f"({CHECKS}).{check}()") == [], f"{scheme}, {check}"
        if folder := os.environ.get("PICTURES"):
            browser.picture(Path(folder) / f"pair-{width}-{scheme}.png")
