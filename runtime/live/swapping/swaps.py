"""Swaps instruments while playing: another thread makes the next instrument, and the rack takes it over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from runtime.base.errors import UserError
from runtime.base.realtime import gives_way
from runtime.config import Config
from runtime.events import Action, Event, Swap
from runtime.instrument.library import available
from runtime.live.swapping.makers import Makers
from runtime.live.swapping.racks import Racks
from runtime.rack.build import build_chosen, playable
from runtime.rack.part_choice import choose_parts
from runtime.rack.parts import Playable
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice, choose


class Playing(Protocol):
    """The part of `Supervisor` that swaps use; take_whole: replaces the rack that plays."""

    def post(self, event: Event) -> None: ...

    def take_whole(self, choice: Choice, rack: Rack) -> None: ...


ALL_PARTS = -1


class _Wish(NamedTuple):
    part: int
    instrument: str | None
    sound: str | None
    config: Config
    sample_rate_hz: int


class Swaps:
    """Replaces the instruments and racks that play.

    playing: what plays; racks: its racks; say: called with each line for the user; wake: called on the thread that
    makes instruments, when `serve` has something to do; is_busy: returns whether the audio thread is rendering a block.
    """

    def __init__(
        self,
        playing: Playing,
        racks: Racks,
        say: Callable[[str], object],
        wake: Callable[[], object],
        is_busy: Callable[[], bool] = lambda: False,
    ):
        self._playing, self._racks, self._say = playing, racks, say
        self._wake, self._is_busy = wake, is_busy
        self._wishes: deque[_Wish] = deque()  # requests that no thread has begun yet
        self._is_making, self._makers = False, Makers(wake)
        self._made: deque[tuple[_Wish, Choice, Playable | Rack] | tuple[_Wish, Exception]] = deque()
        self.plays_whole = False  # whether a sound with parts plays that was chosen while playing
        self._posted: deque[tuple[int, Choice]] = deque()  # swaps that the rack has not confirmed yet
        self._asked: dict[int, str] = {}  # by part: the instrument that was requested last

    @property
    def is_pending(self) -> bool:
        """Whether another instrument was requested and does not play yet."""
        return self._is_making or bool(self._wishes or self._made or self._posted)

    def step(self, action: Action) -> None:
        """Perform the action next_instrument or previous_instrument."""
        names = list(available())
        now = self._asked.get(action.part) or self._racks.choice_of(action.part).instrument.path.stem
        here = names.index(now) if now in names else -1
        self.ask(action.part, names[(here + (1 if action.name == "next_instrument" else -1)) % len(names)])

    def ask(self, part: int, instrument: str, sound: str | None = None) -> None:
        """Let a part play another instrument as soon as the instrument is ready."""
        self._asked[part] = instrument
        self._want(part, instrument, sound)

    def ask_whole(self, instrument: str | None, sound: str) -> None:
        """Replace the rack by one for a sound with parts, or for a sound without parts after one with parts.

        instrument: None for the instrument that the sound names.
        """
        self._want(ALL_PARTS, instrument, sound)

    def _want(self, part: int, instrument: str | None, sound: str | None) -> None:
        choice = self._racks.choice_of(max(0, part))
        settings = choice.settings
        if part == ALL_PARTS:  # a sound that names no instrument is for the present one
            settings = msgspec.structs.replace(settings, instrument=str(choice.instrument.path))
        self._wishes.append(_Wish(part, instrument, sound, settings, self._racks.sample_rate_hz))
        self._begin()

    def serve(self) -> None:
        """Post the instruments that are ready, and say what failed."""
        while self._made:
            made = self._made.popleft()
            self._is_making = False
            self._begin()
            if isinstance(made[1], Exception):
                self._asked.clear()
                stays = "The sound stays as it is" if made[0].part == ALL_PARTS else "The instrument stays"
                self._say(f"{stays}: {made[1] if isinstance(made[1], UserError) else repr(made[1])}")
                continue
            wish, choice, ready = made
            if isinstance(ready, Rack):
                self._take_whole(choice, ready)
                continue
            # Otherwise the sample rate or the number of parts has changed since the request.
            if wish.sample_rate_hz == self._racks.sample_rate_hz and wish.part < self._racks.rack.n_parts:
                self._posted.append((wish.part, choice))
                self._playing.post(Swap(wish.part, wish.instrument, wish.sound, ready))

    def _take_whole(self, choice: Choice, rack: Rack) -> None:
        if rack.sample_rate_hz == self._racks.sample_rate_hz:
            self.plays_whole = bool(choice.parts)
            self._posted.clear()
            self._asked.clear()
            self._playing.take_whole(choice, rack)

    def happened(self, _action: Action) -> None:
        """Perform the action `swapped`: note that the oldest posted swap has happened."""
        if self._posted:
            part, choice = self._posted.popleft()
            self._racks.swapped(part, choice)
            self._say(f"Instrument: {choice.instrument.card.name}.")

    def forget_posted(self) -> None:
        """Forget unconfirmed swaps and requests, because a new rack does not know them."""
        self._posted.clear()
        self._asked.clear()

    def close(self) -> None:
        """End the threads; what they are making is not played."""
        self._makers.close()

    def _begin(self) -> None:
        """Let a thread make the next wish, unless a thread is at work: wishes must be made in order."""
        if self._wishes and not self._is_making:
            self._is_making = True
            self._makers.run(partial(self._make, self._wishes.popleft()))

    def _make(self, wish: _Wish) -> list[object]:
        """Make a wish's instrument or rack on a maker's thread; return the objects that fill the thread's arena."""
        try:
            with gives_way(self._is_busy):
                choice, ready = _made_whole(wish, self._wake) if wish.part == ALL_PARTS else _made(wish)
            self._made.append((wish, choice, ready))
        except Exception as error:  # whatever the error is, playing must go on
            self._made.append((wish, error))
            return []
        return [ready, *ready.engines()] if isinstance(ready, Rack) else [ready.engine]


def _made_whole(wish: _Wish, wake: Callable[[], object]) -> tuple[Choice, Rack]:
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose_parts(config, wish.instrument, None, wish.sound)
    return choice, build_chosen(choice, wish.sample_rate_hz, wake=wake)


def _made(wish: _Wish) -> tuple[Choice, Playable]:
    # No note is played to warm the engine up: loading has run the decoder, and other engines have already played.
    # A preset in the settings belongs to the instrument in the settings.
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose(config, wish.instrument, None, wish.sound)
    return choice, playable(choice.patch, choice.instrument, wish.sample_rate_hz, choice.programs)
