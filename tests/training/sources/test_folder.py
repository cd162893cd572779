"""RecordingFolder writes usable takes and a manifest, and keeps other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.pitch import note_to_hz
from runtime.base.errors import UserError
from training.corpus.csv_table import read_table
from training.sources.farthest import farthest, steady_levels
from training.sources.folder import PEAK, SAMPLE_RATE_HZ, Origin, RecordingFolder, Take, thinned, trimmed, why_unusable

FREE = Origin("CC0", "made here")


def tone(note: float, peak: float = 0.1, length_s: float = 0.5, power: float = 1.0) -> np.ndarray:
    """A tone of ten harmonics; harmonic n has n ** -power times the amplitude of harmonic 1."""
    t = 2.0 * np.pi * note_to_hz(note) * np.arange(round(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = sum(np.sin(n * t) / n**power for n in range(1, 11))
    return (peak * wave / np.abs(wave).max()).astype(np.float32)


def test_a_folder_keeps_what_is_heard_at_its_note(tmp_path: Path) -> None:
    takes = [
        Take(60, 100, tone(60, 0.2)),
        Take(61, 50, tone(61, 0.05)),
        Take(62, 100, tone(50, 0.9)),
        Take(63, 100, 0.0 * tone(63)),
    ]
    with RecordingFolder(tmp_path / "out") as folder:
        assert folder.add("tone 1/2", takes, FREE) == 2
    assert folder.dropped[0].startswith("tone 1/2 D4 v100: heard at note 50.0")
    assert folder.dropped[1] == "tone 1/2 D#4 v100: silent"
    assert folder.report().startswith("1 sounds, 2 recordings, 0.0 minutes")
    rows = read_table(tmp_path / "out" / "manifest.csv", ("file", "note", "sound", "velocity", "licence", "source"))
    assert [row.get("file") for row in rows] == ["tone 1_2/C4-v100.flac", "tone 1_2/Cs4-v50.flac"]
    assert [(row.get("note"), row.get("velocity")) for row in rows] == [("C4", "100"), ("C#4", "50")]
    assert {(row.get("sound"), row.get("licence"), row.get("source")) for row in rows} == {
        ("tone 1/2", "CC0", "made here")
    }
    loud, soft = (soundfile.read(tmp_path / "out" / row.get("file"), dtype="float32") for row in rows)
    assert loud[1] == SAMPLE_RATE_HZ
    assert np.abs(loud[0]).max() == pytest.approx(PEAK, rel=0.01)
    assert np.abs(soft[0]).max() == pytest.approx(PEAK / 4.0, rel=0.01)  # all takes of a sound have the same gain


def test_a_note_off_by_less_than_half_a_semitone_is_kept() -> None:
    assert why_unusable(Take(60, 100, tone(60.4))) == ""
    assert "heard at note 60.6" in why_unusable(Take(60, 100, tone(60.6)))
    assert "not finite" in why_unusable(Take(60, 100, tone(60) * np.float32("nan")))


def test_a_recording_ends_with_its_sound() -> None:
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(SAMPLE_RATE_HZ).astype(np.float32)
    padded = np.concatenate([tone(60), hiss])
    assert len(trimmed(padded)) == pytest.approx(SAMPLE_RATE_HZ / 2, abs=200)
    assert trimmed(padded)[-1] == 0.0


def test_only_recordings_are_replaced_and_only_by_force(tmp_path: Path) -> None:
    out, takes = tmp_path / "out", [Take(60, 100, tone(60))]
    with RecordingFolder(out) as folder:
        folder.add("first", takes, FREE)
    with pytest.raises(UserError, match="add --force"), RecordingFolder(out):
        pass
    with pytest.raises(UserError, match="no usable note"), RecordingFolder(out, force=True) as folder:
        folder.add("second", [], FREE)
    assert (out / "first").is_dir()
    with RecordingFolder(out, force=True) as folder:
        folder.add("second", takes, FREE)
    assert sorted(path.name for path in out.iterdir()) == ["manifest.csv", "second"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="other things"), RecordingFolder(tmp_path / "own", force=True):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "own"]


def test_a_folder_without_a_usable_note_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no usable note"), RecordingFolder(tmp_path / "out") as folder:
        folder.add("silence", [Take(60, 100, np.zeros(SAMPLE_RATE_HZ, np.float32))], FREE)
    assert not any(tmp_path.iterdir())


def test_fewer_notes_are_spread_over_the_range() -> None:
    assert thinned(range(36, 97, 3), 1) == [66]
    assert thinned(range(36, 97, 3), 3) == [36, 66, 96]
    assert thinned([60, 62], 5) == [60, 62]


def test_the_farthest_sounds_are_chosen_and_twins_are_not() -> None:
    sounds = {name: tone(60, power=power)[None] for name, power in (("a", 1.0), ("twin", 1.01), ("b", 2.0), ("c", 4.0))}
    chosen = farthest({name: steady_levels(samples) for name, samples in sounds.items()}, "a", 4)
    assert list(chosen) == ["a", "c", "b"]
    assert chosen["c"] > chosen["b"] > 3.0
