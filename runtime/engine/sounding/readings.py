"""Makes the spectra of a hop in an earlier block, so that no block has to do all work of a hop."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.control.knobs import Knobs
from runtime.engine.sounding.hop_groups import HopGroup, HopGroups
from runtime.engine.sounding.ramp_points import RampPoints
from runtime.engine.sounding.spectra import Spectra
from runtime.engine.voices.bank import Voice, VoiceBank


class Readings:
    """Reads the knobs a quarter of a hop before each hop, and makes the spectra for their positions.

    This is done while coherent phases or moving spectra sound, because hops cost most then. If a knob moves between a
    reading and its hop, the move is not heard at that hop, but at the next one.

    points: the points of voices that move. The other arguments are those of `VoiceSound`.
    """

    def __init__(self, spectra: Spectra, hops: HopGroups, points: RampPoints, bank: VoiceBank, knobs: Knobs):
        self._spectra, self._hops, self._points, self._bank, self._knobs = spectra, hops, points, bank, knobs

    def begin_span(self, moving: Sequence[Voice], frame: int) -> None:
        """Decide whether the span that begins at `frame` has readings.

        moving: the voices whose spectra move.
        """
        is_coherent = any(knobs.blend for knobs in self._knobs.heard)
        is_early = is_coherent or any(not voice.played.has_own_points for voice in moving)
        self._hops.read_early(is_early, frame)

    def read(self, moving: Sequence[Voice], frame: int, n_events: int) -> bool:
        """Make the spectra of the groups that have a reading at `frame`; return whether there are such groups.

        moving: as in `begin_span`; n_events: as in `VoiceSound.follow`.
        """
        groups = self._hops.reading_at(frame)
        for group in groups:
            group.made_for = self._knobs.n_changes
            voices = [voice for voice in self._bank.voices[group.lanes] if voice.active]
            stale = [voice for voice in _stale(voices) if _can_be_read_early(voice)]
            if stale:
                self._spectra.prepare(stale, frame + self._hops.frames_ahead)
            of_group = [voice for voice in moving if voice.lane in range(group.lanes.start, group.lanes.stop)]
            if of_group:
                self._lead(of_group, frame, n_events)
        return bool(groups)

    def _lead(self, moving: Sequence[Voice], frame: int, n_events: int) -> None:
        """For voices that have a point at the next hop, make the spectra of the point after that one.

        From that hop, a ramp leads to the later point. Only voices whose ramp is as long as that of the first voice
        get their spectra here. The others get theirs at the hop.
        """
        ahead = self._hops.frames_ahead
        next_points = zip(moving, self._points.frames_to_next(moving, frame), strict=True)
        voices = [voice for voice, n_frames in next_points if n_frames == ahead and _can_be_read_early(voice)]
        lasting = self._points.frames_to_next(voices, frame + ahead)
        voices = [voice for voice, n_frames in zip(voices, lasting, strict=True) if n_frames == lasting[0]]
        if voices:
            hop = frame + ahead
            self._spectra.prepare_lead(voices, hop, hop + lasting[0], lasting[0], n_events)

    def hop(self, group: HopGroup, hopping: Sequence[Voice], frame: int) -> tuple[list[Voice], list[Voice]]:
        """Two lists of a group's voices: those with a prepared spectrum, and those that need a new spectrum now.

        hopping: the voices of the group that hop at `frame`.

        A voice may have begun after the reading. If other voices of the group have prepared spectra, this voice gets
        its new spectrum now, because steady voices are added up only if all of them change together. If no other voice
        has a prepared spectrum, this voice waits for the next reading.
        """
        prepared = self._spectra.take_prepared(hopping)
        was_read = self._hops.was_read(frame)
        wanting = _stale(hopping)
        if not was_read:
            group.made_for = self._knobs.n_changes
            prepared = [voice for voice in prepared if voice not in wanting]
        if prepared:
            wanting = [voice for voice in wanting if voice not in prepared]
        if was_read:
            began_after = frame - self._hops.frames_ahead if prepared else frame
            wanting = [voice for voice in wanting if voice.started_at > began_after or not _waits(voice)]
        return prepared, wanting


def _stale(voices: Sequence[Voice]) -> list[Voice]:
    """The voices whose spectra are out of date, without those whose spectra move by themselves."""
    return [v for v in voices if v.spectrum_version != v.knobs.version and not v.played.spectrum_moves]


def _waits(voice: Voice) -> bool:
    """Whether a voice may wait for the next reading: only knobs have moved, and its spectra can be made early."""
    return voice.spectrum_version >= 0 and _can_be_read_early(voice)


def _can_be_read_early(voice: Voice) -> bool:
    return voice.played.can_be_read_early and not voice.knobs.has_bandwidth
