"""What a user does on the page changes the sound."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from runtime.link.client import Link
from tests.runtime.panel.test_files_page import choose, downloaded, tone
from tests.support.browser import Browser
from tests.support.hearing import cents_off, level_db
from tests.support.panel import Playing, name_of_sound, voices, wait_for_voices
from tests.support.rig import SAMPLE_RATE_HZ, JackServer, Player, missing_tools, wait_until
from tests.support.touch import touch_to_sound_ms

pytestmark = pytest.mark.rig

IN_TUNE_CENTS = 20.0
SILENT_DB = -70.0
PERIOD_FRAMES = 256
FRAME = 4096
# `python -m tests.soak.panel_touch` allows 25 ms. This limit is higher, because other tests may run at the same time.
LONGEST_TOUCH_MS = 60.0
RING = "document.querySelector('tb-map').place"
TOAST = "document.querySelector('tb-toast')"
CUTOFF = "tb-slider:has(#at-filter-cutoff)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    missing = missing_tools()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with JackServer(tmp_path_factory.mktemp("jack") / "jackd.log", period_frames=PERIOD_FRAMES) as server:
        yield server


@pytest.fixture(scope="module")
def playing(server: JackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    settings = tmp_path_factory.mktemp("rig") / "rig.yaml"
    audio = {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES}
    settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
    with Playing(["--config", settings, "--instrument", "strings"], server.env) as playing:
        yield playing


@pytest.fixture(scope="module")
def ears(server: JackServer, playing: Playing) -> Iterator[Player]:
    with Player(server, "timbrebox:in", ("PortAudio:out_0", "PortAudio:out_1")) as ears:
        yield ears


@pytest.fixture
def page(opened: Browser, link: Link, ears: Player) -> Browser:
    """The page, just opened. Nothing sounds, no control is learned, and the chosen sound has no attack."""
    link.ask("unlearn")
    link.ask("sound", name="cello")
    link.ask("move", target="envelope.attack", position=0.0)
    opened.wait("document.querySelector('tb-now strong').textContent === 'cello'")
    wait_until(lambda: level_db(ears.record(0.1)) < SILENT_DB, "silence")
    return opened


def heard(ears: Player, length_s: float = 0.5) -> np.ndarray:
    """The output in mono, after changes have taken effect."""
    ears.record(0.25)
    return ears.record(length_s).mean(axis=1).astype(np.float64)


def bands_db(sound: np.ndarray) -> np.ndarray:
    """The levels in dB of a mono sound's third-octave bands from 60 Hz to 15 kHz: the medians over many windows."""
    # A busy machine loses a period now and then. This clicks in a few windows, and the median ignores them.
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[:: FRAME // 4]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(FRAME))))
    hz = np.fft.rfftfreq(FRAME, 1.0 / SAMPLE_RATE_HZ)
    edges = 60.0 * 2.0 ** (np.arange(25) / 3.0)
    bands = [power[:, (hz >= a) & (hz < b)].sum(axis=1) for a, b in itertools.pairwise(edges)]
    return 10.0 * np.log10(np.median(bands, axis=1) + 1e-12)


def change_db(before: np.ndarray, after: np.ndarray) -> float:
    """The mean absolute difference in dB between two sounds' bands, without bands that are faint in both."""
    rows = np.stack((bands_db(before), bands_db(after)))
    strong = rows.max(axis=0) > rows.max() - 50.0
    return float(np.abs(rows[0] - rows[1])[strong].mean())


def hold(page: Browser, note: int) -> None:
    """Switch *Hold* on and click a key, so that its note goes on."""
    page.click("tb-keys .bar button:last-child")
    page.click(f'[data-note="{note}"]')


def test_a_key_that_is_clicked_is_heard_at_its_pitch_and_soon(page: Browser, ears: Player) -> None:
    page.mouse("mousePressed", page.middle('[data-note="57"]', y=0.9))
    assert abs(cents_off(heard(ears), SAMPLE_RATE_HZ, 57)) < IN_TUNE_CENTS
    page.mouse("mouseReleased", page.middle('[data-note="57"]', y=0.9))
    page.key("keyDown", "KeyA", "a")
    assert abs(cents_off(heard(ears), SAMPLE_RATE_HZ, 60)) < IN_TUNE_CENTS
    page.key("keyUp", "KeyA", "a")
    wait_until(lambda: level_db(ears.record(0.1)) < SILENT_DB, "silence")
    assert np.median(touch_to_sound_ms(page, ears, 60, 9)[:, 0]) < LONGEST_TOUCH_MS


def test_a_slider_and_the_map_s_ring_change_what_is_heard(page: Browser, link: Link, ears: Player) -> None:
    hold(page, 48)
    before = heard(ears)
    assert change_db(before, heard(ears)) < 3.0  # two recordings of one sound differ by up to 3 dB, because it is noise
    page.mouse("mousePressed", page.middle("#at-filter-cutoff", 0.5))
    page.mouse("mouseReleased", page.middle("#at-filter-cutoff", 0.5))
    wait_until(lambda: link.ask("state")["positions"]["filter.cutoff"] < 0.6, "the move")
    dark = bands_db(heard(ears))
    assert (bands_db(before) - dark)[18:].max() > 12.0  # above 3.8 kHz
    assert abs((bands_db(before) - dark)[3:7]).max() < 4.0  # 120 to 300 Hz, where the fundamental is
    link.ask("move", target="filter.cutoff", position=1.0)
    page.click("#tab-map")
    page.wait(f"document.querySelector('tb-map').width > 0 && {RING}")
    place = page.middle('.pins button[aria-label="Choose harp"]')
    page.mouse("mousePressed", page.middle("tb-map canvas:not(.ground)", 0.05, 0.05))
    x, y = page.evaluate(f"[...{RING}]")
    page.mouse("mouseMoved", place)
    page.wait(f"Math.hypot({RING}[0] - {x}, {RING}[1] - {y}) > 0.1")
    page.mouse("mouseReleased", place)
    there = page.evaluate(f"[...{RING}]")
    assert change_db(before, heard(ears)) > 5.0
    # The page finds the latents' place on the map, near where the ring was dropped.
    row = [at for name, at in link.ask("state")["positions"].items() if name.startswith("latent.")]
    found = page.evaluate(f"[...document.querySelector('tb-map').placeOf({row})]")
    assert np.hypot(*(np.array(found) - there)) < 0.1


def test_a_real_control_is_learnt_and_moves_what_is_heard(page: Browser, link: Link, ears: Player) -> None:
    hold(page, 48)
    before = heard(ears)
    page.click("#tab-hands")
    page.wait("document.querySelector('[data-learn=\"filter.cutoff\"]') !== null")
    page.click('[data-learn="filter.cutoff"]')
    page.wait("document.querySelector('.waiting') !== null")
    for value in range(127, 10, -9):
        ears.send([0xB0, 21, value])
        time.sleep(0.01)
    page.wait("document.querySelector('tr:has([data-learn=\"filter.cutoff\"]) td').textContent.includes('CC\\u00a021')")
    page.wait("document.querySelector('.arrived').textContent.includes('CC 21')")
    ears.send([0xB0, 21, 40])
    assert change_db(before, heard(ears)) > 5.0
    # The learned control is forgotten. The default map's control, CC 74, is switched off and on again.
    row = "document.querySelector('tr:has([data-learn=\"filter.cutoff\"]) td')"
    page.click("[data-forget='filter.cutoff']")
    page.wait(f"!{row}.textContent.includes('21')")
    page.click("[data-off='filter.cutoff']")
    page.wait("document.querySelector('[data-on=\"filter.cutoff\"]') !== null")
    link.ask("move", target="filter.cutoff", position=1.0)
    ears.send([0xB0, 74, 30])
    assert change_db(before, heard(ears)) < 3.0
    page.click("[data-on='filter.cutoff']")
    page.wait("document.querySelector('[data-off=\"filter.cutoff\"]') !== null")
    ears.send([0xB0, 74, 30])
    assert change_db(before, heard(ears)) > 5.0


def test_notes_of_a_midi_keyboard_are_seen_on_the_keyboard_and_the_twelve_buttons(page: Browser, ears: Player) -> None:
    lit = "document.querySelectorAll('.keys .on, .twelve [aria-pressed=true]').length"
    ears.send([0x90, 61, 100])
    page.wait("document.querySelector('[data-note=\"61\"]').classList.contains('on')")
    page.wait("document.querySelector('.twelve button:nth-child(2)').ariaPressed === 'true'")
    assert page.evaluate(lit) == 2
    ears.send([0x80, 61, 0])
    page.wait(f"{lit} === 0")
    ears.send([0x90, 64, 100])
    page.wait(f"{lit} === 2")
    page.click(".panic")  # ends a note even if the key's release never comes
    page.wait(f"{lit} === 0")
    ears.send([0x80, 64, 0])
    page.click("#tab-hands")  # the list also has what arrived before this click
    page.wait("document.querySelector('.arrived').textContent.includes('C♯4')")


def test_a_note_of_a_midi_keyboard_goes_on_when_the_map_s_ring_is_let_go_of(
    page: Browser, link: Link, ears: Player
) -> None:
    page.click("#tab-map")
    page.wait("document.querySelector('tb-map').width > 0 && document.querySelector('tb-map').place")
    ears.send([0x90, 60, 100])
    page.wait("document.querySelector('[data-note=\"60\"]').classList.contains('on')")
    at = page.middle("tb-map .sheet", 0.4, 0.4)
    page.mouse("mousePressed", at)
    page.mouse("mouseMoved", (at[0] + 30.0, at[1]))
    page.mouse("mouseReleased", (at[0] + 30.0, at[1]))
    time.sleep(0.5)  # a released note would have ended by then
    assert voices(link) == 1
    ears.send([0x80, 60, 0])
    wait_for_voices(link, 0)


def test_a_mark_says_what_moves_its_target_and_offers_to_forget_it(page: Browser, link: Link, ears: Player) -> None:
    mark, said = "tb-slider:has(#at-filter-cutoff) .learn", "document.querySelector('tb-toast').textContent"
    page.click("tb-tools .learns")
    page.wait(f"{said}.startsWith('Click the mark at a slider')")
    page.wait(f"document.querySelector('{mark}').textContent === 'CC\\u00a074'")  # CC 74 is from the default map
    named = f"document.querySelector('{mark}').textContent === 'CC\\u00a0{{}}, CC\\u00a074'"
    stood = link.ask("state")["positions"]["filter.cutoff"]
    for knob, begin in ((21, "CC\u00a074 moves Cutoff, as its map says."), (22, "CC\u00a021 moves Cutoff.")):
        page.click(mark)
        page.wait(f"{said}.startsWith('{begin} Turn another control')")
        for value in range(90, 30, -9):
            ears.send([0xB0, knob, value])
            time.sleep(0.01)
        page.wait(named.format(knob))
        wait_until(lambda at=value: abs(link.ask("state")["positions"]["filter.cutoff"] - at / 127) < 1e-3, "the place")
        link.ask("move", target="filter.cutoff", position=stood)
    page.click("tb-toast button")  # Undo
    page.wait(named.format(21))
    page.click("#tab-hands")
    page.wait("document.querySelector('tb-hands td')?.textContent === 'CC\\u00a021 · learned, CC\\u00a074'")
    off = page.evaluate("document.querySelector('[data-off=\"filter.cutoff\"]').ariaLabel")
    assert off == "Switch CC\u00a074 off for Cutoff"
    page.click("#tab-play")
    page.click(mark)
    page.wait(f"{said}.startsWith('CC\\u00a021 moves Cutoff. Turn another control to replace it.')")
    page.click("tb-toast button")  # Forget, beside Cancel
    page.wait(f"document.querySelector('{mark}').textContent === 'CC\\u00a074'")
    assert "learned" not in str(link.ask("targets"))
    page.click("tb-tools .learns")


def learn_cutoff(page: Browser, ears: Player) -> None:
    """Learn CC 21 as the control of the cutoff, and leave the page's learn mode."""
    page.click("tb-tools .learns")
    page.wait(f"{TOAST}.textContent.startsWith('Click the mark at a slider')")
    page.click(f"{CUTOFF} .learn")
    page.wait(f"{TOAST}.textContent.includes('Turn another control')")
    for value in range(90, 30, -9):
        ears.send([0xB0, 21, value])
        time.sleep(0.01)
    page.wait(f"{TOAST}.textContent.includes('now moves Cutoff')")
    page.click("tb-tools .learns")
    page.wait(f"document.querySelector('{CUTOFF}.learned') !== null")


def test_a_learned_knob_is_shown_and_forgotten_with_one_click_outside_the_learn_mode(
    page: Browser, link: Link, ears: Player
) -> None:
    forget = f"document.querySelector('{CUTOFF} .forget')"
    assert page.evaluate(f"{forget}.offsetWidth") == 0
    learn_cutoff(page, ears)
    assert page.evaluate(f"document.querySelector('{CUTOFF} .learn').textContent") == "CC\u00a021, CC\u00a074"
    name = f"document.querySelector('{CUTOFF} label')"
    assert page.evaluate(f"{name}.scrollWidth <= {name}.clientWidth")  # the name is not cut off
    assert page.evaluate(f"{forget}.ariaLabel") == "Forget CC\u00a021 for Cutoff"
    assert page.evaluate("document.querySelector('tb-slider:has(#at-width) .learn').offsetWidth") == 0
    page.click(f"{CUTOFF} .forget")
    page.wait(f"{forget}.offsetWidth === 0")
    assert "learned" not in str(link.ask("targets"))
    assert page.evaluate("document.activeElement.id") == "at-filter-cutoff"


def test_the_question_for_a_control_waits_for_an_answer_and_undo_for_a_minute(
    page: Browser, link: Link, ears: Player
) -> None:
    page.click("tb-tools .learns")
    page.click(f"{CUTOFF} .learn")
    page.wait(f"{TOAST}.textContent.includes('Turn another control')")
    link.ask("learn", target="filter.cutoff", timeout_s=0.001)  # replaces the page's request, and times out
    time.sleep(1.0)
    assert page.evaluate(f"{TOAST}.textContent.includes('Turn another control')")
    page.evaluate("scheduled = []; old = setTimeout; setTimeout = (f, ms) => (scheduled.push(ms), old(f, ms)); 0")
    for value in range(90, 30, -9):
        ears.send([0xB0, 21, value])
        time.sleep(0.01)
    page.wait(f"{TOAST}.textContent.includes('now moves Cutoff')")
    assert page.evaluate("scheduled.includes(60000)")
    link.ask("unlearn", target="filter.cutoff")
    page.click(f"{CUTOFF} .learn")
    page.wait(f"{TOAST}.textContent.includes('Turn another control')")
    page.key("keyDown", "Escape", "Escape")
    page.wait(f"{TOAST}.textContent.startsWith('Nothing is learned.')")
    page.click("tb-tools .learns")


def test_a_row_stays_below_the_pointer_when_its_control_is_forgotten_and_undo_brings_the_control_back(
    page: Browser, link: Link, ears: Player
) -> None:
    learn_cutoff(page, ears)
    first = "document.querySelector('tb-hands tbody th').textContent"
    page.click("#tab-hands")
    page.wait(f"{first} === 'Cutoff'")
    assert page.evaluate("document.querySelector('[data-off=\"filter.cutoff\"]').textContent") == "CC\u00a074 off"
    place = page.middle("[data-forget='filter.cutoff']")
    page.click("[data-forget='filter.cutoff']")
    page.wait(f"{TOAST}.textContent.startsWith('Forgotten: CC\u00a021 moves Cutoff no more.')")
    page.wait("document.querySelector('[data-forget=\"filter.cutoff\"]') === null")
    assert page.evaluate(first) == "Cutoff"
    at = f"document.elementFromPoint({place[0]}, {place[1]})"
    assert page.evaluate(f"{at}.closest('tr').querySelector('th').textContent") == "Cutoff"
    assert page.evaluate(f"{at}.closest('button')") is None  # no button is there, so a second click does nothing
    page.click("tb-toast button")
    page.wait("document.querySelector('[data-forget=\"filter.cutoff\"]') !== null")
    assert "cc 21" in str(link.ask("targets"))
    page.click("[data-forget='filter.cutoff']")
    page.wait(f"{TOAST}.textContent.startsWith('Forgotten')")
    page.click("#tab-play")
    page.click("#tab-hands")
    page.wait(f"{first} !== 'Cutoff'")  # sorted again


def test_undo_gives_the_target_its_value_back(page: Browser, link: Link, ears: Player) -> None:
    link.ask("move", target="filter.cutoff", position=0.8)
    wait_until(lambda: abs(link.ask("state")["positions"]["filter.cutoff"] - 0.8) < 1e-3, "the value before")
    learn_cutoff(page, ears)
    wait_until(lambda: link.ask("state")["positions"]["filter.cutoff"] < 0.4, "the knob's value")
    page.wait(f"{TOAST}.textContent.includes('Undo')")
    page.click("tb-toast button")
    wait_until(lambda: abs(link.ask("state")["positions"]["filter.cutoff"] - 0.8) < 1e-3, "the value before")
    page.wait(f"document.querySelector('{CUTOFF}.learned') === null")


def test_an_instrument_is_swapped_while_a_note_is_held(page: Browser, link: Link, ears: Player) -> None:
    hold(page, 48)
    before = heard(ears)
    page.click("#tab-sounds")
    page.wait("document.querySelector('.instruments button[aria-label=\"Play virtual-analogue\"]') !== null")
    page.click('.instruments button[aria-label="Play virtual-analogue"]')
    wait_until(lambda: link.ask("state")["instrument"]["name"] == "virtual-analogue", "the instrument")
    assert change_db(before, heard(ears)) < 3.0  # the held note keeps the old instrument's sound
    page.wait("document.querySelector('tb-now').textContent.includes('virtual-analogue')")
    page.click(".panic")
    hold(page, 48)
    after = heard(ears)
    assert abs(cents_off(after, SAMPLE_RATE_HZ, 48)) < IN_TUNE_CENTS
    assert change_db(before, after) > 5.0
    page.click(".panic")
    link.ask("instrument", name="strings")
    wait_until(lambda: link.ask("state")["instrument"]["name"] == "strings", "the instrument")


def test_what_is_recorded_and_downloaded_is_what_was_captured(page: Browser, ears: Player, tmp_path: Path) -> None:
    page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#tab-files")
    page.wait("document.querySelector('tb-files .list .none') !== null")
    page.click("tb-files .record")
    page.wait("document.querySelector('tb-files .record').getAttribute('aria-pressed') === 'true'")
    hold(page, 57)
    captured = heard(ears)
    page.click("tb-files .record")
    page.wait("document.querySelectorAll('tb-files .taken').length === 1")
    page.click("tb-files .taken .acts button:first-child")
    sound, rate_hz = soundfile.read(downloaded(tmp_path, "*.wav"))
    last = sound[-len(captured) :].mean(axis=1)
    assert abs(cents_off(last, rate_hz, 57) - cents_off(captured, SAMPLE_RATE_HZ, 57)) < 3.0
    assert abs(level_db(last) - level_db(captured)) < 1.0


def test_a_recording_of_a_stranger_is_heard_and_kept_as_a_sound(
    page: Browser, link: Link, ears: Player, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "Pluck.flac", tone(220.0, 1.5), SAMPLE_RATE_HZ)
    page.click("#tab-files")
    page.wait("document.querySelector('tb-files .drop') !== null")
    page.wait("document.querySelector('tb-files .record') !== null && document.readyState === 'complete'")
    choose(page, "recording", tmp_path / "Pluck.flac")
    # the recording is encoded at a low priority, so this may take long
    page.wait("document.querySelector('.result .what')?.textContent.includes('A3')", 120.0)
    page.click(".result li .rename button")
    assert abs(cents_off(heard(ears), SAMPLE_RATE_HZ, 57)) < IN_TUNE_CENTS
    page.evaluate("document.querySelector('.result li .rename .main').click()")
    wait_until(lambda: name_of_sound(link) == "Pluck", "the kept sound")
    link.ask("sounds.delete", name="Pluck")


def test_a_knob_morphs_along_a_drawn_path(page: Browser, link: Link, ears: Player) -> None:
    page.click("#tab-map")
    page.wait(f"document.querySelector('tb-map').width > 0 && {RING}")
    page.click(".path button")
    start, end = (page.middle(f'.pins button[aria-label="Choose {name}"]') for name in ("cello", "harp"))
    page.mouse("mousePressed", start)
    for k in range(1, 6):
        page.mouse("mouseMoved", tuple(a + (b - a) * k / 5 for a, b in zip(start, end, strict=True)))
    page.mouse("mouseReleased", end)
    page.wait("!document.querySelector('.path form').hidden")
    page.click(".path form .main")
    page.wait("document.querySelector('tb-map .morph tb-slider') !== null")
    wait_until(lambda: "morph" in link.ask("state")["positions"], "the morph")
    link.ask("learn", target="morph", timeout_s=10.0)
    for value in range(0, 120, 9):
        ears.send([0xB0, 22, value])
        time.sleep(0.01)
    wait_until(lambda: "cc 22" in str(link.ask("targets")), "the learned knob")
    hold(page, 48)
    rows = []
    for value in (0, 64, 127, 0):
        ears.send([0xB0, 22, value])
        rows.append(heard(ears))
    assert change_db(rows[0], rows[2]) > 5.0
    assert change_db(rows[0], rows[1]) > 1.5
    assert change_db(rows[1], rows[2]) > 1.5
    assert change_db(rows[0], rows[3]) < 3.0
    link.ask("sounds.delete", name=link.ask("sounds.list")[0]["name"])


def test_the_page_s_process_dies_and_comes_back_and_the_page_with_it(
    page: Browser, playing: Playing, link: Link, ears: Player
) -> None:
    ears.send([0x90, 48, 100])
    before = heard(ears)
    os.kill(playing.panel_process(), signal.SIGKILL)
    page.wait("document.querySelector('tb-notice').textContent !== ''")
    assert change_db(before, heard(ears)) < 3.0  # the note goes on
    page.wait("document.querySelector('tb-notice').textContent === '' && document.querySelector('.away') === null")
    ears.send([0x80, 48, 0])
    wait_for_voices(link, 0)
    page.key("keyDown", "KeyA", "a")
    assert abs(cents_off(heard(ears), SAMPLE_RATE_HZ, 60)) < IN_TUNE_CENTS
    page.key("keyUp", "KeyA", "a")
    page.complaints.clear()  # errors about failed connections are expected
