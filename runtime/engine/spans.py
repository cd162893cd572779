"""Decides at which frames the sound changes, and mixes the sound between them."""

from __future__ import annotations

from runtime.engine.event_queue import EventQueue
from runtime.engine.mixer import LONGEST_SPAN, Mixer
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.engine.sounding.voice_sound import VoiceSound
from runtime.engine.synthesis.wide_sound import WideSound
from runtime.engine.voices.bank import Voice
from runtime.engine.voices.changes import Changes
from runtime.engine.voices.performance import Performance

# A wheel counts as turning until this many frames after its latest event.
_WHEEL_FRAMES = 1024


class Spans:
    """Mixes the sound of one span after another into `Mixer.stereo`.

    A span is mixed in parts. A part ends where its span ends, at an event that changes only pitches, or where a read of
    transposed lanes must end (`longest_read`). Usually the whole part is mixed at once, when its first frame is due.
    While a wheel turns, a part is mixed piece by piece, because the next event soon ends the part.

    begin: the frame of the mixer's first sample.
    end: blocks may copy the mixer's samples up to this frame.
    first_hop: the first hop or reading after the frame of the latest `go_on`.
    has_worked: whether the present block has made a hop, read knobs or begun a voice. `Engine.render` sets it to False
        when a block begins.
    may_foresee: whether `Engine.render` may call `VoiceSound.foresee` at the end of a block. It does so only if
        `has_worked` is still False.
    """

    def __init__(
        self,
        events: EventQueue,
        performance: Performance,
        voice_sound: VoiceSound,
        sound: WideSound,
        hops: HopGroups,
        mixer: Mixer,
        frame: int,
    ):
        self._events, self._performance, self._bank = events, performance, performance.bank
        self._voice_sound, self._sound, self._hops, self._mixer = voice_sound, sound, hops, mixer
        self.may_foresee = self.has_worked = False
        self._transposed: list[int] = []
        self._heard: list[int] = []
        self._n_gain_changes = -1  # `VoiceBank.n_changes` when the span began
        self._retuned_at = -_WHEEL_FRAMES  # the frame of the newest event that changed pitches
        self.start_at(frame)

    def start_at(self, frame: int) -> None:
        self.begin = self.end = self.first_hop = frame
        self._change = self._part_begin = self._part_end = self._mixed_to = self._reading_at = frame

    def go_on(self, frame: int, block_end: int) -> bool:
        """Do what is due at `frame`, and mix the sound that begins there.

        frame: must equal the attribute `end`.
        block_end: the end of the present block.

        Returns whether a span begins or events were applied.
        """
        is_change, n_events = frame == self._change, self._performance.n_events
        changes = self._take_events(frame) if is_change or self._is_event_due(frame) else None
        # Whether something is due at `frame` whatever the block size. If not, `frame` is only the end of the mixed
        # sound. This end may depend on the block size.
        is_fixed = changes is not None or frame in (self._part_end, self._reading_at)
        begins = is_change or not self._stays(changes) or self._voice_sound.is_due(frame, is_fixed)
        if begins:
            self._begin_span(frame, changes or self._take_events(frame))
        else:
            self._stay(frame, changes, n_events)
            ends = self._voice_sound.next_change(frame) if is_fixed else self._hops.next_due()
            self._change = min(self._change, ends)
            self._part_end, self._mixed_to = min(self._part_end, self._change), min(self._mixed_to, self._change)
        if begins or changes is not None or frame == self._part_end:
            if changes is not None and changes.retuned:
                self._retuned_at = frame
            self._begin_part(frame, begins)
        if frame >= self._mixed_to:
            self._mix(frame, block_end)
        self._reading_at = self._voice_sound.next_reading(frame)
        self.end = self._events.next_change(min(self._mixed_to, self._reading_at))
        return begins or changes is not None

    def _is_event_due(self, frame: int) -> bool:
        """Whether events are applied at `frame`.

        Some events may wait for a hop. They are applied earlier only at a frame that is the same for all block sizes.
        """
        if not self._events.is_due(frame):
            return False
        return frame in (self._part_end, self._reading_at) or self._events.next_change(frame + 1) <= frame

    def _take_events(self, frame: int) -> Changes:
        """Apply the events of `frame`, and the changes that are due at `frame` without an event."""
        while (due := self._events.take(frame)) is not None:
            self._performance.apply(*due)
        self._performance.advance(frame)
        return self._performance.take_changes()

    def _stays(self, changes: Changes | None) -> bool:
        """Whether the span goes on. It does if nothing has changed, or only pitches of transposed lanes."""
        if changes is None:
            return True
        if changes.opening or changes.stolen or changes.touched or self._bank.n_changes != self._n_gain_changes:
            return False
        if len(self._transposed) == self._bank.n_active:
            return True
        return all(voice.lane in self._transposed for voice in changes.retuned)

    def _stay(self, frame: int, changes: Changes | None, n_events: int) -> None:
        """Go on with the present span.

        changes: the changes that the events at `frame` have made; None if there are no events.
        n_events: `Performance.n_events` before these events.
        """
        if changes is not None:
            sources_changed = n_events != self._performance.n_events
            self._voice_sound.follow_events(frame, sources_changed)
            self.may_foresee = self._voice_sound.can_foresee
            if changes.retuned:
                self._retune(_by_lane(changes.retuned), frame)
            if sources_changed:
                self._change = self._next_change(frame)
        self.has_worked |= self._voice_sound.read(frame, self._performance.n_events)
        self.first_hop = self._hops.earliest_hop(frame + 1)

    def _retune(self, voices: dict[int, Voice], frame: int) -> None:
        if voices:
            ratios = self._performance.pitches.ratios(list(voices.values()), frame)
            self._sound.set_ratios(list(voices), frame, ratios)

    def _begin_span(self, frame: int, changes: Changes) -> None:
        sound, pitches, voice_sound = self._sound, self._performance.pitches, self._voice_sound
        if changes.stolen:
            self._clear_played(frame)
        voice_sound.end_silent(frame)
        for stolen in changes.stolen:
            self._mixer.keep_tail(stolen, frame)
        retuned = _by_lane(changes.retuned)
        ratios = pitches.ratios(list(retuned.values()), frame) if retuned else []
        transposing = [lane for lane, ratio in zip(retuned, ratios, strict=True) if ratio.fixed != 1.0]
        self.has_worked |= voice_sound.follow(changes, frame, self._performance.n_events, transposing)
        self.may_foresee = voice_sound.can_foresee
        if retuned:
            sound.set_ratios(list(retuned), frame, ratios)
        self._n_gain_changes = self._bank.n_changes
        self._transposed = sound.transposed_among(range(self._bank.n_lanes_used))
        self._heard = sound.heard_among(self._transposed) if self._transposed else []
        self.first_hop = self._hops.earliest_hop(frame + 1)
        self._change = self._next_change(frame)

    def _next_change(self, frame: int) -> int:
        end = frame + min(LONGEST_SPAN, self._sound.size - frame % self._sound.size)
        return min(end, self._performance.next_change(frame), self._voice_sound.next_change(frame))

    def _begin_part(self, frame: int, begins_span: bool) -> None:
        self._part_begin, self._part_end = frame, self._change
        if self._transposed:
            longest = self._sound.longest_read(self._heard)
            self._part_end = min(self._change, frame + longest - frame % longest)
        if begins_span or not self._mixer.is_mono:  # in a mono span, only the first part needs this
            self._mixer.begin_part(frame, self._part_end - frame, self._transposed, self._heard)
        self._mixed_to = frame

    def _mix(self, frame: int, block_end: int) -> None:
        """Mix the rest of the part, or only a piece of it if a wheel may be turning.

        A piece is as long as all earlier pieces of the part together, or longer, to reach the end of the block.
        """
        end = self._part_end
        if self._transposed and self._part_begin - self._retuned_at < _WHEEL_FRAMES:
            end = min(end, max(block_end, 2 * frame - self._part_begin))
        self._clear_played(frame)
        self._mixer.mix(frame, end - frame)
        self.begin, self._mixed_to = frame, end

    def _clear_played(self, frame: int) -> None:
        self._mixer.clear_played_tails(self.begin, frame)
        self.begin = frame


def _by_lane(voices: list[Voice]) -> dict[int, Voice]:
    return {voice.lane: voice for voice in voices if voice.active}
