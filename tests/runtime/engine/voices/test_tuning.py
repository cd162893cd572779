"""A tuning gives each key its pitch."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.config import TuningConfig
from runtime.engine.voices.pitch.tuning import key_pitches
from runtime.events import NoteOn
from tests.support.playing import Player, centroid_note

JUST = ["9/8", "5/4", "4/3", "3/2", "5/3", "15/8", "2/1"]


@pytest.fixture
def scala(tmp_path: Path):
    """A function that writes a Scala file, and returns its path."""

    def write(*lines: str, degrees: list[str] | None = None) -> str:
        path = tmp_path / "scale.scl"
        if degrees is not None:
            lines = ("! scale.scl", "!", "a scale", f" {len(degrees)}", "!", *(f" {degree}" for degree in degrees))
        path.write_text("\n".join(lines) + "\n", encoding="latin-1")
        return str(path)

    return write


def test_keys_are_semitones_from_a_440() -> None:
    assert key_pitches(TuningConfig()) == pytest.approx(range(128))


@pytest.mark.parametrize(("config", "shift"), [
    (TuningConfig(a4_hz=442.0), 12 * math.log2(442 / 440)),
    (TuningConfig(a4_hz=220.0), -12.0),
    (TuningConfig(transpose_semitones=-7), -7.0),
    (TuningConfig(octave_shift=2), 24.0),
    (TuningConfig(a4_hz=466.1637615180899, transpose_semitones=-1, octave_shift=-1), -12.0),
])  # fmt: skip
def test_reference_transposition_and_octaves_shift_every_key(config: TuningConfig, shift: float) -> None:
    assert key_pitches(config) == pytest.approx([note + shift for note in range(128)])


def test_a_scale_repeats_at_its_period_from_its_root_up_and_down(scala) -> None:
    pitches = key_pitches(TuningConfig(scale=scala(degrees=JUST)))
    just = [0.0, *(12 * math.log2(eval(degree)) for degree in JUST)]
    assert pitches[60:68] == pytest.approx([60 + degree for degree in just])
    assert pitches[53:61] == pytest.approx([48 + degree for degree in just])
    assert pitches[60 - 7 * 3] == pytest.approx(60 - 36)


def test_a_scale_starts_at_its_root_and_the_reference_pitch_still_shifts_it(scala) -> None:
    path = scala(degrees=["100.0", "1200.0"])
    pitches = key_pitches(TuningConfig(scale=path, scale_root_note=69, a4_hz=880.0, transpose_semitones=1))
    assert pitches[68:72] == pytest.approx([71.0, 82.0, 83.0, 94.0])


def test_cents_and_ratios_names_comments_and_negative_degrees_are_read(scala) -> None:
    path = scala("! a comment", "", "3 notes", "! in between", "-50.0 cents", "  3/2  a fifth", "!", "2")
    assert key_pitches(TuningConfig(scale=path))[60:64] == pytest.approx([60.0, 59.5, 60 + 12 * math.log2(1.5), 72.0])


def test_periods_other_than_an_octave_are_kept(scala) -> None:
    pitches = key_pitches(TuningConfig(scale=scala(degrees=[f"{k * 146.3:.1f}" for k in range(1, 14)])))
    assert pitches[73] - pitches[60] == pytest.approx(13 * 1.463)


def test_notes_sound_at_the_pitches_of_a_scale(scala) -> None:
    config = TuningConfig(scale=scala(degrees=[f"{50.0 * k:.1f}" for k in range(1, 25)]))
    for key, pitch in ((65, 62.5), (84, 72.0), (36, 48.0)):
        player = Player(tuning=config).send(NoteOn(0, key, 100))
        player.hear()
        assert centroid_note(player.hear(3.0)[:, 0]) == pytest.approx(pitch, abs=0.25)


@pytest.mark.parametrize("lines", [
    (),
    ("only a description",),
    ("a scale", "many", "3/2", "2/1"),
    ("a scale", "", "2/1"),
    ("a scale", "3", "3/2", "2/1"),
    ("a scale", "0"),
    ("a scale", "-1", "2/1"),
    ("a scale", "1", "2/0"),
    ("a scale", "1", "0/2"),
    ("a scale", "1", "-3/2"),
    ("a scale", "1", "one octave"),
    ("a scale", "1", "12.0.0"),
    ("a scale", "1", "nan."),
    ("a scale", "1", "120000.0"),
    ("a scale", "1", "1.0e999"),
    ("a scale", "2", "1.0e999", "2/1"),
    ("a scale", "1", "9" * 400),
    ("a scale", "1", "9" * 5000),
    ("a scale", "1", "1/1"),
    ("a scale", "1", "-1200.0"),
    ("a scale", "99999999999", "2/1"),
    ("\x00\x01\x02\xff", "\xff\xfe"),
], ids=lambda lines: " ".join(lines)[:20] or "empty")  # fmt: skip
def test_a_broken_scale_is_the_user_s_mistake_and_names_its_file(scala, lines: tuple[str, ...]) -> None:
    path = scala(*lines)
    with pytest.raises(UserError) as refused:
        key_pitches(TuningConfig(scale=path))
    assert path in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_scale_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.scl", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            key_pitches(TuningConfig(scale=str(path)))


def test_absurd_pitches_do_not_break_the_engine(scala) -> None:
    for degrees in (["12700.0"], ["0.001"], ["-12700.0", "12700.0"]):
        player = Player(tuning=TuningConfig(scale=scala(degrees=degrees)))
        player.send(NoteOn(0, 0, 100), NoteOn(0, 61, 100), NoteOn(0, 127, 100)).hear()
        player.send(NoteOn(0, 60, 100))
        assert 60 in player.notes()
