"""Plays the gallery's audio, brings all of it to the same loudness, and encodes it."""

from __future__ import annotations

import io
from collections.abc import Iterable

import msgspec
import numpy as np
import soundfile

from export.sounds.measure import LOUDNESS_FRAMES, LOUDNESS_STEP_FRAMES, SAMPLE_RATE_HZ
from runtime.acoustics.loudness import k_weighting, spectrum_lufs
from runtime.acoustics.spectrum import periodic_hann
from runtime.engine.build import build_engine
from runtime.engine.offline import render_events
from runtime.events import Event, NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

LOUDNESS_LUFS = -20.0  # loudness of everything in the gallery; at this loudness, hardly any peak reaches HIGHEST_PEAK
HIGHEST_PEAK = 0.89  # below full scale: the decoded OGG may overshoot a little
SILENCE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
LARGEST_BYTES = 150_000
# Libsndfile's compression levels, in the order in which they are tried. Libsndfile's scale goes from 0, the best
# quality, to 1, the smallest file.
COMPRESSIONS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SILENT = 10.0 ** (-80.0 / 20.0)


def render(instrument: Decoder, patch: Patch, events: Iterable[tuple[float, Event]]) -> np.ndarray:
    """Play events until the last note has ended; returns the sound without the silence at its end.

    events: (time in s, event), in any order.
    Returns float32 (n_frames, 2).
    """
    settings = msgspec.structs.replace(patch.settings, seed=1)
    engine = build_engine(msgspec.structs.replace(patch, settings=settings), instrument, SAMPLE_RATE_HZ)
    # At equal times, note-offs come before note-ons, so that a repeated key sounds again.
    ordered = sorted(events, key=lambda event: (event[0], isinstance(event[1], NoteOn)))
    sound = np.concatenate([block.copy() for block in render_events(engine, ordered)])
    heard = np.flatnonzero(np.abs(sound).max(axis=1) > SILENT)
    return sound[: heard[-1] + 1] if len(heard) else sound


def note(start_s: float, length_s: float, number: int, velocity: int) -> list[tuple[float, Event]]:
    return [(start_s, NoteOn(0, number, velocity)), (start_s + length_s, NoteOff(0, number))]


def integrated_lufs(sound: np.ndarray) -> float:
    """The loudness of a whole sound, in LUFS; pauses do not count.

    sound: (n_frames, 2), or (n_frames,) for a mono sound.
    Source: ITU-R BS.1770-4, annex 1 (gated blocks of 0.4 s every 0.1 s). Here the blocks have a Hann window.
    """
    stereo = sound if sound.ndim == 2 else np.stack([sound, sound], axis=1)
    weights = k_weighting(np.fft.rfftfreq(LOUDNESS_FRAMES, 1.0 / SAMPLE_RATE_HZ))
    window = periodic_hann(LOUDNESS_FRAMES)[:, None]
    padded = np.pad(stereo, ((0, max(0, LOUDNESS_FRAMES - len(stereo))), (0, 0)))
    starts = range(0, len(padded) - LOUDNESS_FRAMES + 1, LOUDNESS_STEP_FRAMES)
    spectra = (np.fft.rfft(padded[start : start + LOUDNESS_FRAMES] * window, axis=0) for start in starts)
    powers = (np.square(np.abs(spectrum)).mean(axis=1) for spectrum in spectra)
    blocks = np.array([spectrum_lufs(power, weights, LOUDNESS_FRAMES) for power in powers])
    blocks = blocks[blocks > SILENCE_LUFS]
    if not len(blocks):
        return SILENCE_LUFS
    return _mean_lufs(blocks[blocks > _mean_lufs(blocks) + RELATIVE_GATE_LU])


def at_loudness(sound: np.ndarray, lufs: float = LOUDNESS_LUFS) -> np.ndarray:
    """Bring a sound to the loudness `lufs`, or as near to it as HIGHEST_PEAK allows."""
    gain = 10.0 ** ((lufs - integrated_lufs(sound)) / 20.0)
    return (sound * min(gain, HIGHEST_PEAK / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)


def faded(sound: np.ndarray, fade_s: float) -> np.ndarray:
    """The sound with a fade at its end."""
    n = min(len(sound), round(fade_s * SAMPLE_RATE_HZ))
    fade = np.ones(len(sound), np.float32)
    fade[len(sound) - n :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, n + 1) / n)
    return sound * (fade if sound.ndim == 1 else fade[:, None])


def ogg_bytes(sound: np.ndarray, largest_bytes: int = LARGEST_BYTES) -> bytes:
    """A sound as OGG Vorbis, in the best quality that needs at most largest_bytes.

    COMPRESSIONS lists the qualities. If even the lowest of them needs more bytes, the result has that quality.
    """
    for compression in COMPRESSIONS:
        content = _vorbis(sound, compression)
        if len(content) <= largest_bytes:
            break
    return content


def _vorbis(sound: np.ndarray, compression: float) -> bytes:
    stream = io.BytesIO()
    n_channels = 1 if sound.ndim == 1 else sound.shape[1]
    form = {"format": "OGG", "subtype": "VORBIS", "compression_level": compression}
    with soundfile.SoundFile(stream, "w", SAMPLE_RATE_HZ, n_channels, **form) as file:
        for start in range(0, len(sound), SAMPLE_RATE_HZ):  # a long sound in one piece would overrun libsndfile's stack
            file.write(sound[start : start + SAMPLE_RATE_HZ])
    return stream.getvalue()


def _mean_lufs(blocks: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(10.0 ** (blocks / 10.0))))
