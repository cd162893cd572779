"""MIDI learn while the instrument plays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.control.learning import LIMIT_S, Learned, Learner, moved_before, silenced, silences, with_learned, without
from runtime.control.mapping.lines import MapLine, Takeover, range_of
from runtime.control.targets import ACTIONS, LATENT
from runtime.events import Action, ChannelEvent, TargetMove
from runtime.link.messages import NoParams
from runtime.link.server import LATER, Caller, Server

if TYPE_CHECKING:
    from runtime.live.desk import Desk

LONGEST_S = 120.0
_NO_DEVICE = -1
# For `learn.undo`: the sound's name, and the move that puts the learned target back to where it stood before. None if
# an action was learned.
_Stood = tuple[str | None, TargetMove] | None


class Learn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Learn a control for a target or action, within timeout_s seconds; takeover: as in MapLine."""

    target: str
    timeout_s: Annotated[float, msgspec.Meta(gt=0.0, le=LONGEST_S)] = LIMIT_S
    takeover: Takeover = "jump"


class Unlearn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forget what was learned for a target or action; target: None for all."""

    target: str | None = None


class Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until `unlearn`, no control moves this target or starts this action."""

    target: str


class ChooseCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the velocity curve of an input; device: the input's number."""

    device: int
    curve: Literal["soft", "linear", "hard"]


