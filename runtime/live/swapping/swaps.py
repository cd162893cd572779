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
from runtime.engine.engine import Engine
from runtime.events import Action, Event, Swap
from runtime.instrument.library import available
from runtime.live.swapping.makers import Makers
from runtime.rack.build import playable
from runtime.rack.parts import Playable
from runtime.sound.choice import Choice, choose


class Playing(Protocol):
    """What swaps need of what plays; `swapped` is called once another choice plays a part."""

    @property
    def sample_rate_hz(self) -> int: ...

    def choice_of(self, part: int) -> Choice: ...

    def post(self, event: Event) -> None: ...

    def swapped(self, part: int, choice: Choice) -> None: ...


class _Wish(NamedTuple):
    part: int
    instrument: str
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
        self._playing, self._say, self._is_busy = playing, say, is_busy
        self._wishes: deque[_Wish] = deque()  # those that are not begun yet
        self._is_making, self._makers = False, Makers(wake)
        self._made: deque[tuple[_Wish, Choice, Playable] | Exception] = deque()
        self._posted: deque[tuple[int, Choice]] = deque()  # swaps that the rack has not said to have happened
        self._asked: dict[int, str] = {}  # by part: the instrument that was asked for last

    @property
    def is_pending(self) -> bool:
        """Whether another instrument has been asked for, and does not play yet."""
        return self._is_making or bool(self._wishes or self._made or self._posted)

    def step(self, action: Action) -> None:
        """The actions next_instrument and previous_instrument."""
        names = list(available())
        now = self._asked.get(action.part) or self._playing.choice_of(action.part).instrument.path.stem
        here = names.index(now) if now in names else -1
        self.ask(action.part, names[(here + (1 if action.name == "next_instrument" else -1)) % len(names)])

    def ask(self, part: int, instrument: str, sound: str | None = None) -> None:
        """Let a part play another instrument as soon as it is ready."""
        self._asked[part] = instrument
        settings = self._playing.choice_of(part).settings
        self._wishes.append(_Wish(part, instrument, sound, settings, self._playing.sample_rate_hz))
        self._begin()

    def serve(self) -> None:
        """Post the instruments that are ready, and say what failed."""
        while self._made:
            made = self._made.popleft()
            self._is_making = False
            self._begin()
            if isinstance(made, Exception):
                self._asked.clear()
                self._say(f"The instrument stays: {made if isinstance(made, UserError) else repr(made)}")
                continue
            wish, choice, ready = made
            if wish.sample_rate_hz == self._playing.sample_rate_hz:  # else the sound card has changed since
                self._posted.append((wish.part, choice))
                self._playing.post(Swap(wish.part, wish.instrument, wish.sound, ready))

    def happened(self, _action: Action) -> None:
        """The action `swapped`: the oldest posted swap has happened."""
        if self._posted:
            part, choice = self._posted.popleft()
            self._playing.swapped(part, choice)
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

    def _make(self, wish: _Wish) -> Engine | None:
        """Make what is wished for, on a thread for that."""
        engine = None
        try:
            with gives_way(self._is_busy):
                choice, ready = _made(wish)
            engine = ready.engine
            self._made.append((wish, choice, ready))
        except Exception as error:  # whatever it is, what plays must go on playing
            self._made.append(error)
        return engine


def _made(wish: _Wish) -> tuple[Choice, Playable]:
    # No note is played to warm the engine up: loading has run the decoder, and other engines have played here.
    # A preset in the settings belongs to the instrument in the settings.
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = choose(config, wish.instrument, None, wish.sound)
    return choice, playable(choice.patch, choice.instrument, wish.sample_rate_hz, choice.programs)
