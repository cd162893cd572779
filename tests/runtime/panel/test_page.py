"""The page works in a real Chromium that is connected to a real `play`."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.panel import Playing, voices, wait_for_voices
from tests.support.places import ROOT
from tests.support.rig import wait_until

WIDTHS = ((360, 740), (768, 1024), (1920, 1080))
NEAR = 0.005
CHECKS = (ROOT / "tests" / "support" / "page_checks.js").read_text(encoding="utf-8").split("\n", 1)[1].strip()


@pytest.fixture
def page(opened: Browser) -> Browser:
    return opened


def position(link: Link, target: str) -> float:
    return link.ask("state")["positions"][target]


def test_a_click_on_a_key_sounds_a_note_and_a_slide_the_next_one(page: Browser, link: Link) -> None:
    page.mouse("mousePressed", page.middle('[data-note="60"]', y=0.9))
    wait_for_voices(link, 1)
    page.mouse("mouseMoved", page.middle('[data-note="64"]', y=0.9))
    page.wait("document.querySelector('[data-note=\"64\"]').classList.contains('on')")
    assert page.evaluate("document.querySelectorAll('.keys .on').length") == 1
    page.mouse("mouseReleased", page.middle('[data-note="64"]', y=0.9))
    wait_for_voices(link, 0)


def test_computer_keys_and_the_focus_play_and_hold_holds(page: Browser, link: Link) -> None:
    page.key("keyDown", "KeyA", "a")
    page.key("keyDown", "KeyD", "d")
    wait_for_voices(link, 2)
    page.key("keyUp", "KeyA", "a")
    page.key("keyUp", "KeyD", "d")
    wait_for_voices(link, 0)
    page.click("tb-keys .bar button:last-child")
    page.click('[data-note="67"]')
    page.evaluate("document.querySelector('[data-note=\"60\"]').focus()")
    page.key("keyDown", "Enter", "Enter")
    page.key("keyUp", "Enter", "Enter")
    wait_for_voices(link, 2)
    page.click("tb-keys .bar button:last-child")
    wait_for_voices(link, 0)


def test_a_text_field_takes_letters_and_plays_nothing(page: Browser, link: Link) -> None:
    page.click("#tab-sounds")
    page.evaluate("document.querySelector('#save-name').focus()")
    page.key("keyDown", "KeyA", "a")
    time.sleep(0.2)
    assert voices(link) == 0
    page.key("keyUp", "KeyA", "a")


def test_the_twelve_notes_hold_one_at_a_time_and_panic_ends_it(page: Browser, link: Link) -> None:
    page.click("tb-chroma .bar button:last-child")
    page.click(".twelve button:nth-child(1)")
    page.click(".twelve button:nth-child(5)")
    page.wait("document.querySelectorAll('.twelve [aria-pressed=true]').length === 1")
    wait_until(lambda: voices(link) == 1, "one voice")
    page.click(".panic")
    wait_for_voices(link, 0)


def test_panic_ends_hold(page: Browser, link: Link) -> None:
    page.click("tb-keys .bar button:last-child")
    page.click('[data-note="60"]')
    wait_for_voices(link, 1)
    page.click(".panic")
    wait_for_voices(link, 0)
    page.click('[data-note="60"]')
    wait_for_voices(link, 0)
    assert page.evaluate("document.querySelector('tb-keys .bar [aria-pressed=true]') === null")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (740, 360), (1280, 800)])
def test_panic_can_be_reached_wherever_the_page_is_scrolled_to(page: Browser, width: int, height: int) -> None:
    page.look(width, height)
    page.click("#tab-hands")
    page.wait("document.querySelectorAll('tb-hands tr').length > 9")
    page.evaluate("scrollTo(0, 600)")
    assert page.evaluate("scrollY") > 200
    reached = (
        "(() => {{ const b = document.querySelector('{}').getBoundingClientRect(); "
        "return document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)?.closest('{}') !== null; }})()"
    )
    assert page.evaluate(reached.format(".panic", ".panic"))
    if width >= 900:
        assert page.evaluate(reached.format("#tab-play", "#tab-play"))


def test_a_slider_moves_its_target_and_follows_it(page: Browser, link: Link) -> None:
    page.mouse("mousePressed", page.middle("#at-filter-cutoff"))
    page.mouse("mouseReleased", page.middle("#at-filter-cutoff"))
    wait_until(lambda: abs(position(link, "filter.cutoff") - 0.5) < NEAR, "the move")
    assert page.evaluate("document.querySelector('#at-filter-cutoff').getAttribute('aria-valuetext')") in (
        "632 Hz",
        "634 Hz",
    )
    time.sleep(0.5)
    link.ask("move", target="filter.cutoff", position=1.0)
    page.wait("document.querySelector('#at-filter-cutoff').value === '1'")
    page.evaluate("document.querySelector('#at-latent-latent-1').focus()")
    before = position(link, "latent.latent 1")
    page.key("keyDown", "ArrowUp", "ArrowUp")
    wait_until(lambda: position(link, "latent.latent 1") > before, "the latent")


def test_the_envelope_is_dragged(page: Browser, link: Link) -> None:
    for target, at in (
        ("envelope.attack", 0.1),
        ("envelope.decay", 0.5),
        ("envelope.sustain", 0.5),
        ("envelope.release", 0.1),
    ):
        link.ask("move", target=target, position=at)
    page.wait("document.querySelector('#at-envelope-sustain').value === '0.5'")
    place = page.middle("tb-envelope [data-point=decay]")
    page.mouse("mousePressed", place)
    page.mouse("mouseMoved", (place[0] + 10, place[1] + 20))
    page.mouse("mouseReleased", (place[0] + 10, place[1] + 20))
    wait_until(lambda: position(link, "envelope.sustain") < 0.3, "a lower sustain")
    wait_until(lambda: position(link, "envelope.decay") > 0.52, "a longer decay")


def test_the_map_s_point_is_dragged_and_heard_and_agrees_with_the_latents(page: Browser, link: Link) -> None:
    page.click("#tab-map")
    page.wait("document.querySelector('tb-map').width > 0 && document.querySelector('tb-map').place")
    before = link.ask("state")["positions"]
    page.mouse("mousePressed", page.middle("tb-map canvas", 0.4, 0.4))
    wait_for_voices(link, 1)
    page.mouse("mouseMoved", page.middle("tb-map canvas", 0.7, 0.6))
    time.sleep(0.3)
    page.mouse("mouseReleased", page.middle("tb-map canvas", 0.7, 0.6))
    wait_for_voices(link, 0)
    after = link.ask("state")["positions"]
    assert sum(abs(after[name] - before[name]) for name in after if name.startswith("latent.")) > 0.1
    # If another program moves the latents, the page shows their place on the map.
    page.click("#tab-play")
    row = page.evaluate("document.querySelector('tb-map').sheet.at([0.31, 0.62])")
    names = [name for name in after if name.startswith("latent.")]
    time.sleep(0.5)
    link.ask("moves", positions=dict(zip(names, row, strict=True)))
    page.click("#tab-map")
    page.wait(f"document.querySelector('tb-map').place.every((x, d) => Math.abs(x - [0.31, 0.62][d]) < {NEAR})")


def test_a_sound_is_saved_deleted_and_brought_back(page: Browser, link: Link) -> None:
    page.click("#tab-sounds")
    page.click("#save-name")  # selects the field's text, so what is typed replaces it
    page.command("Input.insertText", text="Page test")
    page.click(".save button")
    wait_until(lambda: "Page test" in [row["name"] for row in link.ask("sounds.list")], "the saved sound")
    page.wait("document.querySelector('.own .choice')?.textContent === 'Page test'")
    page.wait("document.querySelector('tb-toast').textContent.includes('Page test')")
    assert page.evaluate("document.querySelectorAll('tb-toast button').length") == 1  # the close button
    page.click(".own .more")
    page.wait("document.querySelector('.own .acts button:last-child') !== null")
    page.click(".own .acts button:last-child")
    wait_until(lambda: not link.ask("sounds.list"), "the deletion")
    page.wait("document.querySelector('tb-toast').textContent.includes('is deleted')")
    page.click("tb-toast button")
    wait_until(lambda: link.ask("sounds.list"), "the sound")
    page.wait("document.querySelector('.own .acts button:last-child') !== null")
    page.click(".own .acts button:last-child")
    wait_until(lambda: not link.ask("sounds.list"), "the deletion")


def test_a_learn_mark_asks_for_a_control(page: Browser, link: Link) -> None:
    link.ask("watch", topics=["change"])
    page.click("tb-tools button:nth-child(2)")
    page.click("tb-slider:has(#at-width) .learn")
    page.wait("document.querySelector('tb-toast').textContent.startsWith('Now turn a knob for Width')")
    page.click("#tab-hands")
    page.wait("document.querySelector('.waiting [data-learn=width]')?.textContent === 'Cancel'")
    link.ask("learn", target="pan")  # replaces the page's request
    assert ("change", "replaced") in [(topic, news.get("learn", {}).get("outcome")) for topic, news in link.news(1.0)]


def test_escape_ends_the_wait_for_a_control(page: Browser, link: Link) -> None:
    page.click("#tab-hands")
    page.wait("document.querySelector('[data-learn=width]') !== null")
    page.click("[data-learn=width]")
    page.wait("document.querySelector('.waiting') !== null")
    link.ask("watch", topics=["change"])
    page.key("keyDown", "Escape", "Escape")
    page.wait("document.querySelector('.waiting') === null")
    outcomes = (news.get("learn", {}).get("outcome") for topic, news in link.news(5.0) if topic == "change")
    assert "timeout" in outcomes
    page.wait("document.querySelector('tb-toast').textContent.startsWith('Nothing is learned')")


def test_the_page_comes_back_when_its_process_dies(page: Browser, playing: Playing, link: Link) -> None:
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    shown = (
        "['tb-now strong', '#at-level', '.theirs .choice']"
        ".map((e) => document.querySelector(e)).map((e) => e.value || e.textContent)"
    )
    before = page.evaluate(shown)
    os.kill(playing.panel_process(), signal.SIGKILL)
    page.wait("document.querySelector('tb-notice').textContent !== ''")
    assert page.evaluate(shown) == before  # all is still shown, in grey
    wait_for_voices(link, 0)
    page.key("keyUp", "KeyA", "a")
    page.wait("document.querySelector('tb-notice').textContent === ''")
    page.wait("document.querySelector('.away') === null")
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    page.key("keyUp", "KeyA", "a")
    wait_for_voices(link, 0)
    page.complaints.clear()  # errors about failed connections are expected


def test_a_closed_page_ends_its_notes(page: Browser, link: Link) -> None:
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    page.command("Page.navigate", url="about:blank")
    wait_for_voices(link, 0)


def test_a_page_that_is_kept_for_the_way_back_plays_no_more(page: Browser, playing: Playing, link: Link) -> None:
    page.click("tb-keys .bar button:last-child")
    page.click('[data-note="60"]')
    wait_for_voices(link, 1)
    page.command("Page.navigate", url="about:blank")
    page.open(f"{playing.url}#map")
    wait_for_voices(link, 0)
    page.evaluate("void setTimeout(() => history.go(-2))")  # delayed: the page must first answer this call
    page.wait("location.hash === '#play' && document.querySelector('.away') === null")
    page.wait("document.querySelector('tb-slider.tall') !== null")
    # If the browser has reloaded the page, Hold may be off, and a click would switch it on.
    page.evaluate("document.querySelector('tb-keys').setHold(false)")
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    page.key("keyUp", "KeyA", "a")
    wait_for_voices(link, 0)


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_it_fits_and_can_be_read_at_every_width(page: Browser, width: int, height: int) -> None:
    for scheme in ("light", "dark"):
        page.look(width, height, scheme, still=True)
        for tab in ("play", "map", "sounds", "hands", "files", "box"):
            page.click(f"#tab-{tab}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab} is too wide"
            for check in ("small", "nameless", "faint"):
                assert page.evaluate(f"({CHECKS}).{check}()") == [], f"{tab}, {scheme}, {check}"


def test_both_languages_have_every_text(page: Browser) -> None:
    words = (ROOT / "runtime" / "panel" / "page" / "words.js").read_text(encoding="utf-8")
    english, german = (_keys(words, f"const {name} = {{") for name in ("EN", "DE"))
    assert english == german
    page.click("tb-tools button:last-child")
    page.wait("document.readyState === 'complete' && document.querySelector('#tab-play')?.textContent === 'Spielen'")
    page.wait("document.querySelector('tb-tools button:last-child') !== null")
    page.click("tb-tools button:last-child")
    page.wait("document.readyState === 'complete' && document.querySelector('#tab-play')?.textContent === 'Play'")


def _keys(words: str, begin: str) -> set[str]:
    return set(re.findall(r'"([a-z_. ]+)": "', words.split(begin)[1].split("\n};")[0], re.IGNORECASE))
