"""Writes dense hops into the rings of transposed lanes, several lanes at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.engine.synthesis.hops import ROWS_AT_ONCE
from runtime.engine.synthesis.lane_hops import OVERSAMPLING, DenseHops
from runtime.engine.synthesis.rings import CORNER_FRAMES, RampWeights, fade_in
from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.resampling import N_AFTER
from runtime.engine.synthesis.transposing.transposed_lane import TransposedLane


class DenseWriter:
    """Writes dense hops into the rings of transposed lanes, only as far as the rings will be read.

    Every lane that a method is given is a carrier, or is in no bus.

    n_fade: length of the longest crossfade, in ring samples.
    """

    def __init__(self, lanes: Sequence[TransposedLane], rings: DenseRings, dense_hops: DenseHops, n_fade: int):
        self.n_fade = n_fade
        self._lanes, self._rings, self._dense_hops = lanes, rings, dense_hops
        self._fade = fade_in(n_fade)
        self._ramps = RampWeights(rings.size // 2, OVERSAMPLING * CORNER_FRAMES)

    def make_fades(self, lanes: Sequence[int], frame: int) -> None:
        """Write the sound of the lanes' present spectra up to the end of a crossfade that is due at `frame`."""
        fades = [self._lanes[number].fade_at(frame, self.n_fade) for number in lanes]
        self.write_to(lanes, [begin + length for begin, length in fades])

    def make_to(self, lanes: Sequence[int], frame: int) -> None:
        """Write the sound of the lanes' present spectra up to the last sample that a read at `frame` uses."""
        self.write_to(lanes, [self._lanes[number].head.place(frame) + N_AFTER for number in lanes])

    def write_to(self, lanes: Sequence[int], ends: Sequence[int]) -> None:
        """Write each lane's ring at least up to the lane's place in `ends`.

        One call transforms up to ROWS_AT_ONCE hops of the same sample rate. A bus is always transformed alone.

        ends: one place for each lane, in ring samples.
        """
        hops = []
        for number, end in zip(lanes, ends, strict=True):
            lane = self._lanes[number]
            if lane.written_to < end:
                begins = range(lane.written_to, end, lane.head.n_hop)
                if lane.bus is not None:
                    for begin in begins:
                        self._write_mixed(number, begin)
                else:
                    hops += [(lane.head.octave, lane.head.hop_at(begin), number, begin) for begin in begins]
        # In this order, lanes with the same hop number follow each other. If they are neighbours, `DenseHops` makes
        # their hops together, which costs less.
        hops.sort()
        while hops:
            octave = hops[0][0]
            batch = [hop for hop in hops[:ROWS_AT_ONCE] if hop[0] == octave]
            del hops[: len(batch)]
            wanted = [(number, hop, self._lanes[number].n_bins) for _, hop, number, _ in batch]
            for (_, _, number, begin), sound in zip(batch, self._dense_hops.make(wanted, octave), strict=True):
                self._write_hop(number, begin, sound)

    def _write_mixed(self, number: int, begin: int) -> None:
        lane = self._lanes[number]
        bus, head = lane.bus, lane.head
        hop = number, head.hop_at(begin), lane.n_bins
        sound = self._dense_hops.make_mixed(bus.lanes, bus.shares, hop, head.octave)
        self._write_hop(number, begin, sound[0])

    def _write_hop(self, number: int, begin: int, sound: np.ndarray) -> None:
        """Write a hop's sound into the ring of lane `number`, and crossfade where a crossfade is due.

        begin: the ring sample at which the hop begins.
        """
        lane = self._lanes[number]
        done, faded = max(0, lane.fade_from - begin), min(len(sound), lane.fade_from + lane.n_fade - begin)
        if done < faded:
            part = slice(begin + done - lane.fade_from, begin + faded - lane.fade_from)
            weights = self._ramps.of(lane.n_fade, part.start, part.stop) if lane.is_ramp else self._fade[part]
            self._rings.fade_over(number, begin + done, sound[done:faded], weights)
            done = faded
        self._rings.write(number, begin + done, sound[done:])
        lane.written_to = begin + len(sound)
