"""The voices, each with its note, its envelope and its gains."""

from __future__ import annotations

import numpy as np

from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.voices.envelope import NEVER, SMOOTH, Ramps
from runtime.engine.voices.modulation.notes_table import NotesTable
from runtime.engine.voices.pitch.modulated import ModulatedPitch
from runtime.engine.voices.played_sound import PlayedSound

# The shortest attack, decay or release: a shorter one would be heard as a click.
SHORTEST_RAMP_S = 0.002
# Length of the fade-out of a stolen or cut voice. It must not exceed `LaneSound.fade_frames`, because a lane's sound is
# made only this far past its next hop.
CUT_FADE_S = 0.004
# A decay or release gets a smooth curve if its own curve ends steeper than a straight line that falls as far in this
# time. Without the smooth curve, the bend at the end would be heard as a click in a voice far louder than full scale.
_STEEPEST_END_S = 0.01
GAIN_RAMP_S = 0.01  # how long a gain moves after a change of volume, expression or pan


class Voice:
    """One voice: the note that its lane plays, and the state of that note.

    Attributes:
    pitch: the key's pitch, a fractional note number.
    key_offset: pitch minus model_note, in semitones.
    bend_semitones: shift by the channel's wheel and tuning.
    slide: what MPE slide adds to the position of the first latent, about -0.5 to 0.5.
    glide_semitones: how far above the key's pitch a glide starts.
    glide_end: frame at which the glide ends, or -1.
    order: how many notes began before this one.
    blend: blend of phases.
    spectrum_version: version of the knobs for which the spectrum was made; -1 if the spectrum must be made anew.
    must_hold: whether the envelope's hold stage is still to come.
    played: the voice's sound.
    knobs: positions of that sound's targets.
    led_to: the values from which the spectrum at the end of the newest ramp was made; None before a note's first ramp.
    is_cut: whether `VoiceBank.cut` silenced the voice.
    modulated_pitch: while modulation moves the pitch, the voice's frequency divided by its model note's frequency.
    width: the stereo width of the newest spectrum.
    """

    __slots__ = ("active", "amplitude", "bend_semitones", "blend", "channel", "glide_end", "glide_semitones",
                 "in_decay", "is_cut", "key_down", "key_offset", "knobs", "lane", "led_to", "model_note",
                 "modulated_pitch", "must_hold", "note", "order", "pitch", "played", "released", "slide", "sostenuto",
                 "spectrum_version", "started_at", "velocity", "vibrato_radians_per_frame",
                 "vibrato_semitones", "width")  # fmt: skip

    played: PlayedSound
    knobs: SoundKnobs

    def __init__(self, lane: int):
        self.lane, self.active = lane, False
        self.channel = self.note = self.velocity = self.model_note = self.order = self.started_at = 0
        self.amplitude = self.blend = self.pitch = self.key_offset = self.slide = 0.0
        self.vibrato_radians_per_frame = 0.0
        self.bend_semitones = self.vibrato_semitones = self.glide_semitones = self.width = 0.0
        self.glide_end = self.spectrum_version = -1
        self.modulated_pitch: ModulatedPitch | None = None
        self.led_to: tuple[int, float, bytes] | None = None
        self.released = self.key_down = self.sostenuto = self.in_decay = self.must_hold = self.is_cut = False

    @property
    def has_bandwidth(self) -> bool:
        return self.played.has_bandwidth or self.knobs.has_bandwidth


