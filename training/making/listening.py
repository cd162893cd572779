"""Listens to one recording: measures its note and tuning, or finds out why it is not a single note."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from runtime.acoustics.heard_pitch import heard_notes
from runtime.acoustics.pitch import N_CHROMA, note_to_hz
from runtime.acoustics.spectrum import SILENCE_DB, StftSpec, magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db
from training.hearing.harmonics import MAIN_LOBE_BINS
from training.making.tuning import pitch_of_note

NOTE, CHORD, WANDERS, NOISE, SILENCE, SHORT = "note", "chord", "wanders", "noise", "silence", "short"
SPEC = StftSpec()
BLOCK_S = 20.0  # this much sound is turned into spectra at a time; more would fill the memory
LOUD_DB = 40.0  # frames softer than the loudest frame by more than this are ignored, because tails end in noise
N_JUDGED = 240  # at most this many frames of a recording are judged; they are evenly spread
STEADY_SEMITONES = 0.5
CHORUS_WIDTH = 0.0145  # a harmonic's bins lie at most this share of its frequency away from it: 25 cents
# LEAST_STEADY_SHARE, LEAST_PITCHED_SHARE and OFTEN_SHARE are shares of the judged frames. Louder frames count more.
LEAST_STEADY_SHARE = 0.6  # if a smaller share is at one pitch or its octaves, the recording WANDERS
LEAST_HARMONIC_SHARE = 0.5  # a frame has no pitch if a smaller share of its energy is on the heard note's harmonics
LEAST_PITCHED_SHARE = 0.5  # if a smaller share has a pitch, the recording is not a NOTE
WEAKEST_FIRST_DB = -50.0  # relative to the strongest partial; a recording with a weaker first harmonic is a chord
LOWEST_WITH_FIRST = 35.0  # MIDI note; a lower note may lack its first harmonic if it has its second
HIGHEST_DETECTED = 99.0  # MIDI note; a note more than an octave above this one may be heard an octave too low
OFTEN_SHARE = 0.2  # an octave that is heard in a smaller share of the judged frames is ignored
# A held note lasts at least SHORTEST_HELD_S, and its pitch stays within HELD_SEMITONES of the pitch at its beginning.
SHORTEST_HELD_S, HELD_SEMITONES = 0.4, 0.35


@dataclass(frozen=True)
class HeldNote:
    """A note that is held in a longer recording.

    start_s, end_s: where it begins and ends in the recording.
    note: MIDI note.
    """

    start_s: float
    end_s: float
    note: int


@dataclass(frozen=True)
class Heard:
    """What is heard in a recording.

    kind: NOTE, CHORD, WANDERS (notes that change, speech), NOISE, SILENCE or SHORT.
    level_db: root mean square of the loudest frame; a full-scale sine has -3 dB.
    pitch: fractional MIDI note, None unless kind is NOTE.
    octaves: if kind is NOTE, the MIDI notes heard in at least OFTEN_SHARE of the frames; they lie whole octaves apart.
    held: if kind is WANDERS, the notes held one after the other.
    onset_s: time at which the sound begins.
    timbre_db: mean levels in the bands of runtime/acoustics/timbre_distance.py.
    """

    kind: str
    duration_s: float
    level_db: float = -200.0
    pitch: float | None = None
    octaves: tuple[int, ...] = ()
    held: tuple[HeldNote, ...] = ()
    onset_s: float = 0.0
    timbre_db: tuple[float, ...] = ()

    @property
    def note(self) -> int | None:
        """The MIDI note nearest to the pitch; None without a pitch."""
        return None if self.pitch is None else round(self.pitch)


def listen(samples: np.ndarray) -> Heard:
    """Listen to mono samples, float32 (n,), at 44.1 kHz."""
    duration_s = len(samples) / SPEC.sample_rate_hz
    if len(samples) < SPEC.frame_size:
        return Heard(SHORT, duration_s)
    levels_db, starts = _frame_levels_db(samples)
    level_db = float(levels_db.max())
    if level_db <= SILENCE_DB:
        return Heard(SILENCE, duration_s, level_db)
    loud = np.flatnonzero(levels_db > level_db - LOUD_DB)
    chosen = loud[np.linspace(0, len(loud) - 1, min(N_JUDGED, len(loud))).round().astype(int)]
    frames = spectra_at(samples, starts[chosen])
    pitches, has_pitch = pitches_of(frames)
    weights = 10.0 ** (levels_db[chosen] / 20.0)
    weights /= weights.sum()
    kind, note = _judge(frames, pitches, has_pitch, weights)
    timbre_db = tuple((weights @ band_levels_db(frames, SPEC)).round(1).tolist())
    heard = Heard(kind, duration_s, level_db, onset_s=float(starts[loud[0]]) / SPEC.sample_rate_hz, timbre_db=timbre_db)
    if kind == WANDERS:
        return replace(heard, held=_held_notes(samples, loud, starts))
    if kind != NOTE:
        return heard
    apart = (pitches - note + 6.0) // N_CHROMA
    is_octave = np.abs((pitches - note + 6.0) % N_CHROMA - 6.0) <= STEADY_SEMITONES
    pitch = pitch_of_note(samples, starts[chosen[is_octave]], float(note_to_hz(note)))
    often = [octave for octave in np.unique(apart) if weights[is_octave & (apart == octave)].sum() >= OFTEN_SHARE]
    return replace(heard, pitch=pitch, octaves=tuple(round(pitch + N_CHROMA * octave) for octave in often))


def pitches_of(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each frame, the fractional MIDI note that is heard, and whether enough energy is on its harmonics.

    frames: (n, n_bins).
    Both results have the shape (n,). A frame in which no pitch is heard has the note -1.
    """
    pitches = np.nan_to_num(heard_notes(frames, SPEC), nan=-1.0)
    return pitches, (pitches > 0.0) & (_harmonic_shares(frames, pitches) >= LEAST_HARMONIC_SHARE)


