"""The control map of each MIDI input."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import Otherwise, Then
from runtime.config import Config
from runtime.control.learning import with_learned
from runtime.control.mapping.bindings import Bindings, bind, key_of
from runtime.control.mapping.layers import configured_lines
from runtime.control.mapping.library import DeviceSetup
from runtime.control.mapping.lines import Kind, MapLine
from runtime.control.mapping.map_file import MapDevice
from runtime.control.mapping.messages import key_of_event
from runtime.control.mapping.velocity import velocity_table
from runtime.events import ChannelEvent, ControlChange, Event, MapChange, PitchWheel
from runtime.midi.devices import Identity

if TYPE_CHECKING:
    from runtime.live.desk import Desk


_AGAIN_S = 1.0


class DeviceMaps:
    """The control maps of all MIDI inputs. All methods but `note` are for the main thread.

    config: the settings. Their map lines apply to every input.
    device: in every method, the number of an input.
    last_moved: the target that a control moved last; None before the first move.
    """

    def __init__(self, desk: Desk, config: Config):
        self._desk, self._config = desk, config
        self._common = bind(configured_lines(config))
        self._devices: dict[int, MapDevice] = {}
        self._setups: dict[int, DeviceSetup] = {}
        self._bindings: dict[int, Bindings] = {}
        self._awaited: set[int] = set()  # devices whose setup the companion has not sent yet
        self._early: dict[int, tuple[MapLine, ...]] = {}  # for each awaited device, the lines learned so far
        self._again: list[tuple[float, Callable[[int], object], int]] = []
        self.last_moved: str | None = None

    def came(self, device: int, identity: Identity) -> None:
        """Ask the companion for the map of an input that has appeared.

        Until the answer, the input's earlier map is used, or else the default map.
        """
        self._devices[device] = MapDevice(identity.port, identity.order, identity.socket)
        self._ask_setup(device)

    def _ask_setup(self, device: int) -> None:
        self._awaited.add(device)
        self._desk.companion.ask(
            "device_setup",
            lambda answer: self._take(device, answer),
            lambda error: self._ask_again(error, self._ask_setup, device),
            config=self._config,
            device=self._devices[device],
        )

    def _ask_again(self, error: UserError, ask: Callable[[int], object], device: int) -> None:
        if error.where == "companion":
            self._again.append((time.monotonic() + _AGAIN_S, ask, device))
        else:
            self._desk.say(f"{self.label(device)}: {error}")

    def serve(self) -> None:
        """Repeat the failed requests that have waited long enough."""
        now_s = time.monotonic()
        due, self._again = self._again, [each for each in self._again if each[0] > now_s]
        for due_s, ask, device in due:
            if due_s <= now_s:
                ask(device)

    def _take(self, device: int, answer: Any) -> None:
        setup = msgspec.convert(answer, DeviceSetup)
        self._awaited.discard(device)
        early = self._early.pop(device, ())
        learned = setup.learned
        for line in early:
            learned = with_learned(learned, line)
        setup = msgspec.structs.replace(setup, learned=learned)
        if setup.problem:
            self._desk.say(setup.problem)
        if setup != self._setups.get(device):
            if setup.map_name or setup.learned:
                n_learned = len(setup.learned)
                learned = f" and {n_learned} learned control{'s' * (n_learned > 1)}" if n_learned else ""
                self._desk.say(f"{self.label(device)}: {setup.map_name or 'the default'} map{learned}.")
            self._desk.playing.set_velocities(device, velocity_table(setup.velocity_curve))
            self._use(device, setup)
        if early:
            self._keep(device)  # also saves what was learned before the companion's answer

    def _use(self, device: int, setup: DeviceSetup) -> None:
        self._setups[device] = setup
        self._bindings[device] = bind(self.lines(device))
        self._desk.playing.post(MapChange(device, self._bindings[device]))

    def changes(self) -> list[Event]:
        """The events that give all maps to a new engine."""
        return [MapChange(device, bindings) for device, bindings in self._bindings.items()]

    def note(self, event: ChannelEvent) -> None:
        """Remember which target an event moves; called on the threads of the MIDI drivers."""
        kind = type(event)
        if kind is ControlChange:
            key = event.channel << 14 | event.control
        elif kind is PitchWheel:
            key = key_of(Kind.PITCH_WHEEL, event.channel, 0)
        else:
            return
        found = self._bindings.get(event.device, self._common).moved.get(key)
        if found:
            self.last_moved = found[0].target

    def present(self) -> list[dict[str, Any]]:
        """The inputs that have appeared since the start, with their maps."""
        found = []
        for device in sorted(self._devices):
            setup = self._setups.get(device)
            name = setup.map_name if setup else ""
            row = {"device": device, "name": self.label(device), "map": name or "default"}
            found.append(row | {"learned": len(self.learned(device)), "velocity_curve": self._curve(device)})
        return found

    @property
    def devices(self) -> dict[int, MapDevice]:
        return self._devices

    def label(self, device: int) -> str:
        """A device's name for the user."""
        return self._devices[device].label if device in self._devices else f"device {device}"

    def lines(self, device: int) -> tuple[MapLine, ...]:
        """All lines of a device's map, learned or not."""
        setup = self._setups.get(device)
        return setup.lines if setup else configured_lines(self._config)

    def own(self, device: int, names: Collection[str] | None = None) -> list[MapLine]:
        """The lines of a device's map that were not learned.

        names: targets or actions. Only lines that move or start one of them are returned; None for all lines.
        """
        setup = self._setups.get(device)
        lines = setup.chosen if setup else configured_lines(self._config)
        return [line for line in lines if names is None or line.moves in names]

    def choose_curve(self, device: int, curve: str, then: Then, otherwise: Otherwise) -> None:
        """Use and save a velocity curve for a device.

        then: called with the device's number and the curve's name.
        """

        def use(answer: Any) -> None:
            self._take(device, answer)
            then({"device": device, "velocity_curve": self._curve(device)})

        params = {"config": self._config, "device": self._devices[device], "curve": curve}
        self._desk.companion.ask("keep_velocity", use, otherwise, **params)

    def _curve(self, device: int) -> str:
        """The name of a device's velocity curve; `own` if the curve is one velocity or a list of points."""
        curve = self._setups[device].velocity_curve if device in self._setups else "linear"
        return curve if isinstance(curve, str) else "own"

    def learned(self, device: int) -> tuple[MapLine, ...]:
        """The lines of a device's map that were learned."""
        return self._setups[device].learned if device in self._setups else ()

    def starts(self, event: ChannelEvent, action: str) -> bool:
        """Whether an event comes from a control that starts this action."""
        key = key_of_event(event)
        if key is None:
            return False
        found = self._bindings.get(event.device, self._common).actions.get(key)
        return found is not None and found.name == action

    def relearn(self, device: int, learned: tuple[MapLine, ...]) -> None:
        """Use and save these learned lines for a device, in place of its earlier ones."""
        if device in self._awaited:
            self._early[device] = learned
        base = self._setups.get(device) or DeviceSetup(chosen=configured_lines(self._config))
        self._use(device, msgspec.structs.replace(base, learned=learned))
        self._keep(device)

    def _keep(self, device: int) -> None:
        self._desk.companion.ask(
            "keep_learned",
            lambda _answer: self._desk.changed(map=self.label(device)),
            lambda error: self._not_kept(device, error),
            device=self._devices.get(device),
            lines=self.learned(device),
        )

    def _not_kept(self, device: int, error: UserError) -> None:
        if error.where == "companion":
            self._ask_again(error, self._keep, device)
            return
        self._desk.say(f"{self.label(device)}: what was learned is used, but not kept: {error}")
        self._desk.changed(map=self.label(device), not_kept=str(error))
