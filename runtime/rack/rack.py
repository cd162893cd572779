"""The rack: one to four parts on one clock, an arpeggiator before them, effects and a limiter after them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from runtime.config import Config
from runtime.control.control_map import ControlMap
from runtime.engine.engine import Engine
from runtime.engine.limiter import limit
from runtime.engine.status import Status
from runtime.events import Action, Event
from runtime.rack.parts import Part, PartSettings, Playable
from runtime.rack.recorded.state import RackState, state_of_part
from runtime.rack.routing.incoming import BeforeParts, Incoming
from runtime.rack.routing.returns import Returns
from runtime.rack.routing.router import Router
from runtime.rack.routing.voice_room import VoiceRoom

MOST_PARTS = 4
LONGEST_PIECE = 4096


class BehindParts(Protocol):
    """What a rack needs of its effects.

    sleep: whether the effects are silent until they receive sound.
    add: adds reverb and chorus to `dry`, in place. Its arguments:

    - frame: number of the first frame of `dry`
    - dry: the parts' sound, float32 (n_frames, 2)
    - reverb_send, chorus_send: the input of each effect, float32 (n_frames, 2); None for silence
    """

    sleep: bool

    def add(
        self, frame: int, dry: np.ndarray, reverb_send: np.ndarray | None, chorus_send: np.ndarray | None
    ) -> None: ...


class Rack:
    """Plays up to four parts, each an engine; receives events as an engine does. It owns no thread, clock, file or log.

    parts: the Playable and the settings of each part. A Playable's engine has no limiter, and has rendered nothing yet.
    n_voices: the largest number of voices that all parts may have together.
    controls: turns presses of controls into actions; None for the default settings' controls.
    wake: called on the audio thread when `take_actions` or `take_retired` has something to return; it must not block.

    frame: the next frame to render.
    sample_rate_hz: the rate of all engines.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Playable, PartSettings]],
        n_voices: int,
        *,
        controls: ControlMap | None = None,
        effects: BehindParts | None = None,
        arpeggiator: BeforeParts | None = None,
        wake: Callable[[], object] | None = None,
    ):
        if not 1 <= len(parts) <= MOST_PARTS:
            raise ValueError(f"{len(parts)} parts; a rack has 1 to {MOST_PARTS}")
        self._parts = [Part(playable, settings) for playable, settings in parts]
        self._leaving: list[Part] = []  # replaced parts, whose notes ring out
        self.sample_rate_hz = self._parts[0].engine.sample_rate_hz
        self.frame = self._parts[0].engine.frame
        controls = ControlMap(Config()) if controls is None else controls
        self._effects, self._controls, self._wants_state = effects, controls, False
        self._returns, self._room = Returns(wake), VoiceRoom(self._parts, self._leaving, n_voices)
        self._incoming = Incoming(self._parts, controls, arpeggiator)
        self._router = Router(self._parts, self._leaving, controls, self._room, self._returns)
        self._scratch = np.zeros((2, LONGEST_PIECE, 2), np.float32)
        self._bend = np.zeros((LONGEST_PIECE, 2), np.float32)
        self._buses = np.zeros((2, LONGEST_PIECE, 2), np.float32)

    @property
    def status(self) -> Status:
        """The status of all engines together; frame and positions are the first part's."""
        if self._room.shares_alone() and not self._returns.n_notes:
            return self._parts[0].engine.status
        every = [engine.status for engine in self.engines()]
        first = self._parts[0].engine.status
        return Status(
            first.frame,
            sum(status.n_active_voices for status in every),
            self._returns.n_notes + sum(status.n_notes for status in every),
            self._returns.n_stolen + sum(status.n_stolen for status in every),
            sum(status.n_decoded for status in every),
            sum(status.n_transforms for status in every),
            first.positions,
        )

    def engine(self, part: int = 0) -> Engine:
        """The engine that plays a part's next notes."""
        return self._parts[part].engine

    def engines(self) -> list[Engine]:
        """All parts' engines, including those on which earlier notes ring out. Any thread may call this."""
        return [engine for part in (*self._leaving, *self._parts) for engine in part.engines()]

    @property
    def n_parts(self) -> int:
        return len(self._parts)

    @property
    def n_muted(self) -> int:
        """Number of spectra that the present engines have silenced, because values were too large or not finite."""
        return sum(engine.n_muted for engine in self.engines())

    @property
    def is_silent(self) -> bool:
        """Whether nothing will be heard until another note begins."""
        is_dry = all(engine.is_silent for engine in self.engines())
        return is_dry and (self._effects is None or self._effects.sleep)

    def keep_history(self, history: deque[tuple[int, object]]) -> None:
        """From now on, append two things to `history`.

        - each event that the audio thread receives
        - each state that `ask_for_state` requests
        """
        self._incoming.history = history

    def ask_for_state(self) -> None:
        """Request the state. At the end of the present or next block, (frame, RackState) is added to the history."""
        self._wants_state = True

    def continue_from(self, state: RackState) -> None:
        """Take over the state of another rack. Call this before this rack's first block.

        This rack's engines already have their states.
        """
        for part, remembered in zip(self._parts, state.parts, strict=True):
            part.remember(remembered.memory)
        self._controls.remember(state.memory.get("controls", {}))
        self._incoming.remember(state.memory, state.said, state.frame)
        self._router.remember(state.said)

    def post(self, event: Event, frame: int | None = None) -> None:
        """Post an event. Any thread may call this.

        frame: as in `Engine.post`.
        """
        self._incoming.post(event, frame)

    def take_actions(self) -> list[Action]:
        """Return the player's actions since the previous call. Only one thread may call this."""
        return self._returns.take_actions()

    def take_retired(self) -> list[Engine]:
        """Return the engines retired since the previous call. Any thread but the audio thread may free them."""
        return self._returns.take_retired()

    def render(self, out: np.ndarray) -> None:
        """Fill `out` with the next frames.

        out: float32 (n_frames, 2), left and right; full scale is 1.
        """
        for first in range(0, len(out), LONGEST_PIECE):
            self._render_block(out[first : first + LONGEST_PIECE])
        if self._wants_state and self._incoming.history is not None:
            self._wants_state = False
            self._incoming.history.append((self.frame, self._state()))

    def _state(self) -> RackState:
        sounding = (voice for engine in self.engines() for voice in engine.sounding())
        holds_notes = self._incoming.holds_keys() or any(not voice.released for voice in sounding)
        is_silent = self.is_silent and not holds_notes and len(self.engines()) == len(self._parts)
        parts = (state_of_part(part.engine, part.settings, is_silent, part.memory()) for part in self._parts)
        memory = self._incoming.memory() | {"controls": self._controls.memory()}
        said, waiting = self._router.said(), self._incoming.waiting()
        return RackState(self.frame, is_silent, holds_notes, tuple(parts), said, memory, waiting)

    def _render_block(self, out: np.ndarray) -> None:
        frame, n_frames = self.frame, len(out)
        due = self._incoming.take(frame, frame + n_frames) if self._incoming.is_waiting() else []
        done = 0
        while due:
            end, due = self._router.hand_out(due, frame + done, frame + n_frames)
            self._render_piece(out[done : end - frame])
            done = end - frame
        if done < n_frames:
            self._render_piece(out[done:])
        limit(out, self._scratch[0, :n_frames], self._bend[:n_frames])

    def _render_piece(self, out: np.ndarray) -> None:
        """Render frames during which no event for the rack itself happens."""
        frame, n = self.frame, len(out)
        buses, fed = self._buses[:, :n], [False, False]
        sound, scratch = self._scratch[:, :n]
        for number, part in enumerate((*self._parts, *self._leaving)):
            heard = sound if number else out
            part.render(heard, scratch)
            if self._effects is not None:
                part.send(heard, frame, buses, fed, scratch)
            if number:
                out += sound
        if self._effects is not None:
            self._effects.add(frame, out, *(bus if is_fed else None for bus, is_fed in zip(buses, fed, strict=True)))
        self.frame = frame + n
        self._collect()

    def _collect(self) -> None:
        asked: set[str] = set()
        for number, part in enumerate(self._parts):
            for action in part.engine.take_actions():
                self._pass_on(action, number, part.engine, asked)
            if part.leaving:
                self._retire(part)
        for part in self._leaving:
            part.engine.take_actions()
            self._retire(part)
        if self._leaving:
            self._leaving[:] = [part for part in self._leaving if not self._has_gone(part)]

    def _retire(self, part: Part) -> None:
        for engine in part.leaving:
            engine.take_actions()
        for engine in part.take_gone():
            self._returns.retire(engine)

    def _has_gone(self, part: Part) -> bool:
        if part.leaving or not part.engine.is_silent:
            return False
        self._returns.retire(part.engine)
        return True

    def _pass_on(self, action: Action, part: int, engine: Engine, asked: set[str]) -> None:
        """Carry out `panic`; let `take_actions` return any other action.

        If several parts ask for the same action in one piece of rendering, it is returned once. But `program` is
        returned each time.
        asked: names of the actions that parts have asked for in this piece.
        """
        if action.name == "panic":
            self._router.silence(self.frame, engine)
        elif action.name == "program" or action.name not in asked:
            asked.add(action.name)
            self._returns.ask(msgspec.structs.replace(action, part=part))
