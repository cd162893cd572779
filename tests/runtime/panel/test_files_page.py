"""The page's tab for files, in a real Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from runtime.link.client import Link
from tests.support.browser import Browser
from tests.support.hearing import cents_off
from tests.support.panel import Playing
from tests.support.places import ROOT
from tests.support.rig import wait_until

CHECKS = (ROOT / "tests" / "support" / "page_checks.js").read_text(encoding="utf-8").split("\n", 1)[1].strip()
IN_TUNE_CENTS = 20.0
RATE_HZ = 44100


@pytest.fixture
def page(browser: Browser, playing: Playing, tmp_path: Path) -> Iterator[Browser]:
    """The tab for files; downloads go into tmp_path. An error on the browser's console fails the test."""
    browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.look(1280, 900)
    browser.open(f"{playing.url}#files")
    browser.click("#tab-files")
    browser.wait("document.querySelector('tb-files .none') || document.querySelector('tb-files .taken')")
    browser.complaints.clear()
    yield browser
    assert browser.complaints == []
    browser.command("Page.navigate", url="about:blank")


def choose(page: Browser, kind: str, file: Path) -> None:
    """Choose a file, as a user does in the system's file dialogue."""
    found = page.command("Runtime.evaluate", expression=f"document.querySelector('input[data-kind={kind}]')")
    page.command("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])


def downloaded(folder: Path, pattern: str) -> Path:
    """Wait until a download is complete, and return its path."""
    wait_until(lambda: any(folder.glob(pattern)) and not any(folder.glob("*.crdownload")), f"a download: {pattern}")
    return next(folder.glob(pattern))


def tone(hz: float, n_s: float) -> np.ndarray:
    times = np.arange(round(n_s * RATE_HZ)) / RATE_HZ
    return sum(0.3 / k * np.sin(2.0 * np.pi * k * hz * times) for k in range(1, 9)) * np.exp(-times)


def test_a_recording_is_made_downloaded_deleted_and_brought_back(page: Browser, link: Link, tmp_path: Path) -> None:
    page.click("tb-files .record")
    page.wait("document.querySelector('tb-files .record').getAttribute('aria-pressed') === 'true'")
    link.ask("note", note=69, velocity=100)
    time.sleep(1.5)
    link.ask("note", note=69, velocity=0)
    page.click("tb-files .record")
    page.wait("document.querySelectorAll('tb-files .taken').length === 1")
    page.click("tb-files .taken .acts button:first-child")
    sound, rate_hz = soundfile.read(downloaded(tmp_path, "*.wav"))
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.01)
    assert abs(cents_off(sound[loud[0] + rate_hz // 4 :][: rate_hz // 2, 0], rate_hz, 69)) < IN_TUNE_CENTS
    page.click("tb-files .taken .acts button:nth-child(2)")
    assert downloaded(tmp_path, "*.mid").read_bytes().startswith(b"MThd")
    page.click("tb-files .taken .acts button:last-child")
    page.wait("document.querySelector('tb-files .list .none') !== null")
    page.click("tb-toast button")
    page.wait("document.querySelectorAll('tb-files .taken').length === 1")


def test_a_midi_file_is_rendered_with_the_sound_as_it_plays(page: Browser, link: Link, tmp_path: Path) -> None:
    piece = mido.MidiFile()
    played = [mido.Message("note_on", note=69, velocity=100), mido.Message("note_off", note=69, time=960)]
    piece.tracks.append(mido.MidiTrack(played))
    piece.save(tmp_path / "A piece.mid")
    levels = []
    for cutoff in (1.0, 0.0):
        link.ask("move", target="filter.cutoff", position=cutoff)
        wait_until(lambda at=cutoff: link.ask("state")["positions"]["filter.cutoff"] == at, "the move")
        choose(page, "midi", tmp_path / "A piece.mid")
        page.wait("document.querySelector('.work progress') !== null")
        page.wait("document.querySelector('.work').textContent === '' && document.querySelector('.result .main')")
        page.click(".result .main")
        path = downloaded(tmp_path, "A piece.wav")
        sound, rate_hz = soundfile.read(path)
        path.unlink()
        if cutoff:
            assert abs(cents_off(sound[rate_hz // 4 :][: rate_hz // 2, 0], rate_hz, 69)) < IN_TUNE_CENTS
        levels.append(np.abs(sound).max())
    link.ask("move", target="filter.cutoff", position=1.0)
    assert levels[1] < 0.3 * levels[0]  # the piece was rendered with the cutoff that was just set


def test_a_dropped_sound_becomes_a_kept_sound_that_leaves_and_comes_back(
    page: Browser, link: Link, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "Pluck.flac", tone(220.0, 1.5), RATE_HZ)
    before = link.ask("state")["sound"]
    choose(page, "recording", tmp_path / "Pluck.flac")
    page.wait("document.querySelector('.result audio')?.duration > 1.4")  # the browser can play the recording
    # The work has a low priority, so it may take long.
    page.wait("document.querySelector('.result .what').textContent.includes('A3')", 120.0)
    page.click(".result li .rename button")
    wait_until(lambda: link.ask("state")["sound"]["latents"] != before["latents"], "the candidate as the sound")
    page.evaluate("document.querySelector('.result .bar button').click()")
    wait_until(lambda: link.ask("state")["sound"]["latents"] == before["latents"], "the sound before")
    page.evaluate("document.querySelector('.result li .rename .main').click()")
    wait_until(lambda: [row["name"] for row in link.ask("sounds.list")] == ["Pluck"], "the kept sound")
    wait_until(lambda: link.ask("state")["sound"].get("name") == "Pluck", "the kept sound as the one that plays")
    page.wait("document.querySelector('tb-files select[aria-label=\"A sound of yours\"]').value === 'Pluck'")
    page.click("tb-files .column:last-child .bar button")
    file = downloaded(tmp_path, "Pluck.yaml")
    link.ask("sounds.delete", name="Pluck")
    choose(page, "sound", file)
    wait_until(lambda: [row["name"] for row in link.ask("sounds.list")] == ["Pluck"], "the sound that came back")
    link.ask("sounds.delete", name="Pluck")


def test_what_cannot_be_used_is_refused_in_one_line(page: Browser, tmp_path: Path) -> None:
    for kind, name, said in (
        ("midi", "<b>x.mid", "damaged MIDI file"),
        ("sound", "x.yaml", "found unknown key"),
        ("recording", "x.wav", "not a readable recording"),
    ):
        (tmp_path / name).write_bytes(b"spam: 1\n" * (1 if kind == "sound" else 500))
        choose(page, kind, tmp_path / name)
        # The work has a low priority, so it may take long.
        page.wait(f"document.querySelector('.work .wrong')?.textContent.includes({said!r})", 120.0)
        line = page.evaluate("document.querySelector('.work .wrong').textContent")
        assert line.startswith(f"{name}: found ")
        assert "\n" not in line
        assert "/" not in line.replace("MIDI", "").replace("</", "")  # no path of this machine is shown


def test_it_fits_and_can_be_read(page: Browser) -> None:
    for width, height in ((360, 740), (1920, 1080)):
        for scheme in ("light", "dark"):
            page.look(width, height, scheme, still=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            for check in ("small", "nameless", "faint"):
                assert page.evaluate(f"({CHECKS}).{check}()") == [], f"{width}, {scheme}, {check}"
