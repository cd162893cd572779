"""If a changed sound gives way to another, the user can bring it back with its changes."""

from __future__ import annotations

import time

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.panel import name_of_sound
from tests.support.rig import wait_until

TOAST = "document.querySelector('tb-toast')"
CHANGED = "document.querySelector('tb-now .changed')"


@pytest.fixture
def page(opened: Browser, link: Link) -> Browser:
    """The page while the cello plays. The cello has a trajectory, and its width was changed."""
    link.ask("sound", name="cello")
    opened.wait("document.querySelector('tb-now strong').textContent === 'cello'")
    opened.wait(f"{CHANGED}.hidden")
    time.sleep(0.3)  # news of the choice that came after the move would undo it
    opened.evaluate("import('/play.js').then(({ play }) => play.move({ width: 0.5 })); 0")
    wait_until(lambda: width(link) == 0.5, "the changed width")
    opened.click("#tab-sounds")
    opened.wait("document.querySelectorAll('.theirs .choice').length > 3")
    return opened


def width(link: Link) -> float:
    return link.ask("state")["positions"]["width"]


def bring_back(page: Browser, link: Link) -> None:
    page.wait(f"{TOAST}.textContent.includes('Your changes to cello were not saved.')")
    page.click("tb-toast button")
    wait_until(lambda: name_of_sound(link) == "cello" and width(link) == 0.5, "the cello with its changed width")
    page.wait(f"!{CHANGED}.hidden")


@pytest.mark.parametrize("width", [360, 768, 1366])
def test_the_name_in_the_head_stays_in_place_when_it_is_said_that_the_sound_is_changed(
    page: Browser, link: Link, width: int
) -> None:
    page.look(width, 768)
    places = """['tb-now strong', 'tb-now .names > span', 'tb-now .round:last-child'].map((each) => {
      const { left, top } = document.querySelector(each).getBoundingClientRect();
      return [left, top];
    })"""
    changed = page.evaluate(places)
    link.ask("sound", name="cello")
    page.wait(f"{CHANGED}.hidden")
    assert page.evaluate(places) == changed


def test_changes_come_back_after_a_sound_was_chosen_from_the_list(page: Browser, link: Link) -> None:
    page.click('[data-focus="choose strings/violin"]')
    wait_until(lambda: name_of_sound(link) == "violin", "the other sound")
    assert width(link) != 0.5
    bring_back(page, link)


def test_changes_come_back_after_a_step_to_the_next_sound_or_a_click_on_a_pin(page: Browser, link: Link) -> None:
    page.click("tb-now .round:last-child")
    wait_until(lambda: name_of_sound(link) != "cello", "the next sound")
    bring_back(page, link)
    page.click("#tab-map")
    page.wait("document.querySelectorAll('.pins button').length > 3")
    page.click('.pins button[aria-label="Choose harp"]', rest_s=0.3)  # waits: the change of the sound moves the pins
    wait_until(lambda: name_of_sound(link) == "harp", "the pin's sound")
    bring_back(page, link)


def test_changes_come_back_after_another_instrument_was_chosen(page: Browser, link: Link) -> None:
    page.click('.instruments button[aria-label="Play orchestra"]')
    wait_until(lambda: link.ask("state")["instrument"]["name"] == "orchestra", "the other instrument")
    bring_back(page, link)
    assert link.ask("state")["instrument"]["name"] == "strings"


def test_an_unchanged_or_saved_sound_is_left_without_a_word(page: Browser, link: Link) -> None:
    page.evaluate("document.querySelector('#save-name').value = 'Wide cello'")
    page.click(".save .main")
    wait_until(lambda: name_of_sound(link) == "Wide cello", "the saved sound")
    page.wait(f"{CHANGED}.hidden")
    page.evaluate(f"{TOAST}.hide()")
    page.click('[data-focus="choose strings/violin"]')
    wait_until(lambda: name_of_sound(link) == "violin", "the other sound")
    page.wait("document.querySelector('tb-now strong').textContent === 'violin'")
    assert page.evaluate(f"{TOAST}.textContent") == ""
    link.ask("sounds.delete", name="Wide cello")


