"""The tab *Box* of the panel's page, in a real Chromium."""

from __future__ import annotations

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.panel import wait_for_voices
from tests.support.rig import wait_until

CHOOSE_512 = """(() => {
  const field = document.querySelector("#setting-buffer_frames");
  field.selectedIndex = 3;
  field.dispatchEvent(new Event("change"));
})()"""
COUNT = """(async () => {
  window.asked = 0;
  const { play } = await import("/play.js"), ask = play.ask;
  play.ask = function (...given) { window.asked += 1; return ask.apply(play, given); };
})()"""


@pytest.fixture
def page(opened: Browser) -> Browser:
    return opened


def texts(page: Browser, selector: str) -> list[str]:
    return page.evaluate(f"[...document.querySelectorAll({selector!r})].map((e) => e.textContent)")


def setting(link: Link, name: str) -> dict[str, object]:
    return next(row for row in link.ask("settings") if row["name"] == name)


def test_it_shows_how_the_playing_goes_and_asks_nothing_once_it_is_left(page: Browser, link: Link) -> None:
    page.click("#tab-box")
    link.ask("note", note=60, velocity=90)
    wait_for_voices(link, 1)
    page.wait("document.querySelectorAll('tb-box .facts dd').length === 6")
    facts = dict(zip(texts(page, "tb-box dt"), texts(page, "tb-box dd"), strict=True))
    assert facts["Sound card"] == "none: silent"
    assert facts["Rate and block"] == "44.1 kHz, 256 frames (5.8 ms)"
    assert facts["From a key to the sound"] == "5.8 ms"
    page.wait("document.querySelector('.graph .line')?.getAttribute('points').split(' ').length > 2")
    page.evaluate(COUNT)
    page.wait("asked >= 2")
    page.click("#tab-play")
    page.evaluate("asked = 0")
    page.evaluate("new Promise((done) => setTimeout(done, 2500))")
    assert page.evaluate("asked") == 0
    link.ask("note", note=60)


def test_the_doctor_s_findings_come_one_by_one_with_what_mends_them(page: Browser) -> None:
    page.click("#tab-box")
    page.wait("!document.querySelector('tb-box .main').disabled")
    page.click("tb-box .main")
    page.wait("!document.querySelector('tb-box progress').hidden && document.querySelector('.findings li')")
    page.wait("document.querySelector('tb-box .main').disabled === false", 180.0)  # long enough for a busy machine
    names, verdicts = texts(page, ".findings strong"), texts(page, ".findings .verdict")
    assert {"System", "Instrument", "Disk", "Playing"} <= set(names)
    assert verdicts == sorted(verdicts, key=["bad", "to mend", "good"].index)
    how = texts(page, ".findings .how code")
    assert len(how) == sum(verdict != "good" for verdict in verdicts)
    assert all(how)
    page.open(page.evaluate("location.href"))  # a page opened later also shows the findings
    page.wait(f"document.querySelectorAll('.findings li').length === {len(names)}")


def test_a_setting_is_chosen_and_goes_back_to_its_default(page: Browser, link: Link) -> None:
    page.click("#tab-box")
    page.wait("document.querySelector('#setting-buffer_frames') !== null")
    page.evaluate(CHOOSE_512)
    wait_until(lambda: setting(link, "buffer_frames")["value"] == 512, "the choice")
    page.wait("document.querySelector('tb-box .waits') !== null")
    page.click(".setting:has(#setting-buffer_frames) button")
    wait_until(lambda: setting(link, "buffer_frames")["value"] == 256, "the default")
    page.wait("document.querySelector('tb-box .waits') === null")
    page.click("#setting-a4_hz")
    page.command("Input.insertText", text="442")
    page.key("keyDown", "Tab", "Tab")
    page.evaluate("document.querySelector('#setting-a4_hz')?.blur()")
    wait_until(lambda: setting(link, "a4_hz")["value"] == 442, "the pitch")
    link.ask("settings.choose", name="a4_hz", is_back=True)


def test_without_logind_and_a_service_nothing_is_offered_to_restart(page: Browser) -> None:
    page.click("#tab-box")
    page.wait("document.querySelector('#setting-chime') !== null")
    assert texts(page, "tb-box .buttons button") == []


def test_after_a_save_what_plays_has_the_new_name_and_is_unchanged(page: Browser, link: Link) -> None:
    link.ask("sound", name="cello")
    page.wait("document.querySelector('tb-now strong').textContent === 'cello'")
    page.click("#at-width")
    page.click("#tab-sounds")
    page.wait("!document.querySelector('tb-now .changed').hidden")  # the page says that the sound was changed
    page.click("#save-name")
    page.command("Input.insertText", text="Saved here")
    page.click(".save button")
    page.wait("document.querySelector('.own .choice')?.textContent === 'Saved here'")
    page.wait("document.querySelector('tb-now .changed').hidden")
    page.wait("document.querySelector('tb-now strong').textContent === 'Saved here'")
    assert link.ask("state")["sound"]["name"] == "Saved here"
    link.ask("sounds.delete", name="Saved here")
