"""A small corpus of harmonic tones, all in tune, for the tests of training and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.acoustics.pitch import note_name, note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from training.corpus.frames import Clip, FrameStore, FrameWriter

SPEC = StftSpec(frame_size=1024, hop_size=256)
NOTES = (84, 88, 91, 95, 98, 101)  # high enough for short frames to tell semitones apart
TILTS = {"soft": ("train", 3.0), "round": ("train", 2.0), "plain": ("train", 1.5), "bright": ("train", 1.0)}
TILTS |= {"held": ("val", 1.7), "kept": ("test", 1.3)}
ABOUT = {"kind": "test", "name": "harmonic tones", "licence": "CC0-1.0", "sources": ["made here"], "options": {}}


def tone(note: int, tilt: float, spec: StftSpec = SPEC, seconds: float = 0.25) -> np.ndarray:
    time_s = np.arange(int(seconds * spec.sample_rate_hz)) / spec.sample_rate_hz
    fundamental_hz = float(note_to_hz(note))
    harmonics = np.arange(1, int(0.45 * spec.sample_rate_hz / fundamental_hz))
    return sum(0.1 * k**-tilt * np.sin(2.0 * np.pi * k * fundamental_hz * time_s) for k in harmonics)


def write_store(
    folder: Path,
    notes: tuple[int, ...] = NOTES,
    known: bool = True,
    n_repeats: int = 1,
    tilts: dict[str, tuple[str, float]] = TILTS,
) -> FrameStore:
    """Write a frame store in which each patch of `tilts` plays every note.

    known: whether the store contains each clip's note.
    n_repeats: how many times each patch plays each note, a little duller each time.
    tilts: for each patch's name, its split and its tilt. Harmonic k has the amplitude 0.1 * k**-tilt.
    """
    with FrameWriter(folder, SPEC, ABOUT) as writer:
        for repeat in range(n_repeats):
            for patch, (split, tilt) in tilts.items():
                for note in notes:
                    frames, _ = unit_peak_frames(magnitude_frames(tone(note, tilt + 0.01 * repeat), SPEC))
                    name = f"{patch} {note_name(note)}"
                    writer.add(frames, Clip(name, split, note if known else None, "made here", "CC0-1.0"))
    return FrameStore.open(folder)
