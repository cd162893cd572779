"""The pitch of every key: reference A, transposition, and Scala scales."""

from __future__ import annotations

import math
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.config import TuningConfig

N_NOTES = 128
LARGEST_BYTES = 256 * 2**10
_WIDEST_SEMITONES = 128


def key_pitches(config: TuningConfig) -> tuple[float, ...]:
    """Pitch of each of the 128 keys as a fractional note number, where 69 is 440 Hz.

    With a scale, the root key sounds as in equal temperament. UserError if the scale's file cannot be read.
    """
    concert = 12.0 * math.log2(config.a4_hz / 440.0)
    shift = config.transpose_semitones + 12 * config.octave_shift + concert
    if config.scale is None:
        return tuple(note + shift for note in range(N_NOTES))
    degrees = read_scala(config.scale)
    root, period, n = config.scale_root_note, degrees[-1], len(degrees)
    steps = (0.0, *degrees[:-1])
    return tuple(root + shift + ((key - root) // n) * period + steps[(key - root) % n] for key in range(N_NOTES))


def read_scala(path: str | Path) -> list[float]:
    """The degrees of a Scala file in semitones above the root, with the period at the end; UserError for any other
    file.

    Source of the format: huygens-fokker.org/scala/scl_format.html. Lines that begin with `!` are comments. The
    other lines are a description, the number of degrees, and one degree a line. A degree with a point is in cents, any
    other is a ratio.
    """
    remedy = "choose a Scala scale file"
    text = read_bounded_file(path, "a Scala file (.scl)", LARGEST_BYTES).decode("latin-1")
    lines = [line for line in text.splitlines() if not line.startswith("!")]
    try:
        count = int(lines[1].split()[0])
        degrees = [_degree(line.split()[0]) for line in lines[2:] if line.strip()]
    except (IndexError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise UserError(path, f"no scale ({error})", "a description, a count and its degrees", remedy) from None
    if count < 1 or len(degrees) < count:
        raise UserError(path, f"{len(degrees)} degrees", f"the {count} that it announces", remedy)
    if not all(abs(degree) < _WIDEST_SEMITONES for degree in degrees):
        raise UserError(path, "a degree beyond reach", f"all within {_WIDEST_SEMITONES} semitones", remedy)
    if not degrees[count - 1] > 0.0:
        raise UserError(path, f"a period of {degrees[count - 1]:g} semitones", "one above the root", remedy)
    return degrees[:count]


def _degree(text: str) -> float:
    if "." in text:
        return float(text) / 100.0
    numerator, _, denominator = text.partition("/")
    ratio = int(numerator) / int(denominator or 1)
    return 12.0 * math.log2(ratio)
