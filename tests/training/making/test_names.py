"""Sound, note and velocity are read from the names of files and folders."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from training.making.names import Named, octave_convention, read_names


def read(*names: str, heard: list[float | None] | None = None) -> list[Named]:
    """What is read from the files' names.

    heard: the note detected in each file, None for no note.
    """
    return read_names([PurePath(name) for name in names], heard or [None] * len(names), "my folder")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C4.wav", Named("my folder", 60)),
        ("trumpet/c#4.wav", Named("trumpet", 61)),
        ("trumpet Bb3.flac", Named("trumpet", 58)),
        ("trumpet_Cs4-v100.flac", Named("trumpet", 61, 100)),
        ("brass/tuba_Eb1_ff.wav", Named("tuba", 27, 112)),
        ("TrumpetF#4.wav", Named("Trumpet", 66)),
        ("Blöde Flöte/g#5.aiff", Named("Blöde Flöte", 80)),
        ("piano/vel100/A0.wav", Named("piano", 21, 100)),
        ("drum loop.wav", Named("drum loop")),
        ("pad midi60.wav", Named("pad", 60)),
        ("soft pad C4.wav", Named("soft pad", 60)),
        ("take 3.wav", Named("my folder")),
    ],
)
def test_one_name(name: str, expected: Named) -> None:
    assert read(name) == [expected]


def test_layers_up_to_16_are_spread_over_the_velocities() -> None:
    assert [named.velocity for named in read("A0v1.flac", "A0v8.flac", "A0v16.flac")] == [8, 64, 127]
    assert [named.velocity for named in read("A0v1.flac", "C4v1.flac")] == [None, None]
    assert [named.velocity for named in read("A0v20.flac", "A0v120.flac")] == [20, 120]


def test_soft_and_loud_are_dynamics_only_where_both_are_there() -> None:
    assert read("soft/pad C4.wav", "loud/pad C4.wav") == [Named("pad", 60, 40), Named("pad", 60, 115)]
    assert read("soft/pad C4.wav", "pad C5.wav") == [Named("soft pad", 60), Named("pad", 72)]


def test_plain_numbers_that_tell_files_apart_are_velocities() -> None:
    assert [named.velocity for named in read("pno C4 40.wav", "pno C4 100.wav")] == [40, 100]
    assert [named.velocity for named in read("pno C4 1.wav", "pno C4 2.wav")] == [None, None]


def test_numbers_are_midi_notes_if_that_is_what_is_heard() -> None:
    names = "piano_060.wav", "piano_064.wav", "piano_067.wav"
    assert [named.note for named in read(*names, heard=[60.1, 64.0, 67.0])] == [60, 64, 67]
    assert [named.note for named in read(*names, heard=[61.0, 62.0, 64.0])] == [None, None, None]


def test_a_playing_style_that_several_instruments_have_is_no_sound_by_itself() -> None:
    named = read("violin/sustain_C4.wav", "cello/sustain_C4.wav", "flute/flute_C4.wav")
    assert [one.sound for one in named] == ["violin sustain", "cello sustain", "flute"]


def test_an_octave_off_in_all_files_is_a_convention() -> None:
    assert octave_convention([60, 64, 67], [72.0, 76.1, 79.0]) == 1
    assert octave_convention([60, 64, 67], [60.0, 64.1, 79.0]) == 0
    assert octave_convention([60, 64, 67, None], [60.0, 66.0, 79.0, 70.0]) == 0
    assert octave_convention([60], [72.0]) == 0  # one file proves nothing
