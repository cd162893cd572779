"""The voices: which lane plays which note, and how loud each is at every frame."""

from __future__ import annotations

import numpy as np

from runtime.config import Adsr
from runtime.engine.voices.envelope import LANDING, NEVER, SMOOTH, Ramps

# Shorter than this an attack or a release is heard as a click.
SHORTEST_RAMP_S = 0.002
STEAL_FADE_S = 0.004
GAIN_RAMP_S = 0.01


class Voice:
    """Bookkeeping of one lane: the note that it plays and where in its life it is.

    pitch: of its key, a fractional note number; model_note: which note the model is asked for; key_offset: the pitch
    less that note; bend_semitones, vibrato_semitones: what its channel adds, and by how much that sways; own_turn: how
    far the note itself turns the first knob; serial: counts the notes; blend: of the phases that it sounds with.
    """

    __slots__ = ("active", "amplitude", "bend_semitones", "blend", "channel", "glide_end", "glide_semitones",
                 "in_decay", "key_down", "key_offset", "lane", "model_note", "note", "own_turn", "pitch", "released",
                 "serial", "sostenuto", "spectrum_serial", "started_at", "vibrato_semitones")  # fmt: skip

    def __init__(self, lane: int):
        self.lane, self.active = lane, False
        self.channel = self.note = self.model_note = self.serial = self.started_at = 0
        self.amplitude = self.blend = self.pitch = self.key_offset = self.own_turn = 0.0
        self.bend_semitones = self.vibrato_semitones = self.glide_semitones = 0.0
        self.glide_end = self.spectrum_serial = -1
        self.released = self.key_down = self.sostenuto = self.in_decay = False


