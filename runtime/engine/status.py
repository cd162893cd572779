"""A snapshot of an engine for other threads."""

from __future__ import annotations

import msgspec


class Status(msgspec.Struct, frozen=True, gc=False):
    """The engine's state at `frame`, the first frame of the present span.

    n_notes, n_stolen: notes started and voices stolen, since the engine's start.
    n_decoded, n_transforms: spectra decoded and inverse transforms made, since then.
    positions: the knobs' positions, 0 to 1.
    """

    frame: int = 0
    n_active_voices: int = 0
    n_notes: int = 0
    n_stolen: int = 0
    n_decoded: int = 0
    n_transforms: int = 0
    positions: tuple[float, ...] = ()
