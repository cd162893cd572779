"""Recordings are put in tune and resampled to neighbouring notes; some pitches are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.acoustics.heard_pitch import cents_off
from runtime.acoustics.spectrum import StftSpec
from tests.support.harmonic_store import tone
from training.corpus.frames import FrameStore
from training.corpus.recordings import BY_FRAME, Recording, build, hold_out_pitches

SPEC = StftSpec()


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """A tone of C5 that is 30 cents sharp."""
    path = tmp_path / "c5.wav"
    soundfile.write(path, tone(72.3, 1.5, SPEC, 1.5), SPEC.sample_rate_hz)
    return Recording(path, "c5.wav", "train", 72, "me", "CC0-1.0", "reed", 90, 30.0)


def built(tmp_path: Path, recordings: list[Recording], **options: int) -> FrameStore:
    build(tmp_path / "corpus", "tones", recordings, strict=True, force=True, **options)
    return FrameStore.open(tmp_path / "corpus")


def test_a_training_recording_is_learnt_at_the_notes_beside_its_own_and_in_tune(tmp_path: Path, recording: Recording):
    others = [Recording(recording.path, f"{split}.wav", split, 72, cents=30.0) for split in ("val", "test")]
    store = built(tmp_path, [recording, *others], transpose=3)
    notes = {clip.transposed: clip.note for clip in store.clips if clip.split == "train"}
    assert notes == {move: 72 + move for move in range(-3, 4)}
    assert all(clip.sound == "reed" and clip.velocity == 90 for clip in store.clips if clip.split == "train")
    assert [clip.transposed for clip in store.clips if clip.split != "train"] == [0, 0]
    assert np.abs(cents_off(store.magnitudes, store.note.astype(int), SPEC)).max() < 4.0


def test_no_recording_outweighs_the_others(tmp_path: Path, recording: Recording):
    others = [Recording(recording.path, f"{split}.wav", split, 72) for split in ("val", "test")]
    store = built(tmp_path, [recording, *others], most_frames=10)
    assert np.bincount(store.clip).tolist() == [10, 10, 10]


def test_one_recording_gives_frames_to_every_split(tmp_path: Path, recording: Recording):
    own = Recording(recording.path, "c5.wav", BY_FRAME, 72)
    store = built(tmp_path, [own], transpose=1)
    counts = {split: len(store.rows(split)) for split in ("train", "val", "test")}
    assert counts["val"] > 0
    assert counts["test"] > 0
    assert counts["train"] > 5 * counts["val"]
    assert {clip.split for clip in store.clips if clip.transposed} == {"train"}


def test_every_fourth_pitch_is_held_out_with_all_its_layers_but_never_an_end():
    notes = [40, 43, 46, 49, 52, 55, 58]
    names = [(f"{note}-{velocity}", note, velocity) for note in notes for velocity in (50, 99)]
    takes = [Recording(Path(name), name, note=note, sound="piano", velocity=layer) for name, note, layer in names]
    splits = {recording.name: recording.split for recording in hold_out_pitches(takes)}
    assert {name for name, split in splits.items() if split != "train"} == {"46-50", "46-99"}
    longer = hold_out_pitches([*takes, Recording(Path("61"), "61", note=61, sound="piano")])
    assert {recording.note: recording.split for recording in longer}[58] == "test"