class VoiceBank:
    """Lanes with their envelopes and their gains to the left and to the right; knows notes, not sound.

    n_active: how many voices sound; n_lanes_used: one more than the highest lane that does, as they are taken from
    the lowest.
    """

    def __init__(self, n_voices: int, sample_rate_hz: int, adsr: Adsr, max_frames: int):
        self.voices = [Voice(lane) for lane in range(n_voices)]
        self.n_lanes_used = self.n_active = 0
        self.envelope, self.left, self.right = (Ramps(n_voices, max_frames) for _ in range(3))
        self._gains, self._ends = np.zeros(n_voices, np.float32), np.zeros(n_voices, np.int64)
        self._rests, self._all_rest, self._seen = np.zeros(n_voices, bool), False, (-1, -1, -1, -1)
        self._adsr = adsr
        self._rate_hz = sample_rate_hz
        self.steal_fade_size = self._frames(STEAL_FADE_S)

    def used(self) -> list[Voice]:
        """The voices up to the highest that sounds."""
        return self.voices[: self.n_lanes_used]

    def choose(self, limit: int) -> Voice:
        """The voice for a new note: the lowest free lane, else, also at `limit` voices, the most dispensable one."""
        if self.n_active < limit:
            return next(voice for voice in self.voices if not voice.active)
        return self.by_dispensability()[0]

    def by_dispensability(self) -> list[Voice]:
        """Sounding voices: the released first, then the oldest."""
        return sorted((v for v in self.used() if v.active), key=lambda voice: (not voice.released, voice.serial))

    def start(self, voice: Voice, frame: int, amplitude: float, gains: tuple[float, float]) -> None:
        """Begin a note's envelope; `amplitude` is its own, `gains` are its channel's."""
        self.n_active += not voice.active
        voice.active, voice.key_down = True, True
        voice.released = voice.sostenuto = voice.in_decay = False
        voice.started_at, voice.amplitude = frame, amplitude
        self.n_lanes_used = max(self.n_lanes_used, voice.lane + 1)
        self.envelope.jump(voice.lane, 0.0)
        self.envelope.move(voice.lane, frame, 1.0, self._frames(self._adsr.attack_s), LANDING)
        for ramps, gain in zip((self.left, self.right), gains, strict=True):
            ramps.jump(voice.lane, amplitude * gain)

    def release(self, voice: Voice, frame: int) -> None:
        """Let the envelope land on zero, then the lane is free."""
        if voice.active and not voice.released:
            voice.released = True
            self.envelope.move(voice.lane, frame, 0.0, self._frames(self._adsr.release_s), LANDING)

    def cut(self, voice: Voice, frame: int) -> None:
        """Silence a voice as fast as goes without a click."""
        if voice.active:
            voice.released = True
            self.envelope.move(voice.lane, frame, 0.0, self.steal_fade_size, SMOOTH)

    def take_over(self, voice: Voice, old: Voice, frame: int, fade_s: float) -> None:
        """Let a voice that just started go on where `old` stands, which fades: legato."""
        level = max(self.envelope.value(old.lane, frame), self._adsr.sustain)
        self.envelope.move(voice.lane, frame, level, self._frames(fade_s), SMOOTH)
        old.released, old.key_down = True, False
        self.envelope.move(old.lane, frame, 0.0, self._frames(fade_s), SMOOTH)

    def turn_gains(self, voice: Voice, frame: int, gains: tuple[float, float]) -> None:
        """Follow the channel's new gains without a step."""
        for ramps, gain in zip((self.left, self.right), gains, strict=True):
            ramps.move(voice.lane, frame, voice.amplitude * gain, self._frames(GAIN_RAMP_S), SMOOTH)

    def arrive(self, frame: int) -> None:
        """Let every ramp that ends at `frame` go on: attack to decay, decay to rest, release to a free lane."""
        for ramps in (self.left, self.right):
            if ramps.n_moving:
                for lane in np.flatnonzero(ramps.end[: self.n_lanes_used] <= frame):
                    ramps.settle(lane)
        if self.envelope.n_moving:
            for lane in np.flatnonzero(self.envelope.end[: self.n_lanes_used] <= frame):
                self._arrive_at_stage_end(self.voices[lane], frame)
        while self.n_lanes_used and not self.voices[self.n_lanes_used - 1].active:
            self.n_lanes_used -= 1

    def next_end(self) -> int:
        """Frame of the next arrival in any lane."""
        return min(ramps.next_end(self.n_lanes_used) for ramps in (self.envelope, self.left, self.right))

    def resting_gains(self) -> np.ndarray:
        """What each lane is mixed with while it rests, float32 (n_voices,), a view.

        0 where its envelope or a gain moves, and where it is not as loud on both sides.
        """
        self._look_who_rests()
        return self._gains

    def all_rest(self) -> bool:
        """Whether `resting_gains` is all that the mix needs to know of the lanes in use."""
        self._look_who_rests()
        return self._all_rest

    def _look_who_rests(self) -> None:
        envelope, left, right = self.envelope, self.left, self.right
        seen = envelope.n_changes, left.n_changes, right.n_changes, self.n_lanes_used
        if self._seen != seen:
            np.minimum(left.end, right.end, out=self._ends)
            np.minimum(envelope.end, self._ends, out=self._ends)
            np.equal(left.target[:, 0], right.target[:, 0], out=self._rests)
            self._rests &= self._ends == NEVER
            np.multiply(left.target[:, 0], envelope.target[:, 0], out=self._gains)
            self._gains *= self._rests
            self._seen, self._all_rest = seen, bool(self._rests[: self.n_lanes_used].all())

    def _arrive_at_stage_end(self, voice: Voice, frame: int) -> None:
        self.envelope.settle(voice.lane)
        if voice.released or (voice.in_decay and self._adsr.sustain == 0.0):
            voice.active = False
            self.n_active -= 1
        elif not voice.in_decay:
            voice.in_decay = True
            if self._adsr.sustain < 1.0:
                self.envelope.move(voice.lane, frame, self._adsr.sustain, self._frames(self._adsr.decay_s), LANDING)

    def _frames(self, duration_s: float) -> int:
        return max(2, round(max(duration_s, SHORTEST_RAMP_S) * self._rate_hz))
