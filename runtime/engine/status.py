"""A snapshot of an engine for other threads."""

from __future__ import annotations

import msgspec


class Status(msgspec.Struct, frozen=True, gc=False):
    """The engine's state at `frame`, the first frame of the present span.

    positions: the knobs' positions, 0 to 1.

    Counts since the engine's start:
    n_notes: notes started.
    n_stolen: voices stolen.
    n_decoded: spectra decoded.
    n_transforms: inverse transforms made.
    """

    frame: int = 0
    n_active_voices: int = 0
    n_notes: int = 0
    n_stolen: int = 0
    n_decoded: int = 0
    n_transforms: int = 0
    positions: tuple[float, ...] = ()
