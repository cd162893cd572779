"""Transposes lanes: reads their sound faster or slower than it was made.

A lane's dense hops are laid end to end in a ring, and reading the ring at a ratio transposes them; bend, glide and
vibrato change the ratio over time. Shifting the spectrum's bins would not do: below note 29 (44 Hz) the lobes of
neighbouring harmonics overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from runtime.engine.synthesis.hops import ROWS_AT_ONCE
from runtime.engine.synthesis.lane_hops import OVERSAMPLING, DenseHops
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.resampling import FRACTION_BITS, N_AFTER, ONE, Resampler
from runtime.engine.synthesis.rings import DenseRings, fade_in
from runtime.engine.synthesis.transposed_lane import N_SHIFTS, TransposedLane

_LEAST_RING_SIZE = 1 << 15
_LANES_PER_SHIFT = ROWS_AT_ONCE
# A read must not be so long that one block carries too much, nor so short that call overhead dominates.
_LANE_FRAMES_AT_ONCE, _MOST_FRAMES_AT_ONCE, _LEAST_FRAMES_AT_ONCE = 4096, 256, 64


class Beginning(NamedTuple):
    """The beginning of one lane's transposition.

    elapsed: frames since the lane's last hop, which becomes its dense hop 0; ratio: speed of reading, 1 for no change
    of pitch; fading: the lane's sound from now to the end of a crossfade that is still running, empty if none is.
    """

    lane: int
    elapsed: int
    ratio: float
    fading: np.ndarray


class Transposer:
    """Makes the dense hops of transposed lanes, several lanes at a time, and reads the lanes at their ratios.

    hop_offsets: for each lane, the frame of its hops modulo the hop size; n_fade: length in frames of a crossfade from
    an old spectrum to a new one; max_frames: most frames of one `read`; active: for each lane, whether it is
    transposed; n_active: number of transposed lanes.
    """

    def __init__(
        self, hop_offsets: Sequence[int], dense_hops: DenseHops, phases: LanePhases, n_fade: int, max_frames: int
    ):
        n_lanes = len(hop_offsets)
        self.active, self.n_active = [False] * n_lanes, 0
        self._dense_hops, self._phases = dense_hops, phases
        # A lane's shift follows from its place among the lanes that hop with it.
        places = [lane - hop_offsets.index(offset) for lane, offset in enumerate(hop_offsets)]
        self._lanes = [TransposedLane(dense_hops, place // _LANES_PER_SHIFT % N_SHIFTS) for place in places]
        ring_size = max(_LEAST_RING_SIZE, 1 << (4 * dense_hops.n_samples).bit_length())
        self._rings = DenseRings(n_lanes, ring_size, N_AFTER)
        self._resampler = Resampler(self._rings, max_frames)
        self._fade = fade_in(OVERSAMPLING * n_fade)

    def begin(self, beginnings: Sequence[Beginning], frame: int) -> None:
        """Begin to transpose lanes at `frame`."""
        lanes = [beginning.lane for beginning in beginnings]
        for number, elapsed, ratio, _ in beginnings:
            self.n_active += not self.active[number]
            self.active[number] = True
            self._lanes[number].begin(frame, elapsed, ratio, len(self._fade))
        self._write_to(lanes, [self._lanes[number].n_hop for number in lanes])
        for number, _, _, fading in beginnings:
            if len(fading) > 1:
                self._finish_fade(number, frame, fading)

    def leave(self, lane: int) -> None:
        """End a lane's transposition, because a new note begins on it."""
        self.n_active -= self.active[lane]
        self.active[lane] = False

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """Read a lane at another ratio from `frame` on, without a jump in its sound."""
        self._lanes[lane].set_ratio(frame, ratio)

    def make_fades(self, lanes: Sequence[int], frame: int) -> None:
        """Make the lanes' sound, with their present spectra, up to the end of a crossfade that begins at `frame`."""
        self._write_to(lanes, [self._lanes[number].place(frame) + len(self._fade) + N_AFTER for number in lanes])

    def change_spectra(self, lanes: Sequence[int], frame: int, spectrum_changed: Sequence[bool]) -> None:
        """At the lanes' hop at `frame`, begin a crossfade for each lane with a new spectrum or another number of bins.

        A lane plays only the bins that its ratio leaves below half the engine's sample rate. spectrum_changed: one flag
        for each lane. Before the spectrum of a lane is set, `make_fades` must be called for the lane.
        """
        changed, narrowed = [], []
        for number, has_changed in zip(lanes, spectrum_changed, strict=True):
            if has_changed:
                changed.append(number)
            elif self._lanes[number].wanted_bins() != self._lanes[number].n_bins:
                narrowed.append(number)
        if narrowed:
            self.make_fades(narrowed, frame)
        for number in changed + narrowed:
            lane = self._lanes[number]
            lane.n_bins, lane.fade_from = lane.wanted_bins(), lane.place(frame)
            lane.written_to = lane.fade_from // lane.n_hop * lane.n_hop
        hops = [self._lanes[number].written_to // self._lanes[number].n_hop for number in changed]
        self._phases.change_spectra(changed, hops)
        self.make_fades(changed + narrowed, frame)

    def read(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound of these lanes from `frame` on, float32 (n_lanes, n_frames), valid until the next call."""
        chosen = [self._lanes[number] for number in lanes]
        self._write_to(lanes, [lane.wanted_to(frame, n_frames) for lane in chosen])
        positions, steps = [lane.position(frame) for lane in chosen], [lane.step for lane in chosen]
        return self._resampler.read(lanes, positions, steps, n_frames)

    def longest_read(self, lanes: Sequence[int]) -> int:
        """How many frames one `read` of these lanes (not none) should read at most."""
        at_once = min(max(_LANE_FRAMES_AT_ONCE // len(lanes), _LEAST_FRAMES_AT_ONCE), _MOST_FRAMES_AT_ONCE)
        fastest = max(self._lanes[number].step for number in lanes)
        quarter_ring = self._rings.size // 4 << FRACTION_BITS
        return max(2, min(1 << at_once.bit_length() - 1, quarter_ring // max(1, fastest)))

    def _write_to(self, lanes: Sequence[int], ends: Sequence[int]) -> None:
        """Write lanes' rings up to `ends`, one for each lane.

        Up to ROWS_AT_ONCE hops of the same sample rate are transformed in one call.
        """
        hops = []
        for number, end in zip(lanes, ends, strict=True):
            lane = self._lanes[number]
            if lane.written_to < end:
                hops += [(lane.octave, number, begin) for begin in range(lane.written_to, end, lane.n_hop)]
        hops.sort()
        while hops:
            octave = hops[0][0]
            batch = [(number, begin) for of, number, begin in hops[:ROWS_AT_ONCE] if of == octave]
            del hops[: len(batch)]
            lanes_of_batch = [self._lanes[number] for number, _ in batch]
            wanted = [
                (number, begin // lane.n_hop, lane.n_bins)
                for (number, begin), lane in zip(batch, lanes_of_batch, strict=True)
            ]
            sounds = self._dense_hops.make(wanted, octave)
            for (number, begin), lane, sound in zip(batch, lanes_of_batch, sounds, strict=True):
                self._write_hop(number, begin, sound, lane.fade_from)
                lane.written_to = begin + lane.n_hop

    def _write_hop(self, number: int, begin: int, sound: np.ndarray, fade_from: int) -> None:
        """Write the part of a dense hop after fade_from; during the crossfade, mix it with the ring's old sound."""
        done, faded = max(0, fade_from - begin), min(len(sound), fade_from + len(self._fade) - begin)
        if done < faded:
            weights = self._fade[begin + done - fade_from : begin + faded - fade_from]
            self._rings.fade_over(number, begin + done, sound[done:faded], weights)
            done = faded
        self._rings.write(number, begin + done, sound[done:])

    def _finish_fade(self, number: int, frame: int, fading: np.ndarray) -> None:
        """Crossfade from `fading`, which begins at `frame`, to the ring's sound."""
        lane = self._lanes[number]
        n = (len(fading) - 1) * lane.density >> FRACTION_BITS
        dense = np.interp(np.arange(n) * (ONE / lane.density), np.arange(len(fading)), fading).astype(np.float32)
        self._rings.fade_over(number, lane.place(frame), dense, np.linspace(1.0, 0.0, n, dtype=np.float32))
