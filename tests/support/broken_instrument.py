"""An instrument whose decoder outputs infinities for one note at one end of a knob, and otherwise fits its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.instrument.conditioning import Conditioning
from tests.support.places import ROOT

TINY = ROOT / "tests" / "data" / "tiny.onnx"
LOWEST, N_NOTES, N_LATENTS, N_BINS = 48, 36, 2, 2049
BROKEN_NOTE = 61


def write_broken(path: Path) -> Path:
    """Write to `path` a copy of tiny.onnx with a few changed weights; returns the path.

    With these weights, BROKEN_NOTE's spectrum overflows at the second knob's upper end. There, the hidden unit of this
    note's high harmonics outputs 2. It outputs 0 below position 0.995, and for other notes. The weight from this unit
    to a bin of the spectrum is 3e38, so the product overflows.
    """
    content = bytearray(TINY.read_bytes())
    unit = 2 * N_NOTES + BROKEN_NOTE - LOWEST
    gates = np.zeros((N_LATENTS + 15, 3 * N_NOTES), np.float32)
    rows = Conditioning("chroma+octave", LOWEST, 3).rows(np.arange(LOWEST, LOWEST + N_NOTES))
    gates[N_LATENTS:] = np.tile(rows.T, 3)
    gates[0, N_NOTES : 2 * N_NOTES] = gates[1, 2 * N_NOTES :] = 1.0
    bias = np.repeat([-1.0, -2.0, -2.0], N_NOTES).astype(np.float32)
    places = [content.index(values.tobytes()) for values in (gates, bias)]
    gates[:, unit] *= 2.0
    gates[1, unit], bias[unit] = 400.0, -402.0
    for at, values in zip(places, (gates, bias), strict=True):
        content[at : at + values.nbytes] = values.tobytes()
    n_bytes = 3 * N_NOTES * N_BINS * 4
    # In ONNX's protobuf, field 9 is a tensor's raw data; the length follows, seven bits a byte.
    head = b"\x4a" + bytes([n_bytes & 127 | 128, n_bytes >> 7 & 127 | 128, n_bytes >> 14])
    at = content.index(head) + len(head) + 4 * (unit * N_BINS + 100)
    content[at : at + 4] = np.float32(3e38).tobytes()
    path.write_bytes(content)
    return path
