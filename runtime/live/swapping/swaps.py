"""Swaps instruments while playing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from runtime.base.errors import UserError
from runtime.config import Config
from runtime.engine.engine import Engine
from runtime.events import ALL_PARTS, Action, Event, Swap
from runtime.instrument.library import available
from runtime.live.swapping.makers import Makers
from runtime.live.swapping.racks import Racks
from runtime.rack.build import parts_of, playable
from runtime.rack.part_choice import choose_parts, standing_at, with_parts
from runtime.rack.parts import Part, Playable
from runtime.sound.choice import Choice, WrittenSound, choose, choose_written
from runtime.sound.patch import named


class Playing(Protocol):
    """The methods of `Supervisor` that `Swaps` calls.

    tell_sound: publishes the present sound's name.
    """

    def post(self, event: Event) -> None: ...

    def tell_sound(self, name: str | None) -> None: ...


Ready = Playable | tuple[Part, ...]


class _Wish(NamedTuple):
    """What was requested.

    volume_db: the value for the sound's target `level`; None to keep the value that the sound has.
    """

    part: int
    instrument: str | None
    sound: str | WrittenSound | None
    name: str | None
    config: Config
    sample_rate_hz: int
    volume_db: float | None


class Swaps:
    """Replaces the instrument of one part, or all parts of the rack.

    wake: called when `serve` has something to do, on a thread that makes instruments.
    is_busy: returns whether the audio thread is rendering a block.
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
        self._wishes: deque[_Wish] = deque()  # requests that no thread has begun to carry out
        self._making: _Wish | None = None
        self._makers = Makers(wake, is_busy)
        self._made: deque[tuple[_Wish, Choice, Ready] | tuple[_Wish, Exception]] = deque()
        self._posted: deque[tuple[int, Choice]] = deque()  # swaps that the rack has not confirmed
        self._asked: dict[int, str] = {}  # for each part, the instrument that was requested last

    @property
    def plays_whole(self) -> bool:
        """Whether the present sound has parts. If it has parts, the next sound replaces all of them."""
        return bool(self._racks.choice.parts)

    @property
    def is_taking_over(self) -> bool:
        """Whether another instrument was posted and does not play yet. This lasts for a block or two."""
        return bool(self._posted)

    @property
    def is_pending(self) -> bool:
        """Whether another instrument was requested and does not play yet."""
        return bool(self._making or self._wishes or self._made or self._posted)

    def step(self, action: Action) -> None:
        """Perform the action next_instrument or previous_instrument."""
        names = list(available())
        now = self._asked.get(action.part) or self._racks.choice_of(action.part).instrument.path.stem
        here = names.index(now) if now in names else -1
        self.ask(action.part, names[(here + (1 if action.name == "next_instrument" else -1)) % len(names)])

    def ask(self, part: int, instrument: str, sound: str | None = None, name: str | None = None) -> None:
        """Let a part play another instrument as soon as it is ready.

        sound: the sound's file; None for the instrument's first sound.
        name: the sound's name; None to take it from the file.
        """
        self._asked[part] = instrument
        self._want(part, instrument, sound, name)

    def ask_whole(self, instrument: str | None, sound: str | WrittenSound, name: str | None) -> None:
        """Replace all parts by the parts of a sound. A sound without parts becomes the only part.

        instrument: None for the instrument that the sound names.
        sound: a sound's name or file, or the sound itself.
        name: the name under which the sound plays.
        """
        self._want(ALL_PARTS, instrument, sound, name)

    def _want(self, part: int, instrument: str | None, sound: str | WrittenSound | None, name: str | None) -> None:
        choice = self._racks.choice_of(max(0, part))
        settings = choice.settings
        if part == ALL_PARTS:  # a sound that names no instrument plays on the present one
            settings = msgspec.structs.replace(settings, instrument=str(choice.instrument.path))
        in_split = part != ALL_PARTS and self.plays_whole
        volume_db = self._racks.choice_of(0).patch.settings.volume_db if in_split else None
        self._wishes.append(_Wish(part, instrument, sound, name, settings, self._racks.sample_rate_hz, volume_db))
        self._begin()

    def serve(self) -> None:
        """Post the instruments that are ready, and say what failed."""
        self._makers.tidy()
        while self._made:
            self._take(self._made.popleft())
            self._making = None
            self._begin()

    def _take(self, made: tuple[_Wish, Choice, Ready] | tuple[_Wish, Exception]) -> None:
        if isinstance(made[1], Exception):
            self._asked.clear()
            stays = "The sound stays as it is" if made[0].part == ALL_PARTS else "The instrument stays"
            self._say(f"{stays}: {made[1] if isinstance(made[1], UserError) else repr(made[1])}")
            return
        wish, choice, ready = made
        if wish.part >= self._n_parts():  # the part no longer exists
            self._asked.pop(wish.part, None)
        elif wish.sample_rate_hz != self._racks.sample_rate_hz:  # another sound card plays now: `_begin` makes it again
            self._wishes.appendleft(wish)
        else:
            self._posted.append((wish.part, choice))
            sound = wish.sound.where if isinstance(wish.sound, WrittenSound) else wish.sound
            self._playing.post(Swap(wish.part, choice.instrument.path.stem, sound, ready))

    def _n_parts(self) -> int:
        """The number of parts that will play after all posted swaps."""
        for part, choice in reversed(self._posted):
            if part == ALL_PARTS:
                return max(1, len(choice.parts))
        return self._racks.rack.n_parts

    def happened(self, _action: Action) -> None:
        """Handle the action `swapped`: the rack has made the oldest posted swap."""
        if not self._posted:
            return
        part, choice = self._posted.popleft()
        self._racks.swapped(part, choice)
        if part != ALL_PARTS:
            self._say(f"Instrument: {choice.instrument.card.name}.")
            return
        self._asked.clear()
        name = (choice.whole or choice.patch).sound.name
        self._playing.tell_sound(name)
        self._say(f"Sound: {name or 'without a name'}.")

    def free(self, engines: Iterable[Engine]) -> None:
        """Let the threads that made these engines free them."""
        self._makers.free(engines)

    def forget_posted(self) -> None:
        """Forget the swaps that the rack has not confirmed, and what was requested by them.

        Call this for a new rack. The forgotten swaps were posted to the previous rack.
        """
        self._posted.clear()
        left = [wish for wish in (self._making, *self._wishes) if wish and wish.part != ALL_PARTS and wish.instrument]
        self._asked = {wish.part: wish.instrument for wish in left}

    def close(self) -> None:
        """End the threads; what they are making is not played."""
        self._makers.close()

    def _begin(self) -> None:
        """Begin the oldest request, unless another is being carried out. So the requests keep their order."""
        if self._wishes and self._making is None:
            self._making = self._wishes.popleft()._replace(sample_rate_hz=self._racks.sample_rate_hz)
            self._makers.run(partial(self._make, self._making))

    def _make(self, wish: _Wish) -> list[object]:
        """Make what was requested, on a maker's thread; return the engines, for `Makers`."""
        try:
            choice, ready = _made_whole(wish) if wish.part == ALL_PARTS else _made(wish)
            self._made.append((wish, choice, ready))
        except Exception as error:  # playing must go on after any error
            self._made.append((wish, error))
            return []
        return [each.engine for each in (ready if isinstance(ready, tuple) else (ready,))]


