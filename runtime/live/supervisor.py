"""Plays live: starts audio and MIDI, watches both, and replaces what fails.

The audio thread renders (`audio.block_renderer.BlockRenderer`). The MIDI drivers' threads post events
(`midi.input_port.InputPort`). The main thread does everything slow: `Supervisor` handles devices, and `Desk` the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runtime.audio.output import Output
from runtime.base.realtime import gives_way, prepare_process
from runtime.control.mapping.library import known_devices, refuse_broken_map
from runtime.engine.engine import Engine
from runtime.events import Event
from runtime.link.messages import NoParams
from runtime.live.condition import Condition
from runtime.live.desk import Desk
from runtime.live.memory import Memory
from runtime.live.output.input_effect import InputEffect
from runtime.live.output.sound_card import LOOK_S, AudioHangsError, SoundCard
from runtime.live.signs.lamp import Lamp
from runtime.live.signs.sounds import SignSounds
from runtime.live.swapping.racks import Racks
from runtime.live.swapping.swaps import Swaps
from runtime.live.waiting.return_pipe import ReturnPipe
from runtime.live.waiting.stop_signal import StopSignal
from runtime.live.watching.watch import Watch
from runtime.midi.demo_player import DemoPlayer
from runtime.midi.devices import Identity
from runtime.midi.inputs import MidiInputs
from runtime.panel.child import PanelChild
from runtime.service.notify import is_service
from runtime.sound.choice import Choice
from runtime.sound.patch import Patch

ROUND_S = 2.0
Say = Callable[[str], object]


class Supervisor:
    """Plays one instrument until it is asked to stop.

    say: called with each line for the user.
    notify: tells systemd the program's state, as `service.notify.notify` does.
    through: an effect on the sound card's input, or None.
    memory: what the last run remembered; None to remember nothing.
    panel: the page's process, not started yet, or None.
    waits_for_named: whether to wait for a missing sound card that the settings name, instead of raising UserError.
    remark: what is wrong with the settings; empty if nothing is.
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
        self._config, self._say, self._notify = config, say, notify
        self._memory, self._panel = memory, panel
        refuse_broken_map(config)
        known = (Identity(each.port, each.order, each.socket) for each in known_devices())
        self._midi = MidiInputs(config.midi, self._post_arrived, self._device_came, known)
        self._returns = ReturnPipe()
        self._racks = Racks(choice, self._returns.wake)
        self._card = SoundCard(config.audio, through, lambda: self._racks.status.positions, waits_for_named, say)
        self._swaps = Swaps(self, self._racks, say, self._returns.wake, self._card.renders_now)
        self._watch = Watch(self, say, config.voice.n_voices)
        greets = is_service() if config.audio.chime is None else config.audio.chime
        self._sounds = SignSounds(greets, self._card.renders_now, self._returns.wake, say)
        self._condition = Condition(
            self._racks, self._card, self._midi, self._watch, self._sounds, remark, config.volume_db, notify, say
        )
        self._desk: Desk | None = None

    @property
    def engine(self) -> Engine:
        return self._racks.rack.engine()

    def part_engines(self) -> list[Engine]:
        rack = self._racks.rack
        return [rack.engine(part) for part in range(rack.n_parts)]

    def engines(self) -> list[Engine]:
        """The engines of all parts, including those on which earlier notes ring out."""
        return self._racks.rack.engines()

    @property
    def sample_rate_hz(self) -> int:
        return self._racks.rack.sample_rate_hz

    def tell_sound(self, name: str | None) -> None:
        """Publish the name of the sound that plays."""
        self._desk.changed(sound=name)

    @property
    def choice(self) -> Choice:
        return self._racks.choice

    @property
    def ports(self) -> list[str]:
        return self._midi.names

    def take_peak(self, is_metered: bool) -> float:
        """Return the output's peak (0 to 1) since the previous call. is_metered: whether to go on measuring."""
        return self._card.take_peak(is_metered)

    def set_velocities(self, device: int, velocities: bytes | None) -> None:
        """Set the velocity table of an input. device: the input's number."""
        self._midi.set_velocities(device, velocities)

    def post(self, event: Event) -> None:
        """Post an event, which is heard one buffer later."""
        self._post_at(event, time.perf_counter())

    def call_sound(self, patch: Patch, name: str) -> None:
        """Rename the sound that plays, as `Racks.call_sound` does."""
        self._racks.call_sound(patch, name)

    def say_yes(self) -> None:
        """Play the cue `yes`: something was learned or saved."""
        self._sounds.yes()

    def renew(self) -> None:
        """Replace the corrupt rack by a new one. All notes end."""
        self._racks.renew()
        self._begin_rack()
        self._desk.recorder.follow(self._racks.rack)
        self._card.blocks.take_over(self._racks.rack)
        self._watch.follow(self._card.blocks, self._racks.rack, self._card.block_s)

    def run(self, stop: StopSignal, demo: Path | None = None) -> None:
        """Play until `stop` is requested.

        demo: a MIDI file to play once, at the start.
        UserError if the settings name a sound card or an input that cannot be opened, and `waits_for_named` is False.
        AudioHangsError if the audio driver hangs.
        """
        player = DemoPlayer(demo, self._post_at) if demo else None
        output = self._card.first()
        self._fit_rack(output.sample_rate_hz)
        through_lines = self._card.make_effect(output)
        # `poll` makes MIDI clients, and `prepare_process` collects garbage. Both hold the interpreter for so long that
        # the audio thread would be late. So they run before `_start` starts that thread.
        midi_lines = self._midi.poll()
        self._desk = Desk(self, self._say, self._memory, self._panel)
        for name, act in (
            ("next_instrument", self._swaps.step),
            ("previous_instrument", self._swaps.step),
            ("swapped", self._swaps.happened),
            ("tap_tempo", self.post),  # the tap is an event, because the arpeggiator computes the tempo
        ):
            self._desk.actions.add(name, act)
        self._condition.lamp = Lamp(self._config.box, self._desk.companion, self._say)
        if self._desk.server is not None:
            self._desk.server.add("health", NoParams, lambda _params, _caller: self._condition.health())
            self._desk.server.add("history", NoParams, lambda _params, _caller: self._condition.history())
        self._desk.choosing.swap = self._swaps.ask
        self._desk.choosing.swap_is_pending = lambda: self._swaps.is_pending
        self._desk.choosing.whole = self._swaps
        for device, identity in self._midi.devices.items():
            self._desk.maps.came(device, identity)
        prepare_process()
        self._start(output)
        try:
            for line in [*midi_lines, *through_lines, self._condition.ready_line(), *self._desk.panel_lines()]:
                self._say(line)
            self._notify(READY=1)
            self._condition.tell()
            if player:
                player.start()
            self._supervise(stop)
        finally:
            self._notify(STOPPING=1)
            if player:
                player.close()
            self._desk.close()
            self._swaps.close()
            closed = self._card.output.close()
            self._midi.close()
            self._say(self._condition.closing_line())
        if not closed:
            raise AudioHangsError

    def _supervise(self, stop: StopSignal) -> None:
        """Watch audio and MIDI, and answer other programs, until `stop` is requested.

        Every ROUND_S, or every LOOK_S without a sound card, a round checks everything. Between rounds, MIDI is checked
        when a port appears, disappears, or is to be tried again.
        """
        next_round_s, desk, midi = time.monotonic() + LOOK_S, self._desk, self._midi
        while True:
            limit_s = min(max(0.0, next_round_s - time.monotonic()), midi.retry_s, desk.wait_s, self._watch.wait_s)
            if stop.wait(limit_s, [*midi.wake_fds, *desk.read_fds, self._returns.read_fd], desk.write_fds):
                return
            self._take_returns()
            desk.serve(stop.woken)
            if self._check_blocks():
                next_round_s = 0.0  # look for the card now: after a loose contact it is often back at once
            if time.monotonic() >= next_round_s:
                self._notify(WATCHDOG=1)
                self._check_all()
                with gives_way(self._card.renders_now):  # saving takes a few ms; it pauses while a block is made
                    desk.remember()
                self._condition.tell()
                next_round_s = time.monotonic() + (LOOK_S if self._card.is_missing else ROUND_S)
            elif midi.retry_s == 0.0 or stop.woken & set(midi.wake_fds):
                self._check_midi()
                self._condition.tell()

    def _take_returns(self) -> None:
        self._returns.drain()
        for action in self._racks.rack.take_actions():
            self._desk.actions.heard(action)
        self._swaps.free(self._racks.rack.take_retired())
        self._swaps.serve()
        self._sounds.serve()

    def _post_at(self, event: Event, arrival_s: float) -> None:
        """Post an event that is heard one buffer after `arrival_s` (a time of `time.perf_counter()`)."""
        self._racks.rack.post(event, self._card.frame_at(event, arrival_s))

    def _post_arrived(self, event: Event, arrival_s: float) -> None:
        """Post an event, and hand it to the desk; called on the MIDI driver's thread."""
        self._post_at(event, arrival_s)
        if self._desk is not None:
            self._desk.arrived(event)

    def _device_came(self, device: int, identity: Identity) -> None:
        if self._desk is not None:
            self._desk.maps.came(device, identity)

    def _fit_rack(self, sample_rate_hz: int) -> None:
        if self._racks.fit(sample_rate_hz):
            self._begin_rack()

    def _begin_rack(self) -> None:
        """Give a new rack the control maps, and forget swaps that were posted to the previous rack."""
        self._swaps.forget_posted()
        self._tell_maps()

    def _tell_maps(self) -> None:
        for change in self._desk.maps.changes() if self._desk else ():
            self._racks.rack.post(change)

    def _start(self, output: Output) -> None:
        recorder = self._desk.recorder
        recorder.follow(self._racks.rack)
        self._card.start(output, self._racks.rack, recorder.ring, self._returns.wake, self._sounds.player)
        self._watch.follow(output.blocks, self._racks.rack, self._card.block_s)

    def _check_midi(self) -> None:
        for line in self._midi.poll():
            self._say(line)
        if self._midi.has_lost_server and not self._card.is_missing:
            self._watch.suspect()  # JACK serves both MIDI and sound, so the sound may be lost, too

    def _check_blocks(self) -> bool:
        """Return True if the card has just gone; if so, replace it by a silent output."""
        self._desk.guarding.follow(self._card.blocks.thread_id)
        if self._card.output.server_has_gone:
            self._watch.suspect()
        has_gone = self._watch.look() and not self._card.is_missing
        if has_gone:
            self._start(self._card.leave())
        return has_gone

    def _check_all(self) -> None:
        self._racks.free_left()
        self._check_midi()
        failure = self._card.blocks.failure
        if failure is not None:
            raise failure
        if self._card.is_missing:
            self._look_for_device()

    def _look_for_device(self) -> None:
        output = self._card.look()
        if output is not None:
            self._fit_rack(output.sample_rate_hz)
            through_lines = self._card.make_effect(output)
            self._start(output)
            for line in (*through_lines, f"Sound card: {output.name}, {output.sample_rate_hz} Hz."):
                self._say(line)
