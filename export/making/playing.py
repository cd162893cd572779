"""Plays recordings again on the instrument made from them, and measures how far the timbres are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from export.making.trained import Sounding
from runtime.acoustics.mel_bands import N_BANDS
from runtime.acoustics.pitch import N_CHROMA, detect_chroma
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.base.files import atomic_write
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import NoteOff, NoteOn
from runtime.recordings.reading import mono_blocks
from runtime.sound.patch import Patch
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S, LOWEST_LEVEL_DB, Trajectory
from runtime.sound.trajectory.use import PlayedTrajectory
from training.corpus.recordings import Recording

LENGTH_S, RELEASE_S = 2.5, 0.1
GAP_S = 0.2
VELOCITY = 100
BLOCK_FRAMES = 4096
MOST_EXAMPLES, MOST_OF_A_SOUND = 16, 4
ONSET_DB = -40.0  # a recording begins at the first sample above this level, relative to its loudest sample
LOUDNESS_RMS = 0.08


@dataclass(frozen=True)
class Example:
    """A recording that the instrument plays again, for comparison.

    samples: the beginning of the recording, in tune, float32 (n,).
    """

    recording: Recording
    samples: np.ndarray


def choose_examples(recordings: Sequence[Recording]) -> list[Recording]:
    """Choose the recordings that the instrument plays again.

    At most MOST_OF_A_SOUND recordings are chosen of each sound, and at most MOST_EXAMPLES in all. A sound's chosen
    recordings are evenly spread over its notes. Of a note's recordings, only the one with the highest velocity can be
    chosen.
    """
    by_sound: dict[str, dict[int, Recording]] = {}
    for recording in sorted(recordings, key=lambda one: one.velocity or 0):
        by_sound.setdefault(recording.sound, {})[recording.note or 0] = recording
    n_each = max(1, min(MOST_OF_A_SOUND, MOST_EXAMPLES // (2 * len(by_sound))))
    chosen = []
    for notes in by_sound.values():
        own = [notes[note] for note in sorted(notes)]
        n = min(n_each, len(own))
        chosen += [own[(2 * place + 1) * len(own) // (2 * n)] for place in range(n)]
    places = np.linspace(0, len(chosen) - 1, min(MOST_EXAMPLES, len(chosen))).round().astype(int)
    return [chosen[place] for place in places]


def read_example(recording: Recording, rate_hz: int) -> Example:
    """Read the first LENGTH_S seconds after a recording's onset. The pitch is corrected by `recording.cents`."""
    blocks, n_samples = [], 0
    for block in mono_blocks(recording.path, rate_hz, 2.0 ** (-recording.cents / 100.0 / N_CHROMA)):
        blocks.append(block)
        n_samples += len(block)
        loud = np.flatnonzero(np.abs(np.concatenate(blocks)) > 1e-3)
        if len(loud) and n_samples - loud[0] > (LENGTH_S + 1.0) * rate_hz:
            break
    samples = np.concatenate(blocks).astype(np.float32)
    start = int(np.argmax(np.abs(samples) > np.abs(samples).max() * 10.0 ** (ONSET_DB / 20.0)))
    return Example(recording, samples[start : start + int(LENGTH_S * rate_hz)])


def play_like(instrument: Sounding, example: Example) -> np.ndarray | None:
    """Play a recording again: encode its frames, move the knobs to the resulting positions, and follow its level.

    Returns float32 (n,), as long as the example plus the release; None if the recording is too short.
    """
    card = instrument.playable.card
    spec = card.spec
    magnitudes = magnitude_frames(example.samples, spec)
    frames, kept = unit_peak_frames(magnitudes, spec)
    if not len(frames):
        return None
    classes = detect_chroma(frames, spec.bin_hz)
    note = example.recording.note
    note = 60 + int(np.bincount(classes).argmax()) if note is None else note
    latents = instrument.encode(frames, classes if example.recording.note is None else np.full(len(frames), note))
    positions = np.stack(
        [latent.position_of(column) for latent, column in zip(card.latents, latents.T, strict=True)], axis=1
    ).clip(0.0, 1.0)
    nearest = np.searchsorted(kept, np.arange(len(magnitudes))).clip(0, len(kept) - 1)
    path = Trajectory(
        step_s=spec.hop_size / spec.sample_rate_hz,
        knobs=tuple(latent.name for latent in card.latents),
        latents=positions[nearest],
        replaces_knobs=True,
        colour_db=np.zeros((len(magnitudes), N_BANDS)),
        level_db=_levels_db(example.samples, spec.sample_rate_hz),
        plays_once=True,
    )
    return _played(instrument, Patch(_settings(), trajectories=(PlayedTrajectory(path),)), note, len(example.samples))


def write_preview(instrument: Sounding, examples: Sequence[Example], path: Path) -> Path:
    """Write a WAV file in which the instrument plays some recordings again, one by one; returns the path."""
    rate_hz = instrument.playable.card.sample_rate_hz
    gap = np.zeros(int(GAP_S * rate_hz), np.float32)
    played = [sound for example in examples if (sound := play_like(instrument, example)) is not None]
    with atomic_write(path, "wb") as stream:
        joined = np.concatenate([part for sound in played for part in (equally_loud(sound), gap)] or [gap])
        soundfile.write(stream, joined, rate_hz, subtype="PCM_16", format="WAV")
    return path


def apart_db(example: Example, played: np.ndarray, spec: StftSpec) -> float:
    """The distance in dB between the timbres of an example and of the sound that `play_like` made from it.

    The distance is explained in runtime/acoustics/timbre_distance.py.
    """
    first, second = (band_levels_db(magnitude_frames(sound, spec), spec) for sound in (example.samples, played))
    n_frames = min(len(first), len(second))
    return distance_db(first[:n_frames], second[:n_frames])


def equally_loud(samples: np.ndarray) -> np.ndarray:
    """Scale a sound to the root mean square LOUDNESS_RMS, or as near to it as full scale allows."""
    gain = LOUDNESS_RMS / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-9)
    return samples * min(gain, 0.98 / max(float(np.abs(samples).max()), 1e-9))


def _settings() -> Config:
    envelope = Adsr(attack_s=0.0, release_s=RELEASE_S)
    return Config(voice=VoiceConfig(n_voices=1, envelope=envelope))


def _played(instrument: Sounding, patch: Patch, note: int, n_samples: int) -> np.ndarray:
    engine = Engine(instrument.playable, sample_rate_hz=instrument.playable.card.sample_rate_hz, patch=patch)
    engine.post(NoteOn(0, note, VELOCITY), 0)
    engine.post(NoteOff(0, note), n_samples)
    out = np.zeros((n_samples + int(RELEASE_S * instrument.playable.card.sample_rate_hz), 2), np.float32)
    for start in range(0, len(out), BLOCK_FRAMES):
        engine.render(out[start : start + BLOCK_FRAMES])
    return out.mean(axis=1)


def _levels_db(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """The levels of a sound, one every LEVEL_STEP_S, in dB relative to the highest level.

    Each level is measured in a window of four steps. No level is below LOWEST_LEVEL_DB.
    """
    step = LEVEL_STEP_S * rate_hz
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    middles = np.arange(int(len(samples) / step) + 1) * step
    first, last = (np.clip(middles + way * 2.0 * step, 0, len(samples)).astype(int) for way in (-1, 1))
    power = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return np.maximum(10.0 * np.log10(np.maximum(power / max(power.max(), 1e-20), 1e-20)), LOWEST_LEVEL_DB)
