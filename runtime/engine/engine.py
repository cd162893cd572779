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

from runtime.config import InstrumentConfig, MidiConfig, TuningConfig, VoiceConfig
from runtime.control.knobs import Timbre
from runtime.engine.hop_groups import NEVER, HopGroup, HopGroups
from runtime.engine.mixer import LONGEST_SPAN, Mixer
from runtime.engine.narrow_buffers import narrow_buffers
from runtime.engine.spectra import Spectra
from runtime.engine.synthesis.coherent import CoherentPhases
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.engine.synthesis.lane_sound import VoiceRings
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.performance import Performance
from runtime.engine.voices.pitches import SWAY_FRAMES, VoicePitches
from runtime.engine.voices.tuning import key_pitches
from runtime.events import ControlChange, Event, KnobTurn, PhaseBlend
from runtime.instrument.decoder import Decoder

MPE_TIMBRE_CONTROL = 74


class Status(msgspec.Struct, frozen=True, gc=False):
    """What the engine did so far, as of `frame`, where the present span began; positions: the knobs, 0 to 1."""

    frame: int = 0
    n_active_voices: int = 0
    n_notes: int = 0
    n_stolen: int = 0
    n_decoded: int = 0
    n_transforms: int = 0
    positions: tuple[float, ...] = ()


