"""The keys that an arpeggiator plays: keys that are down, and keys that a pedal or `hold` keeps."""

from __future__ import annotations

from runtime.control_numbers import SWITCH_ON
from runtime.events import NoteOn

Key = tuple[int, int]  # MIDI channel, note


class HeldKeys:
    """A chord that a player holds.

    chord: the note-on of each key, in the order of striking.
    hold: whether released keys stay in the chord until a new chord begins.
    pedals: the values of the sustain pedals that are down, by channel. Any pedal keeps the keys of all channels.
    """

    def __init__(self, hold: bool):
        self.chord: dict[Key, NoteOn] = {}
        self.pedals: dict[int, int] = {}
        self._hold = hold
        self._down: set[Key] = set()

    @property
    def down(self) -> frozenset[Key]:
        return frozenset(self._down)

    def press(self, event: NoteOn) -> bool:
        """Add a key to the chord, and return whether a new chord begins with this key.

        A new chord begins if the old one is empty, or if only `hold` kept it.
        """
        begins = not self.chord or (self._hold and not self._down and not self.pedals)
        if begins:
            self.chord.clear()
        self._down.add((event.channel, event.note))
        self.chord[event.channel, event.note] = event
        return begins

    def release(self, channel: int, note: int) -> None:
        self._down.discard((channel, note))
        self._let_go()

    def move_pedal(self, channel: int, value: int) -> None:
        if value >= SWITCH_ON:
            self.pedals[channel] = value
        else:
            self.pedals.pop(channel, None)
            self._let_go()

    def set_hold(self, hold: bool) -> None:
        self._hold = hold
        self._let_go()

    def forget_held(self) -> None:
        """Let go of the keys that only `hold` keeps."""
        if not self.pedals:
            self.chord = {key: event for key, event in self.chord.items() if key in self._down}

    def clear(self) -> None:
        self.chord.clear()
        self._down.clear()

    def _let_go(self) -> None:
        if not self._hold:
            self.forget_held()
