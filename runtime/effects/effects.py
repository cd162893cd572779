"""All effects after the voices: the reverb and the chorus, each with its send, then the equaliser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from runtime.config import EffectsConfig
from runtime.effects.chorus import Chorus, Copies, copies
from runtime.effects.equaliser import Equaliser, Filters, filters
from runtime.effects.reverb import Reverb
from runtime.effects.reverb_design import Design, design


class Prepared(NamedTuple):
    """The settings of all effects, ready to play."""

    room: Design
    copies: Copies
    filters: Filters


class Effects:
    """Reverb, chorus and equaliser. The sound depends on absolute frames only, not on block sizes."""

    def __init__(self, sample_rate_hz: int, settings: EffectsConfig):
        self._rate_hz = sample_rate_hz
        self._reverb = Reverb(sample_rate_hz, settings.reverb)
        self._chorus = Chorus(sample_rate_hz, settings.chorus)
        self._equaliser = Equaliser(sample_rate_hz, settings.equaliser)

    @property
    def n_cells_computed(self) -> int:
        """Number of cells computed so far, a measure of the work."""
        return sum(each.n_cells_computed for each in (self._reverb, self._chorus, self._equaliser))

    @property
    def sleep(self) -> bool:
        """Whether the reverb and the chorus are both silent."""
        return self._reverb.sleeps and self._chorus.sleeps

    def prepare(self, settings: EffectsConfig) -> Prepared:
        """Prepare settings for `change`, in about 1 ms. Any thread may call this."""
        rate_hz = self._rate_hz
        room, swinging = design(settings.reverb, rate_hz), copies(settings.chorus, rate_hz)
        return Prepared(room, swinging, filters(settings.equaliser, rate_hz))

    def change(self, frame: int, prepared: Prepared) -> None:
        """Change to other settings from `frame` on, by crossfades of 50 ms.

        frame: in the next block or later.

        A new size or decay also changes the sound that is already in the reverb. A change that is due during a
        crossfade waits until the crossfade ends. If several are due by then, only the newest is made.
        """
        self._reverb.change(frame, prepared.room)
        self._chorus.change(frame, prepared.copies)
        self._equaliser.change(frame, prepared.filters)

    def add(
        self, frame: int, dry: np.ndarray, reverb_send: np.ndarray | None = None, chorus_send: np.ndarray | None = None
    ) -> None:
        """Add reverb and chorus to `dry` and equalise the sum, in place. Call this for every block, in order.

        frame: the block's first frame.
        dry: the block, float32 (n, 2), any n.
        reverb_send, chorus_send: the sound sent to each effect, float32 (n, 2); None for silence.
        """
        self._reverb.add(frame, dry, reverb_send)
        self._chorus.add(frame, dry, chorus_send)
        self._equaliser.filter(frame, dry)
