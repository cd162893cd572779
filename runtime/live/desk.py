"""Does the main thread's work, except for devices: answers requests, and lets the companion save and read files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Container
from typing import Any, Protocol

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild, Otherwise, Then
from runtime.engine.engine import Engine
from runtime.events import ChannelEvent, Event
from runtime.link.place import own_socket
from runtime.link.server import Server
from runtime.live.actions import Actions
from runtime.live.choosing import Choosing
from runtime.live.device_maps import DeviceMaps
from runtime.live.learning import Learning
from runtime.live.memory import Memory
from runtime.live.present import edited_sound, name_of, positions, present_sound
from runtime.live.recorder import Recorder
from runtime.live.remembering import Remembering
from runtime.live.remote.box import BoxRequests
from runtime.live.remote.hands import Hands
from runtime.live.remote.meter import METER, Meter
from runtime.live.remote.panel_news import PanelNotes
from runtime.live.remote.picture import PICTURE, Picture
from runtime.live.remote.ring import LentRing
from runtime.live.requests import add_requests
from runtime.live.watching.guarding import Guarding
from runtime.panel.child import PanelChild
from runtime.sound.choice import Choice
from runtime.sound.patch import Patch

Say = Callable[[str], object]
CONTROLS, CHANGES = "control", "change"
TOPICS = (CONTROLS, CHANGES, METER, PICTURE)
WATCH_S = 0.03  # moved controls are published at this interval
_MOST_ARRIVED = 256


class Playing(Protocol):
    """The part of `Supervisor` that the desk uses."""

    @property
    def engine(self) -> Engine:
        """The first part's engine."""

    def part_engines(self) -> list[Engine]:
        """For each part, the engine that plays its next notes."""

    def engines(self) -> list[Engine]:
        """All engines that sound, also those on which earlier notes ring out."""

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate of the engines."""

    @property
    def choice(self) -> Choice:
        """The `Choice` with which the first part's instrument began to play."""

    @property
    def ports(self) -> list[str]:
        """The names of the open MIDI inputs."""

    def take_peak(self, is_metered: bool) -> float:
        """Return the output's peak since the previous call, 0 to 1.

        is_metered: whether to go on measuring.
        """

    def set_velocities(self, device: int, velocities: bytes | None) -> None:
        """Set the velocity table of an input.

        device: the input's number.
        """

    def post(self, event: Event) -> None:
        """Post an event, which is heard one buffer later."""

    def call_sound(self, patch: Patch, name: str) -> None:
        """Rename the sound that plays, as `Racks.call_sound` does."""

    def say_yes(self) -> None:
        """Play the cue `yes`: something was learned or saved."""


