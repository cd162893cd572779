"""The page's picture, pins, paths, favourites and splits show and do what the user asks for."""

from __future__ import annotations

import time

import pytest

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.panel import name_of_sound, voices, wait_for_voices
from tests.support.rig import wait_until

MAP = "tb-map canvas:not(.ground)"
# All names that the head of the page shows in the next 1.5 seconds.
NAMES_SHOWN = """new Promise((done) => {
  const now = document.querySelector('tb-now'), seen = new Set();
  const looking = setInterval(() => seen.add(now.name.textContent), 10);
  setTimeout(() => { clearInterval(looking); done([...seen]); }, 1500);
})"""


# A split shows a label for each sound, above that sound's keys. For each label: its top and bottom, font, width of its
# borders, colour of its lower border, and right edge.
LOOKS = """[...document.querySelectorAll('.zones span')].map((each) => {
  const { top, bottom, right } = each.getBoundingClientRect(), style = getComputedStyle(each);
  return [[top, bottom], style.font, style.borderWidth, style.borderBottomColor, right];
})"""
HARP = '.pins button[aria-label="Choose harp"]'
PINS_REST_S = 0.3  # a pin must rest this long before the test uses it, because a change of the sound moves the pins


def has_moved(link: Link) -> bool:
    """Set the width to 0.5; returns whether it stays there. A sound just chosen may set its own width afterwards."""
    link.ask("move", target="width", position=0.5)
    time.sleep(0.05)
    return link.ask("state")["positions"]["width"] == 0.5


@pytest.fixture
def page(opened: Browser) -> Browser:
    return opened


def test_the_picture_shows_what_is_heard_and_rests_when_it_is_hidden(page: Browser, link: Link) -> None:
    ink = (
        "(() => { const c = document.querySelector('tb-picture canvas'), p = c.getContext('2d').getImageData(0, 0, "
        "c.width, 0.7 * c.height).data; let n = 0; for (let k = 3; k < p.length; k += 4) n += p[k] > 0; return n; })()"
    )
    page.wait("document.querySelector('tb-picture').width > 0")
    assert page.evaluate(ink) == 0
    page.key("keyDown", "KeyA", "a")
    page.wait(f"{ink} > 50")
    for where in ("tb-picture", "tb-keys"):
        page.wait(f"document.querySelector('{where} tb-sounding').textContent.startsWith('C4 261.6 Hz')")
    assert {"50", "1k", "-40", "dB", "Hz"} <= set(
        page.evaluate("[...document.querySelectorAll('tb-picture text')].map((e) => e.textContent)")
    )
    page.evaluate("(async () => { window.play = (await import('/play.js')).play; })()")
    assert page.evaluate("play.watched") == '["control","picture"]'
    # Other tabs also show the pitches. When nothing sounds, they do not ask for the picture.
    page.click("#tab-sounds")
    page.wait("document.querySelector('tb-keys tb-sounding').textContent === 'C4 261.6 Hz'")
    page.key("keyUp", "KeyA", "a")
    page.wait("document.querySelector('tb-keys tb-sounding').textContent === '' && play.watched === '[\"control\"]'")


def test_the_frequencies_of_a_chord_fit_on_a_phone(page: Browser, link: Link) -> None:
    page.look(360, 740)
    page.click("tb-keys .bar button:last-child")
    for note in (60, 64, 67):
        page.click(f'[data-note="{note}"]')
    page.wait("document.querySelector('tb-keys tb-sounding').textContent.startsWith('G4 392.0 Hz   E4 329.6 Hz')")
    right = page.evaluate("document.querySelector('.keys').getBoundingClientRect().right")
    assert right <= 360
    page.click("tb-keys .bar button:last-child")
    wait_for_voices(link, 0)


def test_a_pin_chooses_its_sound_and_is_heard_while_it_is_held(page: Browser, link: Link) -> None:
    page.click("#tab-map")
    page.wait("document.querySelectorAll('.pins button').length > 3")
    place = page.middle(HARP, rest_s=PINS_REST_S)
    page.mouse("mousePressed", place)
    wait_for_voices(link, 1)
    wait_until(lambda: name_of_sound(link) == "harp", "the pin's sound")
    page.mouse("mouseReleased", place)
    wait_for_voices(link, 0)
    page.wait("document.querySelector('.pins [aria-current]')?.getAttribute('aria-label') === 'Choose harp'")