class Learning:
    """Learns which control the player moves, on any input."""

    def __init__(self, desk: Desk):
        self._desk, self._learner = desk, Learner()
        self._number = 0
        self._stood: _Stood = None
        # For `learn.undo`, the state before the newest change: the learned lines of each device that was changed, by
        # the device's number, and where the learned target stood.
        self._before: tuple[dict[int, tuple[MapLine, ...]], _Stood] | None = None
        desk.actions.add("learn", self._begin_by_control)

    @property
    def is_active(self) -> bool:
        """Whether `feed` needs the inputs' events."""
        return self._learner.target is not None

    def add_requests(self, server: Server) -> None:
        """Let the server answer the requests about learning, targets and inputs."""
        server.add("learn", Learn, self._begin)
        server.add("learn.undo", NoParams, self._undo)
        server.add("unlearn", Unlearn, self._unlearn)
        server.add("silence", Silence, self._silence)
        server.add("targets", NoParams, lambda _params, _caller: self._targets())
        server.add("devices", NoParams, lambda _params, _caller: self._desk.maps.present())
        server.add("velocity", ChooseCurve, self._choose_curve)

    def _begin(self, asked: Learn, _caller: Caller | None) -> dict[str, Any]:
        self._refuse_absent(asked.target)
        if self._learner.target is not None:
            self._tell({"outcome": "replaced"})
        self._learner.arm(asked.target, time.monotonic(), asked.timeout_s, asked.takeover)
        at = self._desk.playing.engine.target_position(asked.target)
        self._stood = None if at is None else (self._desk.state()["name"], TargetMove(asked.target, at))
        self._number += 1
        return {"number": self._number, "target": asked.target, "timeout_s": asked.timeout_s}

    def _begin_by_control(self, _action: Action) -> dict[str, Any]:
        """Begin to learn a control for the target that was moved last. If learning has begun already, cancel it."""
        if self._learner.target is not None:
            self._learner.cancel()
            self._tell({"outcome": "cancelled"})
            return {}
        target = self._desk.maps.last_moved
        if target is None:
            remedy = "move one, then press the control for learn"
            raise UserError("learn", "no control moved yet", "a target that was moved", remedy)
        self._desk.say(f"learn: move the control for {target}.")
        return self._begin(Learn(target), None)

    def _refuse_absent(self, target: str) -> None:
        if target in ACTIONS or self._desk.playing.engine.target_position(target) is not None:
            return
        known = [*self._desk.state()["positions"], *ACTIONS]
        raise UserError("learn", f"{target!r}", "a target of this sound, or an action", did_you_mean(target, known))

    def feed(self, event: ChannelEvent) -> None:
        """Process an event of an input, unless it comes from a control that starts `learn`."""
        if self._learner.target is not None and not self._desk.maps.starts(event, "learn"):
            self._take(self._learner.feed(event, time.monotonic()))

    def serve(self) -> None:
        """Learn the control that was moved, as soon as it rests; give up if no control has moved in time."""
        target, now_s = self._learner.target, time.monotonic()
        if target is not None:
            learned = self._learner.tick(now_s)
            self._take(learned)
            if learned is None and self._learner.target is None:
                self._desk.say(f"learn: no control moved for {target}.")
                self._tell({"outcome": "timeout", "target": target})

    def _take(self, learned: Learned | None) -> None:
        if learned is None:
            return
        maps, device, line = self._desk.maps, learned.device, learned.line
        names = self._latents()
        before = [names.get(each, each) for each in moved_before(maps.lines(device), line)]
        self._relearn({device: with_learned(maps.learned(device), line)}, self._stood)
        said = f"learn: {line.control} of {maps.label(device)} now {'starts' if line.action else 'moves'} {line.moves}"
        self._desk.say(said + (f"; before, it moved {', '.join(before)}." if before else "."))
        self._tell({
            "outcome": "learned",
            "target": line.moves,
            "device": maps.label(device),
            "line": msgspec.to_builtins(line),
            "before": before,
        })  # fmt: skip
        self._desk.playing.say_yes()
        if learned.share is not None:  # the target jumps to the control's position now, not at the next turn
            self._desk.playing.post(TargetMove(line.moves, learned.share))

    def _undo(self, _asked: NoParams, _caller: Caller) -> dict[str, Any]:
        if self._before is None:
            raise UserError("learn.undo", "nothing learned", "a control that was learned or forgotten", "see: learn")
        (before, stood), self._before = self._before, None
        for device, lines in before.items():
            self._desk.maps.relearn(device, lines)
        # The target moves back only if the sound is still the one for which the control was learned: another sound has
        # its own value for the target.
        if stood is not None and stood[0] == self._desk.state()["name"]:
            self._desk.playing.post(stood[1])
        return {"learned": sum(map(len, before.values()))}

    def _relearn(self, lines: dict[int, tuple[MapLine, ...]], stood: _Stood = None) -> None:
        """Replace the learned lines of devices.

        lines: each device's new lines; the keys are the devices' numbers.
        stood: where a target stood before, for `learn.undo`.
        """
        if lines:
            self._before = {device: self._desk.maps.learned(device) for device in lines}, stood
        for device, each in lines.items():
            self._desk.maps.relearn(device, each)

    def _tell(self, news: dict[str, Any]) -> None:
        self._desk.changed(learn={"number": self._number} | news)

    def _unlearn(self, asked: Unlearn, _caller: Caller) -> dict[str, Any]:
        maps, gone, changed = self._desk.maps, [], {}
        names = None if asked.target is None else self._names(asked.target)
        for device in maps.devices:
            learned = maps.learned(device)
            left = without(learned, names, maps.own(device, names))
            if left != learned:
                gone += [f"{line.control} of {maps.label(device)}" for line in learned if line not in left]
                changed[device] = left
        self._relearn(changed)
        if not gone and asked.target is not None:
            known = {line.moves for device in maps.devices for line in maps.learned(device)}
            remedy = did_you_mean(asked.target, known)
            raise UserError("unlearn", repr(asked.target), "a target that was learned", remedy)
        return {"unlearned": gone}

    def _silence(self, asked: Silence, _caller: Caller) -> dict[str, Any]:
        maps, gone, changed, names = self._desk.maps, [], {}, self._names(asked.target)
        for device in maps.devices:
            learned = maps.learned(device)
            lines = silenced(learned, maps.own(device, names))
            if len(lines) > len(learned):
                gone += [f"{line.control} of {maps.label(device)}" for line in lines[len(learned) :]]
                changed[device] = lines
        self._relearn(changed)
        if not gone:
            remedy = "see the controls with: learn --list"
            raise UserError("silence", repr(asked.target), "a target that a map's control moves", remedy)
        return {"silenced": gone}

    def _choose_curve(self, asked: ChooseCurve, caller: Caller) -> object:
        maps = self._desk.maps
        if asked.device not in maps.devices:
            raise UserError("velocity", f"input {asked.device}", "an input that is or was here", "see: devices")
        maps.choose_curve(asked.device, asked.curve, caller.answer, caller.refuse)
        return LATER

    def _names(self, target: str) -> frozenset[str]:
        """`target`, and if it is a latent's own name, also the latent's numbered name, such as latent.2."""
        return frozenset({target} | {number for number, name in self._latents().items() if name == target})

    def _latents(self) -> dict[str, str]:
        """The latents' own names; the keys are their numbered names, such as latent.2."""
        latents = [name for name in self._desk.state()["positions"] if name.startswith(LATENT)]
        return {f"{LATENT}{k}": name for k, name in enumerate(latents, 1)}

    def _targets(self) -> list[dict[str, Any]]:
        maps, found = self._desk.maps, []
        movers: dict[str, list[str]] = {}
        silent: dict[str, list[str]] = {}
        for device in maps.devices or (_NO_DEVICE,):
            learned, name = maps.learned(device), maps.label(device) if maps.devices else "default map"
            for line in maps.own(device):
                if any(silences(each, line) for each in learned):
                    silent.setdefault(line.moves, []).append(f"{line.control} ({name})")
            for line in maps.lines(device):
                star = ", learned" if line in learned else ""
                movers.setdefault(line.moves, []).append(f"{line.control} ({name}{star})")
        positions = self._desk.state()["positions"]
        for number, name in self._latents().items():
            movers.setdefault(name, []).extend(movers.pop(number, []))
            silent.setdefault(name, []).extend(silent.pop(number, []))
        for name, position in positions.items():
            unit = range_of(name)
            value = {"position": position, "value": unit.value_at(position), "unit": unit.unit}
            found.append({"target": name} | value)
        rows = [*found, *({"target": name} for name in ACTIONS)]
        return [row | {"moved_by": movers.get(row["target"], []), "silenced": silent.get(row["target"], [])}
                for row in rows]  # fmt: skip
