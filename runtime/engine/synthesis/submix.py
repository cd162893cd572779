"""Makes the hops of plain lanes: steady lanes as a submix if possible, all others singly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from runtime.engine.synthesis.lane_hops import LaneHops, PointHops
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.lane_spectra import LaneSpectra, SpectrumChanges
from runtime.engine.synthesis.lanes import runs_alike, runs_of
from runtime.engine.synthesis.rings import Rings


class Submix:
    """Lanes that are played as one sum.

    The loudest lane is the carrier. Its ring holds the sum, and is heard at the carrier's gain.

    lanes: a run of lanes that contains all members.
    gains: float32 (n,), the gain of each lane of the run; 0 if it is no member.
    members_with_gains: pairs of a member and its gain.
    shares: float32 (n, 1), the gains divided by the carrier's gain.
    is_whole: whether all members are still in the submix.
    """

    __slots__ = ("carrier", "gains", "is_whole", "lanes", "members", "members_with_gains", "shares")

    def __init__(self, lanes: slice, gains: np.ndarray):
        self.lanes, self.gains = lanes, gains.copy()
        self.members = [lanes.start + int(row) for row in np.flatnonzero(gains)]
        self.members_with_gains = [(lane, float(gains[lane - lanes.start])) for lane in self.members]
        self.carrier = lanes.start + int(np.argmax(gains))
        self.shares = (gains / gains.max())[:, None]
        self.is_whole = True

    def share(self, lanes: slice) -> np.ndarray:
        """The shares of `lanes`, float32 (n,). The lanes must lie in the submix's run."""
        return self.shares[lanes.start - self.lanes.start : lanes.stop - self.lanes.start, 0]

    def is_of(self, lanes: slice, gains: np.ndarray) -> bool:
        return self.lanes == lanes and self.gains.tobytes() == gains.tobytes()


class Membership:
    """Remembers for each lane the submix that the lane is in, or None."""

    def __init__(self, n_lanes: int):
        self._n_mixed = 0
        self._of_lane: list[Submix | None] = [None] * n_lanes

    def of(self, lane: int) -> Submix | None:
        return self._of_lane[lane]

    def first_of(self, lanes: Iterable[int]) -> Submix | None:
        """The submix of the first lane that has one, or None."""
        return next((self._of_lane[lane] for lane in lanes if self._of_lane[lane]), None) if self._n_mixed else None

    def members_among(self, lanes: Iterable[int]) -> list[int]:
        return [lane for lane in lanes if self._of_lane[lane]] if self._n_mixed else []

    def heard_lanes(self, n_lanes: int, n_voices: int) -> slice:
        """The lanes whose rings are heard: the carrier alone if one submix holds all voices, else the first n_lanes.

        n_voices: how many voices sound.
        """
        submix = self.first_of(range(n_lanes))
        if submix is None or len(submix.members) != n_voices or not submix.is_whole:
            return slice(0, n_lanes)
        return slice(submix.carrier, submix.carrier + 1)

    def shares_left(self, submix: Submix) -> np.ndarray:
        """The shares of the submix's lanes, float32 (n, 1), with 0 for each lane that has left it."""
        if submix.is_whole:
            return submix.shares
        stays = [self._of_lane[lane] is submix for lane in range(submix.lanes.start, submix.lanes.stop)]
        return submix.shares * np.array(stays, np.float32)[:, None]

    def put(self, lanes: Iterable[int], submix: Submix | None) -> None:
        """Put lanes into `submix`, or into none if it is None. The submixes that they leave are no longer whole."""
        if submix is None and not self._n_mixed:
            return
        for lane in lanes:
            former = self._of_lane[lane]
            if former is not None:
                former.is_whole = False
            self._n_mixed += (submix is not None) - (former is not None)
            self._of_lane[lane] = submix