def test_a_drag_that_begins_on_a_pin_moves_the_ring_and_a_click_chooses(page: Browser, link: Link) -> None:
    link.ask("sound", name="cello")
    page.click("#tab-map")
    page.wait("document.querySelectorAll('.pins button').length > 3")
    place = page.middle(HARP, rest_s=PINS_REST_S)
    page.mouse("mousePressed", place)
    page.mouse("mouseMoved", (place[0] + 40, place[1] + 30))
    wait_for_voices(link, 1)
    page.mouse("mouseReleased", (place[0] + 40, place[1] + 30))
    wait_for_voices(link, 0)
    assert name_of_sound(link) == "cello"
    page.evaluate("(window.map = document.querySelector('tb-map')).width")
    x, y = page.evaluate("map.toPixel(map.place)")
    left, top = page.evaluate("(() => { const b = map.canvas.getBoundingClientRect(); return [b.left, b.top]; })()")
    assert (left + x, top + y) == pytest.approx((place[0] + 40, place[1] + 30), abs=2.0)
    page.wait("!document.querySelector('tb-now .changed').hidden")  # the sound differs from the chosen one
    page.click("tb-now .changed")  # leads to the field for a saved sound's name
    page.wait("document.activeElement.id === 'save-name'")
    page.click("#tab-map")
    page.click('.pins button[aria-label="Choose harp"]')
    wait_until(lambda: name_of_sound(link) == "harp", "the pin's sound")
    page.wait("document.querySelector('tb-now .changed').hidden")


def test_a_path_over_the_map_becomes_a_morph(page: Browser, link: Link) -> None:
    page.click("#tab-map")
    page.wait("document.querySelector('tb-map').width > 0 && document.querySelector('tb-map').place")
    page.click(".path button")
    start = page.middle(HARP, rest_s=PINS_REST_S)  # a path may begin on a pin
    page.mouse("mousePressed", start)
    for k in range(1, 6):
        page.mouse("mouseMoved", (start[0] - 24 * k, start[1] + (45 if k in (2, 3) else 0)))
    page.mouse("mouseReleased", (start[0] - 120, start[1]))
    page.wait("!document.querySelector('.path form').hidden")
    page.evaluate("(window.map = document.querySelector('tb-map')).width")
    drawn = page.evaluate("map.path.places.map((place) => map.toPixel(place))")
    assert page.evaluate("document.querySelector('#path-at').ariaValueText") == "100 %"  # the new path's slider
    page.mouse("mousePressed", page.middle("#path-at", 0.02))
    wait_for_voices(link, 1)
    page.mouse("mouseReleased", page.middle("#path-at", 0.02))
    wait_for_voices(link, 0)
    page.wait(f"(([x, y]) => Math.hypot(x - {drawn[0][0]}, y - {drawn[0][1]}) < 12)(map.toPixel(map.place))")
    page.evaluate("(e => { e.value = 0.35; e.dispatchEvent(new Event('input')); })(document.querySelector('#path-at'))")
    ring = page.evaluate("map.toPixel(map.place)")
    row = page.evaluate("map.asked.row")
    wait_until(lambda: latents(link) == pytest.approx(row, abs=1e-4), "the latents of the place")
    page.evaluate("document.querySelector('#path-name').select()")
    page.command("Input.insertText", text="Way")
    page.click(".path form .main")
    wait_until(lambda: name_of_sound(link) == "Way", "the sound with the path")
    page.wait("document.querySelector('tb-map .morph tb-slider') !== null")
    # The latents, the slider Morph and the ring on the map stay as they were.
    state = link.ask("state")
    assert state["positions"]["morph"] == pytest.approx(0.35)
    assert latents(link) == pytest.approx(row, abs=1e-4)
    assert page.evaluate("document.querySelector('#map-at-morph').value") == "0.35"
    assert page.evaluate("map.toPixel(map.place)") == pytest.approx(ring, abs=1.5)
    places = state["sound"]["morph"]["sounds"]
    assert len(places) == 8
    link.ask("move", target="morph", position=1.0)
    wait_until(lambda: _is_at(link, places[-1]), "the path's end")
    # The page shows the line that was drawn. The sound's pin is where the ring was when the sound was saved. The ring
    # moves to the line's end.
    line = page.evaluate("map.path.placesOfSound().map((place) => map.toPixel(place))")
    for x, y in drawn:
        assert min(abs(x - u) + abs(y - v) for u, v in line) < 3.0
    pin = "document.querySelector('.pins [aria-label=\"Choose Way\"]').style"
    pin = page.evaluate(f"(({{ left, top }}) => [left, top].map(parseFloat))({pin})")
    assert pin == pytest.approx(ring, abs=1.5)
    x, y = line[-1]
    page.wait(f"Math.hypot(map.toPixel(map.place)[0] - {x}, map.toPixel(map.place)[1] - {y}) < 2")
    link.ask("sounds.delete", name="Way")


