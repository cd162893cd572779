"""Reads a sound file of any common format as mono samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from runtime.base.quiet import quiet_stderr

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
FORMATS = "WAV, FLAC, OGG, MP3 or AIFF"
BLOCK_SAMPLES = 1 << 19  # samples of each channel in one read; fewer if there are more than two channels
LOWEST_RATE_HZ, HIGHEST_RATE_HZ, MOST_CHANNELS = 1000, 1_000_000, 64
LARGEST_SAMPLE = 1e6  # in units of full scale; sums of larger samples could become infinite
# A file must have at least this share of the samples that its header announces. Some MP3 headers announce too many.
WHOLE_SHARE = 0.99


class UnusableError(Exception):
    """A recording cannot be used; the message says why."""


def mono_blocks(path: Path, sample_rate_hz: int, speed: float = 1.0) -> Iterator[np.ndarray]:
    """Yield a recording as blocks of mono samples at `sample_rate_hz`, each float32 (n_samples,).

    speed: 2 makes the recording an octave higher and half as long.

    UnusableError if the recording cannot be used.
    """
    try:
        if not path.is_file():
            raise UnusableError("no such file")
        with _opened(path) as file:
            if not LOWEST_RATE_HZ <= file.samplerate <= HIGHEST_RATE_HZ:
                raise UnusableError(f"{file.samplerate:,} samples a second")
            if file.channels > MOST_CHANNELS:
                raise UnusableError(f"{file.channels} channels")
            # With more than two channels, read fewer samples at a time: a block takes no more memory than with two.
            n_at_once = BLOCK_SAMPLES * 2 // max(2, file.channels)
            rate_hz = file.samplerate * speed
            resampler = soxr.ResampleStream(rate_hz, sample_rate_hz, 1, dtype="float32")
            n_read = 0
            while True:
                with quiet_stderr():  # one of libsndfile's decoders prints warnings
                    block = file.read(n_at_once, dtype="float32", always_2d=True)
                bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
                if len(bad):
                    raise UnusableError(f"NaN or infinite samples from {(n_read + bad[0]) / file.samplerate:.2f} s on")
                if len(block) and np.abs(block).max() > LARGEST_SAMPLE:
                    raise UnusableError(f"samples of more than {LARGEST_SAMPLE:,.0f} times full scale")
                n_read += len(block)
                last = len(block) < n_at_once
                mono = block.mean(axis=1)
                yield mono if rate_hz == sample_rate_hz else resampler.resample_chunk(mono, last=last)
                if last:
                    break
            if n_read < WHOLE_SHARE * file.frames:
                raise UnusableError(f"it breaks off after {n_read} of {file.frames} samples")
    except (soundfile.SoundFileError, RuntimeError, ValueError, OSError) as error:
        raise UnusableError(f"not a readable recording ({str(error).rpartition(': ')[2].rstrip('.')})") from None


def _opened(path: Path) -> soundfile.SoundFile:
    with quiet_stderr():
        return soundfile.SoundFile(path)
