"""Opens the sound card; while there is none, plays silently and looks for one."""

from __future__ import annotations

from collections.abc import Callable

from runtime.audio.block_renderer import BlockRenderer, Effect
from runtime.audio.clock import MOST_AHEAD
from runtime.audio.cues import CuePlayer
from runtime.audio.output import NullOutput, Output, null_output, open_output
from runtime.audio.sound_ring import SoundRing
from runtime.base.errors import UserError
from runtime.config import AudioConfig
from runtime.events import Event
from runtime.live.output.event_frames import EventFrames
from runtime.live.output.input_effect import InputEffect, Positions, effect_on
from runtime.rack.rack import Rack

LOOK_S = 1.0  # while there is no sound card: seconds from one look for a card to the next


class AudioHangsError(Exception):
    """The audio driver hangs; only a new process can play again."""


class SoundCard:
    """Opens and closes one output after another, on the main thread.

    through: an effect and the input to open for it; None for no effect.
    positions: returns the knobs' positions for the effect.
    waits_for_named: whether to wait for a missing device that the settings name, instead of raising UserError.
    output: the present output.
    is_missing: whether the output is silent because there is no card.
    problem: why there is no card, or an empty text.
    """

    def __init__(
        self,
        config: AudioConfig,
        through: InputEffect | None,
        positions: Positions,
        waits_for_named: bool,
        say: Callable[[str], object],
    ):
        self._config, self._through, self._positions = config, through, positions
        self._waits_for_named, self._say = waits_for_named, say
        self._effect: Effect | None = None
        self.output: Output
        self.is_missing, self.problem = False, ""
        self._renderers: list[BlockRenderer] = []  # the renderers of all outputs so far
        self._frames = EventFrames()

    @property
    def blocks(self) -> BlockRenderer:
        return self._renderers[-1]

    @property
    def block_s(self) -> float:
        """How long a block plays, in seconds."""
        return self.output.buffer_frames / self.output.sample_rate_hz

    @property
    def counts(self) -> dict[str, int]:
        """Counts over all outputs: blocks played, underruns, late blocks, and those of them that a stall made late."""
        return {
            "blocks": sum(renderer.n_blocks for renderer in self._renderers),
            "underruns": sum(renderer.n_underflows for renderer in self._renderers),
            "late": sum(renderer.loads.n_late for renderer in self._renderers),
            "stalled": sum(renderer.loads.n_stalled for renderer in self._renderers),
        }

    def renders_now(self) -> bool:
        """Whether the audio thread is rendering a block."""
        return bool(self._renderers) and self._renderers[-1].is_busy

    def frame_at(self, event: Event, arrival_s: float) -> int | None:
        """The engine's frame at which an event will be heard, as in `EventFrames`; None before the first output plays.

        arrival_s: when the event arrived, by `time.perf_counter()`.
        """
        clock = self._renderers[-1].clock if self._renderers else None
        return self._frames.frame_at(event, arrival_s, clock)

    def take_peak(self, is_metered: bool) -> float:
        """Return the output's peak since the previous call, 0 to 1. is_metered: whether to go on measuring."""
        renderer = self._renderers[-1]
        peak, renderer.peak, renderer.is_metered = renderer.peak, 0.0, is_metered
        return peak

    def first(self) -> Output:
        """Open the first output: the sound card, or a silent output if no card opens.

        UserError if the settings name a device or an input that cannot be opened, and `waits_for_named` is False.
        """
        output = self._try(at_start=True)
        if output is None:
            self.is_missing = True
            output = null_output(self._config)
        return output

    def make_effect(self, output: Output) -> list[str]:
        """Make the effect for an output that has not started yet; return lines for the user."""
        self._effect, lines = effect_on(output, self._through, self._positions)
        return lines

    def start(self, output: Output, rack: Rack, ring: SoundRing, wake: Callable[[], object], cues: CuePlayer) -> None:
        """Play the rack on this output. ring, wake, cues: as in BlockRenderer."""
        self._frames.keep_before(rack.frame + MOST_AHEAD * output.buffer_frames)
        output.start(rack, self._effect, ring, wake)
        self.output = output
        self._renderers.append(output.blocks)
        output.blocks.cues = cues

    def look(self) -> Output | None:
        """If a card has appeared, close the silent output and return the card; else return None."""
        output = self._try(at_start=False)
        if output is not None:
            self.output.close()
            self.is_missing = False
        return output

    def leave(self) -> Output:
        """Close the card, which has gone; return the silent output to start instead.

        AudioHangsError if the card's driver hangs.
        """
        name = self.output.name
        if not self.output.close(plays=False):
            raise AudioHangsError
        self.problem = f"Sound card gone: {name}"
        self._say(f"Sound card gone: {name}; playing silently, and looking again every {LOOK_S:.0f} s.")
        self.is_missing = True
        return NullOutput(self.output.sample_rate_hz, self.output.buffer_frames)

    def _try(self, at_start: bool) -> Output | None:
        """Open a card, or return None. at_start: if True, tell the user of a failure, or raise it as in `first`."""
        audio_in = self._through and self._through.audio_in
        try:
            output = open_output(self._config, audio_in)
            self.problem = "" if output else "No sound card yet"
        except UserError as error:
            named = (self._config.device or (audio_in and audio_in.device)) is not None
            if at_start and named and not self._waits_for_named:
                raise
            output, self.problem = None, f"No sound yet ({error})"
        if output is None and at_start:
            self._say(f"{self.problem}; playing silently, and looking again every {LOOK_S:.0f} s.")
        return output