def latents(link: Link) -> list[float]:
    """The positions of the present sound's latents."""
    return [at for name, at in link.ask("state")["positions"].items() if name.startswith("latent.")]


def _is_at(link: Link, place: dict[str, float]) -> bool:
    positions = link.ask("state")["positions"]
    return all(abs(positions[f"latent.{name}"] - at) < 0.02 for name, at in place.items())


def test_a_favourite_is_kept_and_shown_alone(page: Browser, link: Link) -> None:
    page.click("#tab-sounds")
    page.wait("document.querySelectorAll('.theirs .star').length > 3")
    page.click(".theirs li:nth-child(2) .star")
    name = page.evaluate("document.querySelector('.theirs li:nth-child(2) .choice').textContent")
    wait_until(lambda: link.ask("sounds.marks") == {f"strings/{name}": {"favourite": True}}, "the mark")
    page.wait("document.querySelector('.theirs li:nth-child(2) .star').getAttribute('aria-pressed') === 'true'")
    page.click(".filters button")
    page.wait("document.querySelectorAll('.theirs .choice').length === 1")
    page.click(".theirs .star")
    wait_until(lambda: link.ask("sounds.marks") == {}, "no mark")


def test_a_sound_is_heard_while_its_button_is_held_and_the_one_before_comes_back(page: Browser, link: Link) -> None:
    link.ask("sound", name="cello")
    wait_until(lambda: name_of_sound(link) == "cello", "the sound that is changed here")
    wait_until(lambda: has_moved(link), "the changed width")
    page.click("#tab-sounds")
    page.wait("document.querySelectorAll('.theirs .hear').length > 3")
    place = page.middle('[data-focus="hear strings/violin"]')
    page.mouse("mousePressed", place)
    wait_until(lambda: voices(link) > 0 and name_of_sound(link) == "violin", "the phrase")
    page.mouse("mouseReleased", place)
    wait_for_voices(link, 0)
    page.click("tb-toast button")
    wait_until(lambda: name_of_sound(link) == "cello", "the sound before")
    wait_until(lambda: link.ask("state")["positions"]["width"] == 0.5, "its changed width")


def test_a_click_is_not_lost_if_the_list_changes_meanwhile(page: Browser, link: Link) -> None:
    page.click("#tab-sounds")
    page.wait("document.querySelector('.theirs .star')?.ariaPressed === 'false'")
    place = page.middle(".theirs .star", rest_s=PINS_REST_S)
    page.mouse("mousePressed", place)
    page.evaluate("import('/play.js').then(({ play }) => play.dispatchEvent(new Event('present')))")
    page.mouse("mouseReleased", place)
    page.wait("document.querySelector('.theirs .star').ariaPressed === 'true'")
    page.click(".theirs .star")
    page.wait("document.querySelector('.theirs .star').ariaPressed === 'false'")


