"""Swaps instruments while playing: makes the next one on a thread of its own, and lets the rack take it over."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from runtime.base.errors import UserError
from runtime.base.realtime import SWAP_PRIORITY, gives_way, promote_thread
from runtime.config import Config
from runtime.events import Action, Event, Reset, Swap
from runtime.instrument.library import available
from runtime.rack.build import build_chosen, playable
from runtime.rack.part_choice import choose_parts
from runtime.rack.parts import Playable
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice, choose


class Playing(Protocol):
    """What swaps need of what plays.

    swapped: called once another choice plays a part; take_whole: lets a rack take the place of the one that plays.
    """

    @property
    def sample_rate_hz(self) -> int: ...

    def choice_of(self, part: int) -> Choice: ...

    def post(self, event: Event) -> None: ...

    def swapped(self, part: int, choice: Choice) -> None: ...

    def take_whole(self, choice: Choice, rack: Rack) -> None: ...


ALL_PARTS = -1
_FADE_S = 0.06  # what plays is silenced softly, and has this long for it


class _Wish(NamedTuple):
    part: int
    instrument: str | None
    sound: str | None
    config: Config
    sample_rate_hz: int


class Swaps:
    """Makes other instruments play.

    playing: what plays; say: called with each line for the user; wake: called on the thread that makes instruments,
    when `serve` has something to do; is_busy: whether the audio thread renders a block at present.
    """

    def __init__(
        self,
        playing: Playing,
        say: Callable[[str], object],
        wake: Callable[[], object],
        is_busy: Callable[[], bool] = lambda: False,
    ):
        self._playing, self._say, self._wake, self._is_busy = playing, say, wake, is_busy
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._made: deque[tuple[_Wish, Choice, Playable | Rack] | tuple[_Wish, Exception]] = deque()
        self.plays_whole = False  # whether a sound with parts was chosen while playing
        self._posted: deque[tuple[int, Choice]] = deque()  # swaps that the rack has not said to have happened
        self._asked: dict[int, str] = {}  # by part: the instrument that was asked for last
        self._thread: threading.Thread | None = None

    def step(self, action: Action) -> None:
        """The actions next_instrument and previous_instrument."""
        names = list(available())
        now = self._asked.get(action.part) or self._playing.choice_of(action.part).instrument.path.stem
        here = names.index(now) if now in names else -1
        self.ask(action.part, names[(here + (1 if action.name == "next_instrument" else -1)) % len(names)])

    def ask(self, part: int, instrument: str, sound: str | None = None) -> None:
        """Let a part play another instrument as soon as it is ready."""
        self._asked[part] = instrument
        self._want(part, instrument, sound)

    def ask_whole(self, instrument: str | None, sound: str) -> None:
        """Let a sound with parts play, or one without after one with parts; what plays ends.

        instrument: None: the one that the sound names.
        """
        self._want(ALL_PARTS, instrument, sound)

    def _want(self, part: int, instrument: str | None, sound: str | None) -> None:
        choice = self._playing.choice_of(max(0, part))
        settings = choice.settings
        if part == ALL_PARTS:  # what names no instrument is for the present one
            settings = msgspec.structs.replace(settings, instrument=str(choice.instrument.path))
        self._wishes.put(_Wish(part, instrument, sound, settings, self._playing.sample_rate_hz))
        if self._thread is None:
            self._thread = threading.Thread(target=self._make_all, name="swap", daemon=True)
            self._thread.start()

    def serve(self) -> None:
        """Post the instruments that are ready, and say what failed."""
        while self._made:
            made = self._made.popleft()
            if isinstance(made[1], Exception):
                self._asked.clear()
                stays = "The sound stays as it is" if made[0].part == ALL_PARTS else "The instrument stays"
                self._say(f"{stays}: {made[1] if isinstance(made[1], UserError) else repr(made[1])}")
                continue
            wish, choice, ready = made
            if isinstance(ready, Rack):
                self._take_whole(choice, ready)
                continue
            if wish.sample_rate_hz == self._playing.sample_rate_hz:  # else the sound card has changed since
                self._posted.append((wish.part, choice))
                self._playing.post(Swap(wish.part, wish.instrument, wish.sound, ready))

    def _take_whole(self, choice: Choice, rack: Rack) -> None:
        if rack.sample_rate_hz == self._playing.sample_rate_hz:
            self.plays_whole = bool(choice.parts)
            self._posted.clear()
            self._asked.clear()
            self._playing.take_whole(choice, rack)

    def happened(self, _action: Action) -> None:
        """The action `swapped`: the oldest posted swap has happened."""
        if self._posted:
            part, choice = self._posted.popleft()
            self._playing.swapped(part, choice)
            self._say(f"Instrument: {choice.instrument.card.name}.")

    def close(self) -> None:
        """End the thread; what it makes is not played any more."""
        if self._thread is not None:
            self._wishes.put(None)
            self._thread.join()

    def _make_all(self) -> None:
        promote_thread(SWAP_PRIORITY)
        while (wish := self._wishes.get()) is not None:
            try:
                with gives_way(self._is_busy):
                    made = _make(wish) if wish.part != ALL_PARTS else _make_whole(wish, self._wake)
                if wish.part == ALL_PARTS:
                    self._playing.post(Reset())
                    time.sleep(_FADE_S)
                self._made.append((wish, *made))
            except Exception as error:  # whatever it is, what plays must go on playing
                self._made.append((wish, error))
            self._wake()


def _make_whole(wish: _Wish, wake: Callable[[], object]) -> tuple[Choice, Rack]:
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose_parts(config, wish.instrument, None, wish.sound)
    return choice, build_chosen(choice, wish.sample_rate_hz, wake=wake)


def _make(wish: _Wish) -> tuple[Choice, Playable]:
    # No note is played to warm the engine up: loading has run the decoder, and other engines have played here.
    # A preset in the settings belongs to the instrument in the settings.
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose(config, wish.instrument, None, wish.sound)
    return choice, playable(choice.patch, choice.instrument, wish.sample_rate_hz, choice.programs)
