"""The live instrument: audio, MIDI and a small supervisor that owns them and mends what breaks.

Three kinds of thread meet here. The audio thread drains events and renders (`audio_output.Blocks`); the MIDI
drivers' threads post events (`midi_input.Port`); everything slow is the supervisor's, on the main thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runtime.audio.output import Blocks, NullOutput, Output, null_output, open_output
from runtime.base.errors import UserError
from runtime.base.realtime import prepare_process
from runtime.config import InstrumentConfig
from runtime.engine.build import _warm_up, configured_engine
from runtime.engine.engine import Engine
from runtime.events import Event
from runtime.instrument.decoder import Decoder
from runtime.live.stop_signal import StopSignal
from runtime.midi.file_player import DemoPlayer
from runtime.midi.input import MidiInput

ROUND_S = 2.0
Tell = Callable[[str], object]


class AudioHangsError(Exception):
    """The audio driver hangs, and only a new process gets sound again."""


class LiveInstrument:
    """Plays one decoder until it is asked to stop.

    tell: says one line to the user; announce: told READY, WATCHDOG and STOPPING, as `service.notify.notify` is.
    """

    def __init__(self, config: InstrumentConfig, decoder: Decoder, tell: Tell, announce: Callable[..., object]):
        self._config, self._decoder, self._tell, self._announce = config, decoder, tell, announce
        self._midi = MidiInput(config.midi, self._post)
        self._n_notes_before = 0
        self._past: list[Blocks] = []
        self._n_blocks_seen = -1
        self._output: Output
        self._blocks: Blocks | None = None
        self._engine: Engine | None = None
        self._wanting_device = False

    def run(self, stop: StopSignal, demo: Path | None = None) -> None:
        """Play until `stop`; UserError if a named device cannot be had, AudioHangsError if a driver hangs."""
        player = DemoPlayer(demo, self._post) if demo else None
        output = self._first_output()
        self._fit_engine(output.sample_rate_hz)
        # What holds the interpreter for long, as a driver's client or a collection does, comes before the first block.
        news = self._midi.poll()
        prepare_process()
        self._start(output)
        try:
            for line in [*news, self._ready_line()]:
                self._tell(line)
            self._announce(READY=1)
            if player:
                player.start()
            self._supervise(stop)
        finally:
            self._announce(STOPPING=1)
            if player:
                player.close()
            closed = self._output.close()
            self._midi.close()
            self._tell(self._closing_line())
        if not closed:
            raise AudioHangsError

    def _supervise(self, stop: StopSignal) -> None:
        """A round every `ROUND_S` until `stop`, and between them MIDI at once when there is news of it."""
        next_round_s = time.monotonic() + ROUND_S
        while not stop.wait(min(max(0.0, next_round_s - time.monotonic()), self._midi.retry_s), self._midi.news_fds):
            if time.monotonic() < next_round_s:
                self._look_after_midi()
                continue
            self._announce(WATCHDOG=1)
            self._look_after()
            next_round_s = time.monotonic() + ROUND_S

    def _post(self, event: Event, arrival_s: float) -> None:
        """From a MIDI thread: the event, to sound one buffer after it arrived."""
        self._engine.post(event, self._blocks.clock.frame_at(arrival_s) if self._blocks else None)

    def _first_output(self) -> Output:
        output = self._try_output(at_start=True)
        if output is None:
            self._wanting_device = True
            output = null_output(self._config.audio)
        return output

    def _try_output(self, at_start: bool) -> Output | None:
        """The output, opened; None, said once, while there is none; UserError if it is named, at the start."""
        try:
            output = open_output(self._config.audio)
            reason = "No sound card yet"
        except UserError as error:
            if at_start and self._config.audio.device is not None:
                raise
            output, reason = None, f"No sound yet ({error})"
        if output is None and at_start:
            self._tell(f"{reason}; keeping time without one, and looking again every {ROUND_S:.0f} s.")
        return output

    def _fit_engine(self, sample_rate_hz: int) -> None:
        """Keep the engine at hand if it fits the rate, else build another whose knobs stand where its stood."""
        positions = None
        if self._engine is not None:
            if self._engine.sample_rate_hz == sample_rate_hz:
                return
            positions = self._engine.status.positions
            self._n_notes_before += self._engine.status.n_notes
        _warm_up(configured_engine(self._config, self._decoder, sample_rate_hz))
        self._engine = configured_engine(self._config, self._decoder, sample_rate_hz, positions)

    def _start(self, output: Output) -> None:
        """Play on this output from now on."""
        output.start(self._engine)
        self._output, self._blocks = output, output.blocks
        self._past.append(output.blocks)
        self._n_blocks_seen = -1

    def _look_after_midi(self) -> None:
        for line in self._midi.poll():
            self._tell(line)

    def _look_after(self) -> None:
        """One round of the supervisor: hotplug, heartbeat, failures."""
        self._look_after_midi()
        blocks = self._output.blocks
        if blocks.failure is not None:
            raise blocks.failure
        if self._wanting_device:
            self._look_for_device()
        elif blocks.n_blocks == self._n_blocks_seen:
            self._let_device_go()
        self._n_blocks_seen = self._output.blocks.n_blocks

    def _look_for_device(self) -> None:
        output = self._try_output(at_start=False)
        if output is not None:
            self._output.close()
            self._wanting_device = False
            self._fit_engine(output.sample_rate_hz)
            self._start(output)
            self._tell(f"Sound card: {output.name}, {output.sample_rate_hz} Hz.")

    def _let_device_go(self) -> None:
        """A card that was pulled out goes silent without an error: only its heartbeat tells."""
        name = self._output.name
        if not self._output.close():
            raise AudioHangsError
        self._tell(f"Sound card gone: {name}; keeping time without it, and looking again every {ROUND_S:.0f} s.")
        self._wanting_device = True
        self._start(NullOutput(self._output.sample_rate_hz, self._output.buffer_frames))

    def _ready_line(self) -> str:
        output = self._output
        midi = ", ".join(self._midi.names) or "none yet"
        return f"READY {output.sample_rate_hz} Hz, {output.buffer_frames} frames, audio: {output.name}, MIDI: {midi}"

    def _closing_line(self) -> str:
        n_blocks = sum(blocks.n_blocks for blocks in self._past)
        n_underruns = sum(blocks.n_underflows for blocks in self._past)
        n_late = sum(blocks.n_late for blocks in self._past)
        n_notes = self._n_notes_before + self._engine.status.n_notes
        return f"Stopped: {n_blocks} blocks, {n_underruns} underruns, {n_late} late blocks, {n_notes} notes."
