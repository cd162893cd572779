"""The engine: events in, sound out. It owns no thread, clock, file or log.

Sound is made in spans. A span begins at an event, a hop or the end of a ramp, and lasts until the next of these. The
engine decides at a span's first frame what the whole span sounds like, from absolute frame numbers alone. So the output
is the same to the bit, whatever block sizes the caller asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.control.edited import edited_sound
from runtime.control.knobs import Knobs
from runtime.engine.event_queue import EventQueue
from runtime.engine.hop_groups import HopGroup, HopGroups
from runtime.engine.mixer import LONGEST_SPAN, Mixer
from runtime.engine.narrow_buffers import narrow_buffers
from runtime.engine.ramp_points import RampPoints
from runtime.engine.recorded.state import EngineState, StateKeeper
from runtime.engine.spectra import Seen, Spectra
from runtime.engine.synthesis.hops import engine_hop_size
from runtime.engine.synthesis.lanes import runs_alike
from runtime.engine.synthesis.wide_sound import WideSound
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.changes import Changes
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.performance import Performance
from runtime.engine.voices.widths import Widths
from runtime.events import NEVER, Action, Event
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

T = TypeVar("T")


class Status(msgspec.Struct, frozen=True, gc=False):
    """The engine's state at `frame`, where the present span began.

    n_active_voices: voices that sound; n_notes, n_stolen, n_decoded, n_transforms: notes started, voices stolen,
    spectra decoded and inverse transforms made so far; positions: the knobs' positions, 0 to 1.
    """

    frame: int = 0
    n_active_voices: int = 0
    n_notes: int = 0
    n_stolen: int = 0
    n_decoded: int = 0
    n_transforms: int = 0
    positions: tuple[float, ...] = ()


class Engine:
    """A polyphonic instrument at one sample rate.

    instrument: the loaded decoder; n_voices: 1 to 64; sample_rate_hz: the card's if not given; seed: seed of the random
    phases; config: the settings, which also give n_voices and seed; without a config, n_voices is 16 and seed 0
    unless given. limits: whether the sound is limited to full scale; without, whoever adds it up must do so. ValueError
    if n_voices or seed differs from the settings given with it. start: the state of another engine with the same
    instrument, settings and sounds, from which this one goes on, at its frame; None: frame 0.

    frame: the next frame to render; status: a snapshot, replaced when a span begins.
    """

    def __init__(
        self,
        instrument: Decoder,
        n_voices: int | None = None,
        sample_rate_hz: int | None = None,
        seed: int | None = None,
        *,
        config: Config | None = None,
        patch: Patch | None = None,
        programs: Sequence[Patch] | None = None,
        start: EngineState | None = None,
        limits: bool = True,
    ):
        config = _agreed_settings(config or (patch and patch.settings), n_voices, seed)
        patch = patch or Patch(config)
        card = instrument.card
        self.instrument = instrument
        self.sample_rate_hz = sample_rate_hz or card.sample_rate_hz
        self.frame = 0
        # Mono needs two lanes: one voice fades out while the next begins.
        played = [patch, *(programs or ())]
        played += [each for one in played if one.morph for each in one.morph.patches]
        modes = {each.settings.voice.mode for each in played}
        n_lanes = max(config.voice.n_voices, 1 if modes == {"poly"} else 2)
        self._knobs = Knobs(card, patch)
        controls = ControlMap(config)
        self._bank = VoiceBank(n_lanes, self.sample_rate_hz, LONGEST_SPAN + 1, config.seed)
        channels = Channels(config.midi.mpe_lower_members, config.midi.mpe_upper_members)
        palette = Palette(card, patch, programs, channels, self._bank.table, n_lanes, self.sample_rate_hz)
        self._performance = Performance(card, config, self._knobs, controls, self._bank, palette)
        self._hops = HopGroups(n_lanes, engine_hop_size(card.spec, self.sample_rate_hz))
        self._sound = WideSound(card.spec, self.sample_rate_hz, self._hops.offsets_by_lane, config.seed)
        self._spectra = Spectra(instrument, self._sound, n_lanes)
        self._palette = palette
        self._points = RampPoints(self._hops.offsets_by_lane, self._hops.hop_size)
        self._widths = Widths(n_lanes, LONGEST_SPAN + 1, self._sound)
        self._mixer = Mixer(self._bank, self._sound, self._widths, channels, limits)
        self._mixed = self._mixer.stereo
        self._events = EventQueue(self._knobs, controls, self._hops)
        self._keeper = StateKeeper(self._knobs, controls, palette, self._performance)
        self._wants_state = False
        if start is not None:
            self._keeper.give(start)
            self._events.wait_again(start.waiting)
            self.frame = start.frame
        self._span_start = self._span_end = self._first_hop = self.frame
        self._may_foresee = self._has_worked = False  # has_worked: whether this block began or made sound
        self._foreseen = NEVER, 0
        self._gains = np.zeros(n_lanes, np.float32)
        self._narrow_buffers = narrow_buffers()
        self.status = Status(self.frame, positions=tuple(self._knobs.positions))

    def keep_history(self, history: deque[tuple[int, object]]) -> None:
        """Append every event from now on, (frame, event), as soon as it is taken; and each state that is asked for."""
        self._events.history = history

    def ask_for_state(self) -> None:
        """Let the audio thread append (frame, EngineState) to the history at the end of the present block."""
        self._wants_state = True

    def post(self, event: Event, frame: int | None = None) -> None:
        """Hand over an event from any thread; frame: absolute, in engine frames; None: where the next block begins."""
        self._events.post(event, frame)

    @property
    def patch(self) -> Patch:
        """The sound that was chosen last; from any thread."""
        return self._knobs.present.patch

    @property
    def sounds(self) -> tuple[Patch, tuple[Patch, ...]]:
        """The sound that it was made with, and those that program changes choose."""
        return self._palette.first.patch, tuple(program.patch for program in self._palette.programs)

    def prepare(self, patch: Patch) -> object:
        """A sound, ready for the event SoundChange; from any thread but the audio thread."""
        ready = (each for each in self._palette.programs if each.patch is patch)
        return next(ready, None) or self._palette.ready(patch)

    def edited_sound(self) -> Sound:
        """The present sound as the player's knobs have made it; from any thread."""
        return edited_sound(self._knobs.present, self.instrument.card)

    def target_position(self, target: str) -> float | None:
        """Where a target stands, 0 to 1 of its travel; None if the instrument does not have it; from any thread."""
        return self._knobs.position(target)

    def render(self, out: np.ndarray) -> None:
        """Fill `out`, float32 (n_frames, 2), left and right, with the next frames; full scale is 1."""
        frame, n_frames, events = self.frame, len(out), self._events
        end, self._has_worked = frame + n_frames, False
        # Events that are first heard at the next hop need not be collected before it.
        if events.has_news and (end > self._first_hop or end > self._span_end or events.is_urgent):
            self._span_end = events.collect(frame, self._span_end, self._first_hop)
        if end > self._span_end:
            self._render_spans(out)
        else:  # most blocks lie within one span, which is already mixed
            at = frame - self._span_start
            out[:] = self._mixed[at : at + n_frames]
            self.frame = end
        if self._may_foresee and not self._has_worked:
            self._may_foresee = False
            self._narrow_buffers.run(self._foresee)
        if self._wants_state and self._events.history is not None:
            self._wants_state = False
            self._events.history.append((self.frame, self.state(self.is_silent)))

    def state(self, is_silent: bool) -> EngineState:
        """The state of the controls, on the audio thread, between two blocks; is_silent: as in EngineState."""
        return self._keeper.take(self.frame, is_silent, self._events.waiting())

    def start_at(self, frame: int) -> None:
        """Let an engine that has not rendered yet begin at this frame, as if it had been silent until then."""
        self.frame = self._span_start = self._span_end = frame

    @property
    def n_muted(self) -> int:
        """How many spectra so far were silenced, because the instrument gave numbers that no sound has."""
        return self.instrument.n_silenced

    @property
    def is_silent(self) -> bool:
        """Whether nothing will be heard until another note begins."""
        return not self._bank.n_active and self.frame >= self._mixer.tails_end

    def sounding(self) -> list[Voice]:
        """The voices that sound and have not been cut, in any order."""
        return [voice for voice in self._bank.used() if voice.active and not voice.is_cut]

    def seen(self, voice: Voice) -> tuple[Seen, float]:
        """What a sounding voice sounds like, and its gain now; from any thread, so it may mix two moments."""
        envelope, left, right = self._bank.levels(voice, self.frame)
        return self._spectra.seen(voice), envelope * max(left, right)

    def is_mono(self) -> bool:
        """Whether the next note takes the place of the one that sounds."""
        return self._performance.notes.played.voice.mode != "poly"

    def take_actions(self) -> list[Action]:
        """What the player has asked for since the last call, and the engine cannot do by itself."""
        return _taken(self._performance.actions)

    def take_sends(self) -> list[tuple[int, float, float]]:
        """The changes since the last call of what goes to the effects: (frame, reverb, chorus), 0 to 1, ascending."""
        return _taken(self._performance.sends)

    def _render_spans(self, out: np.ndarray) -> None:
        done, n_frames = 0, len(out)
        while done < n_frames:
            if self.frame >= self._span_end:
                self._narrow_buffers.run(self._begin_span)
            at = self.frame - self._span_start
            n = min(n_frames - done, self._span_end - self.frame)
            out[done : done + n] = self._mixed[at : at + n]
            done += n
            self.frame += n

    def _begin_span(self) -> None:
        """Apply all that happens at this frame, then mix up to the next frame at which something happens."""
        frame, sound = self.frame, self._sound
        self._mixer.clear_played_tails(self._span_start, frame)
        changes = self._take_events()
        if self._widths.n_wide:
            self._widths.arrive(frame)
            self._widths.forget_silent(self._bank.voices)
        if sound.n_transposed:
            sound.end([voice.lane for voice in self._bank.voices if not voice.active])
        for stolen in changes.stolen:
            self._mixer.keep_tail(stolen, frame)
        opening = [voice for voice in changes.opening if voice.active]
        leaving = self._leaving_submixes(changes)
        wanted = self._knobs.n_changes
        touched = [voice.lane for voice in changes.touched] + leaving
        due = [(group, self._hopping(group)) for group in self._hops.due_at(frame, wanted, touched)]
        if leaving:
            sound.unmix([lane for lane in leaving if self._hops.of_lane[lane].due > frame], frame)
        self._give_spectra([voice for _, hopping in due for voice in hopping], opening)
        if opening:
            self._open(opening)
        for group, hopping in due:
            self._hop(group, hopping, changes)
        moving = self._moving()
        if moving:
            self._lead(self._points.at(moving, frame))
        retuned = {voice.lane: voice for voice in changes.retuned if voice.active}
        if retuned:
            sound.set_ratios(list(retuned), frame, self._performance.pitches.ratios(list(retuned.values()), frame))
        transposed = sound.transposed_among(range(self._bank.n_lanes_used))
        self._first_hop = self._hops.earliest_hop(frame + 1)
        self._span_start, self._span_end = frame, self._next_change(transposed)
        self._mixer.mix(frame, self._span_end - frame, transposed)
        self._has_worked |= bool(due or opening)
        self._may_foresee = bool(moving)
        self.status = self._snapshot()

    def _take_events(self) -> Changes:
        """Apply the events of this frame, and what is due without an event; returns what changed."""
        while (due := self._events.take(self.frame)) is not None:
            self._performance.apply(*due)
        self._performance.advance(self.frame)
        return self._performance.take_changes()

    def _leaving_submixes(self, changes: Changes) -> list[int]:
        """Lanes that must leave their submix, because their pitch or gain begins to change."""
        sound = self._sound
        lanes = sound.mixed([voice.lane for voice in changes.retuned])
        if not self._bank.all_steady():
            gains, all_lanes = self._bank.steady_gains(), range(self._bank.n_lanes_used)
            lanes += [lane for lane in sound.mixed(all_lanes) + sound.on_bus(all_lanes) if not gains[lane]]
        return lanes

    def _hopping(self, group: HopGroup) -> list[Voice]:
        """The sounding voices of a group, except those that begin at this frame."""
        return [v for v in self._bank.voices[group.lanes] if v.active and v.started_at < self.frame]

    def _give_spectra(self, hopping: list[Voice], opening: list[Voice]) -> None:
        """Give spectra to the voices that begin, and to the hopping voices whose spectra are out of date."""
        stale = [
            voice
            for voice in hopping
            if (voice.blend != voice.knobs.blend and not voice.played.blend_moves)
            or (voice.spectrum_version != voice.knobs.version and not voice.played.spectrum_moves)
        ]
        if not stale and not opening:
            return
        if self._sound.n_transposed:
            self._sound.before_new_spectra([voice.lane for voice in stale], self.frame)
        # A widened spectrum depends on the blend, too.
        wanting = [
            voice
            for voice in stale + opening
            if voice.spectrum_version != voice.knobs.version
            or (voice.has_bandwidth and voice.blend != voice.knobs.blend)
        ]
        if opening:
            wanting.sort(key=lambda voice: voice.lane)
        if wanting:
            self._spectra.give(wanting, self.frame, bool(opening))

    def _open(self, voices: list[Voice]) -> None:
        """Begin the sound of voices, with one call for each run of adjacent lanes of a hop group."""
        if self._palette.has_width:
            for voice in voices:
                self._widths.start(voice.lane, voice.width)
        lanes, blends = sorted(voice.lane for voice in voices), [self._knobs.blend] * len(self._bank.voices)
        for voice in voices:
            blends[voice.lane] = voice.blend if voice.played.blend_moves else voice.knobs.blend
        for group in self._hops.groups:
            for run in runs_alike([lane for lane in lanes if group.lanes.start <= lane < group.lanes.stop], blends):
                self._sound.open(run, self.frame, blends[run.start])
                group.due = min(group.due, self.frame + self._sound.frames_to_hop(run.start, self.frame))
        for voice in voices:
            voice.blend = blends[voice.lane]

    def _hop(self, group: HopGroup, hopping: list[Voice], changes: Changes) -> None:
        """Make one or more hops of sound for a group's hopping voices, and set when the group is due again."""
        group.made_for = self._knobs.n_changes
        if not hopping:
            still_to_come = [voice for voice in self._bank.voices[group.lanes] if voice.active]
            group.due = self.frame + self._hops.hop_size if still_to_come else NEVER
            return
        lanes = slice(hopping[0].lane, hopping[-1].lane + 1)
        self._set_blends(hopping, range(lanes.start, lanes.stop))
        moves = self._palette.moves_spectra and any(voice.played.spectrum_moves for voice in hopping)
        n_hops = 1 if moves else self._sound.n_hops_ahead(lanes)
        self._sound.hop([voice.lane for voice in hopping], self.frame, n_hops, self._gains_to_mix(lanes, changes))
        is_wide = self._widths_follow(hopping)
        opened = any(group.lanes.start <= voice.lane < group.lanes.stop for voice in changes.opening)
        group.due = self.frame + (n_hops if is_wide and not opened else 1) * self._hops.hop_size

    def _set_blends(self, hopping: list[Voice], lanes: range) -> None:
        """Give a group's lanes the blends of phases that their voices have from this hop on."""
        present, all_lanes, alike = self._knobs.present, lanes, hopping
        if self._palette.moves_blend or len(self._knobs.heard) > 1:
            alike = [v for v in hopping if v.knobs is present and not v.played.blend_moves]
            others = [voice for voice in hopping if voice not in alike]
            own_blend = {voice.lane for voice in others}
            all_lanes = [lane for lane in lanes if lane not in own_blend]
            for voice in others:
                if not voice.played.blend_moves:
                    voice.blend = voice.knobs.blend
                    self._sound.set_blend([voice.lane], voice.blend)
        self._sound.set_blend(all_lanes, present.blend)
        for voice in alike:
            voice.blend = present.blend

    def _widths_follow(self, hopping: list[Voice]) -> bool:
        """Move voices that do not move by themselves to the width of their knobs; False if some must go on next hop."""
        if not self._palette.has_width:
            return True
        done = True
        for voice in hopping:
            if not voice.played.spectrum_moves:
                done &= self._widths.move(voice.lane, self.frame, voice.width, self._hops.hop_size)
        return done

    def _moving(self) -> list[Voice]:
        """The sounding voices whose spectra move by themselves."""
        if not self._palette.moves_spectra:
            return []
        return [voice for voice in self._bank.used() if voice.active and voice.played.spectrum_moves]

    def _lead(self, moving: list[Voice]) -> None:
        """Let the spectra of voices, ascending by lane, begin to move to where they must be at their next point."""
        alike: dict[tuple[int, int], list[Voice]] = {}
        for voice, n_frames in zip(moving, self._points.frames_to_next(moving, self.frame), strict=True):
            alike.setdefault((self._hops.of_lane[voice.lane].offset, n_frames), []).append(voice)
        for (_, n_frames), voices in alike.items():
            lanes = [voice.lane for voice in voices]
            self._sound.before_ramp(lanes, self.frame, n_frames)
            if self._spectra.lead(voices, self.frame + n_frames, n_frames, self._performance.n_events):
                self._sound.ramp(lanes, self.frame, n_frames)
            if self._palette.has_width:
                for voice in voices:
                    self._widths.move(voice.lane, self.frame, voice.width, n_frames)

    def _foresee(self) -> None:
        """Compute, in a block with no other work, what the voices that move by themselves will need at their next hop.

        If an event comes before, it is computed again; so the sound does not depend on the blocks.
        """
        due, size, n_events = self._hops.next_due(), self._hops.hop_size, self._performance.n_events
        if self._foreseen == (due, n_events):
            return
        self._foreseen = due, n_events
        moving = [v for v in self._moving() if self._hops.of_lane[v.lane].due == due and not v.played.playhead_targets]
        voices = [v for v, n in zip(moving, self._points.frames_to_next(moving, due), strict=True) if n == size]
        if voices:
            self._spectra.foresee(voices, due + size, size, n_events)

    def _gains_to_mix(self, lanes: slice, changes: Changes) -> np.ndarray:
        """The lanes' gains for mixing their spectra; 0 for a lane that cannot be mixed.

        Those are lanes that are not steady, that begin to be transposed, whose notes have just begun and move fast,
        that are wide, or that have a bandwidth and coherent phases.
        """
        gains = self._gains[: lanes.stop - lanes.start]
        np.copyto(gains, self._bank.steady_gains()[lanes])
        palette, unmixed = self._palette, {voice.lane for voice in changes.retuned}
        if unmixed:
            unmixed.difference_update(self._sound.transposed_among(unmixed))
        if palette.moves_spectra:
            moving = self._moving()
            unmixed.update(v.lane for v in moving if v.played.blend_moves or self._points.opens(v, self.frame))
        if palette.has_width:
            unmixed.update(lane for lane in range(lanes.start, lanes.stop) if self._widths.is_wide(lane))
        sounding = [voice for voice in self._bank.voices[lanes] if voice.active]
        if palette.has_bandwidth:
            unmixed.update(voice.lane for voice in sounding if voice.has_bandwidth and voice.knobs.blend)
        if len(self._knobs.heard) > 1:
            unmixed.update(voice.lane for voice in sounding if voice.knobs.blend != self._knobs.blend)
        for lane in unmixed:
            if lanes.start <= lane < lanes.stop:
                gains[lane - lanes.start] = 0.0
        return gains

    def _next_change(self, transposed: list[int]) -> int:
        """The frame at which the next span begins."""
        frame = self.frame
        end = self._events.next_change(frame + LONGEST_SPAN)
        end = min(end, frame + self._sound.size - frame % self._sound.size)
        end = min(end, self._performance.next_change(frame), self._hops.next_due())
        moving = self._moving()
        if moving:
            end = min(end, frame + self._points.frames_to_extra(moving, frame))
        if transposed:
            longest = self._sound.longest_read(self._sound.heard_among(transposed))
            end = min(end, frame + longest - frame % longest)
        return end

    def _snapshot(self) -> Status:
        notes = self._performance.notes
        return Status(
            self.frame,
            self._bank.n_active,
            notes.n_notes,
            notes.n_stolen,
            self._spectra.n_decoded,
            self._sound.n_transforms,
            tuple(self._knobs.positions),
        )


def _taken(waiting: deque[T]) -> list[T]:
    if not waiting:
        return []
    taken = list(waiting)
    waiting.clear()
    return taken


def _agreed_settings(config: Config | None, n_voices: int | None, seed: int | None) -> Config:
    """`config`, or the default settings with n_voices and seed; ValueError if the arguments contradict `config`."""
    if config is None:
        defaults = Config()
        voice = defaults.voice if n_voices is None else msgspec.structs.replace(defaults.voice, n_voices=n_voices)
        return msgspec.structs.replace(defaults, voice=voice, seed=seed or 0)
    for name, given, set_to in (("n_voices", n_voices, config.voice.n_voices), ("seed", seed, config.seed)):
        if given is not None and given != set_to:
            raise ValueError(f"{name} is {given} as an argument and {set_to} in the settings; give it once")
    return config
