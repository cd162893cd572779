"""The engine turns events into sound. docs/engine.md explains its terms.

Sound is made in spans: a span begins at an event, a hop or the end of a ramp. The output is bit-identical for all block
sizes, because a span's sound depends on absolute frame numbers alone.
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
from runtime.engine.agreed_settings import agreed_settings
from runtime.engine.event_queue import EventQueue
from runtime.engine.mixer import LONGEST_SPAN, Mixer
from runtime.engine.narrow_buffers import narrow_buffers
from runtime.engine.recorded.state import EngineState, StateKeeper
from runtime.engine.sounding.even_keys import EvenKeys
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.engine.sounding.spectra import Seen, Spectra
from runtime.engine.sounding.voice_sound import VoiceSound
from runtime.engine.spans import Spans
from runtime.engine.status import Status
from runtime.engine.synthesis.hops import engine_hop_size
from runtime.engine.synthesis.wide_sound import WideSound
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.performance import Performance
from runtime.engine.voices.pitch.tuning import key_pitches
from runtime.engine.voices.widths import Widths
from runtime.events import Action, Event
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch, named
from runtime.sound.sound import Sound

T = TypeVar("T")


class Engine:
    """A polyphonic instrument at one sample rate.

    n_voices: 1 to 64; None for the number in the settings.
    seed: the seed of all random numbers; None for the seed in the settings.
    sample_rate_hz: None for the instrument's rate.
    config: None for the settings of `patch`; without a patch, None for the default settings.
    patch: the sound at the start; None for the sound in the settings.
    programs: the sounds that program changes choose; None for the instrument's presets.
    start: the state of another engine with the same instrument, settings and sounds, or None.
    limits: whether the sound is limited to full scale.
    ValueError if n_voices or seed contradicts the settings.

    Attributes:
    frame: the next frame to render.
    status: the engine's state; it is renewed only when a span begins or events are applied.
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
        config = agreed_settings(config or (patch and patch.settings), n_voices, seed)
        patch = patch or Patch(config)
        card = instrument.card
        self.instrument = instrument
        self.sample_rate_hz = sample_rate_hz or card.sample_rate_hz
        self.frame = 0
        # Mono and legato need two lanes: one voice fades out while the next begins.
        played = [patch, *(programs or ())]
        played += [each for one in played if one.morph for each in one.morph.patches]
        modes = {each.settings.voice.mode for each in played}
        n_lanes = max(config.voice.n_voices, 1 if modes == {"poly"} else 2)
        self._knobs = Knobs(card, patch)
        controls = ControlMap(config)
        self._bank = VoiceBank(n_lanes, self.sample_rate_hz, LONGEST_SPAN + 1, config.seed)
        channels = Channels(config.midi.mpe_lower_members, config.midi.mpe_upper_members)
        # The gains of even keys ignore the settings' scale. A recording of what was played does not contain the scale's
        # file, so its replay could not compute gains from the scale. But the replay must sound the same.
        equal = msgspec.structs.replace(config.tuning, scale=None)
        even_keys = EvenKeys(instrument, key_pitches(equal), self.sample_rate_hz)
        lanes = self._bank.table, n_lanes, self.sample_rate_hz
        palette = Palette(card, patch, programs, channels, *lanes, even_keys.even_out)
        self._performance = Performance(card, config, self._knobs, controls, self._bank, palette)
        self._hops = HopGroups(n_lanes, engine_hop_size(card.spec, self.sample_rate_hz))
        self._sound = WideSound(card.spec, self.sample_rate_hz, self._hops.offsets_by_lane, config.seed)
        self._spectra = Spectra(instrument, self._sound, n_lanes)
        self._palette = palette
        widths = Widths(n_lanes, LONGEST_SPAN + 1, self._sound)
        self._voice_sound = VoiceSound(self._spectra, self._sound, self._hops, widths, self._bank, palette, self._knobs)
        self._mixer = Mixer(self._bank, self._sound, widths, channels, limits)
        self._mixed = self._mixer.stereo
        self._events = EventQueue(self._knobs, controls, self._hops)
        self._keeper = StateKeeper(self._knobs, controls, palette, self._performance)
        self._wants_state = False
        if start is not None:
            self._keeper.give(start)
            self._events.wait_again(start.waiting)
            self.frame = start.frame
        made = self._voice_sound, self._sound, self._hops, self._mixer
        self._spans = Spans(self._events, self._performance, *made, self.frame)
        self._narrow_buffers = narrow_buffers()
        self.status = Status(self.frame, positions=tuple(self._knobs.positions))

    def keep_history(self, history: deque[tuple[int, object]]) -> None:
        """From now on, append two kinds of entries to `history`.

        - each collected event, as (frame, event)
        - each state that `ask_for_state` requests, as (frame, EngineState)
        """
        self._events.history = history

    def ask_for_state(self) -> None:
        """Request the state. At the end of the present or next block, (frame, EngineState) is added to the history."""
        self._wants_state = True

    def post(self, event: Event, frame: int | None = None) -> None:
        """Post an event. Any thread may call this.

        frame: the event's absolute frame; None for the next block's first frame.
        """
        self._events.post(event, frame)

    @property
    def patch(self) -> Patch:
        """The patch that was chosen most recently. Any thread may read it."""
        return self._knobs.present.patch

    def call_sound(self, patch: Patch, name: str) -> None:
        """If `patch` is still the present sound, name that sound `name`. Any thread may call this."""
        present = self._knobs.present
        if present.patch is patch:
            present.patch = named(patch, name)

    @property
    def sounds(self) -> tuple[Patch, tuple[Patch, ...]]:
        """The sound at the start, and the sounds that program changes choose."""
        return self._palette.first.patch, tuple(program.patch for program in self._palette.programs)

    def prepare(self, patch: Patch) -> object:
        """Make a patch ready to play; returns what a SoundChange needs. Never call this on the audio thread."""
        ready = (each for each in self._palette.programs if each.patch is patch)
        return next(ready, None) or self._palette.ready(patch)

    def edited_sound(self) -> Sound:
        """The present sound with the knobs' present positions. Any thread may call this."""
        return edited_sound(self._knobs, self.instrument.card)

    def target_position(self, target: str) -> float | None:
        """A target's position, 0 to 1, or None if the instrument lacks the target. Any thread may call this."""
        return self._knobs.position(target)

    def render(self, out: np.ndarray) -> None:
        """Write the next frames into `out`.

        out: float32 (n_frames, 2), left and right; full scale is 1.
        """
        frame, n_frames, events, spans = self.frame, len(out), self._events, self._spans
        end, spans.has_worked = frame + n_frames, False
        # Events that wait for the next hop need not be collected before the block that contains this hop.
        if events.has_news and (end > spans.first_hop or end > spans.end or events.is_urgent):
            spans.end = events.collect(frame, spans.end, spans.first_hop)
        if end > spans.end:
            self._render_spans(out)
        else:
            at = frame - spans.begin
            out[:] = self._mixed[at : at + n_frames]
            self.frame = end
        if spans.may_foresee and not spans.has_worked:
            spans.may_foresee = False
            self._narrow_buffers.run(self._voice_sound.foresee, self.frame, self._performance.n_events)
        if self._wants_state and self._events.history is not None:
            self._wants_state = False
            self._events.history.append((self.frame, self.state(self.is_silent)))

    def state(self, is_silent: bool) -> EngineState:
        """The state of the controls. Call this on the audio thread, between two blocks.

        is_silent: as in EngineState.
        """
        if self._events.has_news:  # events that were posted and not yet collected belong to the state
            self._spans.end = self._events.collect(self.frame, self._spans.end, self._spans.first_hop)
        return self._keeper.take(self.frame, is_silent, self._events.waiting())

    def start_at(self, frame: int) -> None:
        """Begin at this frame. Call this only before the first block."""
        self.frame = frame
        self._spans.start_at(frame)

    @property
    def n_muted(self) -> int:
        """How many spectra have been silenced so far because they had infinities, NaNs or too large values."""
        return self.instrument.n_silenced

    @property
    def is_silent(self) -> bool:
        """Whether nothing will be heard until another note begins."""
        return not self._bank.n_active and self.frame >= self._mixer.tails_end

    def sounding(self) -> list[Voice]:
        """The voices that sound and have not been cut."""
        return [voice for voice in self._bank.used() if voice.active and not voice.is_cut]

    def seen(self, voice: Voice) -> tuple[Seen, float]:
        """What a sounding voice sounds like now, and the voice's gain.

        On any thread but the audio thread, these values may belong to different frames.
        """
        envelope, left, right = self._bank.levels(voice, self.frame)
        return self._spectra.seen(voice), envelope * max(left, right)

    def is_mono(self) -> bool:
        """Whether a new note replaces the sounding note."""
        return self._performance.notes.played.voice.mode != "poly"

    def take_actions(self) -> list[Action]:
        """Return and clear the player's actions, such as `save`. The engine itself carries out only `panic`."""
        return _taken(self._performance.actions)

    def take_sends(self) -> list[tuple[int, float, float]]:
        """Return and clear the changes of the effect sends by frame: (frame, reverb, chorus); each send is 0 to 1."""
        return _taken(self._performance.sends)

    def _render_spans(self, out: np.ndarray) -> None:
        done, n_frames, spans = 0, len(out), self._spans
        while done < n_frames:
            frame, left = self.frame, n_frames - done
            if frame >= spans.end and self._narrow_buffers.run(spans.go_on, frame, frame + left):
                self.status = self._snapshot()
            at, n = frame - spans.begin, min(left, spans.end - frame)
            out[done : done + n] = self._mixed[at : at + n]
            done += n
            self.frame += n

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