class Desk:
    """Answers other programs while the instrument plays. The audio thread calls nothing here.

    say: called with each line for the user.
    memory: what the last run remembered; None to remember nothing.
    panel: the page's process, or None.
    server: the link's server; None if the link cannot be opened.
    companion: the process that saves and reads files.
    """

    def __init__(self, playing: Playing, say: Say, memory: Memory | None = None, panel: PanelChild | None = None):
        self.playing, self.say = playing, say
        self.actions = Actions(self)
        self._arrived: deque[Event] = deque(maxlen=_MOST_ARRIVED)
        self._watches_controls = False
        self.recorder = Recorder(self, playing.engine.sample_rate_hz)
        self.companion = CompanionChild(say, [self.recorder.ring.descriptor])
        self.guarding = Guarding(self.companion)
        self.choosing = Choosing(playing, self.companion, self.changed, say)
        self.actions.add("save", lambda _action: self.save(None, self._was_saved, self._cannot_save))
        self.actions.add("program", lambda action: self.choosing.heard(action.number, action.part))
        self.actions.add("next_sound", lambda _action: self.choosing.step(1))
        self.actions.add("previous_sound", lambda _action: self.choosing.step(-1))
        self.maps = DeviceMaps(self, playing.choice.patch.settings)
        self.learning = Learning(self)
        self.server = self._open_link()
        self.recorder.connect(self.server)
        self._meter = Meter(playing, positions, lambda: self.recorder.is_recording)
        self._picture = Picture(playing)
        self._panel = panel
        if panel is not None:
            panel.lend(self.recorder.ring.descriptor)
        if panel is not None and self.server is None:
            panel.close()  # without a link, no page can reach this process
            self._panel = None
        if self.server is not None:
            add_requests(self.server, self)
            self.learning.add_requests(self.server)
            Hands(playing.post).add_requests(self.server)
            PanelNotes().add_requests(self.server)
            LentRing(self.recorder.ring.descriptor).add_requests(self.server)
            file = (memory and memory.good_settings) or playing.choice.settings
            BoxRequests(playing, self.companion, self.changed, file).add_requests(self.server)
        self._remembering = Remembering(playing, self.companion, memory, say) if memory and memory.is_kept else None

    def arrived(self, event: Event) -> None:
        """Let `maps` remember which target a MIDI event moves, and keep the event if `serve` needs it.

        MIDI drivers' threads call this.
        """
        if isinstance(event, ChannelEvent):
            self.maps.note(event)
        if self._watches_controls or self.learning.is_active:
            self._arrived.append(event)

    @property
    def read_fds(self) -> list[int]:
        """File descriptors that become readable when `serve` has something to do."""
        served = [each for each in (self.companion, self.server, self._panel) if each is not None]
        return [descriptor for each in served for descriptor in each.read_fds]

    @property
    def write_fds(self) -> list[int]:
        """File descriptors that become writable when `serve` has something to do."""
        return [*self.companion.write_fds, *(self.server.write_fds if self.server else [])]

    @property
    def wait_s(self) -> float:
        """Seconds until `serve` must be called, even if no descriptor is ready by then."""
        if self.server is not None and self.server.is_behind:
            return 0.0
        waits_s = [self.companion.wait_s, self.recorder.wait_s, self._meter.wait_s, self._picture.wait_s]
        if self._panel is not None:
            waits_s.append(self._panel.wait_s)
        if self._watches_controls or self.learning.is_active:
            waits_s.append(WATCH_S)
        return min(waits_s)

    def serve(self, ready: Container[int] | None = None) -> None:
        """Do what is due, without waiting.

        ready: the readable descriptors; None if they are not known.
        """
        self.companion.serve()
        self.recorder.serve()
        if self._panel is not None:
            self._panel.serve()
        if self.server is not None:
            self.server.serve(ready)
            self._meter.serve(self.server)
            self._picture.serve(self.server)
            self._watches_controls = self.server.is_watched(CONTROLS)
        for _ in range(len(self._arrived)):
            event = self._arrived.popleft()
            if isinstance(event, ChannelEvent):
                self.learning.feed(event)
                if self._watches_controls:
                    self.server.publish(CONTROLS, {"kind": type(event).__name__} | msgspec.structs.asdict(event))
        self.learning.serve()
        self.maps.serve()

    def panel_lines(self) -> list[str]:
        """The line with the page's address, if there is a page."""
        return [f"PANEL {self._panel.url}"] if self._panel else []

    def remember(self) -> None:
        """Let the companion save what plays, if it has changed; call this every 2 s."""
        if self._remembering is not None:
            self._remembering.look()

    def state(self) -> dict[str, Any]:
        """What plays, as the answer to the request `state`: the instrument, the sound, the volume and more."""
        playing, choice = self.playing, self.playing.choice
        engine, decoder = playing.engine, playing.choice.instrument
        whole = None if choice.whole is None else present_sound(playing.part_engines(), choice)[0]
        return {
            "instrument": {"name": decoder.path.stem, "file": str(decoder.path.resolve())},
            "name": name_of(engine, choice),
            "part": 0,
            "sound": edited_sound(engine),
            "whole": whole,
            "volume_db": choice.settings.volume_db,
            "a4_hz": choice.settings.tuning.a4_hz,
            "positions": positions(engine),
            "ports": playing.ports,
            "process": os.getpid(),
        }

    def save(self, name: str | None, then: Then, otherwise: Otherwise) -> None:
        """Let the companion save the sound as it is now.

        name: the name under which to save the sound; with None, the companion makes a new name.
        then: called with a dict of the name, the file, the number and whether a sound was replaced.
        otherwise: called with a UserError if the sound cannot be saved, or if a requested instrument does not play yet.
        """
        if self.choosing.swap_is_pending():
            found = "an instrument that was asked for, and does not play yet"
            otherwise(UserError("save", found, "one that plays", "save again in a second"))
            return
        tree, folder = present_sound(self.playing.part_engines(), self.playing.choice, for_another_folder=True)
        folder = None if folder is None else str(folder.resolve())
        patch = self.playing.engine.patch

        def saved(answer: dict[str, Any]) -> None:
            self.choosing.called(patch, answer["name"], answer["number"])
            self.changed(saved=answer["name"])
            then(answer)

        self.companion.ask("sounds.save", saved, otherwise, name=name, tree=tree, folder=folder)

    def _was_saved(self, saved: dict[str, Any]) -> None:
        self.say(f"Saved as {saved['name']}.")
        self.playing.say_yes()

    def _cannot_save(self, error: UserError) -> None:
        self.say(f"The sound is not saved: {error}")

    def changed(self, **what: object) -> None:
        """Publish a change under the topic `change`.

        what: each thing that changed, by name.
        """
        if self.server is not None:
            self.server.publish(CHANGES, what)

    def close(self) -> None:
        """Save what plays; end the recording, the page's process, the link and the companion."""
        self.recorder.close()
        self.remember()
        if self._panel is not None:
            self._panel.close()
        if self.server is not None:
            self.server.close()
        self.companion.close()

    def _open_link(self) -> Server | None:
        path = own_socket()
        try:
            return Server(path, TOPICS, group_may_connect="RUNTIME_DIRECTORY" in os.environ)
        except BlockingIOError:
            self.say(f"Another play of yours has the link ({path}); learn and presets speak to that one.")
        except (OSError, UserError) as error:
            self.say(f"No link ({error}); learn and presets cannot speak to this play.")
        return None