def test_a_split_is_made_chosen_and_left(page: Browser, link: Link) -> None:
    link.ask("sound", name="cello")
    page.click("#tab-sounds")
    page.click("tb-layers summary")
    page.wait("document.querySelectorAll('.part').length === 2")
    names = "[...document.querySelectorAll('.part > label > span')].map((e) => e.textContent)"
    assert page.evaluate(names) == ["Sound", "Left hand, up to", "Sound", "Right hand, from"]
    # The whole form is in sight, each label on one line.
    is_seen = "(() => { const b = document.querySelector('tb-layers form .main').getBoundingClientRect(); "
    page.wait(is_seen + "return b.bottom < document.querySelector('.dock').getBoundingClientRect().top; })()")
    assert page.evaluate("[...document.querySelectorAll('.part > label > span')].every((e) => e.offsetHeight < 22)")
    choose = "e.value = '54'; e.dispatchEvent(new Event('change'));"
    page.evaluate(f"(() => {{ const e = document.querySelector('.part select'); {choose} }})()")
    assert page.evaluate("document.querySelectorAll('.part')[1].querySelector('select').value") == "55"
    for number, name in enumerate(("cello", "harp")):
        page.evaluate(
            f"(() => {{ const e = document.querySelectorAll('.part input[list]')[{number}]; e.value = '{name}'; "
            "e.dispatchEvent(new Event('input')); })()"
        )
    page.evaluate("document.querySelector('#layers-name').value = 'Two hands'")
    page.click("tb-layers form .main")
    wait_until(lambda: name_of_sound(link) == "Two hands", "the split")
    page.wait("document.querySelector('tb-toast').textContent.startsWith('Two hands is kept, and plays.')")
    page.wait(is_seen + "return b.bottom < document.querySelector('.dock').getBoundingClientRect().top; })()", 2.0)
    page.wait("document.querySelector('tb-now').name.textContent === 'Two hands'")
    assert page.evaluate(NAMES_SHOWN) == ["Two hands"]
    page.wait("document.querySelector('tb-now').by.textContent.endsWith(' · cello · harp')")
    said = "The sliders show the first part, cello, and move all parts."
    page.wait(f"document.querySelector('.part-name').textContent === '{said}'")
    page.wait("document.querySelector('tb-out label').textContent === 'Volume of all parts'")
    # The keyboard shows that the harp begins at G3.
    place = ".getBoundingClientRect().left"
    page.wait("document.querySelectorAll('.zones span').length === 2")
    lies = page.evaluate(f"[...document.querySelectorAll('.zones span')].map((e) => [e.textContent, e{place}])")
    assert [name for name, _ in lies] == ["cello", "harp"]
    assert lies[1][1] == pytest.approx(page.evaluate(f"document.querySelector('[data-note=\"55\"]'){place}"), abs=2)
    # The two labels differ only in colour. Each lies over its own keys, and has a line at its left and right end.
    looks = page.evaluate(LOOKS)
    assert looks[0][:-2] == looks[1][:-2]
    assert looks[0][-2] != looks[1][-2]
    assert looks[0][-1] == pytest.approx(lies[1][1], abs=1)
    assert "0px" not in looks[0][2].split()[1:]
    page.key("keyDown", "KeyA", "a")
    wait_for_voices(link, 1)
    page.key("keyUp", "KeyA", "a")
    wait_for_voices(link, 0)
    split = link.ask("state")["whole"]
    place = page.middle('[data-focus="hear strings/violin"]')
    page.mouse("mousePressed", place)
    wait_until(lambda: name_of_sound(link) == "violin", "another sound, to try it")
    page.mouse("mouseReleased", place)
    page.click("tb-toast button")
    wait_until(lambda: link.ask("state")["whole"] == split, "the split again")
    link.ask("sound", name="violin")
    wait_until(lambda: name_of_sound(link) == "violin", "a sound without parts")
    page.wait("document.querySelector('.zones').hidden")
    link.ask("sounds.delete", name="Two hands")


@pytest.mark.parametrize("width", [360, 768, 1000, 1280, 1366])
def test_a_long_notice_fits_covers_no_part_of_the_keyboard_and_ends(opened: Browser, width: int) -> None:
    opened.look(width, 768)
    text = "Your changes to Rain were not saved. " * 3
    act = "{ text: 'Bring back the changes to Rain path', do() {}, lastsMs: 1000 }"
    opened.evaluate(f"document.querySelector('tb-toast').show('{text}', [{act}]); 0")
    opened.evaluate("at = ['tb-toast', 'tb-toast span', 'tb-toast button', 'tb-toast .close', 'tb-keys', '.dock']; 0")
    boxes = opened.evaluate("""at.map((each) => {
      const { left, top, right, bottom } = document.querySelector(each).getBoundingClientRect();
      return [left, top, right, bottom];
    })""")
    *parts, keys, dock = boxes
    for left, top, right, bottom in parts:
        assert left >= 0.0
        assert right <= width
        assert top >= dock[1]
        assert bottom <= keys[1]
    assert parts[0][3] - parts[0][1] < 180.0
    assert dock[3] == 768.0  # the window's lower edge: the notice has not pushed the keyboard down
    opened.wait("document.querySelector('tb-toast').textContent === ''", 5.0)


def test_a_drag_over_labels_selects_no_text_but_pitches_can_be_selected(opened: Browser) -> None:
    choice = "getComputedStyle(document.querySelector('{}')).userSelect"
    for selector in ("tb-slider label", ".group > legend", "tb-slider output", "tb-now strong", "[role=tab]"):
        assert opened.evaluate(choice.format(selector)) == "none", selector
    for selector in ("#save-name", "tb-sounding"):
        assert opened.evaluate(choice.format(selector)) == "text", selector
    place = opened.middle("tb-slider:has(#at-filter-cutoff) label")
    opened.mouse("mousePressed", place)
    opened.mouse("mouseMoved", (place[0] + 150.0, place[1] + 40.0))
    opened.mouse("mouseReleased", (place[0] + 150.0, place[1] + 40.0))
    assert opened.evaluate("String(getSelection())") == ""
