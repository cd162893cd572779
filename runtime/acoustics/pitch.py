"""Notes, frequencies and chroma: the only definition of each in the project."""

from __future__ import annotations

import re

import numpy as np

N_CHROMA = 12
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
A4_NOTE = 69
LOWEST_CHROMA_HZ = 27.5


def note_to_hz(note: float | np.ndarray, a4_hz: float = 440.0) -> float | np.ndarray:
    """Frequency of a MIDI note number in equal temperament, in Hz."""
    return a4_hz * 2.0 ** ((np.asarray(note, dtype=np.float64) - A4_NOTE) / 12.0)


def hz_to_note(frequency_hz: float | np.ndarray, a4_hz: float = 440.0) -> float | np.ndarray:
    """Fractional MIDI note number of a frequency in Hz."""
    return A4_NOTE + 12.0 * np.log2(np.asarray(frequency_hz, dtype=np.float64) / a4_hz)


def note_name(note: int) -> str:
    """Scientific name of a MIDI note number: 60 is C4."""
    return f"{PITCH_CLASSES[note % 12]}{note // 12 - 1}"


def parse_note(text: str) -> int:
    """The MIDI note, 0 to 127, of a text such as `C4`, `F#3`, `Bb-1` or `60`; ValueError for any other text."""
    text = text.strip()
    if text.isdigit() and int(text) < 128:
        return int(text)
    match = re.fullmatch(r"([A-Ga-g])([#b]?)(-?\d)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a note name such as C4 or F#3")
    letter, accidental, octave = match.groups()
    note = PITCH_CLASSES.index(letter.upper()) + {"": 0, "#": 1, "b": -1}[accidental] + 12 * (int(octave) + 1)
    if not 0 <= note < 128:
        raise ValueError(f"{text!r} lies outside MIDI notes 0 to 127")
    return note


def chroma_fold(n_bins: int, bin_hz: float) -> np.ndarray:
    """A matrix that adds up the energies of the bins of each pitch class, float32 (n_bins, 12).

    An element is 1 if the row's bin has the column's pitch class, and 0 if not. Column 0 is C.
    A bin has the pitch class of the nearest semitone; bins below 27.5 Hz (A0) have none.
    To use it, multiply energies (n, n_bins) by the matrix.

    bin_hz: distance between two bins in Hz.
    """
    frequency_hz = np.arange(n_bins) * bin_hz
    audible = np.flatnonzero(frequency_hz >= LOWEST_CHROMA_HZ)
    fold = np.zeros((n_bins, N_CHROMA), np.float32)
    fold[audible, np.rint(hz_to_note(frequency_hz[audible])).astype(int) % N_CHROMA] = 1.0
    return fold


def detect_chroma(magnitudes: np.ndarray, bin_hz: float) -> np.ndarray:
    """The pitch class with the most energy in each spectrum: int (n_spectra,), 0 is C.

    The use of the pitch class (the chroma) is described in arXiv 2001.11296.

    magnitudes: (n_spectra, n_bins).
    bin_hz: distance between two bins in Hz.
    """
    magnitudes = np.asarray(magnitudes, np.float32)
    return np.argmax(np.square(magnitudes) @ chroma_fold(magnitudes.shape[-1], bin_hz), axis=-1)
