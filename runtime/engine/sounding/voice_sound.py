"""Gives sounding voices their spectra, hops, widths and blends of phases."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.control.knobs import Knobs
from runtime.engine.sounding.hop_groups import HopGroup, HopGroups
from runtime.engine.sounding.ramp_points import RampPoints
from runtime.engine.sounding.readings import Readings
from runtime.engine.sounding.spectra import Spectra
from runtime.engine.synthesis.lanes import runs_alike
from runtime.engine.synthesis.wide_sound import WideSound
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.changes import Changes
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.pitch.tuning import N_NOTES
from runtime.engine.voices.widths import Widths
from runtime.events import NEVER

_LANE = attrgetter("lane")


class VoiceSound:
    """Decides for each span which voices get new spectra and hops, and makes both.

    hops: the groups of lanes that hop together, and the frames of their hops.

    Attribute:
    can_foresee: whether any voice has points of its own; if none has, `foresee` does nothing.
    """

    def __init__(
        self,
        spectra: Spectra,
        sound: WideSound,
        hops: HopGroups,
        widths: Widths,
        bank: VoiceBank,
        palette: Palette,
        knobs: Knobs,
    ):
        self._spectra, self._sound, self._hops, self._widths = spectra, sound, hops, widths
        self._bank, self._palette, self._knobs = bank, palette, knobs
        self._points = RampPoints(hops.offsets_by_lane, hops.point_offsets, hops.hop_size)
        self._gains = np.zeros(len(bank.voices), np.float32)
        self._beside = [sound.beside(hz) for hz in note_to_hz(np.arange(N_NOTES)).tolist()]
        self._foreseen = NEVER, 0  # the point for which `foresee` last computed, and n_events then
        self._readings = Readings(spectra, hops, self._points, bank, knobs)
        self.can_foresee = False
        # The voices whose spectra move. The second list: those that have points between hops, or had some at first.
        self._moving, self._moving_between = list[Voice](), list[Voice]()

    def end_silent(self, frame: int) -> None:
        """Forget the voices that have ended; call it before new voices begin."""
        if self._widths.n_wide:
            self._widths.arrive(frame)
            self._widths.forget_silent(self._bank.voices)
        if self._sound.n_transposed:
            self._sound.end([voice.lane for voice in self._bank.voices if not voice.active])

    def follow(self, changes: Changes, frame: int, n_events: int, transposing: Collection[int]) -> bool:
        """Make the sound that is due at `frame`; return whether there was a hop or a reading, or a voice began.

        n_events: number of events so far that may have changed a source of modulation.
        transposing: the lanes that `WideSound.set_ratios` will transpose at this frame.
        """
        opening = [voice for voice in changes.opening if voice.active]
        self._find_moving()
        leaving, moving = self._leaving_submixes(changes), self._moving
        self._readings.begin_span(moving, frame)
        touched = [voice.lane for voice in changes.touched] + leaving
        groups = self._hops.due_at(frame, self._knobs.n_changes, touched)
        due = [(group, self._hopping(group, frame)) for group in groups]
        if leaving:
            self._sound.unmix([lane for lane in leaving if self._hops.of_lane[lane].due > frame], frame)
        self._give_stale_spectra(due, opening, frame)
        if opening:
            self._open(opening, frame, transposing)
        for group, hopping in due:
            self._hop(group, hopping, changes, frame)
        if moving:
            self._lead(self._points.at(moving, frame), frame, n_events)
        self.can_foresee = any(voice.played.has_own_points for voice in moving)
        has_read = self._readings.read(moving, frame, n_events)
        return bool(opening or has_read or any(hopping for _, hopping in due))

    def follow_events(self, frame: int, sources_changed: bool) -> None:
        """Decide again whether there are readings; call this after events for which `follow` is not called.

        sources_changed: whether a source of modulation may have changed. If so, the voices whose spectra move are found
            first.
        """
        if sources_changed:
            self._find_moving()
        self._readings.begin_span(self._moving, frame)

    def is_due(self, frame: int, with_points: bool) -> bool:
        """Whether sound must be made at `frame`.

        with_points: whether a point between hops counts; if not, only hops count.
        """
        if self._hops.due_at(frame, self._knobs.n_changes, ()):
            return True
        return with_points and self._points.is_extra(self._moving_between, frame)

    def read(self, frame: int, n_events: int) -> bool:
        """If there is a reading at `frame`, make its spectra; return whether there is one. Never call this at a hop."""
        return self._hops.reads_early and self._readings.read(self._moving, frame, n_events)

    def next_change(self, frame: int) -> int:
        """The first frame after `frame` at which there is sound to make, if no event comes before."""
        end, moving = self._hops.next_due(), self._moving_between
        return min(end, frame + self._points.frames_to_extra(moving, frame)) if moving else end

    def next_reading(self, frame: int) -> int:
        """The first reading after `frame` with spectra to make, or NEVER."""
        if not self._hops.reads_early:
            return NEVER
        return self._hops.next_reading(frame + 1, None if self._moving else self._knobs.n_changes)

    def foresee(self, frame: int, n_events: int) -> None:
        """Compute early what voices with points of their own will need at the next of these points.

        Call it in a block without other work. If an event comes before that point, the values are computed again.

        frame: the next block's first frame.
        n_events: as in `follow`.
        """
        voices = [voice for voice in self._moving if voice.played.has_own_points]
        if not voices:
            return
        ahead = self._points.frames_to_next(voices, frame - 1)
        due = frame - 1 + min(ahead)
        if self._foreseen == (due, n_events):
            return
        self._foreseen = due, n_events
        voices = [voice for voice, n_frames in zip(voices, ahead, strict=True) if frame - 1 + n_frames == due]
        lasting = self._points.frames_to_next(voices, due)
        voices = [voice for voice, n_frames in zip(voices, lasting, strict=True) if n_frames == lasting[0]]
        self._sound.make_old([voice.lane for voice in voices], due, lasting[0])
        if not any(voice.played.playhead_targets for voice in voices):
            self._spectra.foresee(voices, due + lasting[0], lasting[0], n_events)

    def _leaving_submixes(self, changes: Changes) -> list[int]:
        sound = self._sound
        lanes = sound.mixed([voice.lane for voice in changes.retuned])
        if not self._bank.all_steady():
            gains, all_lanes = self._bank.steady_gains(), range(self._bank.n_lanes_used)
            lanes += [lane for lane in sound.mixed(all_lanes) + sound.on_bus(all_lanes) if not gains[lane]]
        return lanes

    def _hopping(self, group: HopGroup, frame: int) -> list[Voice]:
        """The group's sounding voices without points of their own, except voices that begin at `frame`."""
        voices = self._bank.voices[group.lanes]
        return [v for v in voices if v.active and v.started_at < frame and not v.played.has_own_points]

    def _give_stale_spectra(self, due: list[tuple[HopGroup, list[Voice]]], opening: list[Voice], frame: int) -> None:
        """Give new spectra to the voices that begin, and to hopping voices whose spectra are out of date.

        due: the groups that hop at `frame`, each with its hopping voices.
        """
        prepared, wanting, blending = [], [voice for voice in opening if _wants_spectrum(voice)], []
        for group, hopping in due:
            of_group, wanting_of_group = self._readings.hop(group, hopping, frame)
            prepared += of_group
            wanting += wanting_of_group
            blending += [v for v in hopping if v.blend != v.knobs.blend and not v.played.blend_moves]
        # A spectrum with widened harmonics (`has_bandwidth`) depends on the blend. For a new blend it is made again.
        wanting += [voice for voice in blending if voice.has_bandwidth and voice not in wanting]
        if not (prepared or wanting or blending or opening):
            return
        if self._sound.n_transposed:
            changing = {voice.lane for voice in prepared + wanting + blending if voice.started_at < frame}
            self._sound.before_new_spectra(sorted(changing), frame)
        wanting.sort(key=_LANE)
        if prepared:
            self._spectra.give_prepared(prepared)
        if wanting:
            self._spectra.give(wanting, frame, bool(opening))

    def _open(self, voices: list[Voice], frame: int, transposing: Collection[int]) -> None:
        """Begin the sound of voices.

        Adjacent lanes of a hop group are opened in one call if their blends are equal, and if either all of them are
        plain lanes or all are transposed.
        """
        if self._palette.has_width:
            for voice in voices:
                self._widths.start(voice.lane, voice.width)
        lanes, how = sorted(voice.lane for voice in voices), [(0.0, True)] * len(self._bank.voices)
        for voice in voices:
            voice.blend = voice.blend if voice.played.blend_moves else voice.knobs.blend
            how[voice.lane] = voice.blend, voice.lane not in transposing
            self._sound.set_beside(voice.lane, self._beside[voice.model_note])
            self._sound.give_points(voice.lane, voice.played.has_own_points)
        for group in self._hops.groups:
            for run in runs_alike([lane for lane in lanes if group.lanes.start <= lane < group.lanes.stop], how):
                self._sound.open(run, frame, *how[run.start])
                group.due = min(group.due, frame + self._sound.frames_to_hop(run.start, frame))

    def _hop(self, group: HopGroup, hopping: list[Voice], changes: Changes, frame: int) -> None:
        if self._palette.has_own_points:
            others = [v.lane for v in self._bank.voices[group.lanes] if v.active and v.played.has_own_points]
            if others:
                self._sound.go_past_hop(others, frame)
        if not hopping:
            still_to_come = [voice for voice in self._bank.voices[group.lanes] if voice.active]
            group.due = frame + self._hops.hop_size if still_to_come else NEVER
            return
        lanes = slice(hopping[0].lane, hopping[-1].lane + 1)
        self._set_blends(hopping, range(lanes.start, lanes.stop))
        moves = self._palette.moves_spectra and any(voice.played.spectrum_moves for voice in hopping)
        n_hops = 1 if moves else self._sound.n_hops_ahead(lanes)
        self._sound.hop([voice.lane for voice in hopping], frame, n_hops, self._gains_to_mix(lanes, changes, frame))
        is_wide = self._widths_follow(hopping, frame)
        opened = any(group.lanes.start <= voice.lane < group.lanes.stop for voice in changes.opening)
        group.due = frame + (n_hops if is_wide and not opened else 1) * self._hops.hop_size

    def _set_blends(self, hopping: list[Voice], lanes: range) -> None:
        present, alike = self._knobs.present, hopping
        all_lanes = (
            [lane for lane in lanes if not self._has_own_points(lane)] if self._palette.has_own_points else lanes
        )
        if self._palette.moves_blend or len(self._knobs.heard) > 1:
            alike = [v for v in hopping if v.knobs is present and not v.played.blend_moves]
            others = [voice for voice in hopping if voice not in alike]
            own_blend = {voice.lane for voice in others}
            all_lanes = [lane for lane in all_lanes if lane not in own_blend]
            for voice in others:
                if not voice.played.blend_moves:
                    voice.blend = voice.knobs.blend
                    self._sound.set_blend([voice.lane], voice.blend)
        self._sound.set_blend(all_lanes, present.blend)
        for voice in alike:
            voice.blend = present.blend

    def _widths_follow(self, hopping: list[Voice], frame: int) -> bool:
        """Begin to move the widths of hopping voices whose width has changed.

        Return False if such a voice has no side yet: it gets one at its next hop, and its width moves only then.
        """
        if not self._palette.has_width:
            return True
        done = True
        for voice in hopping:
            if not voice.played.spectrum_moves:
                done &= self._widths.move(voice.lane, frame, voice.width, self._hops.hop_size)
        return done

    def _has_own_points(self, lane: int) -> bool:
        voice = self._bank.voices[lane]
        return voice.active and voice.played.has_own_points

    def _find_moving(self) -> None:
        """Find the voices whose spectra move. Call this when voices begin or end, or sources of modulation change."""
        moves = self._palette.moves_spectra
        voices = self._bank.used() if moves else ()
        self._moving = [voice for voice in voices if voice.active and voice.played.spectrum_moves]
        self._moving_between = [voice for voice in self._moving if self._points.may_have_extra(voice)]

    def _lead(self, moving: list[Voice], frame: int, n_events: int) -> None:
        """Begin each voice's ramp to its next point.

        moving: the voices that have a point at `frame`, in the order of their lanes.
        """
        alike: dict[tuple[int, bool, int], list[Voice]] = {}
        lasting, of_lane = self._points.frames_to_next(moving, frame), self._hops.of_lane
        former, voices = None, []
        for voice, n_frames in zip(moving, lasting, strict=True):
            key = of_lane[voice.lane].offset, voice.played.has_own_points, n_frames
            if key != former:
                former, voices = key, alike.setdefault(key, [])
            voices.append(voice)
        for (_, have_own_points, n_frames), voices in alike.items():
            lanes = [voice.lane for voice in voices]
            self._sound.before_ramp(lanes, frame, n_frames)
            if self._spectra.lead(voices, frame + n_frames, n_frames, n_events):
                self._sound.ramp(lanes, frame, n_frames)
            elif have_own_points:
                self._sound.rest(lanes, frame)
            if self._palette.has_width:
                for voice in voices:
                    self._widths.move(voice.lane, frame, voice.width, n_frames)

    def _gains_to_mix(self, lanes: slice, changes: Changes, frame: int) -> np.ndarray:
        """The gain of each lane that can join a submix; 0 for each other lane.

        A lane cannot join a submix if one of these is true:
        - It is not steady.
        - It begins to be transposed.
        - It is wide.
        - It has points of its own.
        - It has just begun, and changes fast.
        - It has a bandwidth, and its blend is above 0.
        - Its blend is modulated, or is not the present sound's blend.
        """
        gains = self._gains[: lanes.stop - lanes.start]
        np.copyto(gains, self._bank.steady_gains()[lanes])
        palette, unmixed = self._palette, {voice.lane for voice in changes.retuned}
        if unmixed:
            unmixed.difference_update(self._sound.transposed_among(unmixed))
        if palette.moves_spectra:
            extra = self._moving_between
            unmixed.update(v.lane for v in extra if v.played.has_own_points or self._points.opens(v, frame))
        if palette.moves_blend:
            unmixed.update(voice.lane for voice in self._moving if voice.played.blend_moves)
        if palette.has_width:
            unmixed.update(lane for lane in range(lanes.start, lanes.stop) if self._widths.is_wide(lane))
        if palette.has_bandwidth or len(self._knobs.heard) > 1:
            blend, sounding = self._knobs.blend, [voice for voice in self._bank.voices[lanes] if voice.active]
            unmixed.update(v.lane for v in sounding if v.knobs.blend != blend or (v.has_bandwidth and v.knobs.blend))
        for lane in unmixed:
            if lanes.start <= lane < lanes.stop:
                gains[lane - lanes.start] = 0.0
        return gains


def _wants_spectrum(voice: Voice) -> bool:
    return voice.spectrum_version != voice.knobs.version or (voice.has_bandwidth and voice.blend != voice.knobs.blend)
