"""Swaps instruments while playing: lets another thread make the next one, and the rack take it over."""

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
    """What swaps need of what plays; take_whole: lets a rack take the place of the one that plays."""

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
    """Makes other instruments play.

    playing: what plays; racks: its racks; say: called with each line for the user; wake: called on the thread that
    makes instruments, when `serve` has something to do; is_busy: whether the audio thread renders a block at present.
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
        self._wishes: deque[_Wish] = deque()  # those that are not begun yet
        self._is_making, self._makers = False, Makers(wake)
        self._made: deque[tuple[_Wish, Choice, Playable | Rack] | tuple[_Wish, Exception]] = deque()
        self.plays_whole = False  # whether a sound with parts was chosen while playing
        self._posted: deque[tuple[int, Choice]] = deque()  # swaps that the rack has not said to have happened
        self._asked: dict[int, str] = {}  # by part: the instrument that was asked for last

    @property
    def is_pending(self) -> bool:
        """Whether another instrument has been asked for, and does not play yet."""
        return self._is_making or bool(self._wishes or self._made or self._posted)

    def step(self, action: Action) -> None:
        """The actions next_instrument and previous_instrument."""
        names = list(available())
        now = self._asked.get(action.part) or self._racks.choice_of(action.part).instrument.path.stem
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
        choice = self._racks.choice_of(max(0, part))
        settings = choice.settings
        if part == ALL_PARTS:  # what names no instrument is for the present one
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
            # Else the sound card, or the number of parts, has changed since.
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
        """The action `swapped`: the oldest posted swap has happened."""
        if self._posted:
            part, choice = self._posted.popleft()
            self._racks.swapped(part, choice)
            self._say(f"Instrument: {choice.instrument.card.name}.")

    def forget_posted(self) -> None:
        """What plays is built anew: it knows nothing of the swaps that it has not said to have happened."""
        self._posted.clear()
        self._asked.clear()

    def close(self) -> None:
        """End the threads; what they make is not played any more."""
        self._makers.close()

    def _begin(self) -> None:
        """Let a thread make what is wished for next, unless one is at work: what is asked for last shall play last."""
        if self._wishes and not self._is_making:
            self._is_making = True
            self._makers.run(partial(self._make, self._wishes.popleft()))

    def _make(self, wish: _Wish) -> list[object]:
        """Make what is wished for, on a thread for that; returns what fills its part of the heap."""
        try:
            with gives_way(self._is_busy):
                choice, ready = _made_whole(wish, self._wake) if wish.part == ALL_PARTS else _made(wish)
            self._made.append((wish, choice, ready))
        except Exception as error:  # whatever it is, what plays must go on playing
            self._made.append((wish, error))
            return []
        return [ready, *ready.engines()] if isinstance(ready, Rack) else [ready.engine]


def _made_whole(wish: _Wish, wake: Callable[[], object]) -> tuple[Choice, Rack]:
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose_parts(config, wish.instrument, None, wish.sound)
    return choice, build_chosen(choice, wish.sample_rate_hz, wake=wake)


def _made(wish: _Wish) -> tuple[Choice, Playable]:
    # No note is played to warm the engine up: loading has run the decoder, and other engines have played here.
    # A preset in the settings belongs to the instrument in the settings.
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose(config, wish.instrument, None, wish.sound)
    return choice, playable(choice.patch, choice.instrument, wish.sample_rate_hz, choice.programs)