def test_a_new_sound_s_sliders_stand_where_it_has_them_even_if_they_were_moved_just_before(
    page: Browser, link: Link
) -> None:
    violin = "document.querySelector('[data-focus=\"choose strings/violin\"]')"
    page.evaluate(f"import('/play.js').then(({{ play }}) => {{ play.move({{ tilt: 0.9 }}); {violin}.click(); }}); 0")
    wait_until(lambda: name_of_sound(link) == "violin", "the other sound")
    tilt = link.ask("state")["positions"]["tilt"]
    page.evaluate("import('/play.js').then((found) => (window.play = found.play)); 0")
    page.wait(f"Math.abs(window.play?.positions.get('tilt') - {tilt}) < 1e-3", 3.0)


def test_sounds_open_at_their_top_and_play_where_it_was_left(page: Browser) -> None:
    page.look(1000, 600)
    tab = "document.querySelector('#tab-{}').click()"  # a click with the mouse would scroll to the tab first
    page.evaluate(tab.format("play"))
    page.evaluate("scrollTo({ top: 200, behavior: 'instant' })")
    page.evaluate(tab.format("sounds"))
    page.click("tb-layers summary")  # opens the form of the layers, and scrolls to it
    page.wait("scrollY > 50")
    page.evaluate(tab.format("play"))
    page.wait("scrollY === 200")
    page.evaluate(tab.format("sounds"))
    page.wait("scrollY === 0")


def test_the_volume_says_whose_it_is_and_why_it_differs(page: Browser, link: Link) -> None:
    label = "document.querySelector('tb-out label')"
    page.wait(f"{label}.textContent === 'Volume of cello'")
    link.ask("sound", name="harp")
    page.wait(f"{label}.textContent === 'Volume of harp'")
    assert page.evaluate(f"{label}.title").startswith("Each sound has its own volume")
    page.look(360, 740)  # room for the label's first word only
    assert page.evaluate(f"{label}.firstChild.textContent") == "Volume"
    assert page.evaluate("document.querySelector('.whose').offsetWidth") <= 1


def test_a_held_note_that_keeps_its_sound_is_explained_after_a_choice(page: Browser, link: Link) -> None:
    said = "Notes that sound keep their sound. Press the key again to hear"
    page.click("tb-keys .bar button:last-child")  # Hold
    page.click('[data-note="60"]')
    page.click('[data-focus="choose strings/violin"]')
    page.wait(f"{TOAST}.textContent.includes('Your changes to cello were not saved. {said} violin.')")
    page.click('[data-focus="choose strings/violin"]')  # the same sound again
    page.wait(f"{TOAST}.textContent.startsWith('{said} violin.')")
    page.click("tb-now .round:last-child")
    wait_until(lambda: name_of_sound(link) != "violin", "the next sound")
    page.wait(f"{TOAST}.textContent.includes('{said} {name_of_sound(link)}.')")
    page.click(".panic")


def test_changes_come_back_after_a_split_was_saved_and_plays(page: Browser, link: Link) -> None:
    page.click("tb-layers summary")
    page.wait("document.querySelectorAll('tb-layers .part').length === 2")
    for k, sound in enumerate(("violin", "harp")):
        field = f"document.querySelectorAll('tb-layers [list]')[{k}]"
        page.evaluate(f"{field}.value = '{sound}'; {field}.dispatchEvent(new Event('input')); 0")
    page.evaluate("scheduled = []; old = setTimeout; setTimeout = (f, ms) => (scheduled.push(ms), old(f, ms)); 0")
    page.click("tb-layers form .main")
    wait_until(lambda: name_of_sound(link) == "Split", "the split")
    page.wait(f"{TOAST}.textContent.includes('Bring back the changes to cello')")
    assert page.evaluate("Math.max(...scheduled.filter((ms) => ms >= 20000))") == 30000  # the message stays for 30 s
    page.click("tb-toast button")
    wait_until(lambda: name_of_sound(link) == "cello" and width(link) == 0.5, "the cello with its changed width")
    link.ask("sounds.delete", name="Split")
