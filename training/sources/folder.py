"""Writes a folder of recordings, one FLAC file a note, with a manifest."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import soundfile

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError
from training.corpus.csv_table import write_csv

MANIFEST = "manifest.csv"
ALL = 128  # as many notes as MIDI has, so that none is left out
COLUMNS = ("file", "note", "sound", "velocity", "licence", "source")
SPEC = StftSpec()
SAMPLE_RATE_HZ = SPEC.sample_rate_hz
PEAK = 0.7  # the peak of a sound's loudest note; all notes of the sound get the same gain
FADE_S = 0.02
TAIL_DB = -60.0  # level relative to the peak; a recording is cut where it falls below this level for good
# Loud frames are those whose level, relative to the loudest frame, is at least JUDGED_DB. A take is used if at least
# LEAST_SHARE of its loud frames are heard within TOLERANCE_CENTS of its note.
JUDGED_DB = -20.0
TOLERANCE_CENTS = 50.0
LEAST_SHARE = 0.5
_NOT_IN_NAMES = re.compile(r"[^\w .+-]|^\.|[ .]$")  # characters that a folder's name should not have


@dataclass(frozen=True)
class Take:
    """One rendered note; samples: mono float32 (n_samples,) at SAMPLE_RATE_HZ."""

    note: int
    velocity: int
    samples: np.ndarray


Note = TypeVar("Note")


def thinned(notes: Sequence[Note], n: int) -> list[Note]:
    """At most n of the items of `notes`, evenly spread over the list; the middle one if n is 1."""
    if n >= len(notes):
        return list(notes)
    places = np.linspace(0, len(notes) - 1, n) if n > 1 else [len(notes) // 2]
    return [notes[round(float(place))] for place in places]


@dataclass(frozen=True)
class Origin:
    """The origin of a sound.

    licence: of the recordings.
    source: the package, and the preset in it.
    """

    licence: str
    source: str


class RecordingFolder:
    """A context manager that writes recordings to a folder beside `out`; if all goes well, this folder becomes `out`.

    UserError if `out` holds recordings and `force` is not given, or if it holds other things.

    dropped: a line for each note that was left out, with the reason.
    """

    def __init__(self, out: Path, force: bool = False):
        self._out, self._force = out, force
        self._partial = out.with_name(f".{out.name}.partial")
        self._rows: list[dict[str, object]] = []
        self.dropped: list[str] = []
        self.length_s = 0.0

    def __enter__(self) -> Self:
        self._refuse_existing()
        shutil.rmtree(self._partial, ignore_errors=True)
        try:
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise UserError(self._out, str(error.strerror), "a writable folder", "give another folder") from None
        return self

    def add(self, sound: str, takes: list[Take], origin: Origin) -> int:
        """Write a sound's takes, except the unusable ones (`why_unusable`); returns how many were written.

        All takes of a sound get one gain, so that their levels keep their proportions.
        """
        kept = []
        for take in takes:
            problem = why_unusable(take)
            if problem:
                self.dropped.append(f"{sound} {note_name(take.note)} v{take.velocity}: {problem}")
            else:
                kept.append(take)
        gain = PEAK / max((float(np.abs(take.samples).max()) for take in kept), default=1.0)
        for take in kept:
            self._write(sound, take, gain, origin)
        return len(kept)

    def report(self) -> str:
        """What the folder holds and what was left out, in a few lines."""
        counts = Counter(str(row["sound"]) for row in self._rows)
        head = f"{len(counts)} sounds, {len(self._rows)} recordings, {self.length_s / 60.0:.1f} minutes"
        return "\n".join([head, *(f"left out: {line}" for line in self.dropped)])

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _write(self, sound: str, take: Take, gain: float, origin: Origin) -> None:
        folder = _NOT_IN_NAMES.sub("_", sound)
        name = f"{folder}/{note_name(take.note).replace('#', 's')}-v{take.velocity}.flac"
        (self._partial / folder).mkdir(exist_ok=True)
        samples = trimmed(take.samples) * gain
        soundfile.write(self._partial / name, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
        self.length_s += len(samples) / SAMPLE_RATE_HZ
        row = (name, note_name(take.note), sound, take.velocity, origin.licence, origin.source)
        self._rows.append(dict(zip(COLUMNS, row, strict=True)))

    def _finish(self) -> None:
        if not self._rows:
            raise UserError(self._out, "no usable note", "notes that are heard at their pitch", "report this")
        write_csv(self._partial / MANIFEST, self._rows, COLUMNS)
        self._refuse_existing()
        shutil.rmtree(self._out, ignore_errors=True)
        self._partial.rename(self._out)

    def _refuse_existing(self) -> None:
        if not self._out.exists() or (self._out.is_dir() and not any(self._out.iterdir())):
            return
        if not (self._out / MANIFEST).is_file():
            raise UserError(self._out, "other things", "a new or empty folder", "give another folder")
        if not self._force:
            raise UserError(self._out, "recordings already there", "a new folder", "add --force to replace them")


def why_unusable(take: Take) -> str:
    """Why a take cannot be used (see LEAST_SHARE); empty if it can."""
    if not np.isfinite(take.samples).all():
        return "samples that are not finite"
    heard = _heard_notes(take.samples)
    if not len(heard):
        return "silent"
    right = np.abs(heard - take.note) * 100.0 <= TOLERANCE_CENTS
    if right.mean() >= LEAST_SHARE:
        return ""
    if np.isnan(heard).all():
        return "no pitch is heard"
    return f"heard at note {np.nanmedian(heard):.2f}, not {take.note}"


def heard_note(samples: np.ndarray) -> float:
    """The median of the fractional MIDI notes heard in a sound's loud frames; NaN if no note is heard.

    samples: (n_samples,) at SAMPLE_RATE_HZ.
    """
    heard = _heard_notes(samples)
    return float(np.nanmedian(heard)) if np.isfinite(heard).any() else float("nan")


def _heard_notes(samples: np.ndarray) -> np.ndarray:
    """The fractional MIDI note heard in each loud frame of a sound, or NaN: float (n,). Empty for silence."""
    magnitudes = magnitude_frames(samples, SPEC)
    frames, kept = unit_peak_frames(magnitudes, SPEC)
    if not len(frames):
        return np.zeros(0)
    level = np.square(magnitudes[kept]).sum(axis=1)
    return heard_notes(frames[level >= level.max() * 10.0 ** (JUDGED_DB / 10.0)], SPEC)


def trimmed(samples: np.ndarray) -> np.ndarray:
    """The samples without their quiet tail, and faded out: (n_samples,).

    The tail begins where the level falls below TAIL_DB, relative to the peak, and does not rise again.
    """
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() * 10.0 ** (TAIL_DB / 20.0))
    kept = samples[: loud[-1] + 1].copy()
    n_fade = min(len(kept), round(FADE_S * SAMPLE_RATE_HZ))
    kept[len(kept) - n_fade :] *= np.linspace(1.0, 0.0, n_fade, dtype=np.float32)
    return kept
