"""Turns recordings of any common format, sample rate and number of channels into frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.pitch import N_CHROMA, note_name
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from runtime.recordings.reading import FORMATS, SUFFIXES, UnusableError, mono_blocks
from training.corpus.csv_table import refuse_missing_split
from training.corpus.frames import SPLITS, Clip, FrameWriter
from training.hearing.clear_frames import are_clear

N_SOURCES_NAMED = 20
LEAST_STEADY_SHARE = 0.5  # a note is heard if at least this share of the pitched frames is within half a semitone of it
BY_FRAME = "by frame"
HELD_OUT_STEP = 16  # with BY_FRAME, of every HELD_OUT_STEP frames one goes to val and another to test
PAPER_SPLIT = {"val": 5 / 80, "test": 5 / 80}  # the paper's 80 patches: 70 in train, 5 in val and 5 in test


@dataclass(frozen=True)
class Recording:
    """A recording: its file and what is known about it.

    split: empty for a split drawn at random; BY_FRAME divides the recording's frames among the splits.
    note: MIDI note.
    sound: name of the timbre, empty if unknown.
    velocity: MIDI velocity.
    cents: how sharp the recording is, in cents.
    """

    path: Path
    name: str
    split: str = ""
    note: int | None = None
    source: str = ""
    licence: str = ""
    sound: str = ""
    velocity: int | None = None
    cents: float = 0.0


def find_recordings(folder: Path) -> list[Recording]:
    """Every recording in `folder` and its subfolders, sorted by path; UserError if there are too few."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise UserError(folder, found, "a folder of recordings, or `amsynth`", "check the path")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not paths:
        raise UserError(folder, "no recordings", FORMATS, "put some there or give another folder")
    refuse_too_few(len(paths), folder)
    return [Recording(path, path.relative_to(folder).as_posix()) for path in paths]


def refuse_too_few(n_clips: int, where: object) -> None:
    """Raise UserError if there are fewer clips than splits; where: the place of the clips, for the error's text."""
    if n_clips < len(SPLITS):
        remedy = f"add recordings (each goes whole into one of {', '.join(SPLITS)})"
        raise UserError(where, f"{n_clips} usable recording{'s' * (n_clips != 1)}", f"at least {len(SPLITS)}", remedy)


def split_by_clip(n_clips: int, seed: int) -> list[str]:
    """A random split for each clip, in the paper's proportions; val and test get at least one clip each."""
    counts = {name: max(1, round(share * n_clips)) for name, share in PAPER_SPLIT.items()}
    splits = ["train"] * n_clips
    order = np.random.default_rng(seed).permutation(n_clips)
    start = 0
    for name, count in counts.items():
        for index in order[start : start + count]:
            splits[index] = name
        start += count
    return splits


