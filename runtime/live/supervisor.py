"""Plays live: starts audio and MIDI, watches both, and replaces what fails.

Three kinds of thread meet here. The audio thread renders (`audio.output.BlockRenderer`), the MIDI drivers' threads post
events (`midi.input_port.InputPort`), and the main thread does everything slow (`Supervisor`): what is not about devices
is the `Desk`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from runtime.audio.output import AudioIn, BlockRenderer, Effect, NullOutput, Output, null_output, open_output
from runtime.base.errors import UserError
from runtime.base.realtime import prepare_process
from runtime.control.mapping.library import known_devices, refuse_broken_map
from runtime.engine.build import warm_up
from runtime.engine.engine import Engine
from runtime.events import Event
from runtime.link.server import NoParams
from runtime.live.desk import Desk
from runtime.live.memory import Memory
from runtime.live.present import renamed_part
from runtime.live.signs.lamp import PLAYS, WAITS, WRONG, Lamp
from runtime.live.signs.sounds import SignSounds
from runtime.live.swapping.swaps import Swaps
from runtime.live.waiting.return_pipe import ReturnPipe
from runtime.live.waiting.stop_signal import StopSignal
from runtime.live.watching.news import StatusNews
from runtime.live.watching.power import PowerWatch
from runtime.live.watching.watch import Watch
from runtime.midi.demo_player import DemoPlayer
from runtime.midi.devices import Identity
from runtime.midi.inputs import MidiInputs
from runtime.panel.child import PanelChild
from runtime.rack.build import build_chosen, with_positions
from runtime.rack.rack import Rack
from runtime.service.notify import is_service
from runtime.sound.choice import Choice

ROUND_S = 2.0
LOOK_S = 1.0  # a round while there is no sound card
Say = Callable[[str], object]
Positions = Callable[[], tuple[float, ...]]


class InputEffect(NamedTuple):
    """An effect on the sound card's input.

    audio_in: which input; make: makes the effect for a rate in Hz and a function that gives the knobs' positions.
    """

    audio_in: AudioIn
    make: Callable[[float, Positions], Effect]


class AudioHangsError(Exception):
    """The audio driver hangs; only a new process can play again."""


class Supervisor:
    """Plays one instrument until it is asked to stop.

    say: called with each line for the user. notify: `service.notify.notify` or a function with the same arguments.
    choice: what to play. through: an effect on the input, played beside the notes; None: no input.
    memory: what the last run remembered; this one remembers in its place; None: it remembers nothing.
    waits_for_named: a named device that is not there yet is waited for, as if none were named. remark: what is wrong
    with the settings, for the service's status.
    panel: the page's process, not started yet; None: there is no page.
    """

    def __init__(
        self,
        choice: Choice,
        say: Say,
        notify: Callable[..., object],
        through: InputEffect | None = None,
        memory: Memory | None = None,
        panel: PanelChild | None = None,
        waits_for_named: bool = False,
        remark: str = "",
    ):
        config = choice.patch.settings
        self._choice, self._config, self._say, self._notify = choice, config, say, notify
        self._through, self._memory, self._panel = through, memory, panel
        self._waits_for_named, self._remark = waits_for_named, remark
        self._effect: Effect | None = None
        refuse_broken_map(config)
        known = (Identity(each.port, each.order, each.socket) for each in known_devices())
        self._midi = MidiInputs(config.midi, self._post_arrived, self._device_came, known)
        self._n_notes_of_past_racks = 0
        self._renderers: list[BlockRenderer] = []  # one for each output so far; the last one plays
        self._output: Output
        self._rack: Rack | None = None
        self._former: Rack | None = None
        self._returns = ReturnPipe()
        self._swaps = Swaps(self, say, self._returns.wake, self._renders_now)
        self._needs_device, self._no_device = False, ""
        self._watch = Watch(self, say, config.voice.n_voices)
        self._news = StatusNews(notify)
        self._power = PowerWatch(say)
        greets = is_service() if config.audio.chime is None else config.audio.chime
        self._sounds = SignSounds(greets, self._renders_now, self._returns.wake, say)
        self._lamp: Lamp | None = None
        self._start_s = time.monotonic()
        self._desk: Desk | None = None

    @property
    def engine(self) -> Engine:
        """The engine that the next notes of the first part play."""
        return self._rack.engine()

    def engines(self) -> list[Engine]:
        """All engines that may sound."""
        return self._rack.engines()

    @property
    def sample_rate_hz(self) -> int:
        """The rate of what plays."""
        return self._rack.sample_rate_hz

    @property
    def n_parts(self) -> int:
        """How many parts play."""
        return self._rack.n_parts

    def _renders_now(self) -> bool:
        return bool(self._renderers) and self._renderers[-1].is_busy

    def choice_of(self, part: int) -> Choice:
        """What a part plays."""
        return self._choice.parts[part][1] if self._choice.parts else self._choice

    def take_whole(self, choice: Choice, rack: Rack) -> None:
        """Let another rack play from now on."""
        self._n_notes_of_past_racks += self._rack.status.n_notes
        self._former = self._rack  # until the audio thread has left it, which must not free it
        self._choice, self._rack = choice, rack
        for change in self._desk.maps.changes():
            rack.post(change)
        self._desk.recorder.follow(rack)
        self._renderers[-1].engine = rack
        self._watch.follow(self._renderers[-1], rack, self._block_s)
        name = choice.whole.sound.name if choice.whole else choice.patch.sound.name
        self._desk.changed(sound=name)
        self._say(f"Sound: {name}.")

    def swapped(self, part: int, choice: Choice) -> None:
        """Another choice plays a part from now on."""
        parts = list(self._choice.parts)
        if parts:
            parts[part] = renamed_part(parts[part][0], choice.patch, choice.instrument), choice
            choice = parts[0][1]
        self._choice = choice._replace(parts=tuple(parts), whole=self._choice.whole)

    @property
    def choice(self) -> Choice:
        """The instrument of the first part, and the sounds that it was started with."""
        return self._choice

    @property
    def ports(self) -> list[str]:
        """The names of the open MIDI inputs."""
        return self._midi.names

    def take_peak(self, is_metered: bool) -> float:
        """The largest sample that was heard since the last call, 0 to 1; is_metered: whether to go on measuring."""
        renderer = self._renderers[-1]
        peak, renderer.peak, renderer.is_metered = renderer.peak, 0.0, is_metered
        return peak

    def set_velocities(self, device: int, velocities: bytes | None) -> None:
        """Let a MIDI input's velocities become others, as in MidiInputs."""
        self._midi.set_velocities(device, velocities)

    def post(self, event: Event) -> None:
        """Let an event be heard one buffer from now."""
        self._post_at(event, time.perf_counter())

    def say_yes(self) -> None:
        """Let it be heard that something is learned or saved."""
        self._sounds.yes()

    def renew(self) -> None:
        """Build what plays again, because what it remembers is spoilt; its notes end."""
        old, self._rack = self._rack, None
        self._n_notes_of_past_racks += old.status.n_notes
        self._build_rack(with_positions(self._choice, old), old.sample_rate_hz)
        self._desk.recorder.follow(self._rack)
        self._renderers[-1].engine = self._rack
        self._watch.follow(self._renderers[-1], self._rack, self._block_s)

    def run(self, stop: StopSignal, demo: Path | None = None) -> None:
        """Play until `stop`; UserError if a named device cannot be opened, AudioHangsError if a driver hangs.

        demo: a MIDI file to play once, at the start.
        """
        player = DemoPlayer(demo, self._post_at) if demo else None
        output = self._first_output()
        self._fit_rack(output.sample_rate_hz)
        through_lines = self._make_effect(output)
        # Poll and prepare before the first block, because both hold the interpreter for long: polling makes MIDI
        # clients, and preparing collects garbage.
        midi_lines = self._midi.poll()
        self._desk = Desk(self, self._say, self._memory, self._panel)
        for name, act in (
            ("next_instrument", self._swaps.step),
            ("previous_instrument", self._swaps.step),
            ("swapped", self._swaps.happened),
            ("tap_tempo", self.post),  # the arpeggiator, which stands before the parts, makes a tempo of it
        ):
            self._desk.actions.add(name, act)
        self._lamp = Lamp(self._config.box, self._desk.companion, self._say)
        if self._desk.server is not None:
            self._desk.server.add("health", NoParams, lambda _params, _caller: self.health())
        self._desk.choosing.swap = partial(self._swaps.ask, 0)
        self._desk.choosing.swap_is_pending = lambda: self._swaps.is_pending
        self._desk.choosing.whole = self._swaps
        for device, identity in self._midi.devices.items():
            self._desk.maps.came(device, identity)
        prepare_process()
        self._start(output)
        try:
            for line in [*midi_lines, *through_lines, self._ready_line(), *self._desk.panel_lines()]:
                self._say(line)
            self._notify(READY=1)
            self._tell_status()
            if player:
                player.start()
            self._supervise(stop)
        finally:
            self._notify(STOPPING=1)
            if player:
                player.close()
            self._desk.close()
            self._swaps.close()
            closed = self._output.close()
            self._midi.close()
            self._say(self._closing_line())
        if not closed:
            raise AudioHangsError

    def _supervise(self, stop: StopSignal) -> None:
        """Check everything every `ROUND_S` seconds, `LOOK_S` without a sound card, until `stop`.

        MIDI is checked also as soon as a port comes or goes, or a port that refused to open is to be tried again; the
        desk is served as soon as it has something to do.
        """
        next_round_s, desk, midi = time.monotonic() + LOOK_S, self._desk, self._midi
        while True:
            limit_s = min(max(0.0, next_round_s - time.monotonic()), midi.retry_s, desk.wait_s, self._watch.wait_s)
            if stop.wait(limit_s, [*midi.wake_fds, *desk.read_fds, self._returns.read_fd], desk.write_fds):
                return
            self._take_returns()
            desk.serve()
            self._check_blocks()
            if time.monotonic() >= next_round_s:
                self._notify(WATCHDOG=1)
                self._check_all()
                desk.remember()
                self._tell_status()
                next_round_s = time.monotonic() + (LOOK_S if self._needs_device else ROUND_S)
            elif midi.retry_s == 0.0 or stop.woken & set(midi.wake_fds):
                self._check_midi()
                self._tell_status()

    def _take_returns(self) -> None:
        """Do what the player has asked for, and free the engines that play no more."""
        self._returns.drain()
        for action in self._rack.take_actions():
            self._desk.actions.heard(action)
        self._rack.take_retired()
        self._swaps.serve()
        self._sounds.serve()

    def _post_at(self, event: Event, arrival_s: float) -> None:
        """Post an event to the rack; it sounds one buffer after its arrival, in seconds of `time.perf_counter()`."""
        self._rack.post(event, self._renderers[-1].clock.frame_at(arrival_s) if self._renderers else None)

    def _post_arrived(self, event: Event, arrival_s: float) -> None:
        """Post an event that came from a MIDI input, on its driver's thread."""
        self._post_at(event, arrival_s)
        if self._desk is not None:
            self._desk.arrived(event)

    def _device_came(self, device: int, identity: Identity) -> None:
        if self._desk is not None:
            self._desk.maps.came(device, identity)

    def _first_output(self) -> Output:
        output = self._try_output(at_start=True)
        if output is None:
            self._needs_device = True
            output = null_output(self._config.audio)
        return output

    def _try_output(self, at_start: bool) -> Output | None:
        """Open the output; None, with a line for the user only at the start, if there is none or it cannot be opened.

        UserError at the start if a device or an input is named and cannot be opened.
        """
        audio_in = self._through and self._through.audio_in
        try:
            output = open_output(self._config.audio, audio_in)
            self._no_device = "" if output else "No sound card yet"
        except UserError as error:
            named = (self._config.audio.device or (audio_in and audio_in.device)) is not None
            if at_start and named and not self._waits_for_named:
                raise
            output, self._no_device = None, f"No sound yet ({error})"
        reason = self._no_device
        if output is None and at_start:
            self._say(f"{reason}; playing silently, and looking again every {LOOK_S:.0f} s.")
        return output

    def _fit_rack(self, sample_rate_hz: int) -> None:
        """Keep the rack if it has this sample rate; else build another with the knobs in the same positions."""
        choice = self._choice
        if self._rack is not None:
            if self._rack.sample_rate_hz == sample_rate_hz:
                return
            choice = with_positions(choice, self._rack)
            self._n_notes_of_past_racks += self._rack.status.n_notes
        self._build_rack(choice, sample_rate_hz)

    def _build_rack(self, choice: Choice, sample_rate_hz: int) -> None:
        for each in [part for _, part in choice.parts] or [choice]:
            warm_up(each.patch, each.instrument, sample_rate_hz)
        self._rack = build_chosen(choice, sample_rate_hz, wake=self._returns.wake)
        self._swaps.forget_posted()
        for change in self._desk.maps.changes() if self._desk else ():
            self._rack.post(change)

    def _make_effect(self, output: Output) -> list[str]:
        """Make the effect for an output that is about to start; returns a line for the user, none without an effect."""
        self._effect = None
        if self._through is None:
            return []
        source = output.source if output.is_device else None
        if source is None:
            return [f"No audio input with {output.name}; only the notes are heard."]
        rate_hz = output.sample_rate_hz
        self._effect = self._through.make(rate_hz, lambda: self._rack.status.positions)
        frame_s, buffers_s = self._effect.delay_frames / rate_hz, output.latency_s
        parts = f"{1000.0 * frame_s:.0f} for a frame and its work, {1000.0 * buffers_s:.0f} for the buffers"
        return [f"Through: {source}, heard {1000.0 * (frame_s + buffers_s):.0f} ms later ({parts})."]

    def _start(self, output: Output) -> None:
        """Play on this output from now on."""
        recorder = self._desk.recorder
        recorder.follow(self._rack)
        output.start(self._rack, self._effect, recorder.ring, self._returns.wake)
        self._output = output
        self._renderers.append(output.blocks)
        output.blocks.cues = self._sounds.player
        self._watch.follow(output.blocks, self._rack, self._block_s)

    @property
    def _block_s(self) -> float:
        return self._output.buffer_frames / self._output.sample_rate_hz

    def _check_midi(self) -> None:
        for line in self._midi.poll():
            self._say(line)
        if self._midi.has_lost_server and not self._needs_device:
            self._watch.suspect()  # the sound server may be the same

    def _check_blocks(self) -> None:
        """Let the watch look, and leave a device that has gone."""
        if self._output.server_has_gone:
            self._watch.suspect()
        if self._watch.look() and not self._needs_device:
            self._leave_device()

    def _check_all(self) -> None:
        """Open and close MIDI inputs, raise the audio thread's exception, and look for a device if there is none."""
        self._former = None
        self._check_midi()
        renderer = self._renderers[-1]
        if renderer.failure is not None:
            raise renderer.failure
        if self._needs_device:
            self._look_for_device()

    def _look_for_device(self) -> None:
        output = self._try_output(at_start=False)
        if output is not None:
            self._output.close()
            self._needs_device = False
            self._fit_rack(output.sample_rate_hz)
            through_lines = self._make_effect(output)
            self._start(output)
            for line in through_lines:
                self._say(line)
            self._say(f"Sound card: {output.name}, {output.sample_rate_hz} Hz.")

    def _leave_device(self) -> None:
        """Play silently from now on, because the device has gone.

        An unplugged device raises no error, but stops asking for blocks.
        """
        name = self._output.name
        if not self._output.close(plays=False):
            raise AudioHangsError
        self._no_device = f"Sound card gone: {name}"
        self._say(f"Sound card gone: {name}; playing silently, and looking again every {LOOK_S:.0f} s.")
        self._needs_device = True
        self._start(NullOutput(self._output.sample_rate_hz, self._output.buffer_frames))

    def _tell_status(self) -> None:
        """Tell what plays and what is wrong: the service's manager by its status, the player by sounds and the lamp."""
        self._power.look()
        sounding = self._rack.status.n_active_voices
        device = f"{self._output.name}, {self._output.sample_rate_hz} Hz"
        self._news.tell(sounding, device, self._midi.names, [*self._wrong, *self._missing])
        self._sounds.follow(self._choice.instrument.path, self.sample_rate_hz, self._config.volume_db)
        self._sounds.look(not self._needs_device, bool(self._midi.names))
        self._lamp.show(WRONG if self._wrong else WAITS if self._missing else PLAYS)

    @property
    def _wrong(self) -> list[str]:
        return [each for each in (self._remark, self._watch.problem, self._power.problem) if each]

    @property
    def _missing(self) -> list[str]:
        """What is waited for."""
        return [each for each in (self._no_device, "" if self._midi.names else "No MIDI input yet") if each]

    def health(self) -> dict[str, object]:
        """How the playing goes, as plain values."""
        return {
            "seconds": time.monotonic() - self._start_s,
            "voices": self._rack.status.n_active_voices,
            "audio": self._output.name,
            "sample_rate_hz": self._output.sample_rate_hz,
            "buffer_frames": self._output.buffer_frames,
            "ports": self._midi.names,
            "problems": [*self._wrong, *self._missing],
            "real_time": self._renderers[-1].realtime,
            "blocks": sum(renderer.n_blocks for renderer in self._renderers),
            "underruns": sum(renderer.n_underflows for renderer in self._renderers),
            "late": sum(renderer.loads.n_late for renderer in self._renderers),
            "notes": self._n_notes_of_past_racks + self._rack.status.n_notes,
        }

    def _ready_line(self) -> str:
        output = self._output
        midi = ", ".join(self._midi.names) or "none yet"
        return f"READY {output.sample_rate_hz} Hz, {output.buffer_frames} frames, audio: {output.name}, MIDI: {midi}"

    def _closing_line(self) -> str:
        done = self.health()
        return (
            f"Stopped: {done['blocks']} blocks, {done['underruns']} underruns, {done['late']} late blocks, "
            f"{done['notes']} notes."
        )
