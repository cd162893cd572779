"""Plays a sound's notes and measures what is heard."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np

from runtime.acoustics.loudness import k_weighting, spectrum_lufs
from runtime.acoustics.mel_bands import HIGHEST_CENTRE_HZ, LOWEST_CENTRE_HZ, mel
from runtime.acoustics.spectrum import HIGHEST_HEARD_HZ, LOWEST_HEARD_HZ, periodic_hann
from runtime.engine.build import build_engine
from runtime.events import NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

SAMPLE_RATE_HZ = 44100
VELOCITY = 100
CHORD = (60, 64, 67)  # C4, E4 and G4: the notes with which the loudness of sounds is compared
HELD_S = 1.7
LONGEST_TAIL_S = 40.0
BLOCK_FRAMES = 4096
N_BANDS = 64
WINDOW_FRAMES = 8192  # 0.19 s
FIRST_S, LAST_S, STEP_S = 0.1, 1.5, 0.1  # `movement` has windows centred at FIRST_S, then every STEP_S, up to LAST_S
QUIET_DB = -40.0  # bands below this level, relative to the loudest band, do not count
LOUDNESS_FRAMES, LOUDNESS_STEP_FRAMES = SAMPLE_RATE_HZ * 4 // 10, SAMPLE_RATE_HZ // 10


class Take(NamedTuple):
    """The sound of notes that were held for a while and then released.

    sound: all that was rendered, float32 (n_frames, 2).
    ends: whether all voices had ended when rendering stopped.
    """

    sound: np.ndarray
    ends: bool


class Movement(NamedTuple):
    """How a held note changes from FIRST_S to LAST_S, in dB.

    change_db: how much a band's level differs between the first and the last window. This is the mean over the bands
        that are heard in at least one of the two windows.
    most_db: as change_db, for the two windows that differ most.
    colour_db: as most_db, after all windows are made equally loud.
    level_db: change of the whole level from the first window to the last.
    """

    change_db: float
    most_db: float
    colour_db: float
    level_db: float


def play(
    instrument: Decoder,
    patch: Patch,
    notes: Sequence[int],
    velocity: int = VELOCITY,
    held_s: float = HELD_S,
    seed: int = 0,
    *,
    limits: bool = True,
) -> Take:
    """Play some notes together on a fresh engine.

    limits: whether the sound is limited to full scale.
    """
    patch = msgspec.structs.replace(patch, settings=msgspec.structs.replace(patch.settings, seed=seed))
    engine = build_engine(patch, instrument, SAMPLE_RATE_HZ, limits=limits)
    held_frames = round(held_s * SAMPLE_RATE_HZ)
    for note in notes:
        engine.post(NoteOn(0, note, velocity), 0)
        engine.post(NoteOff(0, note), held_frames)
    longest = held_frames + round(LONGEST_TAIL_S * SAMPLE_RATE_HZ)
    blocks = []
    while engine.frame <= held_frames or (engine.status.n_active_voices and engine.frame < longest):
        blocks.append(np.zeros((BLOCK_FRAMES, 2), np.float32))
        engine.render(blocks[-1])
    return Take(np.concatenate(blocks), engine.status.n_active_voices == 0)


def loudness_lufs(sound: np.ndarray) -> float:
    """The loudness of the loudest 0.4 s of a stereo sound. Source: the momentary loudness of EBU Tech 3341."""
    weights = k_weighting(np.fft.rfftfreq(LOUDNESS_FRAMES, 1.0 / SAMPLE_RATE_HZ))
    starts = range(0, max(1, len(sound) - LOUDNESS_FRAMES + 1), LOUDNESS_STEP_FRAMES)
    powers = (_power(sound[start:], LOUDNESS_FRAMES) / 2.0 for start in starts)
    return max(spectrum_lufs(power, weights, LOUDNESS_FRAMES) for power in powers)


def mel_levels_db(sound: np.ndarray, times_s: Sequence[float]) -> np.ndarray:
    """The levels in dB of N_BANDS mel bands of a stereo sound; returns (n_times, N_BANDS).

    times_s: the middles of the windows.
    """
    weights = _band_weights()
    starts = [max(0, round(time_s * SAMPLE_RATE_HZ) - WINDOW_FRAMES // 2) for time_s in times_s]
    powers = np.array([_power(sound[start:], WINDOW_FRAMES) for start in starts])
    return 10.0 * np.log10(np.maximum(powers @ weights, 1e-20))


def movement(levels_db: np.ndarray) -> Movement:
    """How levels (n_times, N_BANDS) change; see Movement."""
    whole_db = 10.0 * np.log10((10.0 ** (levels_db / 10.0)).sum(axis=1))
    colours_db = levels_db - whole_db[:, None]
    most_db, colour_db = (max(_change_db(a, b) for a, b in combinations(each, 2)) for each in (levels_db, colours_db))
    return Movement(_change_db(levels_db[0], levels_db[-1]), most_db, colour_db, float(whole_db[-1] - whole_db[0]))


def movement_times_s() -> np.ndarray:
    """The middles of the windows in which movement is measured."""
    return np.arange(round((LAST_S - FIRST_S) / STEP_S) + 1) * STEP_S + FIRST_S


def centroid_hz(sound: np.ndarray) -> float:
    """How bright a sound is: its mean frequency, weighted by magnitude.

    The magnitudes are those in windows that begin between FIRST_S and 0.5 s.
    """
    starts = range(round(FIRST_S * SAMPLE_RATE_HZ), round(0.5 * SAMPLE_RATE_HZ), WINDOW_FRAMES // 2)
    magnitudes = np.sqrt(np.mean([_power(sound[start:], WINDOW_FRAMES) for start in starts], axis=0))
    frequency_hz = np.fft.rfftfreq(WINDOW_FRAMES, 1.0 / SAMPLE_RATE_HZ)
    heard = (frequency_hz >= LOWEST_HEARD_HZ) & (frequency_hz <= HIGHEST_HEARD_HZ)
    return float(np.average(frequency_hz[heard], weights=magnitudes[heard]))


def _change_db(a_db: np.ndarray, b_db: np.ndarray) -> float:
    loudest = max(a_db.max(), b_db.max())
    # This lower limit bounds the change of a band that is silent in one of the two windows.
    a_db, b_db = (np.maximum(levels, loudest + 2.0 * QUIET_DB) for levels in (a_db, b_db))
    heard = (a_db >= a_db.max() + QUIET_DB) | (b_db >= b_db.max() + QUIET_DB)
    return float(np.abs(a_db - b_db)[heard].mean())


def _power(sound: np.ndarray, n_frames: int) -> np.ndarray:
    """|FFT|^2 of a sound's first n_frames under a Hann window, summed over both channels.

    A shorter sound is padded with silence.
    """
    window = periodic_hann(n_frames)[:, None]
    part = sound[:n_frames]
    return np.square(np.abs(np.fft.rfft(part * window[: len(part)], n_frames, axis=0))).sum(axis=1)


def _band_weights() -> np.ndarray:
    """The weight of each bin in each band, (n_bins, N_BANDS): triangles of equal width in mel."""
    mels = mel(np.fft.rfftfreq(WINDOW_FRAMES, 1.0 / SAMPLE_RATE_HZ))
    centres = np.linspace(mel(LOWEST_CENTRE_HZ), mel(HIGHEST_CENTRE_HZ), N_BANDS)
    return np.maximum(0.0, 1.0 - np.abs(mels[:, None] - centres) / (centres[1] - centres[0]))
