"""The page's map agrees with what the user does and hears."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.panel import name_of_sound, wait_for_voices
from tests.support.rig import wait_until

MAP = "document.querySelector('tb-map')"
RING = f"{MAP}.toPixel({MAP}.place)"
NEAR_PX = 1.5
FIRST = "document.querySelector('.first').textContent"  # the first of the texts that say where the ring is
SLIDER = "document.querySelector('#couple-at')"
# NAMES gives [text, [left, top, right, bottom]] of each name that is shown, and PINS gives the same of each pin.
NAMES = """[...document.querySelectorAll('.pins button:not(.quiet) span')].map((each) => {
  const { left, top, right, bottom } = each.getBoundingClientRect();
  return [each.textContent, [left, top, right, bottom]];
})"""
PINS = """[...document.querySelectorAll('.pins button')].map((each) => {
  const { left, top, width, height } = each.getBoundingClientRect(), [x, y] = [left + width / 2, top + height / 2];
  return [each.textContent, [x - 7, y - 7, x + 7, y + 7]];
})"""


@pytest.fixture
def page(opened: Browser, link: Link) -> Browser:
    link.ask("sound", name="cello")
    opened.wait("document.querySelector('tb-now strong').textContent === 'cello'")
    opened.click("#tab-map")
    opened.wait(f"{MAP}.width > 0 && {MAP}.place && document.querySelectorAll('.pins button').length > 4")
    return opened


@pytest.fixture
def many(page: Browser, link: Link) -> Iterator[Browser]:
    link.ask("instrument", name="orchestra")
    page.wait("document.querySelectorAll('.pins button').length > 20")
    yield page
    link.ask("instrument", name="strings")
    page.wait("document.querySelectorAll('.pins button').length < 20")


def drag_ring(page: Browser, place: tuple[float, float]) -> None:
    """Drag the map's ring to a place, in pixels of the window."""
    left, top = page.evaluate(f"(({{ left, top }}) => [left, top])({MAP}.canvas.getBoundingClientRect())")
    x, y = page.evaluate(RING)
    page.mouse("mousePressed", (left + x, top + y))
    page.mouse("mouseMoved", ((left + x + place[0]) / 2, (top + y + place[1]) / 2))
    page.mouse("mouseMoved", place)
    page.mouse("mouseReleased", place)


def latents(link: Link) -> list[float]:
    return [at for name, at in link.ask("state")["positions"].items() if name.startswith("latent.")]


def test_a_place_halfway_between_two_pins_is_first_told_as_between_these_two(page: Browser, link: Link) -> None:
    pins = page.evaluate(f"[...{MAP}.sheet.pins.keys()]")
    for one, other in itertools.combinations(pins, 2):
        link.ask("sound", name=one)
        page.wait(f"document.querySelector('.pins [aria-current]')?.textContent === '{one}'")
        ends = [page.middle(f'.pins button[aria-label="Choose {name}"]') for name in (one, other)]
        drag_ring(page, tuple(sum(each) / 2.0 for each in zip(*ends, strict=True)))
        page.wait(f"{FIRST} === 'halfway between {one} and {other}'")


def choose_end(page: Browser, number: int, name: str) -> None:
    """Choose a sound for one end of the slider; number: 0 for the first end, 1 for the second."""
    option = f"[...end.options].find((each) => each.text === '{name}').value"
    page.evaluate(
        f"(() => {{ const end = document.querySelectorAll('.ends select')[{number}]; end.value = {option}; "
        "end.dispatchEvent(new Event('change')); })()"
    )


def test_two_sounds_that_one_chooses_have_the_ring_between_them(many: Browser, link: Link) -> None:
    link.ask("sound", name="flute")
    # The playing sound is at the slider's first end. The slider is off until the second end has a sound.
    many.wait("document.querySelector('.ends select').selectedOptions[0].text === 'flute'")
    assert many.evaluate(f"{SLIDER}.disabled")
    assert many.evaluate(f"{SLIDER}.value") == "0"  # so no part of the slider is coloured
    choose_end(many, 1, "trumpet")
    many.wait(f"{FIRST} === 'halfway between flute and trumpet'")
    assert many.evaluate(f"{SLIDER}.ariaValueText") == "50 %, halfway between flute and trumpet"
    ends = many.evaluate(f"['flute', 'trumpet'].map((name) => {MAP}.sheet.pins.get(name))")
    for share in (0.5, 0.2, 0.9):
        many.evaluate(f"(() => {{ {SLIDER}.value = {share}; {SLIDER}.dispatchEvent(new Event('input')); }})()")
        place = [a + share * (b - a) for a, b in zip(*ends, strict=True)]
        assert many.evaluate(f"{MAP}.place") == pytest.approx(place, abs=1e-3)
        row = many.evaluate(f"{MAP}.sheet.at({place}, [])")
        wait_until(lambda row=row: latents(link) == pytest.approx(row, abs=1e-3), "the latents of the place")
    many.wait(f"{FIRST} === 'between flute and trumpet, nearer to trumpet'")
    drag_ring(many, many.middle("tb-map canvas:not(.ground)", 0.9, 0.9))
    many.wait("document.querySelector('.couple output').textContent === 'off the line'")
    # A note sounds while the slider is held.
    many.mouse("mousePressed", many.middle("#couple-at", 0.3))
    wait_for_voices(link, 1)
    many.wait(f"{FIRST} === 'between flute and trumpet, nearer to flute'")
    many.mouse("mouseReleased", many.middle("#couple-at", 0.3))
    wait_for_voices(link, 0)