class VoiceBank:
    """All voices, one for each lane, with their envelopes, left gains and right gains.

    max_frames: as in `Ramps`.
    seed: seed of the random values in `table`.

    Attributes:
    n_active: number of sounding voices.
    n_lanes_used: one more than the highest lane that sounds.
    n_turnovers: how many times a voice has begun or ended.
    table: the notes' data for modulation.
    """

    def __init__(self, n_voices: int, sample_rate_hz: int, max_frames: int, seed: int):
        self.voices = [Voice(lane) for lane in range(n_voices)]
        self.n_lanes_used = self.n_active = self.n_turnovers = 0
        self.envelope, self.left, self.right = (Ramps(n_voices, max_frames) for _ in range(3))
        self._gains, self._ends = np.zeros(n_voices, np.float32), np.zeros(n_voices, np.int64)
        self._is_steady, self._all_steady, self._seen = np.zeros(n_voices, bool), False, (-1, -1, -1, -1)
        self._is_modulated = np.zeros(n_voices, bool)
        self.table = NotesTable(n_voices, seed)
        self._rate_hz = sample_rate_hz
        self.cut_fade_frames = self._frames(CUT_FADE_S)

    @property
    def n_changes(self) -> int:
        """Grows with every change of an envelope or a gain."""
        return self.envelope.n_changes + self.left.n_changes + self.right.n_changes

    def used(self) -> list[Voice]:
        """The voices of all lanes from lane 0 to the highest lane that sounds."""
        return self.voices[: self.n_lanes_used]

    def choose(self, limit: int) -> Voice:
        """The voice for a new note.

        It is the voice of the lowest free lane, or the most dispensable voice if `limit` voices sound.
        """
        if self.n_active < limit:
            return next(voice for voice in self.voices if not voice.active)
        return self.by_dispensability()[0]

    def by_dispensability(self) -> list[Voice]:
        """The sounding voices, most dispensable first: cut, then released, then held; in each kind, the older first."""
        sounding = (voice for voice in self.used() if voice.active)
        return sorted(sounding, key=lambda voice: (not voice.is_cut, not voice.released, voice.order))

    def start(self, voice: Voice, frame: int, amplitude: float, gains: tuple[float, float]) -> None:
        """Begin a voice.

        amplitude: the note's own gain; it depends on the note's velocity.
        gains: the left gain and the right gain of the note's channel.
        """
        self.n_active += not voice.active
        self.n_turnovers += 1
        self._is_modulated[voice.lane] = voice.played.gains_move
        voice.active, voice.key_down = True, True
        voice.released = voice.sostenuto = voice.in_decay = voice.is_cut = False
        voice.must_hold = self._hold_frames(voice) > 0
        voice.started_at, voice.amplitude = frame, amplitude
        self.n_lanes_used = max(self.n_lanes_used, voice.lane + 1)
        self.envelope.jump(voice.lane, 0.0)
        attack_s = voice.knobs.envelope.attack_s
        self.envelope.move(voice.lane, frame, 1.0, self._frames(attack_s), voice.played.curve)
        for ramps, gain in zip((self.left, self.right), gains, strict=True):
            ramps.jump(voice.lane, amplitude * gain)

    def release(self, voice: Voice, frame: int) -> None:
        """Begin a voice's release; at its end the lane is free."""
        if voice.active and not voice.released:
            voice.released = True
            self._let_go(voice, frame)
            self._fall(voice, frame, 0.0, voice.knobs.envelope.release_s)

    def cut(self, voice: Voice, frame: int) -> None:
        """Silence a voice as fast as possible without a click."""
        if voice.active:
            voice.released = voice.is_cut = True
            self._let_go(voice, frame)
            self.envelope.move(voice.lane, frame, 0.0, self.cut_fade_frames, SMOOTH)

    def _let_go(self, voice: Voice, frame: int) -> None:
        self.table.release(voice.lane, frame)
        if voice.played.trajectories is not None:
            voice.played.trajectories.release(voice.lane, frame)

    def take_over(self, voice: Voice, old: Voice, frame: int, fade_s: float) -> None:
        """Legato: let the new `voice` continue the envelope of `old`, and let `old` fade out in fade_s."""
        level = max(self.envelope.value(old.lane, frame), voice.knobs.envelope.sustain)
        self.table.continue_from(voice.lane, old.lane)
        trajectories = voice.played.trajectories
        if trajectories is not None and old.played is voice.played:
            trajectories.take_over(voice.lane, old.lane, voice.note, voice.velocity)
        self.envelope.move(voice.lane, frame, level, self._frames(fade_s), SMOOTH)
        voice.must_hold, old.released, old.key_down = False, True, False
        self.envelope.move(old.lane, frame, 0.0, self._frames(fade_s), SMOOTH)

    def ramp_gains(self, voice: Voice, frame: int, gains: tuple[float, float]) -> None:
        for ramps, gain in zip((self.left, self.right), gains, strict=True):
            ramps.move(voice.lane, frame, voice.amplitude * gain, self._frames(GAIN_RAMP_S), SMOOTH)

    def levels(self, voice: Voice, frame: int) -> tuple[float, float, float]:
        """Returns the envelope, left gain and right gain."""
        return tuple(ramps.value(voice.lane, frame) for ramps in (self.envelope, self.left, self.right))

    def arrive(self, frame: int) -> None:
        """End the ramps that are over at `frame`.

        After an envelope's ramp, the envelope's next stage begins; after the last stage, the voice's lane is free.
        """
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
        return min(ramps.next_end(self.n_lanes_used) for ramps in (self.envelope, self.left, self.right))

    def steady_gains(self) -> np.ndarray:
        """The gain of each steady lane, and 0 for each other lane: a view, float32 (n_voices,).

        A lane is steady if its envelope and gains do not move, its left and right gain are equal, and nothing modulates
        its level or pan.
        """
        self._find_steady()
        return self._gains

    def all_steady(self) -> bool:
        self._find_steady()
        return self._all_steady

    def _find_steady(self) -> None:
        envelope, left, right = self.envelope, self.left, self.right
        seen = envelope.n_changes, left.n_changes, right.n_changes, self.n_lanes_used
        if self._seen != seen:
            np.minimum(left.end, right.end, out=self._ends)
            np.minimum(envelope.end, self._ends, out=self._ends)
            np.equal(left.target[:, 0], right.target[:, 0], out=self._is_steady)
            self._is_steady &= self._ends == NEVER
            self._is_steady &= ~self._is_modulated
            np.multiply(left.target[:, 0], envelope.target[:, 0], out=self._gains)
            self._gains *= self._is_steady
            self._seen, self._all_steady = seen, bool(self._is_steady[: self.n_lanes_used].all())

    def _arrive_at_stage_end(self, voice: Voice, frame: int) -> None:
        self.envelope.settle(voice.lane)
        adsr = voice.knobs.envelope
        if voice.released or (voice.in_decay and adsr.sustain == 0.0):
            voice.active = False
            self.n_active -= 1
            self.n_turnovers += 1
        elif voice.must_hold:
            voice.must_hold = False
            self.envelope.move(voice.lane, frame, 1.0, self._hold_frames(voice), SMOOTH)
        elif not voice.in_decay:
            voice.in_decay = True
            if adsr.sustain < 1.0:
                self._fall(voice, frame, adsr.sustain, adsr.decay_s)

    def _fall(self, voice: Voice, frame: int, level: float, duration_s: float) -> None:
        n_frames, (c1, c2, c3) = self._frames(duration_s), voice.played.curve
        is_steep = (c1 + 2.0 * c2 + 3.0 * c3) * _STEEPEST_END_S * self._rate_hz > n_frames
        self.envelope.move(voice.lane, frame, level, n_frames, SMOOTH if is_steep else voice.played.curve)

    def _hold_frames(self, voice: Voice) -> int:
        """The length of a voice's hold stage, in frames; 0 at full sustain, because no decay follows."""
        envelope = voice.knobs.envelope
        return round(envelope.hold_s * self._rate_hz) if envelope.sustain < 1.0 else 0

    def _frames(self, duration_s: float) -> int:
        return max(2, round(max(duration_s, SHORTEST_RAMP_S) * self._rate_hz))
