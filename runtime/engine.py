"""The engine: events in, sound out. It owns no thread, clock, file or log.

Time is cut into spans in which nothing changes: they end at events, hops, ends of ramps. What a span needs is done
where it begins, and all of it is a function of absolute frames, so that the output is the same to the bit however
the caller cuts it into blocks.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Mapping

import msgspec
import numpy as np

from runtime.channels import N_CHANNELS, Channel
from runtime.config import InstrumentConfig, VoiceConfig
from runtime.decoder import MAX_BATCH, Decoder
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, Reset
from runtime.loudness import limit
from runtime.overlap_add import OverlapAddRings
from runtime.synthesis import N_NOISE_FRAMES, N_OVERLAPS, NoiseSynthesis
from runtime.timbre import Timbre
from runtime.voices import Voice, VoiceBank

# Lanes that hop together are decoded in one batch; groups hop in turn, so that no block has to carry them all.
GROUP_SIZE = 16
VELOCITY_AT_VOICE_LEVEL = 100


class Status(msgspec.Struct, frozen=True):
    """What the engine did so far; frame: absolute frames rendered; positions: the knobs, 0 to 1."""

    frame: int = 0
    n_active_voices: int = 0
    n_notes: int = 0
    n_stolen: int = 0
    n_decoded: int = 0
    n_transforms: int = 0
    positions: tuple[float, ...] = ()


class Engine:
    """A polyphonic instrument at one sample rate.

    instrument: the loaded decoder; n_voices: 1 to 64; seed: of the noise that gives the sound its phases.
    """

    def __init__(
        self,
        instrument: Decoder,
        n_voices: int = 16,
        sample_rate_hz: int | None = None,
        seed: int = 0,
        *,
        voice: VoiceConfig = VoiceConfig(),
        latent_controls: Mapping[int, int] | None = None,
        volume_db: float = 0.0,
    ):
        card = instrument.card
        self.instrument = instrument
        self.sample_rate_hz = sample_rate_hz or card.sample_rate_hz
        self.frame = 0
        if latent_controls is None:
            latent_controls = InstrumentConfig().latent_controls
        self.timbre = Timbre(card, latent_controls)
        self._synthesis = NoiseSynthesis(card.spec, self.sample_rate_hz, seed, max(GROUP_SIZE, N_OVERLAPS))
        self._hop_size = self._synthesis.hop_size
        self._bank = VoiceBank(n_voices, self.sample_rate_hz, voice.envelope, self._hop_size)
        self._rings = OverlapAddRings(n_voices, self._synthesis)
        self._channels = [Channel() for _ in range(N_CHANNELS)]
        self._velocity_exponent = voice.velocity_db_per_decade / 20.0
        self._volume = 10.0 ** (volume_db / 20.0)
        self._random = np.random.default_rng([seed, 1])
        groups = range(0, n_voices, GROUP_SIZE)
        self._group_hop_frames = {k * self._hop_size // len(groups): slice(g, min(g + GROUP_SIZE, n_voices))
                                  for k, g in enumerate(groups)}  # fmt: skip
        self._posted: deque[tuple[int | None, Event]] = deque()
        self._pending: list[tuple[int, int, Event]] = []
        self._n_events = 0
        self._starting: list[Voice] = []
        self._span_start = self._span_end = 0
        self._mix = np.zeros((2, self._hop_size + 1), np.float32)
        self._scratch = np.zeros((2, self._hop_size + 1), np.float32)
        self._enveloped, self._panned = np.zeros((2, n_voices * (self._hop_size + 1)), np.float32)
        self._tails = np.zeros((2, self._rings.size + 1), np.float32)
        self._tails_end = 0
        self._n_notes = self._n_stolen = self._n_decoded = self._n_transforms = 0
        self.status = Status(positions=tuple(self.timbre.positions.tolist()))

    def post(self, event: Event, frame: int | None = None) -> None:
        """Hand over an event from any thread; frame: absolute, in engine frames; None: where the next block begins."""
        self._posted.append((frame, event))

    def render(self, out: np.ndarray) -> None:
        """Fill float32 (n_frames, 2) with the next frames; full scale is 1."""
        self._take_posted()
        done, n_frames = 0, len(out)
        while done < n_frames:
            if self.frame >= self._span_end:
                self._begin_span()
            at = self.frame - self._span_start
            n = min(n_frames - done, self._span_end - self.frame)
            out[done : done + n] = self._mix[:, at : at + n].T
            done += n
            self.frame += n
        self.status = self._snapshot()

    # Events

    def _take_posted(self) -> None:
        while self._posted:
            frame, event = self._posted.popleft()
            frame = self.frame if frame is None else max(frame, self.frame)
            insort(self._pending, (frame, self._n_events, event))
            self._n_events += 1
            if frame < self._span_end and not self._waits_for_hop(event):
                self._span_end = frame

    def _waits_for_hop(self, event: Event) -> bool:
        """Whether an event is heard in a lane's next spectrum only, so that no span needs to end for it."""
        if isinstance(event, ControlChange):
            return event.control in self.timbre.latent_of_control
        return isinstance(event, KnobTurn)

    def _apply(self, event: Event) -> None:
        if isinstance(event, NoteOn):
            self._note_on(event)
        elif isinstance(event, NoteOff):
            self._note_off(event.channel, event.note)
        elif isinstance(event, ControlChange):
            self._control_change(event)
        elif isinstance(event, KnobTurn):
            self.timbre.turn(event.latent, event.position)
        elif isinstance(event, Reset):
            self._channels = [Channel() for _ in range(N_CHANNELS)]
            for channel in range(N_CHANNELS):
                self._turn_gains(channel)
                self._release_all(channel)

    def _note_on(self, event: NoteOn) -> None:
        for voice in self._playing(event.channel):
            if voice.note == event.note and voice.pedal_held:
                self._bank.release(voice, self.frame)
        voice = self._bank.choose()
        if voice.active:
            self._n_stolen += 1
            self._keep_tail(voice)
        amplitude = self._volume * (event.velocity / VELOCITY_AT_VOICE_LEVEL) ** self._velocity_exponent
        voice.channel, voice.note, voice.serial = event.channel, event.note, self._n_notes
        voice.noise_frame = int(self._random.integers(N_NOISE_FRAMES))
        voice.spectrum_serial = -1
        self._bank.start(voice, self.frame, amplitude, self._channels[event.channel].gains())
        self._n_notes += 1
        if voice not in self._starting:
            self._starting.append(voice)

    def _note_off(self, channel: int, note: int) -> None:
        for voice in self._playing(channel):
            if voice.note == note:
                if self._channels[channel].sustain:
                    voice.pedal_held = True
                else:
                    self._bank.release(voice, self.frame)

    def _control_change(self, event: ControlChange) -> None:
        channel, value = self._channels[event.channel], event.value
        latent = self.timbre.latent_of_control.get(event.control)
        if latent is not None:
            self.timbre.turn(latent, value / 127.0)
        elif event.control in (7, 10, 11):
            setattr(channel, {7: "volume", 10: "pan", 11: "expression"}[event.control], value)
            self._turn_gains(event.channel)
        elif event.control == 64:
            channel.sustain = value >= 64
            self._release_pedal_held(event.channel)
        elif event.control == 120:
            for voice in self._bank.voices:
                if voice.channel == event.channel:
                    self._bank.cut(voice, self.frame)
        elif event.control == 121:
            channel.reset_controllers()
            self._turn_gains(event.channel)
            self._release_pedal_held(event.channel)
        elif event.control >= 123:
            self._release_all(event.channel)

    def _playing(self, channel: int) -> list[Voice]:
        """Voices of a channel whose key or pedal still holds them."""
        return [v for v in self._bank.voices if v.active and not v.released and v.channel == channel]

    def _release_all(self, channel: int) -> None:
        for voice in self._playing(channel):
            self._note_off(channel, voice.note)

    def _release_pedal_held(self, channel: int) -> None:
        if not self._channels[channel].sustain:
            for voice in self._playing(channel):
                if voice.pedal_held:
                    self._bank.release(voice, self.frame)

    def _turn_gains(self, channel: int) -> None:
        gains = self._channels[channel].gains()
        for voice in self._bank.voices:
            if voice.active and voice.channel == channel:
                self._bank.turn_gains(voice, self.frame, gains)

    def _keep_tail(self, voice: Voice) -> None:
        """Move what a stolen voice still sounds into the tails, fading, so that its lane is free at once."""
        lane, n = voice.lane, self._bank.steal_fade_size
        bank = self._bank
        fade = np.cos(np.linspace(0.0, np.pi / 2.0, n, dtype=np.float32)) ** 2 * np.float32(
            bank.envelope.value(lane, self.frame)
        )
        sound = self._rings.copy(lane, self.frame, n) * fade
        places = np.arange(self.frame, self.frame + n) % self._rings.size
        self._tails[0, places] += sound * np.float32(bank.left.value(lane, self.frame))
        self._tails[1, places] += sound * np.float32(bank.right.value(lane, self.frame))
        self._tails_end = self.frame + n

    # Spans

    def _begin_span(self) -> None:
        """Do all that happens at this frame, and mix what follows up to the next frame at which something happens."""
        self._clear_played_tails()
        while self._pending and self._pending[0][0] <= self.frame:
            self._apply(self._pending.pop(0)[2])
        self._bank.arrive(self.frame)
        group = self._group_hop_frames.get(self.frame % self._hop_size)
        hopping = self._hopping(group)
        self._decode([v for v in self._starting + hopping if v.active and v.spectrum_serial != self.timbre.serial])
        for voice in self._starting:
            self._open(voice)
        self._starting.clear()
        if hopping:
            self._hop(group, hopping[-1].lane + 1)
        self._span_start = self.frame
        self._span_end = self._next_change()
        self._mix_span(self._span_end - self.frame)

    def _hopping(self, group: slice | None) -> list[Voice]:
        """The sounding voices of a group, less those that open now."""
        if group is None:
            return []
        return [v for v in self._bank.voices[group] if v.active and v.started_at < self.frame]

    def _decode(self, voices: list[Voice]) -> None:
        for first in range(0, len(voices), MAX_BATCH):
            batch = voices[first : first + MAX_BATCH]
            for row, voice in enumerate(batch):
                self.timbre.fill_row(self.instrument.inputs[row], voice.note)
            frames = self.instrument.decode(len(batch))
            for frame, voice in zip(frames, batch, strict=True):
                np.multiply(frame, np.float32(self._synthesis.level(frame)), out=self._rings.magnitudes[voice.lane])
                voice.spectrum_serial = self.timbre.serial
        self._n_decoded += len(voices)

    def _open(self, voice: Voice) -> None:
        hop_frame = self._hop_frame_of(voice)
        frames_to_hop = (hop_frame - self.frame - 1) % self._hop_size + 1
        self._rings.open(voice.lane, self.frame, frames_to_hop, voice.noise_frame)
        self._n_transforms += N_OVERLAPS

    def _hop_frame_of(self, voice: Voice) -> int:
        return next(f for f, group in self._group_hop_frames.items() if group.start <= voice.lane < group.stop)

    def _hop(self, group: slice, stop: int) -> None:
        """Give a group's lanes their next grain; a lane that opens at this very frame has its own already."""
        lanes = slice(group.start, stop)
        opened = [v for v in self._bank.voices[lanes] if v.started_at == self.frame and v.active]
        runs = _runs_without(lanes, [v.lane for v in opened])
        for run in runs:
            voices = self._bank.voices[run]
            for voice in voices:
                voice.noise_frame = (voice.noise_frame + 1) % N_NOISE_FRAMES
            self._rings.hop(run, self.frame, [voice.noise_frame for voice in voices])
            self._n_transforms += len(voices)

    def _next_change(self) -> int:
        """The frame at which the next span begins."""
        to_hop = min((at - self.frame - 1) % self._hop_size + 1 for at in self._group_hop_frames)
        to_ring_end = self._rings.size - self.frame % self._rings.size
        event_frame = next((f for f, _, event in self._pending if not self._waits_for_hop(event)), self.frame + to_hop)
        return min(self.frame + to_hop, self.frame + to_ring_end, event_frame, self._bank.next_end())

    def _mix_span(self, n_frames: int) -> None:
        # Never one frame alone: a sum over a column runs in another order than a sum over rows.
        n = max(2, n_frames)
        lanes, mix = self._bank.n_lanes_used, self._mix[:, :n]
        tails = self._tails[:, self.frame % self._rings.size :][:, :n]
        enveloped, panned = (a[: lanes * n].reshape(lanes, n) for a in (self._enveloped, self._panned))
        sound = self._rings.read(lanes, self.frame, n)
        np.multiply(sound, self._bank.envelope.values(lanes, self.frame, n), out=enveloped)
        for side, ramps in enumerate((self._bank.left, self._bank.right)):
            np.multiply(enveloped, ramps.values(lanes, self.frame, n), out=panned)
            np.add.reduce(panned, axis=0, out=mix[side])
        if self.frame < self._tails_end:
            mix += tails
        limit(mix, self._scratch[:, :n])

    def _clear_played_tails(self) -> None:
        if self._span_start < self._tails_end:
            at = self._span_start % self._rings.size
            self._tails[:, at : at + self.frame - self._span_start] = 0.0

    def _snapshot(self) -> Status:
        return Status(self.frame, self._bank.n_active, self._n_notes, self._n_stolen, self._n_decoded,
                      self._n_transforms, tuple(self.timbre.positions.tolist()))  # fmt: skip


def _runs_without(lanes: slice, without: list[int]) -> list[slice]:
    """The runs of lanes that remain when some are left out."""
    edges = [lanes.start - 1, *sorted(without), lanes.stop]
    return [slice(a + 1, b) for a, b in zip(edges, edges[1:], strict=False) if b > a + 1]
