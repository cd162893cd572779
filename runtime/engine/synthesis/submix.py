"""Submixes add up the spectra of lanes that hop together and have constant gains; the sum is transformed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from runtime.engine.synthesis.lane_hops import LaneHops
from runtime.engine.synthesis.lane_spectra import LaneSpectra, SpectrumChanges
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.rings import Rings


class Submix:
    """Lanes that are played as one sum, in the ring of the loudest lane, the carrier, and at the carrier's gain.

    Attributes: lanes: a run of lanes that contains all members; members: the lanes that are mixed; gains: float32 (n,),
    the gain of each lane of the run, 0 if it is no member; shares: float32 (n, 1), the gains divided by the carrier's
    gain; is_whole: whether no member has left.
    """

    __slots__ = ("carrier", "gains", "is_whole", "lanes", "members", "shares")

    def __init__(self, lanes: slice, gains: np.ndarray):
        self.lanes, self.gains = lanes, gains.copy()
        self.members = [lanes.start + int(row) for row in np.flatnonzero(gains)]
        self.carrier = lanes.start + int(np.argmax(gains))
        self.shares = (gains / gains.max())[:, None]
        self.is_whole = True

    def share(self, lanes: slice) -> np.ndarray:
        """The shares of `lanes`, float32 (n,); they must lie in the submix's run of lanes."""
        return self.shares[lanes.start - self.lanes.start : lanes.stop - self.lanes.start, 0]

    def is_of(self, lanes: slice, gains: np.ndarray) -> bool:
        """Whether this submix has exactly these lanes and gains."""
        return self.lanes == lanes and self.gains.tobytes() == gains.tobytes()


class Membership:
    """Keeps which submix each lane is in, if any."""

    def __init__(self, n_lanes: int):
        self._n_mixed = 0
        self._of_lane: list[Submix | None] = [None] * n_lanes

    def of(self, lane: int) -> Submix | None:
        """The submix of a lane, or None."""
        return self._of_lane[lane]

    def first_of(self, lanes: Iterable[int]) -> Submix | None:
        """The submix of the first of these lanes that is in a submix, or None."""
        return next((self._of_lane[lane] for lane in lanes if self._of_lane[lane]), None) if self._n_mixed else None

    def members_among(self, lanes: Iterable[int]) -> list[int]:
        """Those of `lanes` that are in a submix."""
        return [lane for lane in lanes if self._of_lane[lane]] if self._n_mixed else []

    def heard_lanes(self, n_lanes: int, n_voices: int) -> slice:
        """The first n_lanes, or the carrier alone if one submix holds all n_voices that sound in these lanes."""
        submix = self.first_of(range(n_lanes))
        if submix is None or len(submix.members) != n_voices or not submix.is_whole:
            return slice(0, n_lanes)
        return slice(submix.carrier, submix.carrier + 1)

    def shares_left(self, submix: Submix) -> np.ndarray:
        """The submix's shares, float32 (n, 1), 0 for lanes that have left it."""
        if submix.is_whole:
            return submix.shares
        stays = [self._of_lane[lane] is submix for lane in range(submix.lanes.start, submix.lanes.stop)]
        return submix.shares * np.array(stays, np.float32)[:, None]

    def put(self, lanes: Iterable[int], submix: Submix | None) -> None:
        """Put lanes into a submix, or into none; the submixes that they leave are no longer whole."""
        if submix is None and not self._n_mixed:
            return
        for lane in lanes:
            former = self._of_lane[lane]
            if former is not None:
                former.is_whole = False
            self._n_mixed += (submix is not None) - (former is not None)
            self._of_lane[lane] = submix


class Submixes:
    """Makes submixes in the lanes' rings, takes lanes out of them, and keeps `membership` up to date."""

    def __init__(
        self, membership: Membership, spectra: LaneSpectra, changes: SpectrumChanges, hops: LaneHops, rings: Rings
    ):
        self._membership, self._spectra, self._changes = membership, spectra, changes
        self._hops, self._rings = hops, rings

    def mix(self, lanes: slice, frame: int, spectrum_changed: Sequence[bool], gains: np.ndarray) -> Submix | None:
        """The submix of a run of lanes from their hop at `frame` on, or None if they cannot be mixed.

        Members are the lanes whose gain is not 0. There must be two or more, and the spectra of either all or none of
        them must have changed. spectrum_changed, gains: one for each lane of the run. The sum of the members' old
        sounds goes to the new carrier's ring, for the crossfade. Members of a former submix are added as their sum,
        which is in the ring of the former carrier.
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
        """Write n_frames of a submix's hop at `frame` into its carrier's ring; fades: whether to crossfade to it."""
        sound = self._hops.mixed(submix.lanes, submix.carrier, submix.shares, frame)
        write = self._rings.fade_over if fades else self._rings.write
        write(slice(submix.carrier, submix.carrier + 1), frame, sound[:, :n_frames])

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """Take those of `lanes` that are in a submix out of it: write each one's own sound from `frame` on.

        During a crossfade, what is left of the lanes' old sound stays in the carrier's ring. If a carrier leaves, all
        members leave.
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