def test_the_slider_between_two_sounds_is_moved_with_keys_to_the_first_one_s_pin(many: Browser, link: Link) -> None:
    link.ask("sound", name="tuba")
    for number, name in enumerate(("oboe", "violin")):
        choose_end(many, number, name)
        many.evaluate("import('/play.js').then(({ play }) => play.dispatchEvent(new Event('present'))); 0")
        time.sleep(0.2)  # the event `present` must not change the chosen sounds
    many.wait(f"{FIRST} === 'halfway between oboe and violin'")
    many.evaluate(f"{SLIDER}.focus()")
    many.command("Input.dispatchKeyEvent", type="keyDown", code="Home", key="Home", windowsVirtualKeyCode=36)
    many.command("Input.dispatchKeyEvent", type="keyUp", code="Home", key="Home", windowsVirtualKeyCode=36)
    many.wait(f"{FIRST} === 'at oboe'")
    (oboe,) = [each["positions"] for each in link.ask("card")["sounds"] if each["name"] == "oboe"]
    wait_until(lambda: latents(link) == pytest.approx(oboe, abs=1e-3), "the oboe's latents")


def test_at_a_pin_the_map_has_the_pin_s_sound(page: Browser, link: Link) -> None:
    drag_ring(page, page.middle('.pins button[aria-label="Choose harp"]'))
    page.wait(f"document.querySelector('.near li').textContent === 'harp' && {FIRST} === 'at harp'")
    card = link.ask("card")
    (harp,) = [each["positions"] for each in card["sounds"] if each["name"] == "harp"]
    wait_until(lambda: latents(link) == pytest.approx(harp, abs=0.05), "the harp's latents")


def test_a_sound_kept_at_the_ring_stands_at_the_ring_also_in_a_page_opened_later(page: Browser, link: Link) -> None:
    for k, (x, y) in enumerate(((0.3, 0.3), (0.62, 0.71), (0.9, 0.12), (0.05, 0.95))):
        drag_ring(page, page.middle("tb-map canvas:not(.ground)", x, y))
        ring, row = page.evaluate(f"[{RING}, {MAP}.asked.row]")
        wait_until(lambda row=row: latents(link) == pytest.approx(row, abs=1e-4), "the ring's latents")
        link.ask("save", name=f"Kept {k}")
        wait_until(lambda name=f"Kept {k}": name_of_sound(link) == name, "the kept sound")
        pin = f"document.querySelector('.pins [aria-label=\"Choose Kept {k}\"]')"
        for again in (False, True):
            if again:
                url = page.evaluate("location.href")
                page.command("Page.navigate", url="about:blank")
                page.open(url)
                page.wait(f"{MAP}.width > 0 && {MAP}.place")
            for spot in (f"{pin} ? [{pin}.style.left, {pin}.style.top].map(parseFloat) : [0, 0]", RING):
                page.wait(f"(([x, y]) => Math.hypot(x - {ring[0]}, y - {ring[1]}) < {NEAR_PX})({spot})")
        link.ask("sounds.delete", name=f"Kept {k}")


def test_a_path_is_kept_while_a_split_plays_with_the_first_part_s_sound(link: Link) -> None:
    parts = [{"sound": "cello", "keys": [0, 59]}, {"sound": "harp", "keys": [60, 127]}]
    link.ask("sounds.write", name="Two", tree={"sound_version": 1, "parts": parts})
    link.ask("sound", name="Two")
    wait_until(lambda: name_of_sound(link) == "Two", "the split")
    names = link.ask("card")["latents"]
    places = [dict.fromkeys(names, 0.2), dict.fromkeys(names, 0.8)]
    link.ask("sounds.path", name="Way", places=places, at=0.25)
    kept = link.ask("sounds.read", name="Way")["tree"]
    assert kept["morph"] == {"sounds": places, "at": [0.25]}
    assert "parts" not in kept
    link.ask("sound", name="Way")
    wait_until(lambda: "morph" in link.ask("state")["positions"], "the morph")
    for name in ("Two", "Way"):
        link.ask("sounds.delete", name=name)