def hold_out_pitches(recordings: list[Recording]) -> list[Recording]:
    """The recordings, each with its split: every fourth pitch of each sound is held out, at all its velocities.

    Held-out pitches go to val and test in turn. A sound's lowest and highest pitches are always trained on.
    """
    pitches: dict[str, set[int]] = {}
    for recording in recordings:
        pitches.setdefault(recording.sound, set()).add(recording.note)
    placed = []
    for recording in recordings:
        own = sorted(pitches[recording.sound])
        place = own.index(recording.note)
        held_out = place % 4 == 2 and place < len(own) - 1
        split = ("val", "test")[place // 4 % 2] if held_out else "train"
        placed.append(replace(recording, split=split))
    return placed


def add_recording(
    writer: FrameWriter, recording: Recording, only_clear: bool = False, transpose: int = 0, most_frames: int = 0
) -> None:
    """Add a recording's audible frames to the store.

    only_clear: only frames that are clear (`are_clear`) at the recording's note, which is detected if unknown.
    transpose: if the recording is for training and its note is known, also add copies resampled by 1 to this many
        semitones, up and down.
    most_frames: the recording and each copy add at most this many frames, evenly spread; 0 for all.
    UnusableError if there is no frame to add, or the recording is broken; the store then stays as it was.
    """
    spec, start = writer.spec, writer.mark()
    note = _heard_note(recording.path, spec) if only_clear and recording.note is None else recording.note
    moves = [0]
    if transpose and note is not None and recording.split in ("train", BY_FRAME):
        moves += [move for move in range(-transpose, transpose + 1) if move and 0 <= note + move <= 127]
    try:
        for move in moves:
            played = None if note is None else note + move
            speed = 2.0 ** ((move - recording.cents / 100.0) / N_CHROMA)
            frames = _audible_frames(recording.path, spec, speed, played if only_clear else None)
            if most_frames and len(frames) > most_frames:
                frames = frames[np.linspace(0, len(frames) - 1, most_frames).round().astype(int)]
            _add_clips(writer, recording, frames, played, move)
    except UnusableError:
        writer.rewind(start)
        raise


def _add_clips(writer: FrameWriter, recording: Recording, frames: np.ndarray, note: int | None, moved: int) -> None:
    """Add frames as one clip; with BY_FRAME, as one clip for each split. Transposed frames go to train only.

    note: the frames' MIDI note.
    moved: their transposition in semitones.
    """
    splits = [recording.split] if recording.split != BY_FRAME else ["train", "val", "test"]
    place = np.arange(len(frames)) % HELD_OUT_STEP
    held_out = {"val": place == HELD_OUT_STEP // 2, "test": place == HELD_OUT_STEP - 1}
    for split in splits:
        chosen = np.ones(len(frames), bool)
        if len(splits) > 1:
            chosen = held_out[split] if split != "train" else ~(held_out["val"] | held_out["test"])
        if moved and split != "train":
            continue
        writer.add(
            frames[chosen],
            Clip(
                recording.name,
                split,
                note,
                recording.source,
                recording.licence,
                recording.sound,
                recording.velocity,
                moved,
            ),
        )


def _audible_frames(path: Path, spec: StftSpec, speed: float, clear_at: int | None) -> np.ndarray:
    """A recording's audible frames; UnusableError if there are none.

    speed: how many times as fast the recording is played.
    clear_at: return only frames that are clear at this MIDI note; None for all frames.
    """
    kept, n_samples, n_audible = [], 0, 0
    for magnitudes, n_new in _magnitude_blocks(path, spec, speed):
        n_samples += n_new
        frames = unit_peak_frames(magnitudes, spec)[0]
        n_audible += len(frames)
        kept.append(frames if clear_at is None else frames[are_clear(frames, np.full(len(frames), clear_at), spec)])
    frames = np.concatenate(kept) if kept else np.zeros((0, spec.n_bins), np.float32)
    if n_samples < spec.frame_size:
        raise UnusableError(f"{n_samples / spec.sample_rate_hz:.3f} s of sound, less than one frame")
    if not n_audible:
        raise UnusableError("nothing but silence")
    if not len(frames):
        raise UnusableError(f"nothing in it is heard at its note, {note_name(clear_at)}")
    return frames


def _heard_note(path: Path, spec: StftSpec) -> int:
    frames = (unit_peak_frames(magnitudes, spec)[0] for magnitudes, _ in _magnitude_blocks(path, spec))
    heard = np.concatenate([heard_notes(block, spec) for block in frames] or [np.zeros(0)])
    heard = heard[np.isfinite(heard)]
    note = round(float(np.median(heard))) if len(heard) else -1
    if not 0 <= note < 128 or np.mean(np.abs(heard - note) <= 0.5) < LEAST_STEADY_SHARE:
        raise UnusableError("no single note is heard in it")
    return note


def _magnitude_blocks(path: Path, spec: StftSpec, speed: float = 1.0) -> Iterator[tuple[np.ndarray, int]]:
    """For each block of samples: its frames and its number of samples. The frames are (n, n_bins).

    A frame that begins in one block and ends in another comes with the block in which it ends.
    """
    remainder = np.zeros(0, np.float32)
    for block in mono_blocks(path, spec.sample_rate_hz, speed):
        signal = np.concatenate([remainder, block])
        magnitudes = magnitude_frames(signal, spec)
        remainder = signal[len(magnitudes) * spec.hop_size :]
        yield magnitudes, len(block)


def build(
    out: Path,
    name: str,
    recordings: list[Recording],
    strict: bool,
    force: bool,
    seed: int = 0,
    only_clear: bool = False,
    transpose: int = 0,
    most_frames: int = 0,
) -> int:
    """Write the recordings' frames to the store `out`; returns how many unusable recordings were skipped.

    name: the corpus's name.
    seed: for splits drawn at random.
    only_clear, transpose, most_frames: as in `add_recording`.
    UserError if too few recordings remain to fill the splits. With `strict`, UserError at the first unusable recording.
    """
    about: dict[str, Any] = {"kind": "recordings", "name": name}
    n_skipped = 0
    split_by = "manifest" if recordings and recordings[0].split else f"by clip, seed {seed}"
    # Only training recordings are transposed, so with `transpose` the splits are drawn first. Without it,
    # `_assign_splits` draws them at the end.
    if transpose and recordings and not recordings[0].split:
        drawn = split_by_clip(len(recordings), seed)
        recordings = [replace(recording, split=split) for recording, split in zip(recordings, drawn, strict=True)]
    sizes = [recording.path.stat().st_size if recording.path.is_file() else 0 for recording in recordings]
    done = 0
    with FrameWriter(out, StftSpec(), about, force) as writer, Progress("corpus", sum(sizes)) as progress:
        for recording, size in zip(recordings, sizes, strict=True):
            try:
                add_recording(writer, recording, only_clear, transpose, most_frames)
            except UnusableError as error:
                if strict:
                    remedy = "repair or remove it, or leave out --strict"
                    raise UserError(recording.path, str(error), FORMATS, remedy) from None
                n_skipped += 1
                progress.say(f"skipped {recording.path}: {error}")
            done += size
            progress.update(done, recording.name)
        _assign_splits(writer.clips, f"{name}, {n_skipped} of {len(recordings)} skipped", seed)
        options = {"n_skipped": n_skipped, "only_clear": only_clear, "transpose": transpose, "split": split_by}
        about |= _origin(writer.clips, options)
    return n_skipped


def _origin(clips: list[Clip], options: dict[str, Any]) -> dict[str, Any]:
    licences = sorted({clip.licence for clip in clips})
    sources = sorted({clip.source for clip in clips} - {""})
    return {
        "licence": "; ".join(licence or "not stated" for licence in licences),
        "sources": sources[:N_SOURCES_NAMED],
        "options": {"n_clips": len(clips), "n_sources": len(sources)} | options,
    }


def _assign_splits(clips: list[Clip], where: object, seed: int) -> None:
    if not clips:
        raise UserError(where, "no usable recording", "sound", "give recordings that are whole and audible")
    if not clips[0].split:
        refuse_too_few(len(clips), where)
        for clip, split in zip(clips, split_by_clip(len(clips), seed), strict=True):
            clip.split = split
    refuse_missing_split([clip.split for clip in clips], where)
