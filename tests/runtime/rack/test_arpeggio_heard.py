"""An engine plays arpeggios."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import Clock, ClockStart, ControlChange, Event, NoteOn, ProgramChange, Tempo
from runtime.rack.arpeggiator import Arpeggiator
from runtime.rack.build import build_rack
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.file import load_sound
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.hearing import level_db
from tests.support.places import ROOT
from tests.support.playing import SAMPLE_RATE_HZ, SHORT, decoder, notes_in

N_FRAMES = 3 * SAMPLE_RATE_HZ


def heard(settings: Arpeggio, timed: list[tuple[int, Event]], sound: Sound, block: int) -> np.ndarray:
    """The sound of an engine behind an arpeggiator: float32 (N_FRAMES, 2)."""
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), phase_blend=1.0), sound)
    engine = Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, programs=[patch])
    arpeggiator = Arpeggiator(settings, sound.tempo_bpm, SAMPLE_RATE_HZ)
    out, waiting = np.zeros((N_FRAMES, 2), np.float32), list(timed)
    for first in range(0, N_FRAMES, block):
        end = min(N_FRAMES, first + block)
        while waiting and waiting[0][0] < end:
            frame, event = waiting.pop(0)
            arpeggiator.feed(event, frame)
        for frame, event in arpeggiator.take(end):
            engine.post(event, frame)
        engine.render(out[first:end])
    return out


def test_an_engine_plays_the_steps_and_the_same_to_the_bit_in_any_blocks() -> None:
    keys: list[tuple[int, Event]] = [(0, NoteOn(0, key, 100)) for key in (60, 67, 74)]
    settings = Arpeggio("up", rate_beats=1.0, gate=0.5)
    sound = heard(settings, keys, Sound(tempo_bpm=120.0), 512)
    beat = SAMPLE_RATE_HZ // 2
    for step, key in enumerate((60, 67, 74, 60, 67)):
        at = step * beat
        assert notes_in(sound[at + 2000 : at + beat // 2 - 500, 0]) == [key]
        assert level_db(sound[at + 3 * beat // 4 : at + beat - 10, 0]) < -60.0
    assert np.array_equal(sound, heard(settings, keys, Sound(tempo_bpm=120.0), 1777))


@pytest.mark.parametrize("source", ["sound", "piece", "clock"])
def test_steps_and_lfos_keep_time_with_each_other(source: str) -> None:
    """Every note lies in the first half of a beat, and an LFO makes that half loud. So all notes are loud."""
    timed: list[tuple[int, Event]] = [(0, NoteOn(0, 60, 100))]
    if source == "piece":
        timed = [(0, Tempo(150.0)), (0, ProgramChange(0, 0)), *timed, (50000, Tempo(100.0))]
    elif source == "clock":
        random = np.random.default_rng(3)
        frames = 35000 + np.cumsum(random.integers(840, 930, 110))
        timed = [*timed, (35000, ClockStart()), *((int(frame), Clock()) for frame in frames)]
    gated = Sound(
        lfo_1=Lfo("square", beats=1.0), tempo_bpm=120.0, modulation=(Modulation("lfo_1", "level", 1.0),), level_db=-48.0
    )
    steps = Arpeggio("up", rate_beats=1.0, gate=0.35, starts="beat")
    together = heard(steps, timed, gated, 512)[:, 0]
    plain = heard(steps, timed, Sound(tempo_bpm=120.0), 512)[:, 0]
    with_lfo, without = (np.sqrt(np.mean(np.square(each.reshape(-1, 441)), axis=1)) for each in (together, plain))
    sounding = without > 0.1 * without.max()
    inside = np.convolve(sounding, np.ones(7), "same") > 6.5  # moments in a note, over 30 ms from its start and its end
    assert inside.sum() > 40
    assert (with_lfo[inside] > 0.5 * without[inside]).all()


def test_the_example_of_the_page_is_a_sound(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tempo.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    assert load_sound(tmp_path / "example.yaml").arpeggiator.mode == "up"
    names = re.findall(r"^\| `(\w+)` \|(?:[^|\n]*\|){3}$", page, re.MULTILINE)
    assert names == list(Arpeggio.__struct_fields__)


@pytest.mark.parametrize(("bank", "n_notes"), [(0, 1), (1, 12)])
def test_a_program_change_brings_its_own_arpeggiator(bank: int, n_notes: int) -> None:
    """The first sound has an arpeggio, the second has none. Bank 1 is empty, so a program change there does nothing."""
    config = Config(voice=VoiceConfig(envelope=SHORT))
    first = Patch(config, Sound(tempo_bpm=120.0, arpeggiator=Arpeggio("up", rate_beats=0.5)))
    rack = build_rack(first, decoder(), SAMPLE_RATE_HZ, [first, Patch(config, Sound())])
    for event in (ControlChange(0, 32, bank), ProgramChange(0, 1), NoteOn(0, 60, 100)):
        rack.post(event, 0)
    rack.render(np.zeros((N_FRAMES, 2), np.float32))
    assert rack.status.n_notes == n_notes


@pytest.mark.parametrize("block", [64, 512])
def test_a_clock_counts_from_its_own_frame_also_if_it_comes_only_shortly_before(block: int) -> None:
    """Live, a clock's messages are posted two blocks ahead. The sound is the same if all are posted at the start.

    The clock has jitter.
    """
    lfo = Sound(lfo_1=Lfo(beats=0.5), modulation=(Modulation("lfo_1", "level", 0.3),))
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT)), lfo)
    jitter = np.random.default_rng(5).integers(0, 90, 100)
    timed: list[tuple[int, Event]] = [(0, NoteOn(0, 60, 100))]
    timed += [(number * 780 + int(late), Clock()) for number, late in enumerate(jitter)]

    def played(ahead: int) -> np.ndarray:
        engine, waiting = Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch), list(timed)
        out = np.zeros((N_FRAMES // block * block, 2), np.float32)
        for first in range(0, len(out), block):
            while waiting and waiting[0][0] < first + ahead:
                engine.post(waiting[0][1], waiting[0][0])
                waiting.pop(0)
            engine.render(out[first : first + block])
        return out

    np.testing.assert_array_equal(played(2 * block), played(N_FRAMES))