def test_a_trail_is_shown_and_explained_only_if_the_sound_moves_by_itself(page: Browser, link: Link) -> None:
    page.wait("document.querySelector('.signs.quiet') === null")  # the cello moves by itself: it has a trajectory
    page.key("keyDown", "KeyA", "a")
    page.wait(f"{MAP}.trail.places.length > 5")
    # This text is below the map, where it covers no name.
    said = page.evaluate("document.querySelector('.signs .moves').textContent")
    assert said == "The sound moves here by itself while a note sounds."
    assert page.evaluate("document.querySelector('.sheet .signs')") is None
    # When the ring moves to another place, the trail begins again.
    page.evaluate(f"oldest = {MAP}.trail.places[0]; 0")
    drag_ring(page, page.middle("tb-map canvas:not(.ground)", 0.7, 0.7))
    page.wait(f"!{MAP}.trail.places.includes(oldest)")
    assert page.evaluate(f"{MAP}.trail.places.length") < 90  # a trail of 90 loses its oldest place in any case
    link.ask("sound", tree={"sound_version": 1, "name": "Plain"})
    page.wait("document.querySelector('.signs.quiet') !== null")
    page.key("keyUp", "KeyA", "a")
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    drag_ring(page, page.middle("tb-map canvas:not(.ground)", 0.3, 0.3))  # this sound does not move by itself: no trail
    assert page.evaluate(f"{MAP}.trail.places.length") == 0
    page.key("keyUp", "KeyA", "a")


def test_the_name_of_each_button_includes_the_text_that_is_seen(page: Browser) -> None:
    page.wait("document.querySelector('.signs.quiet') === null")  # now the button *Stop moving* is shown
    shown = "[...document.querySelectorAll('tb-map button')].filter((b) => b.offsetWidth && b.ariaLabel)"
    names = page.evaluate(f"{shown}.map((b) => [b.ariaLabel.toLowerCase(), b.textContent.trim().toLowerCase()])")
    assert [name for name, text in names if text not in name] == []


def test_the_dot_of_what_sounds_is_seen_also_while_a_path_is_drawn(page: Browser) -> None:
    page.key("keyDown", "KeyA", "a")
    page.evaluate("(window.map = document.querySelector('tb-map')).width")
    page.click(".path button")
    # Whether the canvas has the dot's colour at the dot's place. The ring is on this canvas, too, but in other colours.
    spot = "...map.toPixel(map.trail.places.at(-1)).map((x) => Math.round(x * map.dense))"
    there = f"map.canvas.getContext('2d').getImageData({spot}, 1, 1).data.slice(0, 3).join()"
    is_seen = f"map.trail.places.length && {there} === '15,98,94'"
    page.wait(is_seen)
    x, y = page.middle("tb-map canvas:not(.ground)", 0.1, 0.8)
    page.mouse("mousePressed", (x, y))
    page.mouse("mouseMoved", (x + 60, y))
    page.wait(f"map.path.places.length > 1 && {is_seen}")
    page.mouse("mouseReleased", (x + 60, y))
    page.click(".path .keep button:last-child")
    page.key("keyUp", "KeyA", "a")


def test_the_line_between_two_sounds_goes_while_a_path_is_drawn(many: Browser, link: Link) -> None:
    link.ask("sound", tree={"sound_version": 1, "name": "Plain"})
    many.wait("document.querySelector('.signs.quiet') !== null")
    for number, name in enumerate(("oboe", "violin")):
        choose_end(many, number, name)
    many.evaluate(f"(window.map = {MAP}).width")
    ink = "map.line.getContext('2d').getImageData(0, 0, map.line.width, map.line.height).data.some((x) => x > 0)"
    many.wait(ink)
    many.click(".path button")
    many.wait(f"!{ink}")
    many.click(".path button")
    many.wait(ink)


def test_a_pin_s_name_is_seen_above_the_ring(page: Browser, link: Link) -> None:
    link.ask("sound", tree={"sound_version": 1, "name": "Plain"})
    page.wait("document.querySelector('.signs.quiet') !== null")
    place = page.middle(".pins button:not(.quiet) span")
    drag_ring(page, place)
    wait_for_voices(link, 0)
    page.evaluate(f"(window.map = {MAP}).width")
    corner = page.evaluate("(({ left, top }) => [left, top])(map.canvas.getBoundingClientRect())")
    x, y = page.evaluate("map.toPixel(map.place)")
    assert (corner[0] + x, corner[1] + y) == pytest.approx(place, abs=2.0)
    name = "document.querySelector('.pins button:not(.quiet) span').style"
    clip = {"x": place[0] - 8, "y": place[1] - 6, "width": 16, "height": 12, "scale": 1}  # within the ring
    seen = []
    for visibility in ("visible", "hidden"):
        page.evaluate(f"{name}.visibility = '{visibility}'; new Promise((done) => setTimeout(done, 100))")
        seen.append(page.command("Page.captureScreenshot", format="png", clip=clip)["data"])
    assert seen[0] != seen[1]