class Engine:
    """A polyphonic instrument at one sample rate.

    instrument: the loaded decoder; n_voices: 1 to 64, else the number in `voice`, and ValueError where the two differ;
    seed: of the noise that gives the sound its phases.
    """

    def __init__(
        self,
        instrument: Decoder,
        n_voices: int | None = None,
        sample_rate_hz: int | None = None,
        seed: int = 0,
        *,
        voice: VoiceConfig | None = None,
        tuning: TuningConfig = TuningConfig(),
        midi: MidiConfig = MidiConfig(),
        latent_controls: Mapping[int, int] | None = None,
        phase_control: int | None = None,
        phase_blend: float = 0.0,
        volume_db: float = 0.0,
    ):
        card = instrument.card
        self.instrument = instrument
        self.sample_rate_hz = sample_rate_hz or card.sample_rate_hz
        self.frame = 0
        if latent_controls is None:
            latent_controls = InstrumentConfig().latent_controls
        voice = _with_voices(voice, n_voices)
        # In mono, too, one voice fades while the next takes over.
        n_lanes = max(voice.n_voices, 1 if voice.mode == "poly" else 2)
        self.timbre = Timbre(card, latent_controls, n_lanes, phase_control, phase_blend)
        self._synthesis = HopSynthesis(card.spec, self.sample_rate_hz, seed)
        self._hop_size = self._synthesis.hop_size
        self._bank = VoiceBank(n_lanes, self.sample_rate_hz, voice.envelope, LONGEST_SPAN + 1)
        self._hops = HopGroups(n_lanes, self._hop_size)
        hop_offsets = [group.offset for group in self._hops.of_lane]
        phases = CoherentPhases(
            n_lanes, self._synthesis.n_bins, self._synthesis.fft_size, self._hop_size, card.spec.bin_hz, seed
        )
        self._rings = VoiceRings(hop_offsets, self._synthesis, phases, self.sample_rate_hz)
        self._spectra = Spectra(instrument, self.timbre, self._rings)
        self._mixer = Mixer(self._bank, self._rings)
        self._stereo = self._mixer.stereo
        channels = Channels(midi.mpe_lower_members, midi.mpe_upper_members)
        self._pitches = VoicePitches(self._bank, channels, voice, self.sample_rate_hz)
        self._performance = Performance(
            self._bank,
            self.timbre,
            channels,
            self._pitches,
            voice,
            key_pitches(tuning),
            self.sample_rate_hz,
            10.0 ** (volume_db / 20.0),
            self._mixer.keep_tail,
        )
        self._posted: deque[tuple[int | None, Event]] = deque()
        self._turned: dict[int, float] = {}  # knobs, since the last hop
        self._pending: list[tuple[int, int, Event]] = []
        self._urgent = False  # something was posted that does not wait for a hop
        self._n_events = 0
        self._span_start = self._span_end = self._first_hop = 0
        self._gains = np.zeros(n_lanes, np.float32)
        self._narrow_buffers = narrow_buffers()
        self.status = Status(positions=tuple(self.timbre.positions))

    def post(self, event: Event, frame: int | None = None) -> None:
        """Hand over an event from any thread; frame: absolute, in engine frames; None: where the next block begins."""
        if frame is None and type(event) is KnobTurn and not self._posted:
            self._turned[event.latent] = event.position  # of a knob in motion only the last place before a hop is heard
            return
        self._posted.append((frame, event))
        if not self._waits_for_hop(event):
            self._urgent = True

    def render(self, out: np.ndarray) -> None:
        """Fill float32 (n_frames, 2) with the next frames; full scale is 1."""
        done, n_frames = 0, len(out)
        at, end = self.frame - self._span_start, self.frame + n_frames
        if (self._turned or self._posted) and (end > self._first_hop or end > self._span_end or self._urgent):
            self._take_posted()  # what waits for a hop may lie there until then
        if end <= self._span_end:  # most blocks only copy what is mixed already
            out[:] = self._stereo[at : at + n_frames]
            self.frame = end
            return
        while done < n_frames:
            if self.frame >= self._span_end:
                self._narrow_buffers.run(self._begin_span)
            at = self.frame - self._span_start
            n = min(n_frames - done, self._span_end - self.frame)
            out[done : done + n] = self._stereo[at : at + n]
            done += n
            self.frame += n

    # Events

    def _take_posted(self) -> None:
        self._urgent = False
        posted, pending, now = self._posted, self._pending, self.frame
        if self._turned:
            self._turn_knobs()
        while posted:
            frame, event = posted.popleft()
            if frame is None or frame < now:
                frame = now
            entry = (frame, self._n_events, event)
            self._n_events += 1
            if pending and entry < pending[-1]:
                insort(pending, entry)
            else:
                pending.append(entry)
            if frame < self._span_end:
                if not self._waits_for_hop(event):
                    self._span_end = frame
                elif self._span_end > self._first_hop:
                    self._span_end = min(self._span_end, self._hops.next_hop(frame))

    def _turn_knobs(self) -> None:
        while self._turned:  # never another dictionary: whoever posts may just be writing to this one
            latent, position = self._turned.popitem()
            self.timbre.turn(latent, position)
        if self._span_end > self._first_hop:
            self._span_end = min(self._span_end, self._hops.next_hop(self.frame))

    def _waits_for_hop(self, event: Event) -> bool:
        """Whether an event is heard in a lane's next spectrum only, so that no span needs to end for it."""
        if isinstance(event, ControlChange):
            return event.control in self.timbre.controls and event.control != MPE_TIMBRE_CONTROL
        return isinstance(event, (KnobTurn, PhaseBlend))

    # Spans

    def _begin_span(self) -> None:
        """Do all that happens at this frame, and mix what follows up to the next frame at which something happens."""
        frame, performance = self.frame, self._performance
        self._mixer.clear_played_tails(self._span_start, frame)
        while self._pending and self._pending[0][0] <= frame:
            event_frame, _, event = self._pending.pop(0)
            performance.apply(event, event_frame if self._waits_for_hop(event) else frame)
        performance.sense(frame)
        self._bank.arrive(frame)
        if frame % SWAY_FRAMES == 0:
            performance.retuned += self._pitches.swaying(frame)
        opening = [voice for voice in performance.opening if voice.active]
        serial, blend = self.timbre.serial, self.timbre.blend
        leaving = self._leaving()
        touched = [voice.lane for voice in performance.touched] + leaving
        due = [(group, self._hopping(group)) for group in self._hops.due_at(frame, (serial, blend), touched)]
        if leaving:
            self._rings.unmix([lane for lane in leaving if self._hops.of_lane[lane].due > frame], frame)
        stale = [v for _, hopping in due for v in hopping if v.spectrum_serial != serial or v.blend != blend]
        if stale or opening:
            if self._rings.transposer.n_active:
                self._rings.before_turn([voice.lane for voice in stale], frame)
            wanting = [voice for voice in stale + opening if voice.spectrum_serial != serial]
            if opening:
                wanting.sort(key=lambda voice: voice.lane)
            if wanting:
                self._spectra.give(wanting, bool(opening))
        if opening:
            self._open(opening)
        for group, hopping in due:
            self._hop(group, hopping)
        retuned = {voice.lane: voice for voice in performance.retuned if voice.active}
        if retuned:
            ratios = [self._pitches.ratio(voice, frame) for voice in retuned.values()]
            self._rings.set_ratios(retuned.keys(), frame, ratios)
        performance.opening.clear()
        performance.retuned.clear()
        performance.touched.clear()
        transposed = self._transposed()
        self._first_hop = self._hops.earliest_hop(frame + 1)
        self._span_start, self._span_end = frame, self._next_change(transposed)
        self._mixer.mix(frame, self._span_end - frame, transposed)
        self.status = self._snapshot()

    def _leaving(self) -> list[int]:
        """The lanes that no longer sound as the submixes that they are part of take for granted."""
        lanes = self._rings.mixed([voice.lane for voice in self._performance.retuned])
        if not self._bank.all_rest():
            gains = self._bank.resting_gains()
            lanes += [lane for lane in self._rings.mixed(range(self._bank.n_lanes_used)) if not gains[lane]]
        return lanes

    def _hopping(self, group: HopGroup) -> list[Voice]:
        """The sounding voices of a group, less those that open now."""
        return [v for v in self._bank.voices[group.lanes] if v.active and v.started_at < self.frame]

    def _open(self, voices: list[Voice]) -> None:
        """Begin the sound of voices; neighbours that hop together do so at once."""
        lanes = sorted(voice.lane for voice in voices)
        for group in self._hops.groups:
            for run in runs_of([lane for lane in lanes if group.lanes.start <= lane < group.lanes.stop]):
                self._rings.open(run, self.frame, self.timbre.blend)
                group.due = min(group.due, self.frame + self._rings.frames_to_hop(run.start, self.frame))
        for voice in voices:
            voice.blend = self.timbre.blend

    def _hop(self, group: HopGroup, hopping: list[Voice]) -> None:
        """Make a group's sound: one hop where a spectrum turns, as it may turn again; several where all is at rest."""
        group.made_for = self.timbre.serial, self.timbre.blend
        if not hopping:
            still_to_come = [voice for voice in self._bank.voices[group.lanes] if voice.active]
            group.due = self.frame + self._hop_size if still_to_come else NEVER
            return
        lanes = slice(hopping[0].lane, hopping[-1].lane + 1)
        self._rings.set_blend(lanes, self.timbre.blend)
        n_hops = self._rings.n_hops_ahead(lanes)
        self._rings.hop([voice.lane for voice in hopping], self.frame, n_hops, self._gains_to_mix(hopping))
        for voice in hopping:
            voice.blend = self.timbre.blend
        opened = any(group.lanes.start <= voice.lane < group.lanes.stop for voice in self._performance.opening)
        group.due = self.frame + (1 if opened else n_hops) * self._hop_size

    def _gains_to_mix(self, hopping: list[Voice]) -> np.ndarray:
        """What the lanes from the first hopping voice's to the last's are mixed with; 0 where one changes just now."""
        lanes = slice(hopping[0].lane, hopping[-1].lane + 1)
        gains = self._gains[: lanes.stop - lanes.start]
        np.copyto(gains, self._bank.resting_gains()[lanes])
        for voice in self._performance.retuned:
            if lanes.start <= voice.lane < lanes.stop:
                gains[voice.lane - lanes.start] = 0.0
        return gains

    def _next_change(self, transposed: list[int]) -> int:
        """The frame at which the next span begins."""
        frame, end = self.frame, self.frame + LONGEST_SPAN
        for event_frame, _, event in self._pending:
            if event_frame >= end:
                break
            end = min(end, self._hops.next_hop(event_frame) if self._waits_for_hop(event) else event_frame)
        end = min(end, frame + self._rings.size - frame % self._rings.size, self._performance.sensing_deadline)
        end = min(end, self._bank.next_end(), self._hops.next_due())
        if transposed:
            longest = self._rings.transposer.max_frames(transposed)
            end = min(end, frame + longest - frame % longest)
        if self._pitches.swaying(frame):
            end = min(end, frame + SWAY_FRAMES - frame % SWAY_FRAMES)
        return end

    def _transposed(self) -> list[int]:
        if not self._rings.transposer.n_active:
            return []
        active = self._rings.transposer.active
        return [voice.lane for voice in self._bank.used() if voice.active and active[voice.lane]]

    def _snapshot(self) -> Status:
        return Status(
            self.frame,
            self._bank.n_active,
            self._performance.n_notes,
            self._performance.n_stolen,
            self._spectra.n_decoded,
            self._rings.n_transforms + self._rings.transposer.n_transforms,
            tuple(self.timbre.positions),
        )


def _with_voices(voice: VoiceConfig | None, n_voices: int | None) -> VoiceConfig:
    """The voices' settings; ValueError where they and `n_voices` name different numbers."""
    if voice is None:
        return VoiceConfig() if n_voices is None else VoiceConfig(n_voices=n_voices)
    if n_voices not in (None, voice.n_voices):
        raise ValueError(f"n_voices is {n_voices}, and voice.n_voices is {voice.n_voices}")
    return voice
