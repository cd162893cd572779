"""`make` hears the pitch of a recording's single note, or what the recording is instead, such as a chord."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.own_folder import RATE_HZ, chord, drums, melody, speech, tone
from training.making.listening import CHORD, NOISE, NOTE, SHORT, SILENCE, WANDERS, listen


@pytest.mark.parametrize("note", [24, 33, 45, 57.12, 60, 68.7, 84, 96, 108, 115])
def test_a_single_note_is_heard_to_a_few_cents(note: float) -> None:
    heard = listen(tone(note).astype(np.float32))
    assert heard.kind == NOTE
    assert heard.pitch == pytest.approx(note, abs=0.05)
    assert heard.duration_s == pytest.approx(1.0, abs=0.001)


def test_a_struck_note_is_judged_where_it_is_loud() -> None:
    random = np.random.default_rng(0)
    struck = tone(52, 3.0, decay_s=0.3) + 0.002 * random.standard_normal(3 * RATE_HZ)
    heard = listen(struck.astype(np.float32))
    assert (heard.kind, heard.note) == (NOTE, 52)


@pytest.mark.parametrize(
    "notes", [(60, 64, 67), (60, 63, 67), (64, 67, 72), (55, 60, 64), (60, 67), (60, 65), (60, 64, 67, 71)]
)
def test_a_chord_is_no_single_note(notes: tuple[int, ...]) -> None:
    assert listen(chord(notes).astype(np.float32)).kind == CHORD


@pytest.mark.parametrize("seed", range(3))
def test_drums_and_speech_are_no_single_note(seed: int) -> None:
    assert listen(drums(seed=seed).astype(np.float32)).kind == NOISE
    heard = listen(speech(seed=seed).astype(np.float32))
    assert heard.kind == WANDERS
    assert not heard.held


def test_silence_and_a_click() -> None:
    assert listen(np.zeros(RATE_HZ, np.float32)).kind == SILENCE
    assert listen(tone(60, 0.05).astype(np.float32)).kind == SHORT


def test_the_held_notes_of_a_melody_are_found() -> None:
    notes = (60, 62, 64, 60)
    heard = listen(melody(notes).astype(np.float32))
    assert heard.kind == WANDERS
    assert tuple(held.note for held in heard.held) == notes
    for number, held in enumerate(heard.held):
        assert held.start_s == pytest.approx(0.8 * number, abs=0.1)
        assert held.end_s == pytest.approx(0.8 * (number + 1), abs=0.1)
