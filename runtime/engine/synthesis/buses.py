"""Buses add up steady transposed lanes that share a head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np

from runtime.engine.synthesis.dense_writing import DenseWriter
from runtime.engine.synthesis.lane_spectra import LaneSpectra
from runtime.engine.synthesis.submix import Submix
from runtime.engine.synthesis.transposing.dense_rings import DenseRings
from runtime.engine.synthesis.transposing.resampling import N_AFTER, N_BEFORE
from runtime.engine.synthesis.transposing.transposed_lane import TransposedLane


class Buses:
    """Makes buses, and takes lanes out of them.

    A bus is a submix of transposed lanes that share a head. The ring of the carrier, the loudest lane, holds the sum of
    all members, and is heard at the carrier's gain. Lanes enter a bus only at their hop. They can leave at any frame.
    """

    def __init__(self, lanes: Sequence[TransposedLane], rings: DenseRings, writer: DenseWriter, spectra: LaneSpectra):
        self._lanes, self._rings, self._writer, self._spectra = lanes, rings, writer, spectra
        self._n_mixed = 0

    def members_among(self, lanes: Iterable[int]) -> list[int]:
        return [lane for lane in lanes if self._lanes[lane].bus is not None] if self._n_mixed else []

    def heard(self, lanes: Sequence[int]) -> list[int]:
        """Those of `lanes` whose rings are heard: of the members of a bus, only the carrier."""
        if not self._n_mixed:
            return list(lanes)
        return [lane for lane in lanes if (bus := self._lanes[lane].bus) is None or bus.carrier == lane]

    def owners(self, lanes: Sequence[int]) -> list[int]:
        """The lanes in whose rings `lanes` sound, ascending: of a member of a bus the carrier, else the lane."""
        if not self._n_mixed:
            return list(lanes)
        buses = [self._lanes[lane].bus for lane in lanes]
        if buses and buses[0] is not None and buses.count(buses[0]) == len(buses):  # the usual case
            return [buses[0].carrier]
        return sorted({lane if bus is None else bus.carrier for lane, bus in zip(lanes, buses, strict=True)})

    def renew(
        self, lanes: Sequence[int], frame: int, spectrum_changed: Sequence[bool], gains: Sequence[float]
    ) -> set[int]:
        """Mix the steady lanes that share a head. `frame` is a hop of all these lanes.

        spectrum_changed: for each lane, whether its spectrum has changed.
        gains: for each lane, its gain, or 0 if it is not steady.
        Returns the lanes in whose rings a crossfade must begin.
        """
        heads = [self._lanes[lane].head for lane in lanes]
        if heads.count(heads[0]) == len(heads):  # the usual case
            return self._renew(lanes, frame, spectrum_changed, gains)
        changed: set[int] = set()
        for head in dict.fromkeys(heads):
            rows = [row for row, other in enumerate(heads) if other is head]
            own, own_changed = [lanes[row] for row in rows], [spectrum_changed[row] for row in rows]
            changed |= self._renew(own, frame, own_changed, [gains[row] for row in rows])
        return changed

    def _renew(
        self, lanes: Sequence[int], frame: int, spectrum_changed: Sequence[bool], gains: Sequence[float]
    ) -> set[int]:
        """Do the work of `renew` for lanes that share a head."""
        former = next((bus for lane in lanes if (bus := self._lanes[lane].bus) is not None), None)
        bus = self._wanted_bus(lanes, gains, former)
        changed = set() if bus is former else self._regroup(lanes, frame, former, bus)
        if any(spectrum_changed):
            changed.update(self.owners(list(compress(lanes, spectrum_changed))))
        return changed

    def _wanted_bus(self, lanes: Sequence[int], gains: Sequence[float], former: Submix | None) -> Submix | None:
        """Return `former` if it still fits these lanes, else a new bus; None if fewer than two of the lanes are steady.

        gains: one for each lane; 0 if the lane is not steady.
        """
        members = [(lane, gain) for lane, gain in zip(lanes, gains, strict=True) if gain]
        if former is not None and former.is_whole and former.members_with_gains == members:
            return former
        if len(members) < 2:
            return None
        run = slice(members[0][0], members[-1][0] + 1)
        run_gains = np.zeros(run.stop - run.start, np.float32)
        for lane, gain in members:
            run_gains[lane - run.start] = gain
        return Submix(run, run_gains)

    def _regroup(self, lanes: Sequence[int], frame: int, former: Submix | None, bus: Submix | None) -> set[int]:
        """Replace `former` by `bus`; either may be None. Returns the lanes in whose rings a crossfade must begin.

        The old sounds fade out in this crossfade. Those in the heard rings (see `heard`) of the new bus's members are
        added up in the ring of the new bus's carrier. If the former bus's carrier is not in the new bus, the old sound
        of the whole former bus stays in that carrier's ring.
        """
        leaving = [] if former is None else [m for m in lanes if self._lanes[m].bus is former]
        entering = [] if bus is None else bus.members
        leaving = [member for member in leaving if member not in entering]
        self._writer.make_fades(self.owners([*leaving, *entering]), frame)
        fade_from, n_fade = self._lanes[lanes[0]].fade_at(frame, self._writer.n_fade)
        begin = self._lanes[lanes[0]].head.place(frame) - N_BEFORE
        n = fade_from + n_fade + N_AFTER - begin
        if bus is not None:
            sounding = self.heard(entering)
            gain = {member: float(bus.shares[member - bus.lanes.start, 0]) for member in entering}
            self._rings.add_up(sounding, [gain[member] for member in sounding], bus.carrier, begin, n)
            np.copyto(self._spectra.shares[bus.lanes], bus.shares, where=bus.shares > 0.0)
        for member in leaving:
            if member != former.carrier:
                self._rings.silence(member, begin, n)
        for member in leaving:
            self._put(member, None)
        for member in entering:
            self._put(member, bus)
        return {*leaving, *([] if bus is None else [bus.carrier])}

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """At `frame`, take lanes out of their buses, so that each lane's ring gets the lane's own sound.

        Lanes in no bus stay as they are. If a crossfade is running, the sound that fades out stays in the carrier's
        ring. If a carrier leaves, all members leave.
        """
        for lane in lanes:
            bus = self._lanes[lane].bus
            if bus is not None:
                members = [member for member in bus.members if self._lanes[member].bus is bus]
                leaving = members if bus.carrier in lanes else [member for member in members if member in lanes]
                self._take_out([member for member in leaving if member != bus.carrier], bus, frame)
                if bus.carrier in leaving:
                    self._put(bus.carrier, None)

    def _take_out(self, lanes: Sequence[int], bus: Submix, frame: int) -> None:
        """Make the separate sounds of `lanes`, members of the bus, and subtract them from the bus's sound.

        How far ahead the bus's sound was made depends on block sizes. The result must not depend on block sizes. So the
        bus's sound is kept only to the end of the present dense hop. While a crossfade is running, it is kept to the
        end of the dense hop in which the crossfade ends.
        """
        carrier = self._lanes[bus.carrier]
        head = carrier.head
        place = head.place(frame)
        end = -(-(max(place, carrier.fade_from + carrier.n_fade) + N_AFTER) // head.n_hop) * head.n_hop
        self._writer.write_to([bus.carrier], [end])
        carrier.written_to = end
        first, begin = place - N_BEFORE, (place - N_BEFORE) // head.n_hop * head.n_hop
        for lane in lanes:
            leaving = self._lanes[lane]
            leaving.written_to, leaving.fade_from, leaving.n_bins = begin, carrier.fade_from, carrier.n_bins
            leaving.n_fade, leaving.is_ramp = carrier.n_fade, carrier.is_ramp
            self._rings.silence(lane, begin, end - begin)
            self._put(lane, None)
        self._writer.write_to(lanes, [end] * len(lanes))
        for lane in lanes:
            share = bus.shares[lane - bus.lanes.start]
            self._rings.subtract(lane, float(share[0]), bus.carrier, first, end - first)
            share[0] = 0.0

    def forget(self, lane: int) -> None:
        if self._lanes[lane].bus is not None:
            self._put(lane, None)

    def _put(self, lane: int, bus: Submix | None) -> None:
        former = self._lanes[lane].bus
        if former is not None:
            former.is_whole = False
        self._n_mixed += (bus is not None) - (former is not None)
        self._lanes[lane].bus = bus