def test_beside_the_slider_between_two_sounds_it_is_said_why_the_dot_wanders(many: Browser, link: Link) -> None:
    why = "document.querySelector('.couple .hint').textContent"
    link.ask("sound", name="flute")
    many.wait("document.querySelector('.ends select').selectedOptions[0].text === 'flute'")
    assert many.evaluate(why) == ""
    choose_end(many, 1, "trumpet")
    many.wait(f"{why}.startsWith('The small dot wanders because flute moves by itself; “Stop moving”')")
    assert many.evaluate("document.querySelector('.nearby .hint').textContent") == "Sounds nearest to the ring"
    many.click(".signs button")
    many.wait(f"{why} === ''")


def test_a_sound_that_moves_by_itself_can_be_held_still_and_moves_again_after_undo(page: Browser, link: Link) -> None:
    page.wait("document.querySelector('.signs.quiet') === null")
    before = latents(link)
    page.click(".signs button")
    page.wait("document.querySelector('.signs.quiet') !== null")
    state = link.ask("state")
    assert state["name"] == "cello"
    assert not state["sound"].get("trajectory")
    assert np.allclose(latents(link), before, atol=1e-3)
    page.wait("document.querySelector('tb-toast').textContent.includes('cello does not move by itself now.')")
    page.wait("!document.querySelector('tb-now .changed').hidden")
    page.click("tb-toast button")
    page.wait("document.querySelector('.signs.quiet') === null")
    assert link.ask("state")["sound"]["trajectory"]


def test_the_side_of_the_map_stays_in_place_while_a_path_is_drawn_and_the_line_is_below_the_names(
    page: Browser,
) -> None:
    tops = "['.nearby', '#map-note', '#map-colour', '.path button'].map((e) => document.querySelector(e).offsetTop)"
    before = page.evaluate(tops)
    page.click(".path button")
    x, y = page.middle("tb-map canvas:not(.ground)", 0.1, 0.1)
    page.mouse("mousePressed", (x, y))
    page.mouse("mouseMoved", (x + 60, y))
    page.mouse("mouseMoved", (x + 120, y))
    page.mouse("mouseReleased", (x + 120, y))
    page.wait("!document.querySelector('.path .walker').hidden")
    assert page.evaluate(tops) == before
    ink = "getContext('2d').getImageData(...map.toPixel(map.path.places[1]).map((x) => x * map.dense), 1, 1).data[3]"
    page.evaluate("(window.map = document.querySelector('tb-map')).width")
    page.wait(f"map.line.{ink} > 0")
    assert page.evaluate(f"map.canvas.{ink}") == 0  # the upper canvas, above the names, shows no path
    # Another drag moves the ring; only `Draw another` begins a new path.
    drawn = page.evaluate("map.path.places.length")
    page.wait("document.querySelector('.path button').textContent === 'Draw another'")
    assert page.evaluate("document.querySelector('.path button').ariaPressed") == "false"
    drag_ring(page, (x + 200, y + 200))
    assert page.evaluate("map.path.places.length") == drawn
    page.click(".path button")
    assert page.evaluate("map.path.places.length") == 0
    page.mouse("mousePressed", (x + 60, y + 60))
    page.mouse("mouseMoved", (x + 160, y + 60))
    page.mouse("mouseReleased", (x + 160, y + 60))
    page.wait("!document.querySelector('.path .keep').hidden && !map.path.isOn")
    page.click(".path .keep button:last-child")


@pytest.mark.parametrize(
    ("width", "height", "least"), [(360, 740, 10), (768, 1024, 20), (1280, 900, 27), (1920, 1080, 28)]
)
def test_names_cover_neither_each_other_nor_pins_and_the_playing_sound_s_is_shown(
    many: Browser, link: Link, width: int, height: int, least: int
) -> None:
    many.look(width, height)
    link.ask("sound", name="accordion")
    many.wait("document.querySelector('.pins [aria-current]')?.textContent === 'accordion'")
    names, pins = many.evaluate(NAMES), many.evaluate(PINS)
    assert len(names) >= least
    for (one, box), (other, second) in itertools.combinations(names, 2):
        assert not _touch(box, second), (one, other)
    for (name, box), (pin, disc) in itertools.product(names, pins):
        assert "accordion" in (name, pin) or name == pin or not _touch(box, disc), (name, pin)
    assert "accordion" in many.evaluate(
        "[...document.querySelectorAll('.pins span')].filter((e) => getComputedStyle(e).visibility === 'visible')"
        ".map((e) => e.textContent)"
    )


def _touch(a: list[float], b: list[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
