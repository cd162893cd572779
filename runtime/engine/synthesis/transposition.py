"""Transposes lanes: reads their sound faster or slower than it was made.

Shifting the spectrum's bins would fail: below note 29 (44 Hz) the lobes of neighbouring harmonics overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from runtime.engine.synthesis.buses import Buses
from runtime.engine.synthesis.dense_writing import DenseWriter
from runtime.engine.synthesis.hops import ROWS_AT_ONCE
from runtime.engine.synthesis.lane_hops import OVERSAMPLING, DenseHops
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.lane_spectra import LaneSpectra
from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.head import FRACTION_BITS, ONE, Head, Ratio
from runtime.engine.synthesis.transposing.resampling import N_AFTER, Resampler
from runtime.engine.synthesis.transposing.transposed_lane import N_SHIFTS, TransposedLane

_LEAST_RING_SIZE = 1 << 15
_LANES_PER_SHIFT = ROWS_AT_ONCE
# If n lanes are read at once, a read is about _LANE_FRAMES_AT_ONCE / n frames long, within the two limits. Longer reads
# would put too much work into one block. Shorter reads would cost mostly the overhead of the calls.
_LANE_FRAMES_AT_ONCE, _MOST_FRAMES_AT_ONCE, _LEAST_FRAMES_AT_ONCE = 4096, 512, 64


class Beginning(NamedTuple):
    """The beginning of one lane's transposition.

    elapsed: frames since the lane's newest hop.
    hop: number of that hop, which becomes the lane's dense hop 0.
    fading: the lane's sound up to the end of its running crossfade; empty if no crossfade is running.
    is_new: whether the lane's sound begins together with the transposition.
    """

    lane: int
    elapsed: int
    hop: int
    ratio: Ratio
    fading: np.ndarray
    is_new: bool


class Transposer:
    """Makes the dense hops of transposed lanes, several lanes at a time, and reads the lanes at their ratios.

    Lanes that hop together and have one ratio share a head if their transposition began at the same frame. A lane whose
    note begins can also get the head of a lane that is transposed already. Steady lanes with one head are added up in a
    bus (`Buses`).

    hop_offsets: for each lane, the frame of its hops modulo the hop size.
    n_fade: frames of a crossfade from an old spectrum to a new one.
    max_frames: the most frames that one call of `read` reads.

    Attribute active: for each lane, whether it is transposed.
    """

    def __init__(
        self,
        hop_offsets: Sequence[int],
        dense_hops: DenseHops,
        spectra: LaneSpectra,
        phases: LanePhases,
        n_fade: int,
        max_frames: int,
    ):
        n_lanes = len(hop_offsets)
        self.active, self.n_active = [False] * n_lanes, 0
        self._dense_hops, self._phases = dense_hops, phases
        places = [lane - hop_offsets.index(offset) for lane, offset in enumerate(hop_offsets)]
        shifts = [place // _LANES_PER_SHIFT % N_SHIFTS for place in places]
        bins = dense_hops.n_bins, dense_hops.n_bins_below_half
        self._lanes = [TransposedLane(*bins, shift) for shift in shifts]
        # Only lanes that hop together can share a head.
        self._hop_offsets = hop_offsets
        ring_size = max(_LEAST_RING_SIZE, 1 << (4 * dense_hops.n_samples).bit_length())
        self._rings = DenseRings(n_lanes, ring_size, N_AFTER)
        self._resampler = Resampler(self._rings, max_frames)
        self._writer = DenseWriter(self._lanes, self._rings, dense_hops, OVERSAMPLING * n_fade)
        self._quarter_ring = ring_size // 4 << FRACTION_BITS
        self._frames_at_once = [_frames_at_once(n) for n in range(n_lanes + 1)]
        self._buses = Buses(self._lanes, self._rings, self._writer, spectra)

    # Beginning and end

    def begin(self, beginnings: Sequence[Beginning], frame: int) -> None:
        """Begin to transpose lanes at `frame`.

        The first sound of a lane with a running crossfade is made now. All other sound is made when it is read.
        """
        begun: dict[tuple[int, Ratio], Head] = {}
        for beginning in beginnings:
            number = beginning.lane
            way = self._hop_offsets[number], beginning.ratio
            if way not in begun:
                begun[way] = self._head_for(beginning, frame)
            head = begun[way]
            self.n_active += not self.active[number]
            self.active[number] = True
            self._lanes[number].begin(head, frame, self._writer.n_fade)
        fading = [beginning for beginning in beginnings if len(beginning.fading) > 1]
        lanes = [beginning.lane for beginning in fading]
        ends = [lane.written_to + (2 if lane.written_to < 0 else 1) * lane.head.n_hop for lane in self._chosen(lanes)]
        self._writer.write_to(lanes, ends)
        for beginning in fading:
            self._finish_fade(beginning.lane, frame, beginning.fading)

    def _head_for(self, beginning: Beginning, frame: int) -> Head:
        """The head at which a lane's reading begins. A new sound shares the head of a lane that is read alike."""
        offset = self._hop_offsets[beginning.lane]
        for lane, other in enumerate(self._lanes) if beginning.is_new else ():
            if other.head is not None and self._hop_offsets[lane] == offset and other.head.ratio == beginning.ratio:
                return other.head
        ratio_now = beginning.ratio.at(frame)
        octave = min(self._dense_hops.n_octaves, max(0, int(math.log2(ratio_now))))
        head = Head(frame, beginning.elapsed, beginning.ratio, OVERSAMPLING * ONE, self._dense_hops.n_samples, octave)
        head.first_hop = beginning.hop
        return head

    def follow(self, number: int, leader: int, frame: int) -> None:
        self.n_active += not self.active[number]
        self.active[number] = True
        self._lanes[number].begin(self._lanes[leader].head, frame, self._writer.n_fade)

    def leave(self, lane: int) -> None:
        """End a lane's transposition: its sound has ended, or a new note begins on it."""
        if self.active[lane]:
            self._buses.forget(lane)
            self.active[lane] = False
            self.n_active -= 1
            self._lanes[lane].head.n_lanes -= 1
            self._lanes[lane].head = None

    # Ratios

    def set_ratios(self, lanes: Sequence[int], frame: int, ratios: Sequence[Ratio]) -> None:
        """Read transposed lanes at other ratios from `frame` on, without a jump in their sound."""
        first = self._lanes[lanes[0]].head
        if len(lanes) == self.n_active == first.n_lanes and ratios.count(ratios[0]) == len(lanes):
            first.set_ratio(frame, ratios[0])  # the usual case, a wheel that moves all voices
            return
        heads = [self._lanes[lane].head for lane in lanes]
        for head in dict.fromkeys(heads):
            rows = [row for row, other in enumerate(heads) if other is head]
            wanted_lanes, wanted = [lanes[row] for row in rows], [ratios[row] for row in rows]
            if len(wanted) == head.n_lanes and wanted.count(wanted[0]) == len(wanted):
                head.set_ratio(frame, wanted[0])
            else:
                self._divide(head, wanted_lanes, wanted, frame)

    def _divide(self, head: Head, lanes: Sequence[int], ratios: Sequence[Ratio], frame: int) -> None:
        """Give new heads to the lanes whose new ratio is not the ratio of `head`. A new head begins where `head` is."""
        heads: list[Head] = []
        parting = [(lane, ratio) for lane, ratio in zip(lanes, ratios, strict=True) if ratio != head.ratio]
        self._buses.unmix([lane for lane, _ in parting], frame)
        for lane, ratio in parting:
            new = next((new for new in heads if new.ratio == ratio), None)
            if new is None:
                new = head.copy()
                new.set_ratio(frame, ratio)
                heads.append(new)
            head.n_lanes -= 1
            new.n_lanes += 1
            self._lanes[lane].head = new

    # Hops and buses

    def make_fades(self, lanes: Sequence[int], frame: int) -> None:
        """Make the sound of the lanes' present spectra up to the end of a crossfade that begins at `frame`."""
        self._writer.make_fades(self._buses.owners(lanes), frame)

    def hop(self, lanes: Sequence[int], frame: int, spectrum_changed: Sequence[bool], gains: Sequence[float]) -> None:
        """Begin the crossfades of lanes that hop at `frame`, and renew their buses.

        A crossfade begins for each lane that

        - has a new spectrum,
        - must sound with more or fewer bins, because its ratio has changed,
        - or enters or leaves a bus.

        Call `make_fades` for a lane before its spectrum is set.
        gains: for each lane, its gain if it is steady, else 0.
        """
        changed = self._buses.renew(lanes, frame, spectrum_changed, gains)
        owners = self._buses.owners(lanes)
        narrowed = self._narrowed([number for number in owners if number not in changed], frame)
        self._writer.make_fades(narrowed, frame)
        fading = [number for number in owners if number in changed or number in narrowed]
        for number in fading:
            self._lanes[number].begin_fade(frame, self._writer.n_fade)
        if True in spectrum_changed or not self._phases.are_settled(lanes):
            self._phases.hop(lanes, frame, self._hop_numbers(lanes, frame), spectrum_changed)
        self._writer.make_fades(fading, frame)

    def narrow(self, lanes: Sequence[int], frame: int) -> None:
        """At `frame`, begin a crossfade for each lane that must sound with more or fewer bins than before.

        The lanes must be in no bus.
        """
        narrowed = self._narrowed(lanes, frame)
        self._writer.make_fades(narrowed, frame)
        for number in narrowed:
            self._lanes[number].begin_fade(frame, self._writer.n_fade)
        self._writer.make_fades(narrowed, frame)

    def _narrowed(self, lanes: Sequence[int], frame: int) -> list[int]:
        return [number for number in lanes if self._lanes[number].wanted_bins(frame) != self._lanes[number].n_bins]

    def before_ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Make the sound of the lanes' present spectra up to the end of a ramp that begins at `frame`."""
        self._writer.make_to(self._buses.owners(lanes), frame + n_frames)

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Begin a ramp at `frame`: a linear crossfade to the sound of the lanes' new spectra.

        n_frames: length of the ramp.
        Call `before_ramp` before the spectra are set.
        """
        owners = self._buses.owners(lanes)
        for number in owners:
            self._lanes[number].begin_ramp(frame, n_frames)
        self._phases.hop(lanes, frame, self._hop_numbers(lanes, frame), [True] * len(lanes))

    def mixed(self, lanes: Iterable[int]) -> list[int]:
        return self._buses.members_among(lanes)

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """As in `Buses`."""
        self._buses.unmix(lanes, frame)

    def heard(self, lanes: Sequence[int]) -> list[int]:
        """As in `Buses`."""
        return self._buses.heard(lanes)

    # Reading

    def read(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound of these lanes' rings from `frame` on, float32 (n_lanes, n_frames), valid until the next call."""
        if len(lanes) == 1:  # the usual case, a bus
            lane = self._lanes[lanes[0]]
            head = lane.head
            head.go_to(frame)
            end = lane.wanted_to(head.place(frame), head.place(frame + n_frames))
            if lane.written_to < end:
                self._writer.write_to(lanes, [end])
            return self._resampler.read(lanes, [head], frame, n_frames)
        heads = [lane.head for lane in self._chosen(lanes)]
        ends = {}
        for head in heads:
            if head not in ends:
                head.go_to(frame)
                ends[head] = head.place(frame), head.place(frame + n_frames)
        self._writer.write_to(lanes, [lane.wanted_to(*ends[lane.head]) for lane in self._chosen(lanes)])
        return self._resampler.read(lanes, heads, frame, n_frames)

    def longest_read(self, lanes: Sequence[int]) -> int:
        """The most frames that one call of `read` should read of `lanes`, which must not be empty."""
        fastest = max([self._lanes[lane].head.fastest_step for lane in lanes])
        return max(2, min(self._frames_at_once[len(lanes)], self._quarter_ring // max(1, fastest)))

    def _hop_numbers(self, lanes: Sequence[int], frame: int) -> list[int]:
        heads = [self._lanes[number].head for number in lanes]
        if heads and heads.count(heads[0]) == len(heads):  # the usual case
            return [heads[0].hop_at(heads[0].place(frame))] * len(heads)
        numbers = {head: head.hop_at(head.place(frame)) for head in dict.fromkeys(heads)}
        return [numbers[head] for head in heads]

    def _chosen(self, lanes: Sequence[int]) -> list[TransposedLane]:
        return [self._lanes[number] for number in lanes]

    def _finish_fade(self, number: int, frame: int, fading: np.ndarray) -> None:
        """From `frame` on, crossfade from the sound `fading` to the sound in the lane's ring."""
        head = self._lanes[number].head
        n = (len(fading) - 1) * head.density >> FRACTION_BITS
        dense = np.interp(np.arange(n) * (ONE / head.density), np.arange(len(fading)), fading).astype(np.float32)
        self._rings.fade_over(number, head.place(frame), dense, np.linspace(1.0, 0.0, n, dtype=np.float32))


def _frames_at_once(n_lanes: int) -> int:
    n_frames = min(max(_LANE_FRAMES_AT_ONCE // max(1, n_lanes), _LEAST_FRAMES_AT_ONCE), _MOST_FRAMES_AT_ONCE)
    return 1 << n_frames.bit_length() - 1
