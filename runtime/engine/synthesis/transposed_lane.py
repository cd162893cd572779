"""Keeps where a transposed lane is read, and how far its ring is written."""

from __future__ import annotations

import math

import numpy as np

from runtime.engine.synthesis.lane_hops import OVERSAMPLING, DenseHops
from runtime.engine.synthesis.resampling import FRACTION_BITS, N_AFTER, N_BEFORE, ONE

# Lanes that hop together would all need their next dense hop in the same block. So they work in shifts, and each shift
# makes its dense hops a quarter of a hop earlier than the shift before.
N_SHIFTS = 4
_BAND_STEP = 2.0 ** (2.0 / 12.0)
_BAND_STEP_LOG = math.log(_BAND_STEP)


class TransposedLane:
    """One lane's position in its ring of dense samples, and how far that ring is written.

    Positions and steps are fixed-point numbers, ONE for each ring sample; all other places and lengths are in ring
    samples. At ratio 1 a lane has OVERSAMPLING ring samples for each frame. A lane that begins at a ratio of 2 or more
    is made at a lower sample rate, halved `octave` times: the frequencies lost by this would be read above half the
    engine's sample rate.

    dense: makes the lane's hops; shift: which of the N_SHIFTS shifts the lane works in; step: how far the position
    moves per frame; n_hop: length of a dense hop; written_to: end of the written part of the ring; fade_from: where the
    crossfade to the present spectrum begins; n_bins: how many of the spectrum's bins sound.
    """

    __slots__ = (
        "_dense",
        "_origin",
        "_shift",
        "_since",
        "fade_from",
        "n_bins",
        "n_hop",
        "octave",
        "step",
        "written_to",
    )

    def __init__(self, dense: DenseHops, shift: int):
        self._dense, self._shift = dense, shift
        # The position is _origin at frame _since, and moves by `step` with each frame.
        self._origin = self._since = self.step = 0
        self.octave = self.written_to = self.fade_from = 0
        self.n_hop, self.n_bins = dense.n_samples, dense.n_bins

    def begin(self, frame: int, elapsed: int, ratio: float, n_fade: int) -> None:
        """Begin to read the lane at `frame`, `elapsed` frames after its dense hop 0 began, without a crossfade.

        n_fade: length of a crossfade in ring samples.
        """
        self.octave = min(self._dense.n_octaves, max(0, int(np.log2(ratio))))
        self.n_hop = self._dense.n_samples >> self.octave
        self._origin, self._since = elapsed * self.density, frame
        self.step = self._step_at(ratio)
        self.n_bins = self._n_bins_at(ratio)
        self.fade_from = -2 * self.n_hop - n_fade
        # The interpolation also reads the sample before the position.
        self.written_to = 0 if self.place(frame) >= N_BEFORE else -self.n_hop

    def set_ratio(self, frame: int, ratio: float) -> None:
        """Read at another ratio from `frame` on, without a jump of the position."""
        self._origin, self._since = self.position(frame), frame
        self.step = self._step_at(ratio)

    @property
    def density(self) -> int:
        """The step at ratio 1."""
        return OVERSAMPLING * ONE >> self.octave

    def position(self, frame: int) -> int:
        """Where in the ring the lane is read at `frame`, fixed-point."""
        return self._origin + self.step * (frame - self._since)

    def place(self, frame: int) -> int:
        """The ring sample at or just before the position at `frame`."""
        return self.position(frame) >> FRACTION_BITS

    def wanted_to(self, frame: int, n_frames: int) -> int:
        """How far to write the ring before n_frames are read from `frame` on.

        To the end of the read; and further by the lead of the lane's shift, if the ring has that lead already.
        """
        end = self.place(frame + n_frames) + N_AFTER
        ahead = self._shift * self.n_hop // N_SHIFTS
        return end + ahead if self.place(frame) + N_AFTER + ahead <= self.written_to else end

    def wanted_bins(self) -> int:
        """How many bins stay below half the engine's sample rate at the present ratio."""
        return self._n_bins_at(self.step / self.density)

    def _n_bins_at(self, ratio: float) -> int:
        # The number changes in steps of a whole tone, so that most vibrato leaves it as it is.
        dense = self._dense
        filled = max(ratio, 2.0**self.octave) * (dense.n_bins / dense.n_bins_below_half)
        if filled <= 1.0:
            return dense.n_bins
        steps = math.ceil(math.log(filled) / _BAND_STEP_LOG - 1e-6)
        return max(2, int(dense.n_bins / _BAND_STEP**steps))

    def _step_at(self, ratio: float) -> int:
        return round(ratio * self.density)