class Submixes:
    """Mixes lanes into the rings of carriers, takes lanes out of their submixes, and keeps `membership` up to date."""

    def __init__(
        self, membership: Membership, spectra: LaneSpectra, changes: SpectrumChanges, hops: LaneHops, rings: Rings
    ):
        self._membership, self._spectra, self._changes = membership, spectra, changes
        self._hops, self._rings = hops, rings

    def mix(self, lanes: slice, frame: int, spectrum_changed: Sequence[bool], gains: np.ndarray) -> Submix | None:
        """Find or make the submix of a run of lanes that have a hop at `frame`; returns None if they cannot be mixed.

        The members are the lanes whose gain is not 0. They cannot be mixed if there are fewer than two, or if the
        spectra of only some have changed. If the submix is new, its carrier's ring gets the sum of the members' old
        sounds, each times its share.

        spectrum_changed, gains: one for each lane of the run.
        """
        all_lanes = range(lanes.start, lanes.stop)
        changed = spectrum_changed
        if not gains.all():
            changed = [has_changed for has_changed, gain in zip(spectrum_changed, gains, strict=True) if gain]
        if len(changed) < 2 or changed.count(changed[0]) < len(changed):
            self._membership.put(all_lanes, None)
            return None
        former = self._membership.first_of(all_lanes)
        if former is not None and former.is_whole and former.is_of(lanes, gains):
            return former
        submix = Submix(lanes, gains)
        self._rings.gather(lanes, submix.carrier, frame, submix.share(lanes))
        for lane in submix.members:
            if lane != submix.carrier:
                self._rings.silence(lane)
        self._membership.put(all_lanes, None)
        self._membership.put(submix.members, submix)
        np.copyto(self._spectra.shares[lanes], submix.shares, where=submix.shares > 0.0)
        return submix

    def write(self, submix: Submix, frame: int, n_frames: int, fades: bool) -> None:
        """Write n_frames of a submix's hop at `frame` into its carrier's ring. fades: whether to crossfade."""
        sound = self._hops.mixed(submix.lanes, submix.carrier, submix.shares, frame)
        write = self._rings.fade_over if fades else self._rings.write
        write(slice(submix.carrier, submix.carrier + 1), frame, sound[:, :n_frames])

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """At `frame`, take lanes out of their submixes, so that each lane's ring gets the lane's own sound.

        Lanes in no submix stay as they are. If a crossfade is running, the sound that fades out stays in the carrier's
        ring. If a carrier leaves, all members leave.
        """
        for lane in lanes:
            submix = self._membership.of(lane)
            if submix is not None:
                members = self._membership.members_among(submix.members)
                leaving = members if submix.carrier in lanes else [member for member in members if member in lanes]
                for run in runs_of([member for member in leaving if member != submix.carrier]):
                    self._take_out(run, submix, frame)
                self._membership.put(leaving, None)

    def _take_out(self, lanes: slice, submix: Submix, frame: int) -> None:
        sound = self._hops.sound(lanes, frame)[:, self._hops.elapsed(lanes.start, frame) :]
        fade_left = self._changes.fade_left(lanes.start, frame)
        if fade_left:
            sound[:, :fade_left] *= self._changes.weights_left(lanes.start, frame)
        self._rings.write(lanes, frame, sound)
        self._rings.subtract(lanes, submix.carrier, frame, sound.shape[1], submix.share(lanes))


class PlainHops:
    """Makes the sound of plain lanes that have no points of their own, and writes it into rings.

    is_transposed: a flag for each lane, kept up to date by the transposer.
    n_kept: how many frames are written for the newest hop: the hop size plus the length of a crossfade.
    """

    def __init__(
        self,
        hops: LaneHops,
        rings: Rings,
        membership: Membership,
        submixes: Submixes,
        phases: LanePhases,
        points: PointHops,
        is_transposed: Sequence[bool],
        n_kept: int,
    ):
        self._hops, self._rings, self._membership, self._submixes = hops, rings, membership, submixes
        self._phases, self._points, self._is_transposed = phases, points, is_transposed
        self._hop_size, self._n_kept = hops.hop_size, n_kept

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Crossfade linearly to the sound of the lanes' present spectra, for n_frames from `frame` on."""
        past, submix = self._hops.elapsed(lanes[0], frame), self._membership.first_of(lanes)
        if submix is not None:
            shares = self._membership.shares_left(submix)
            sound = self._hops.mixed(submix.lanes, submix.carrier, shares, frame)
            self._rings.ramp_over(slice(submix.carrier, submix.carrier + 1), frame, sound[:, past:], n_frames)
        for run in self._runs_alone(lanes):
            self._rings.ramp_over(run, frame, self._hops.sound(run, frame)[:, past:], n_frames)

    def make(
        self, lanes: Sequence[int], run: slice, frame: int, n_hops: int, changed: Sequence[bool], gains: np.ndarray
    ) -> None:
        """Make n_hops hops of `lanes`: those whose gain is not 0 as one submix if possible, all others singly.

        run: from the first to the last of `lanes`.
        changed, gains: one for each lane number in `run`.
        """
        submix, blends = self._submixes.mix(run, frame, changed, gains), self._phases.blend[run]
        if submix is not None and len(submix.members) == len(lanes):
            alone = []
        elif (
            submix is not None
            or self._phases.walk(run)
            or blends.count(blends[0]) < len(blends)
            or any(self._points.has_points[run])
        ):
            alone = self._runs_alone(lanes)
        else:  # faster than to split `run`, although its silent and transposed lanes get a sound that is not needed
            alone = [run]
        for number in range(n_hops):
            at, fades = frame + number * self._hop_size, changed if number == 0 else [False] * len(changed)
            # Only the newest hop keeps the samples after its end: a crossfade at the next hop needs them.
            n_frames = self._n_kept if number == n_hops - 1 else self._hop_size
            if submix is not None:
                self._submixes.write(submix, at, n_frames, fades[submix.carrier - run.start])
            for each in alone:
                sound = self._hops.sound(each, at)[:, :n_frames]
                self._write_hop(each, at, sound, fades[each.start - run.start : each.stop - run.start])

    def _runs_alone(self, lanes: Sequence[int]) -> list[slice]:
        """Those of `lanes` that are in no submix and are not transposed, as runs of lanes with the same blend."""
        return runs_alike([lane for lane in lanes if self._is_alone(lane)], self._phases.blend)

    def _is_alone(self, lane: int) -> bool:
        return self._membership.of(lane) is None and not self._is_transposed[lane]

    def _write_hop(self, lanes: slice, frame: int, sound: np.ndarray, fades: Sequence[bool]) -> None:
        if not any(fades):
            self._rings.write(lanes, frame, sound)
        elif all(fades):
            self._rings.fade_over(lanes, frame, sound)
        else:
            for row, lane_fades in enumerate(fades):
                lane = slice(lanes.start + row, lanes.start + row + 1)
                write = self._rings.fade_over if lane_fades else self._rings.write
                write(lane, frame, sound[row : row + 1])
