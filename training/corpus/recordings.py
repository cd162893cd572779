"""Turns recordings into frames: any common format, sample rate and number of channels, streamed file by file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from runtime.recordings.reading import FORMATS, SUFFIXES, UnusableError, mono_blocks
from training.corpus.csv_table import refuse_missing_split
from training.corpus.frames import SPLITS, Clip, FrameWriter
from training.hearing.clear_frames import are_clear

N_SOURCES_NAMED = 20
LEAST_STEADY_SHARE = 0.5  # least share of the frames with a pitch that lie within half a semitone of the note
PAPER_SPLIT = {"val": 5 / 80, "test": 5 / 80}  # the paper has 70, 5 and 5 of 80 patches


@dataclass(frozen=True)
class Recording:
    """A recording: its file and what is known about it. split: empty if the splits are to be drawn at random."""

    path: Path
    name: str
    split: str = ""
    note: int | None = None
    source: str = ""
    licence: str = ""


def find_recordings(folder: Path) -> list[Recording]:
    """Every recording in `folder` and its subfolders, sorted by path; UserError if there are too few for the splits."""
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
    """Raise a UserError that names `where` if there are fewer clips than splits."""
    if n_clips < len(SPLITS):
        remedy = f"add recordings (each goes whole into one of {', '.join(SPLITS)})"
        raise UserError(where, f"{n_clips} usable recording{'s' * (n_clips != 1)}", f"at least {len(SPLITS)}", remedy)


def split_by_clip(n_clips: int, seed: int) -> list[str]:
    """A random split for each clip, in the paper's proportions, with at least one clip for val and for test."""
    counts = {name: max(1, round(share * n_clips)) for name, share in PAPER_SPLIT.items()}
    splits = ["train"] * n_clips
    order = np.random.default_rng(seed).permutation(n_clips)
    start = 0
    for name, count in counts.items():
        for index in order[start : start + count]:
            splits[index] = name
        start += count
    return splits


def add_recording(writer: FrameWriter, recording: Recording, only_clear: bool = False) -> Clip:
    """Add a recording's audible frames to the store and return its clip.

    only_clear: add only frames that are clear (`are_clear`) at the recording's note; if the note is unknown, it is
    detected first. UnusableError if there is no frame to add, or the recording is broken; the store then stays as it
    was.
    """
    spec, start = writer.spec, writer.mark()
    note = _heard_note(recording.path, spec) if only_clear and recording.note is None else recording.note
    clip = Clip(recording.name, recording.split, note, recording.source, recording.licence)
    try:
        n_samples = n_frames = n_audible = 0
        for magnitudes, n_new in _magnitude_blocks(recording.path, spec):
            n_samples += n_new
            frames = unit_peak_frames(magnitudes, spec)[0]
            n_audible += len(frames)
            if only_clear:
                frames = frames[are_clear(frames, np.full(len(frames), note), spec)]
            n_frames += writer.add(frames, clip)
        if n_samples < spec.frame_size:
            raise UnusableError(f"{n_samples / spec.sample_rate_hz:.3f} s of sound, less than one frame")
        if not n_audible:
            raise UnusableError("nothing but silence")
        if not n_frames:
            raise UnusableError(f"nothing in it is heard at its note, {note_name(note)}")
    except UnusableError:
        writer.rewind(start)
        raise
    return clip


def _heard_note(path: Path, spec: StftSpec) -> int:
    """The one MIDI note heard in a recording; UnusableError if the recording is not a single held note."""
    frames = (unit_peak_frames(magnitudes, spec)[0] for magnitudes, _ in _magnitude_blocks(path, spec))
    heard = np.concatenate([heard_notes(block, spec) for block in frames] or [np.zeros(0)])
    heard = heard[np.isfinite(heard)]
    note = round(float(np.median(heard))) if len(heard) else -1
    if not 0 <= note < 128 or np.mean(np.abs(heard - note) <= 0.5) < LEAST_STEADY_SHARE:
        raise UnusableError("no single note is heard in it")
    return note


def _magnitude_blocks(path: Path, spec: StftSpec) -> Iterator[tuple[np.ndarray, int]]:
    """For each block of a recording, yield its frames (n, n_bins) and its number of samples.

    A frame that spans two blocks comes with the later one.
    """
    remainder = np.zeros(0, np.float32)
    for block in mono_blocks(path, spec.sample_rate_hz):
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
) -> int:
    """Write the frames of the recordings to the store `out`; returns how many unusable recordings were skipped.

    Prints the path of each skipped recording and the reason. name: the name of the corpus; seed: the seed of the random
    splits; only_clear: as in `add_recording`. UserError if too few recordings remain to fill the splits, or, with
    `strict`, at the first unusable recording.
    """
    about: dict[str, Any] = {"kind": "recordings", "name": name}
    n_skipped = 0
    sizes = [recording.path.stat().st_size if recording.path.is_file() else 0 for recording in recordings]
    done = 0
    with FrameWriter(out, StftSpec(), about, force) as writer, Progress("corpus", sum(sizes)) as progress:
        for recording, size in zip(recordings, sizes, strict=True):
            try:
                add_recording(writer, recording, only_clear)
            except UnusableError as error:
                if strict:
                    remedy = "repair or remove it, or leave out --strict"
                    raise UserError(recording.path, str(error), FORMATS, remedy) from None
                n_skipped += 1
                progress.say(f"skipped {recording.path}: {error}")
            done += size
            progress.update(done, recording.name)
        _assign_splits(writer.clips, f"{name}, {n_skipped} of {len(recordings)} skipped", seed)
        split = "manifest" if recordings[0].split else f"by clip, seed {seed}"
        about |= _origin(writer.clips, {"n_skipped": n_skipped, "only_clear": only_clear, "split": split})
    return n_skipped


def _origin(clips: list[Clip], options: dict[str, Any]) -> dict[str, Any]:
    """Licences and sources of the clips, and the settings of the corpus, for the store's `about`."""
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