def _made_whole(wish: _Wish) -> tuple[Choice, tuple[Part, ...]]:
    config, sound = msgspec.structs.replace(wish.config, preset=None), wish.sound
    if isinstance(sound, WrittenSound):
        choice = choose_written(config, sound)
        choice = with_parts(choice, str(choice.instrument.path), sound.where)
    else:
        choice = choose_parts(config, wish.instrument, None, sound)
    choice = _named(choice, wish.name)
    return choice, parts_of(choice, wish.sample_rate_hz)


def _made(wish: _Wish) -> tuple[Choice, Playable]:
    # The engine needs no note to warm up: loading has run the decoder, and other engines have run the engine's code.
    # The settings' preset is left out, because it belongs to the settings' instrument.
    config = msgspec.structs.replace(wish.config, preset=None)
    choice = _named(choose(config, wish.instrument, None, wish.sound), wish.name)
    if wish.volume_db is not None:
        choice = standing_at(choice, wish.volume_db)
    return choice, playable(choice.patch, choice.instrument, wish.sample_rate_hz, choice.programs)


def _named(choice: Choice, name: str | None) -> Choice:
    if name is None:
        return choice
    if choice.whole is not None:
        return choice._replace(whole=named(choice.whole, name))
    return choice._replace(patch=named(choice.patch, name))
