"""The keys that an arpeggiator plays: those that are down, and those that a pedal or `hold` keeps."""

from __future__ import annotations

from runtime.control_numbers import SWITCH_ON
from runtime.events import NoteOn

Key = tuple[int, int]  # MIDI channel, note


class HeldKeys:
    """A chord that a player holds.

    chord: the note-on of each key, in the order in which they were struck. hold: whether keys stay when they come up,
    until a new chord begins. pedals: by channel, the value of each sustain pedal that is down; while one is, keys stay.
    """

    def __init__(self, hold: bool):
        self.chord: dict[Key, NoteOn] = {}
        self.pedals: dict[int, int] = {}
        self._hold = hold
        self._down: set[Key] = set()

    @property
    def down(self) -> frozenset[Key]:
        """The keys that are really down."""
        return frozenset(self._down)

    def press(self, event: NoteOn) -> bool:
        """A key goes down: it joins the chord, or begins a new one if only `hold` kept the old one.

        Returns whether it begins a new one.
        """
        begins = not self.chord or (self._hold and not self._down and not self.pedals)
        if begins:
            self.chord.clear()
        self._down.add((event.channel, event.note))
        self.chord[event.channel, event.note] = event
        return begins

    def release(self, channel: int, note: int) -> None:
        """A key comes up."""
        self._down.discard((channel, note))
        self._let_go()

    def move_pedal(self, channel: int, value: int) -> None:
        """A sustain pedal moves."""
        if value >= SWITCH_ON:
            self.pedals[channel] = value
        else:
            self.pedals.pop(channel, None)
            self._let_go()

    def set_hold(self, hold: bool) -> None:
        """Switch `hold` on or off."""
        self._hold = hold
        self._let_go()

    def forget_held(self) -> None:
        """Let go of the keys that only `hold` keeps."""
        if not self.pedals:
            self.chord = {key: event for key, event in self.chord.items() if key in self._down}

    def clear(self) -> None:
        """Let go of all keys, also of those that are down."""
        self.chord.clear()
        self._down.clear()

    def _let_go(self) -> None:
        if not self._hold:
            self.forget_held()
