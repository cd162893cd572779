"""Finds a recording's notes: where each begins and ends, its pitch and its tuning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.pitch import N_CHROMA, note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames

AUDIBLE_DB = -45.0  # frames below this level, relative to the loudest frame, are silent
ONSET_DB = -40.0  # the level at which a sound begins, relative to its highest level
LEAD_S = 0.003  # the onset is set this much before the sound reaches ONSET_DB, so that no part of the attack is cut off
HALF_SEMITONE = 0.5
LEAST_STEADY_SHARE = 0.5  # a single held note has its pitch in at least this share of the audible frames
# A single held note has at least these shares of its energy on harmonics 1 to 3, on the fundamental, and on all
# harmonics. A chord does not: it is heard as a note far below its own notes, and has little energy on the low harmonics
# of that note.
LEAST_LOW_SHARE = 0.004
LEAST_FUNDAMENTAL_SHARE = 1e-3
LEAST_HARMONIC_SHARE = 0.5
# Two signs that the recorded note may lie an octave from the heard note:
# - At least LEAST_OCTAVE_SHARE of the frames with a pitch have the note an octave above or below.
# - The partials that only the note an octave below has are strong. They hold at least LEAST_HALF_SHARE of the energy,
#   and at least LEAST_OVER_NOISE times the energy between partials. This sign is not sought if the heard note lies
#   below bin N_BINS_APART, because there the partials of the two notes cannot be told apart.
LEAST_OCTAVE_SHARE = 0.2
LEAST_HALF_SHARE, LEAST_OVER_NOISE, N_BINS_APART = 3e-4, 10.0, 20
SHORTEST_NOTE_S = 0.25
WHOLE_TAKE_SHARE = 0.6  # a note with this share of the audible time counts as the whole recording
MOST_GAP_FRAMES = 4  # a note goes on after a gap of at most this many frames
UNPITCHED_NOTE = 60  # the note of a sound without pitch


@dataclass(frozen=True)
class Pitch:
    """The note that is heard in a stretch of sound.

    note: a MIDI note.
    cents: how far the sound lies above `note`.
    is_single: whether a single held note is heard.
    other_octave: the MIDI note an octave away, if that may be the recorded note.
    """

    note: int
    cents: float
    is_single: bool
    other_octave: int | None = None


@dataclass(frozen=True, eq=False)
class Take:
    """One note of a recording, or a whole recording.

    samples: the mono sound, float32 (n,). A single held note is tuned to its MIDI note, unless `takes_of` was told to
        keep the tuning.
    before: number of samples before the onset.
    start_s: time of the onset in the recording.
    """

    samples: np.ndarray
    before: int
    pitch: Pitch
    start_s: float


def takes_of(samples: np.ndarray, spec: StftSpec, keeps_tuning: bool = False) -> list[Take]:
    """The notes of a recording, the longest first; an empty list if the recording is silent.

    samples: the mono recording at spec.sample_rate_hz, float32 (n,).
    keeps_tuning: whether to leave the tuning as it is.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 1e-5:
        return []
    samples = (samples / peak).astype(np.float32)
    # Silence is added at both ends, so that the first frame is centred on the first sample, and so that even a short
    # sound has frames.
    padded = np.pad(samples, (spec.frame_size // 2, spec.frame_size))
    magnitudes = magnitude_frames(padded, spec)
    loudest = magnitudes[:, spec.first_heard_bin :].max(axis=1)
    silence_db = 20.0 * np.log10(loudest.max() / (spec.frame_size / 4.0)) + AUDIBLE_DB
    frames, kept = unit_peak_frames(magnitudes, spec, silence_db)
    heard = np.full(len(magnitudes), np.nan)
    heard[kept] = heard_notes(frames, spec)
    audible = np.zeros(len(magnitudes), bool)
    audible[kept] = True
    takes = []
    for first, last in _stretches(heard, audible, spec):
        rows = kept[(kept >= first) & (kept < last)]
        pitch = _pitch(magnitudes[rows], heard[rows], spec)
        end = min(len(samples), last * spec.hop_size)
        takes.append(_take(samples[first * spec.hop_size : end], first * spec.hop_size, pitch, spec, keeps_tuning))
    return takes


def resampled(samples: np.ndarray, speed: float) -> np.ndarray:
    """The sound at another speed, float32 (n,). At speed 2, it is an octave higher and half as long."""
    if abs(speed - 1.0) < 1e-6:
        return samples
    return soxr.resample(samples, 1e6 * speed, 1e6).astype(np.float32)


def _take(samples: np.ndarray, start: int, pitch: Pitch, spec: StftSpec, keeps_tuning: bool) -> Take:
    rate_hz = spec.sample_rate_hz
    if pitch.is_single and not keeps_tuning:
        samples = resampled(samples, 2.0 ** (-pitch.cents / (100.0 * N_CHROMA)))
    onset = _onset(samples, rate_hz)
    before = min(onset, spec.frame_size)
    return Take(samples[onset - before :], before, pitch, (start + onset) / rate_hz)


def _onset(samples: np.ndarray, sample_rate_hz: int) -> int:
    step = max(1, sample_rate_hz // 1000)
    blocks = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1, initial=0.0)
    loud = np.flatnonzero(blocks >= blocks.max(initial=0.0) * 10.0 ** (ONSET_DB / 20.0))
    return max(0, (int(loud[0]) if len(loud) else 0) * step - round(LEAD_S * sample_rate_hz))


def _stretches(heard: np.ndarray, audible: np.ndarray, spec: StftSpec) -> list[tuple[int, int]]:
    """Where each note begins and ends: (its first frame, the frame after its last frame). The longest note is first."""
    sounding = np.flatnonzero(audible)
    whole = [(int(sounding[0]), int(sounding[-1]) + 1)] if len(sounding) else []
    runs: list[list[int]] = []
    gap, centre = MOST_GAP_FRAMES + 1, np.nan
    for index, note in enumerate(heard):
        near = abs(note - centre) <= HALF_SEMITONE  # False for NaN
        if near and gap <= MOST_GAP_FRAMES:
            runs[-1][1], gap = index + 1, 0
        elif np.isfinite(note) and (gap > MOST_GAP_FRAMES or _starts_here(heard, index)):
            runs.append([index, index + 1])
            gap, centre = 0, note
        else:
            gap += 1
    least = SHORTEST_NOTE_S * spec.sample_rate_hz / spec.hop_size
    notes = sorted(((a, b) for a, b in runs if b - a >= least), key=lambda run: run[0] - run[1])
    classes = {round(float(np.nanmedian(heard[a:b]))) % N_CHROMA for a, b in notes}
    if len(classes) < 2 or notes[0][1] - notes[0][0] >= WHOLE_TAKE_SHARE * len(sounding):
        # One note, or no clear note. One note can give several runs, because a run ends where the pitch is unclear, or
        # where the note is heard in another octave.
        return whole
    return notes


def _starts_here(heard: np.ndarray, index: int) -> bool:
    ahead = heard[index : index + MOST_GAP_FRAMES]
    return bool(np.all(np.abs(ahead - heard[index]) <= HALF_SEMITONE))


def _pitch(magnitudes: np.ndarray, heard: np.ndarray, spec: StftSpec) -> Pitch:
    """The pitch of a note.

    magnitudes: the note's audible frames.
    heard: the MIDI note heard in each of these frames, or NaN.
    """
    known = heard[np.isfinite(heard)]
    if not len(known):
        return Pitch(UNPITCHED_NOTE, 0.0, False)
    near = np.abs(known[:, None] - known) <= HALF_SEMITONE
    middle = float(np.median(known[near[np.argmax(near.sum(axis=0))]]))
    share = float(np.mean(np.abs(known - middle) <= HALF_SEMITONE)) * len(known) / len(heard)
    note = int(np.clip(round(middle), 0, 127))
    fundamental, low, harmonic = _shares(magnitudes, middle, spec)
    is_single = share >= LEAST_STEADY_SHARE and harmonic >= LEAST_HARMONIC_SHARE
    is_single &= low >= LEAST_LOW_SHARE and fundamental >= LEAST_FUNDAMENTAL_SHARE
    other = _other_octave(magnitudes, known, note, middle, spec)
    return Pitch(note, 100.0 * (middle - note), is_single, other)


def _other_octave(magnitudes: np.ndarray, known: np.ndarray, note: int, middle: float, spec: StftSpec) -> int | None:
    """The note an octave below or above `note`, if that may be the recorded note (see LEAST_OCTAVE_SHARE)."""
    octaves = [other for other in (note - N_CHROMA, note + N_CHROMA) if 0 <= other <= 127]
    shares = [float(np.mean(np.abs(known - other) <= HALF_SEMITONE)) for other in octaves]
    if max(shares) >= LEAST_OCTAVE_SHARE:
        return octaves[int(np.argmax(shares))]
    if note < N_CHROMA or note_to_hz(note) < N_BINS_APART * spec.bin_hz:
        return None
    power = _mean_power(magnitudes, spec)
    (_, near), (half, near_half), (quarter, near_quarter) = (
        _harmonic_bins(round(middle - octave * N_CHROMA, 2), spec) for octave in range(3)
    )
    partials = float(power[near_half & (half % 2 == 1) & ~near].sum())
    between = float(power[near_quarter & (quarter % 2 == 1)].sum())
    is_lower = partials >= LEAST_HALF_SHARE * power.sum() and partials >= LEAST_OVER_NOISE * between
    return note - N_CHROMA if is_lower else None


def _mean_power(magnitudes: np.ndarray, spec: StftSpec) -> np.ndarray:
    """The mean power of each bin over the frames, float (n_bins,). Each frame is divided by its peak first."""
    power = np.square(magnitudes / magnitudes.max(axis=1, keepdims=True)).mean(axis=0)
    power[: spec.first_heard_bin] = 0.0
    return power


def _shares(magnitudes: np.ndarray, note: float, spec: StftSpec) -> tuple[float, float, float]:
    """The shares of the energy on a note's fundamental, on its harmonics 1 to 3, and on all its harmonics."""
    power = _mean_power(magnitudes, spec)
    number, is_near = _harmonic_bins(round(note, 2), spec)
    total = max(float(power.sum()), 1e-20)
    bin_ = round(float(note_to_hz(note)) / spec.bin_hz)
    # Only three bins count as the fundamental. For a chord, `note` may lie far below the chord's notes (see
    # LEAST_LOW_SHARE). Then more bins would include energy that leaks from the lowest of the chord's notes.
    fundamental = power[max(0, bin_ - 1) : bin_ + 2]
    return tuple(float(part.sum()) / total for part in (fundamental, power[is_near & (number <= 3)], power[is_near]))


@lru_cache(maxsize=32)
def _harmonic_bins(note: float, spec: StftSpec) -> tuple[np.ndarray, np.ndarray]:
    """For each bin, the number of the harmonic nearest to it, and whether the bin can hold that harmonic's energy."""
    frequency_hz, f0_hz = np.arange(spec.n_bins) * spec.bin_hz, float(note_to_hz(note))
    number = np.maximum(1.0, np.rint(frequency_hz / f0_hz))
    apart_hz = np.abs(frequency_hz - number * f0_hz)
    return number, apart_hz <= 2.0 * spec.bin_hz + 0.005 * frequency_hz
