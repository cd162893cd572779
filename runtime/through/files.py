"""Applies the effect to a sound file, and writes the result to another."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.base.progress import Progress
from runtime.base.quiet import quiet_stderr
from runtime.engine.limiter import limit
from runtime.recordings.reading import FORMATS, UnusableError, mono_blocks
from runtime.through.chain import Chain
from runtime.through.offline import through_blocks

SAMPLE_BYTES = 2
# The length in a WAV file has 32 bits. It counts 36 bytes of the header, and all bytes of the sound.
LONGEST_SAMPLES = (2**32 - 1 - 36) // SAMPLE_BYTES


def through_file(recording: Path, out: Path, chain: Chain, inputs: Sequence[Path] = ()) -> int:
    """Apply the effect to a recording, and write the result, 16 bit and mono; returns its length in samples.

    inputs: more files that must not be overwritten.
    UserError if the recording cannot be read or is too long, or if `out` cannot be written or is the recording itself.
    """
    _refuse_no_file(recording)
    try:
        with (
            atomic_write(out, "wb", inputs=[recording, *inputs], makes_folder=False) as stream,
            Progress("through", _seconds(recording)) as progress,
        ):
            return _write(recording, stream, chain, progress)
    except UnusableError as error:
        raise UserError(recording, str(error), f"a recording: {FORMATS}", "give another file") from None


def _write(recording: Path, stream: BinaryIO, chain: Chain, progress: Progress) -> int:
    rate_hz, n_written = chain.spec.sample_rate_hz, 0
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(rate_hz)
        for block in through_blocks(_blocks(recording, rate_hz), chain):
            n_written += len(block)
            # The effect keeps each spectrum's level, but a sample may still exceed full scale, so a limiter is needed.
            limit(block, np.empty_like(block), np.empty_like(block))
            file.writeframes(np.rint(block * 32767.0).astype("<i2").tobytes())
            progress.update(n_written / rate_hz)
    return n_written


def _blocks(recording: Path, rate_hz: int) -> Iterator[np.ndarray]:
    """Yield the recording's blocks; UserError if it has no samples, or more than a WAV file can hold."""
    n_read = 0
    for block in mono_blocks(recording, rate_hz):
        n_read += len(block)
        if n_read > LONGEST_SAMPLES:
            expected = f"at most {LONGEST_SAMPLES / rate_hz / 3600.0:.1f} hours, which a WAV file can hold"
            raise UserError(recording, "a longer recording", expected, "divide it")
        yield block
    if not n_read:
        raise UserError(recording, "no samples", "a recording with sound in it", "give another file")


def _refuse_no_file(recording: Path) -> None:
    """UserError unless `recording` is a regular file: reading a pipe could wait for ever."""
    if not recording.is_file():
        there = "a folder" if recording.is_dir() else "something else than a file"
        found = there if recording.exists() else "no such file"
        raise UserError(recording, found, f"a recording: {FORMATS}", "check the path")


def _seconds(recording: Path) -> float:
    """The length of a recording in s, as its header says; 1 if the header cannot be read."""
    with suppress(soundfile.SoundFileError, RuntimeError, OSError), quiet_stderr():
        return soundfile.info(recording).duration
    return 1.0