def _harmonic_shares(frames: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """For each frame, the share of its energy that is on the harmonics of its pitch, (n,).

    pitches: a fractional MIDI note for each frame, (n,).
    """
    bins = np.arange(SPEC.n_bins)
    shares = np.empty(len(frames))
    for row, (frame, pitch) in enumerate(zip(frames, pitches, strict=True)):
        first = float(note_to_hz(pitch)) / SPEC.bin_hz
        harmonic = np.maximum(np.rint(bins / first), 1.0) * first
        near = np.abs(bins - harmonic) <= np.maximum(MAIN_LOBE_BINS, CHORUS_WIDTH * harmonic)
        power = np.square(frame)
        shares[row] = power[near].sum() / max(power.sum(), 1e-20)
    return shares


def spectra_at(samples: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Magnitudes of the frames that begin at these samples, float32 (n, n_bins); bins too low to be heard are 0."""
    n_at_once = int(BLOCK_S * SPEC.sample_rate_hz / SPEC.hop_size)
    parts = []
    for first in range(0, len(starts), n_at_once):
        framed = np.stack([samples[start : start + SPEC.frame_size] for start in starts[first : first + n_at_once]])
        parts.append(np.concatenate([magnitude_frames(frame, SPEC) for frame in framed]))
    frames = np.concatenate(parts)
    frames[:, : SPEC.first_heard_bin] = 0.0
    return frames


def _judge(frames: np.ndarray, pitches: np.ndarray, has_pitch: np.ndarray, weights: np.ndarray) -> tuple[str, float]:
    """The kind of a recording, and the fractional MIDI note that is heard most; -1 if too few frames have a pitch.

    frames, pitches, has_pitch: as in `pitches_of`.
    weights: the frames' weights, with a sum of 1, (n,).
    """
    if weights[has_pitch].sum() < LEAST_PITCHED_SHARE:
        return (CHORD if _has_partials(frames, weights) else NOISE), -1.0
    near = np.abs(pitches[has_pitch, None] - pitches[has_pitch]) <= STEADY_SEMITONES
    note = float(pitches[has_pitch][np.argmax(near @ weights[has_pitch])])
    steady = np.abs(pitches - note) <= STEADY_SEMITONES
    same_class = np.abs((pitches - note + 6.0) % N_CHROMA - 6.0) <= STEADY_SEMITONES
    if weights[same_class].sum() < LEAST_STEADY_SHARE:
        return WANDERS, note
    first_db, second_db, third_db = _harmonic_levels_db(frames[steady & has_pitch], note)
    if max(first_db, third_db) < WEAKEST_FIRST_DB <= second_db and note > HIGHEST_DETECTED:
        return NOTE, note + N_CHROMA  # the true note is an octave higher, above the detector's range
    lacks_root = first_db < WEAKEST_FIRST_DB and (second_db < WEAKEST_FIRST_DB or note > LOWEST_WITH_FIRST)
    return (CHORD if lacks_root else NOTE), note


def _harmonic_levels_db(frames: np.ndarray, note: float) -> list[float]:
    """Levels of a note's first three harmonics, in dB relative to the strongest partial.

    These levels tell a note from a chord. The tones of a chord together have the period of a far lower note. The
    detector hears this low note, but its first harmonic is missing.
    """
    power = np.square(frames).mean(axis=0)
    first = float(note_to_hz(note)) / SPEC.bin_hz
    near = [power[max(0, int(k * first * 0.97 - 1)) : int(k * first * 1.03) + 3].max(initial=0.0) for k in (1, 2, 3)]
    return [10.0 * float(np.log10(level / power.max() + 1e-20)) for level in near]


def _has_partials(frames: np.ndarray, weights: np.ndarray) -> bool:
    """Whether most of the energy is in a few strong bins."""
    power = weights @ np.square(frames)
    strongest = np.sort(power)[::-1]
    return float(strongest[:64].sum() / max(strongest.sum(), 1e-20)) >= 0.9


def _frame_levels_db(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level of each frame in dB, and the sample at which the frame begins; both (n_frames,)."""
    power = np.square(samples, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(samples) - SPEC.frame_size + 1, SPEC.hop_size)
    mean = (sums[starts + SPEC.frame_size] - sums[starts]) / SPEC.frame_size
    return 10.0 * np.log10(np.maximum(mean, 1e-20)), starts


def _held_notes(samples: np.ndarray, loud: np.ndarray, starts: np.ndarray) -> tuple[HeldNote, ...]:
    pitches = np.full(len(starts), -99.0)
    n_at_once = int(BLOCK_S * SPEC.sample_rate_hz / SPEC.hop_size)
    for first in range(0, len(loud), n_at_once):
        chosen = loud[first : first + n_at_once]
        heard, has_pitch = pitches_of(spectra_at(samples, starts[chosen]))
        pitches[chosen] = np.where(has_pitch, heard, -99.0)
    held, begin = [], 0
    step_s, frame_s = SPEC.hop_size / SPEC.sample_rate_hz, SPEC.frame_size / SPEC.sample_rate_hz
    for end in range(1, len(pitches) + 1):
        here = np.median(pitches[begin : begin + 8])
        if end < len(pitches) and pitches[end] > 0 and abs(pitches[end] - here) <= HELD_SEMITONES:
            continue
        start_s, end_s = begin * step_s, (end - 1) * step_s + frame_s
        if here > 0 and end_s - start_s >= SHORTEST_HELD_S:
            held.append(HeldNote(start_s, end_s, round(float(np.median(pitches[begin:end])))))
        begin = end
    return tuple(held)
