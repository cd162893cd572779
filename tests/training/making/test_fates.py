"""`make` decides about each file of a folder, and says what it decided."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from tests.support.own_folder import chord, drums, melody, tone, write, write_notes, write_own_folder
from training.corpus.manifest import listed
from training.making.fates import Decision, Wishes, decide
from training.making.splits import with_splits
from training.making.survey import survey
from training.making.table import remarks, table


def decided(folder: Path, manifest: Path | None = None, **wishes: bool) -> Decision:
    work = folder.parent / "work"
    rows = None if manifest is None else listed(manifest, folder)
    return decide(survey(folder, work / "heard.json"), folder, Wishes(cuts=work / "cuts", **wishes), rows)


def said(decision: Decision) -> dict[str, str]:
    return {fate.name: fate.said for fate in decision.fates}


def test_each_file_of_a_folder_as_people_have_them_has_its_fate(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    write_own_folder(folder, take_s=40.0)
    decision = decided(folder)
    assert said(decision) == {
        "Blöde Flöte/Bb5.wav": "used as A#5 of Blöde Flöte, in tune",
        "Blöde Flöte/c5.ogg": "used as C5 of Blöde Flöte, in tune",
        "Blöde Flöte/e5.opus": "used as E5 of Blöde Flöte, in tune",
        "Blöde Flöte/g#5.aiff": "used as G#5 of Blöde Flöte, in tune",
        "Trompete/Trompete B4.wav": "used as B4 of Trompete, in tune",
        "Trompete/Trompete C4.wav": "used as C4 of Trompete, 12 cents sharp, put right",
        "Trompete/Trompete D5.mp3": "used as D5 of Trompete, in tune",
        "Trompete/Trompete E4.wav": "used as E4 of Trompete, in tune",
        "Trompete/Trompete G4.flac": "used as G4 of Trompete, in tune",
        "broken.wav": "left out: broken, or not a sound",
        "chord.wav": "left out: a chord, not a single note",
        "click.wav": "left out: too short: less than 0.09 s",
        "drone A2 long take.wav": "used as A2 of drone long, 20 of its 40 s, in tune",
        "drum loop.wav": "left out: no steady pitch: drums or noise",
        "me talking.wav": "left out: no single note: the pitch wanders, as in speech or a melody",
        "read me.txt": "left out: not a sound",
        "silence.wav": "left out: silence",
        "voice memo.m4a": "left out: .m4a files are not read; turn it into WAV, FLAC, OGG or MP3",
    }
    # The table has a line for each file, one for the columns' names, and four headings: one for each of the three
    # sounds, and one for what is left out.
    assert len(table(decision)) == len(decision.fates) + 5
    assert "10 of 18 files used, taken for 3 sounds of single notes" in remarks(decision)
    cents = {recording.name: recording.cents for recording in decision.recordings}
    assert cents["Trompete/Trompete C4.wav"] == pytest.approx(12.0, abs=1.0)


def test_the_ear_wins_over_the_name_unless_names_are_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"horn C4": 0.0, "horn E4": 0.0, "horn G4": 2.0, "horn A4": 12.0})
    by_ear, by_name = decided(folder), decided(folder, trust_names=True)
    assert [recording.note for recording in by_ear.recordings] == [81, 60, 64, 69]
    assert said(by_ear)["horn G4.wav"].endswith("; its name says G4, but it is heard as A4")
    assert said(by_ear)["horn A4.wav"].endswith("; its name says A4, but it is heard as A5")
    assert [recording.note for recording in by_name.recordings] == [69, 60, 64, 67]
    assert said(by_name)["horn G4.wav"].endswith("; as its name says, but it is heard as A4")
    assert [recording.cents for recording in by_name.recordings if recording.note == 67] == [0.0]


def test_an_octave_off_in_all_names_is_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"horn C3": 12.0, "horn E3": 12.0, "horn G3": 12.0})
    decision = decided(folder)
    assert [recording.note for recording in decision.recordings] == [60, 64, 67]
    assert not any(fate.contradiction for fate in decision.fates)
    assert any("1 octave above the names" in line for line in remarks(decision))


def test_the_notes_that_are_missing_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, dict.fromkeys(("horn C4", "horn D4", "viol C5", "viol C#5", "tuba C2", "tuba C3"), 0.0))
    said = [line for line in remarks(decided(folder)) if " recordings, " in line]
    assert said == [
        "horn: 2 recordings, C4 to D4, 1 note between is missing, near enough to a recorded one",
        "tuba: 2 recordings, C2 to C3, 11 notes between are missing, far from any recorded one: E2 F2 F#2 G2 G#2",
        "viol: 2 recordings, C5 to C#5, no note between is missing",
    ]


def test_tuning_is_kept_if_asked(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"horn C4": 0.3})
    assert decided(folder).recordings[0].cents == pytest.approx(30.0, abs=1.0)
    kept = decided(folder, keep_tuning=True)
    assert kept.recordings[0].cents == 0.0
    assert "30 cents sharp, kept" in said(kept)["horn C4.wav"]
    assert any("one note is that note, transposed" in line for line in remarks(kept))


def test_a_manifest_gives_names_and_notes_and_the_ear_still_wins(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"a C4": 0.0, "b E4": 0.0, "c G4": 0.0})
    manifest = tmp_path / "list.csv"
    lines = ["file,note,sound,velocity,licence", "a C4.wav,C4,horn,90,CC0-1.0"]
    lines += ["b E4.wav,F4,horn,,CC0-1.0", "no.wav,C4,,,"]
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    decision = decided(folder, manifest)
    first, second = decision.recordings
    assert (first.sound, first.note, first.velocity, first.licence) == ("horn", 60, 90, "CC0-1.0")
    assert second.note == 64
    assert said(decision)["b E4.wav"].endswith("; its name says F4, but it is heard as E4")
    assert said(decision)["c G4.wav"] == "left out: not in the manifest"
    assert said(decision)["no.wav"] == "left out: in the manifest, but no such file"
    assert [one.note for one in decided(folder, manifest, trust_names=True).recordings] == [60, 65]


def test_held_notes_are_cut_out_of_a_long_take(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write(folder / "scale.wav", melody((60, 62.2, 64, 60, 64, 60)))
    decision = decided(folder)
    assert [recording.note for recording in decision.recordings] == [60, 62, 64, 60, 64]  # the third C4 is not used
    assert [round(recording.cents) for recording in decision.recordings] == [0, 20, 0, 0, 0]
    assert all(recording.sound == "scale" and recording.path.is_file() for recording in decision.recordings)
    assert said(decision)["scale.wav"] == "used: 5 held notes of scale were cut out of it (C4 D4 E4)"


def test_without_single_notes_any_sound_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write(folder / "loop.wav", drums())
    write(folder / "chord.wav", chord())
    write(folder / "deep chord.wav", chord((36, 40, 43)))
    decision = decided(folder)
    assert not decision.only_notes
    assert [recording.note for recording in decision.recordings] == [None] * 3


def test_copies_and_recordings_that_disagree_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write(folder / "horn C4 take1.wav", tone(60, tilt=0.5))
    write(folder / "horn C4 take2.wav", tone(60, tilt=3.0))
    write(folder / "horn C4 copy.wav", tone(60, tilt=0.5))
    decision = decided(folder)
    assert said(decision)["horn C4 take1.wav"] == "left out: the same file as horn C4 copy.wav"
    (line,) = [line for line in remarks(decision) if line.startswith("disagree")]
    assert "are both C4 of horn" in line


def test_a_second_look_listens_only_to_files_that_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"horn C4": 0.0, "horn E4": 0.0})
    first = decided(folder)
    heard: list[str] = []
    listen = "training.making.survey.listen_to_file"
    monkeypatch.setattr(listen, lambda path: heard.append(path.name) or (None, "not a sound"))
    assert decided(folder).recordings == first.recordings
    assert heard == []
    write(folder / "horn E4.wav", tone(66))
    decided(folder)
    assert heard == ["horn E4.wav"]


def test_a_name_in_another_encoding_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_notes(folder, {"horn C4": 0.0})
    os.rename(folder / "horn C4.wav", os.fsencode(folder) + b"/Fl\xf6te C4.wav")
    assert said(decided(folder)) == {"Fl?te C4.wav": "left out: its name is not UTF-8: rename it"}


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        survey(tmp_path / "nowhere", tmp_path / "heard.json")


def test_few_recordings_hold_out_frames_and_many_hold_out_inner_notes(tmp_path: Path) -> None:
    from training.corpus.recordings import BY_FRAME, Recording

    few = [Recording(tmp_path, str(note), note=note, sound="horn") for note in range(60, 66)]
    assert {recording.split for recording in with_splits(few)} == {BY_FRAME}
    many = [
        Recording(tmp_path, f"{sound} {note}", note=note, sound=sound)
        for sound in ("horn", "flute", "oboe")
        for note in range(40, 80, 2)
    ]
    split = with_splits(many)
    held_out = [recording for recording in split if recording.split != "train"]
    assert {recording.split for recording in held_out} == {"val", "test"}
    assert 0.05 * len(many) <= len(held_out) <= 0.15 * len(many)
    assert {recording.note for recording in held_out}.isdisjoint({40, 78})
    assert len({recording.sound for recording in held_out}) == 3
