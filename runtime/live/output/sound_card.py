"""Opens the sound card; while there is none, plays silently and looks for one."""

from __future__ import annotations

from collections.abc import Callable

from runtime.audio.block_renderer import BlockRenderer, Effect
from runtime.audio.clock import GRID_FRAMES, MOST_AHEAD
from runtime.audio.cues import CuePlayer
from runtime.audio.output import NullOutput, Output, null_output, open_output
from runtime.audio.sound_ring import SoundRing
from runtime.base.errors import UserError
from runtime.config import AudioConfig
from runtime.events import Clock, ClockContinue, ClockStart, ClockStop, Event, NoteOff, NoteOn
from runtime.live.output.input_effect import InputEffect, Positions, effect_on
from runtime.rack.rack import Rack

LOOK_S = 1.0  # while there is no sound card: seconds from one look for a card to the next
# Notes that arrive less than this (2.2 ms at 44.1 kHz) after a chord's first note belong to the chord. Through a MIDI
# cable, a note takes 0.6 to 1 ms, so only 3 or 4 notes can arrive in this time. Over USB, many can.
CHORD_FRAMES = 3 * GRID_FRAMES
_CLOCKS = (Clock, ClockStart, ClockContinue, ClockStop)


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
        # The frames of the newest event, of the newest event but clocks, and of the newest note.
        self._newest = self._newest_played = self._newest_note = 0
        self._chord = -CHORD_FRAMES  # the frame of the newest chord's first note

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
        """The engine's frame at which an event will be heard; None before the first output plays.

        arrival_s: when the event arrived, by `time.perf_counter()`.

        Each output has its own clock. Still, no event's frame is before the previous event's frame, because a release
        before its key press would leave the note on. The frame is rounded to a multiple of GRID_FRAMES, unless the
        event is a `Clock`. The notes of a chord begin together, even if wheels, controls or clocks come between them:
        what comes so soon after a chord's first note gets the frame of the event before it. Only clocks keep their own
        frames, so a chord's next note may be before a clock that came earlier. A release is at least GRID_FRAMES after
        the newest note, so that a key is heard even if it is released at once.
        """
        earliest = self._newest
        if isinstance(event, NoteOff):
            earliest = max(earliest, self._newest_note + GRID_FRAMES)
        clock = self._renderers[-1].clock if self._renderers else None
        frame = clock.frame_at(arrival_s, earliest, isinstance(event, Clock)) if clock else None
        if frame is None:
            return self._newest or None
        if isinstance(event, _CLOCKS):
            self._newest = frame
            return frame
        if frame - self._chord < CHORD_FRAMES and not isinstance(event, NoteOff):
            frame = self._newest_played
        elif isinstance(event, NoteOn):
            self._chord = frame
        if isinstance(event, NoteOn):
            self._newest_note = frame
        self._newest, self._newest_played = max(self._newest, frame), frame
        return frame

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
        # A new rack begins at frame 0, and frames of the old rack's events would be far ahead.
        most = rack.frame + MOST_AHEAD * output.buffer_frames
        self._newest, self._newest_played = min(self._newest, most), min(self._newest_played, most)
        self._newest_note, self._chord = min(self._newest_note, most), min(self._chord, most)
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
