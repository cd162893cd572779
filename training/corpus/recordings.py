"""Anyone's recordings to frames: any common format, rate and number of channels, streamed, one file at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError
from runtime.base.progress import Progress
from training.corpus.csv_table import refuse_missing_split
from training.corpus.frames import SPLITS, Clip, FrameWriter
from training.hearing.clear_frames import are_clear
from training.hearing.heard_pitch import heard_notes

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
FORMATS = "WAV, FLAC, OGG, MP3 or AIFF"
BLOCK_SAMPLES = 1 << 19
N_SOURCES_NAMED = 20
LEAST_STEADY_SHARE = 0.5  # of the frames, to call their middle a note
WHOLE_SHARE = 0.99  # an MP3 header may promise a little more than a whole file holds
PAPER_SPLIT = {"val": 5 / 80, "test": 5 / 80}  # 70, 5 and 5 of 80 patches


class UnusableError(Exception):
    """A recording that gives no frames, and why."""


@dataclass(frozen=True)
class Recording:
    """A file and what is known of it. split: empty where the clips are to be split by chance."""

    path: Path
    name: str
    split: str = ""
    note: int | None = None
    source: str = ""
    licence: str = ""


def find_recordings(folder: Path) -> list[Recording]:
    """Every recording below `folder`, by name; UserError if there are too few to split, or none."""
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
    """UserError if the clips do not go round the splits."""
    if n_clips < len(SPLITS):
        remedy = f"add recordings (each goes whole into one of {', '.join(SPLITS)})"
        raise UserError(where, f"{n_clips} usable recording{'s' * (n_clips != 1)}", f"at least {len(SPLITS)}", remedy)


def split_by_clip(n_clips: int, seed: int) -> list[str]:
    """A split for each clip, whole clips at random in the paper's proportions, at least one clip in each."""
    counts = {name: max(1, round(share * n_clips)) for name, share in PAPER_SPLIT.items()}
    splits = ["train"] * n_clips
    order = np.random.default_rng(seed).permutation(n_clips)
    start = 0
    for name, count in counts.items():
        for index in order[start : start + count]:
            splits[index] = name
        start += count
    return splits


def mono_blocks(path: Path, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """A recording as mono float32 blocks at `sample_rate_hz`; UnusableError if it is broken or holds NaN."""
    if not path.is_file():
        raise UnusableError("no such file")
    try:
        with soundfile.SoundFile(path) as file:
            resampler = soxr.ResampleStream(file.samplerate, sample_rate_hz, 1, dtype="float32")
            n_read = 0
            while True:
                block = file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)
                bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
                if len(bad):
                    raise UnusableError(f"NaN or infinite samples from {(n_read + bad[0]) / file.samplerate:.2f} s on")
                n_read += len(block)
                last = len(block) < BLOCK_SAMPLES
                mono = block.mean(axis=1)
                yield mono if file.samplerate == sample_rate_hz else resampler.resample_chunk(mono, last=last)
                if last:
                    break
            if n_read < WHOLE_SHARE * file.frames:
                raise UnusableError(f"it breaks off after {n_read} of {file.frames} samples")
    except (soundfile.SoundFileError, RuntimeError, ValueError, OSError) as error:
        raise UnusableError(f"not a readable recording ({str(error).rpartition(': ')[2].rstrip('.')})") from None


def add_recording(writer: FrameWriter, recording: Recording, only_clear: bool = False) -> Clip:
    """Add a recording's audible frames to the store; UnusableError, and nothing added, if it gives none.

    only_clear: of these, those that are heard at its note; one whose note is not known gets the note that is heard.
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
    """The MIDI note that a recording of one held note is heard at; UnusableError if there is none."""
    frames = (unit_peak_frames(magnitudes, spec)[0] for magnitudes, _ in _magnitude_blocks(path, spec))
    heard = np.concatenate([heard_notes(block, spec) for block in frames] or [np.zeros(0)])
    heard = heard[np.isfinite(heard)]
    note = round(float(np.median(heard))) if len(heard) else -1
    if not 0 <= note < 128 or np.mean(np.abs(heard - note) <= 0.5) < LEAST_STEADY_SHARE:
        raise UnusableError("no single note is heard in it")
    return note


def _magnitude_blocks(path: Path, spec: StftSpec) -> Iterator[tuple[np.ndarray, int]]:
    """Frames of a recording, the same as if it were transformed whole, and the number of samples new to each block."""
    rest = np.zeros(0, np.float32)
    for block in mono_blocks(path, spec.sample_rate_hz):
        signal = np.concatenate([rest, block])
        magnitudes = magnitude_frames(signal, spec)
        rest = signal[len(magnitudes) * spec.hop_size :]
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
    """Write the frame store of the recordings to `out`; names those that it skips and returns how many they are.

    only_clear: of frames heard at their notes alone, and recordings without a note get the one that is heard.
    UserError with `strict` at the first unusable recording, or where too few are left to fill the splits.
    """
    about = {"kind": "recordings", "name": name}
    n_skipped = 0
    sizes = [recording.path.stat().st_size if recording.path.is_file() else 0 for recording in recordings]
    done = 0
    with FrameWriter(out, StftSpec(), about, force) as writer, Progress("corpus", sum(sizes)) as progress:
        for recording, size in zip(recordings, sizes, strict=True):
            try:
                add_recording(writer, recording, only_clear)
            except UnusableError as error:
                if strict:
                    remedy = "mend or remove it, or leave out --strict"
                    raise UserError(recording.path, str(error), FORMATS, remedy) from None
                n_skipped += 1
                progress.say(f"skipped {recording.path}: {error}")
            done += size
            progress.update(done, recording.name)
        _assign_splits(writer.clips, f"{name}, {n_skipped} of {len(recordings)} skipped", seed)
        licences = sorted({clip.licence for clip in writer.clips})
        sources = sorted({clip.source for clip in writer.clips} - {""})
        about["licence"] = "; ".join(licence or "not stated" for licence in licences)
        about["sources"] = sources[:N_SOURCES_NAMED]
        about["options"] = {
            "n_clips": len(writer.clips),
            "n_skipped": n_skipped,
            "n_sources": len(sources),
            "only_clear": only_clear,
            "split": "manifest" if recordings[0].split else f"by clip, seed {seed}",
        }
    return n_skipped


def _assign_splits(clips: list[Clip], where: object, seed: int) -> None:
    if not clips:
        raise UserError(where, "no usable recording", "sound", "give recordings that are whole and not silent")
    if not clips[0].split:
        refuse_too_few(len(clips), where)
        for clip, split in zip(clips, split_by_clip(len(clips), seed), strict=True):
            clip.split = split
    refuse_missing_split([clip.split for clip in clips], where)
